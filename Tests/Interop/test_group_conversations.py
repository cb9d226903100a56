"""Calls in a group conversation, from its buttons to the history."""

from conftest import Arrive
from database import Database, calls
from media import are_together, talk
from people import Person
from server import Server
from test_groups import call_of_three


async def band(server: Server, arrive: Arrive, alice: Person, bob: Person) -> Person:
    """A group of three, whose conversation everybody has open; the third comes with it."""
    carol = await arrive(server, "carol")
    await alice.make_group("Band", "bob", "carol")
    for person in (bob, carol):
        await person.joins("Band")
    for person in (alice, bob, carol):
        await person.sees("thread-detail", "Alice, Bob, Carol")
    return carol


async def test_a_call_in_a_group_conversation(
    database: Database, server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    carol = await band(server, arrive, alice, bob)
    await alice.click("call-voice")
    await alice.sees("call-peer", "Band")
    await bob.sees("incoming-kind", "is calling Band: you and Carol")
    await carol.sees("incoming-kind", "is calling Band: you and Bob")
    await bob.answer("voice")
    await carol.decline()
    await are_together(alice, bob)

    # Who has declined sees in the conversation that the call goes on, and comes in from there.
    await carol.sees_not("call-voice")
    await carol.click("thread-join-call")
    await are_together(alice, bob, carol)

    await bob.hang_up()
    await bob.sees_call_end("You left the call")
    await bob.click("call-close")
    await bob.sees("thread-join-call")
    await are_together(alice, carol)
    await alice.end_for_all()
    await carol.sees_call_end("The host ended the call for everybody")
    await bob.sees_not("thread-join-call")
    await bob.sees("call-voice")
    [call] = calls(database)
    assert (call["initiator"], call["mode"], call["status"]) == ("alice", "group", "completed")

    for person in (alice, carol):
        await person.click("call-close")
    for person in (alice, bob, carol):
        await person.click("show-history")
        await person.sees("history-item", "Band")
    # From the history the group is called, not one of its people.
    await carol.click("history-call-back")
    await alice.sees("incoming-kind", "Band: you and Bob")
    await bob.sees("incoming-kind", "Band: you and Alice")
    await bob.answer("voice")
    await are_together(bob, carol)
    await alice.decline()


async def test_a_group_that_is_gone_from_the_list_is_named_in_the_history(
    server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    await band(server, arrive, alice, bob)
    await alice.click("call-voice")
    await bob.sees("incoming")
    await alice.hang_up()
    await bob.sees_not("incoming")
    # As for somebody with more conversations than the page asks for.
    await bob.page.route("**/v1/conversations?*", lambda route: route.fulfill(json={}))
    await bob.page.reload()
    await bob.is_online()
    await bob.click("show-history")
    await bob.sees("history-item", "Band")
    await bob.sees("history-item", "Missed")


async def test_people_without_a_group_are_called_together(
    database: Database, server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    await alice.end_for_all()
    for person in (alice, bob, carol):
        await person.sees_call_end("The host ended the call")
        await person.click("call-close")
    await carol.click("show-history")
    await carol.sees("history-item", "Alice and Bob")
    await alice.click("show-history")
    await alice.sees("history-item", "Bob and Carol")

    await alice.click("history-call-back")
    await alice.sees("toast", "Carol will be called when Bob has answered.")
    await bob.answer("voice")
    await talk(alice, bob)
    await carol.sees("incoming-kind", "is calling you and Bob")
    await carol.answer("voice")
    await are_together(alice, bob, carol)

    _, second = calls(database)
    assert (second["initiator"], second["mode"], second["status"]) == ("alice", "group", "ongoing")
