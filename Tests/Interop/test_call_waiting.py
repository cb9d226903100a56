"""A second call during the first."""

import asyncio

from conftest import Arrive
from media import hears, talk
from people import Person
from server import Server


async def in_a_call(server: Server, arrive: Arrive, alice: Person, bob: Person) -> Person:
    """Two people in a call, and a third one who is not."""
    carol = await arrive(server, "carol")
    await alice.call("bob", "voice")
    await bob.answer("voice")
    await talk(alice, bob)
    return carol


async def test_with_the_setting_a_second_call_rings_in_the_first(
    server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    await bob.chooses("call-waiting")
    carol = await in_a_call(server, arrive, alice, bob)

    await carol.call("bob", "voice")
    await carol.sees("call-state", "Ringing")
    await bob.sees("incoming", "Carol")
    await bob.click("incoming-decline")
    await carol.sees_call_end("Bob declined")
    await talk(alice, bob)

    await carol.click("call-again")
    await bob.sees("incoming", "Carol")
    await bob.click("incoming-hold-accept")
    await talk(bob, carol)
    await alice.sees("call-note", "Bob has put the call on hold")
    await carol.hang_up()
    # The first call is there still, and goes on when it is taken off hold.
    await bob.sees("toast", "Carol hung up")
    await bob.sees("call-state", "On hold")
    await bob.click("call-hold")
    await talk(alice, bob)


async def test_without_the_setting_the_second_caller_hears_that_it_is_busy(
    server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    # On and off again: it is the setting that counts, not what a new account has.
    await bob.chooses("call-waiting")
    await bob.chooses("call-waiting")
    await bob.counts_rings()
    carol = await in_a_call(server, arrive, alice, bob)
    await carol.call("bob", "voice")
    await carol.sees_call_end("Bob is in another call")
    await talk(alice, bob)
    assert await bob.rings() == 1


async def test_call_waiting(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await arrive(server, "carol")
    # Both ring before either is answered, so that no setting keeps the second one away.
    await alice.call("bob", "voice")
    await bob.sees("incoming", "Alice")
    await carol.call("bob", "voice")
    await carol.sees("call-state", "Ringing")
    await bob.answer("voice")
    await bob.sees("incoming", "Carol")
    await bob.is_in_call()
    await bob.click("incoming-hold-accept")
    await carol.is_in_call()
    await asyncio.gather(hears(bob), hears(carol))
    await alice.sees("call-note", "Bob has put the call on hold")

    await bob.click("call-switch")
    await asyncio.gather(hears(alice), hears(bob))
    await carol.sees("call-note", "Bob has put the call on hold")

    # A reload keeps both, each as it was.
    await bob.page.reload()
    await bob.sees("call-switch", "Carol", 30)
    await asyncio.gather(hears(alice), hears(bob))

    await alice.hang_up()
    await bob.sees("toast", "Alice hung up")
    await bob.sees("call-state", "On hold")
    await bob.click("call-hold")
    await asyncio.gather(hears(bob), hears(carol))
    await carol.hang_up()
    await bob.sees_call_end("Carol hung up")
