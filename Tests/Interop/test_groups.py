"""Calls among several people, on their pages."""

import asyncio

from conftest import Arrive
from database import Database, calls, participants
from media import are_together, talk
from people import Person
from server import Server
from waiting import until


async def call_of_two(alice: Person, bob: Person) -> None:
    await alice.call("bob", "voice")
    await bob.answer("voice")
    await talk(alice, bob)


async def add(person: Person, username: str) -> None:
    """Adds somebody to the call, by search."""
    await person.click("call-add")
    await person.element("add-search").fill(username)
    await person.element(f"add-{username}").check()
    await person.click("add-confirm")
    await person.sees_not("add-people")


async def call_of_three(server: Server, arrive: Arrive, alice: Person, bob: Person) -> Person:
    """A call between two that has grown by a third, who comes with it."""
    carol = await arrive(server, "carol")
    await call_of_two(alice, bob)
    await add(alice, "carol")
    await carol.answer("voice")
    await are_together(alice, bob, carol)
    return carol


async def opens_menu(person: Person, username: str) -> None:
    """Opens the list of people, and what can be done with one of them."""
    if not await person.element("people-panel").is_visible():
        await person.click("call-people")
    await person.click(f"more-{username}")


async def statuses(database: Database) -> dict[str, tuple[str, str | None]]:
    return {name: (row["status"], row["leave_reason"]) for name, row in participants(database).items()}


async def test_a_call_grows(database: Database, server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await arrive(server, "carol")
    await call_of_two(alice, bob)
    kept = await alice.page.evaluate("() => (window.kept = ringback.call.peerConnection) !== null")
    assert kept
    await add(alice, "carol")
    await carol.sees("incoming-kind", "is calling you and Bob")
    await alice.sees("tile-carol", "Ringing")
    await carol.answer("voice")
    await are_together(alice, bob, carol)
    # Who was added is not chosen once more.
    await alice.click("call-add")
    await alice.element("add-search").fill("carol")
    await alice.sees("add-people", "No one found by this name")
    await alice.page.keyboard.press("Escape")
    # The first two went on as they were.
    bobs = "() => ringback.call.mediaOf(ringback.call.peer.id).peerConnection === window.kept"
    assert await alice.page.evaluate(bobs)
    [call] = calls(database)
    assert (call["status"], call["mode"]) == ("ongoing", "group")

    await bob.hang_up()
    await bob.sees_call_end("You left the call")
    await alice.sees_not("tile-bob")
    await are_together(alice, carol)
    # The call goes on without Bob, who may come back.
    await bob.click("call-close")
    await bob.sees("call-join")
    await bob.click("call-join")
    await are_together(alice, bob, carol)


async def test_the_third_declines(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await arrive(server, "carol")
    await call_of_two(alice, bob)
    await add(bob, "carol")
    await carol.decline()
    await alice.sees_not("tile-carol")
    await alice.click("call-people")
    await alice.sees("person-in-call-carol", "Declined")
    await are_together(alice, bob)
    # Who has declined may think better of it.
    await carol.click("call-join")
    await are_together(alice, bob, carol)


async def test_answered_elsewhere(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await arrive(server, "carol")
    carols_phone = await arrive(server, "carol", registered=True)
    await call_of_two(alice, bob)
    await add(alice, "carol")
    await carol.sees("incoming")
    await carols_phone.answer("voice")
    await carol.sees_not("incoming")
    await carol.sees("toast", "Answered on another device")
    await are_together(alice, bob, carols_phone)
    await carol.click("call-move")
    await carols_phone.sees_call_end("continues on your other device")
    await are_together(alice, bob, carol)


async def test_a_reload_comes_back(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    # One of the first two, and the one who came later.
    for person in (alice, carol):
        await person.page.reload()
        await are_together(alice, bob, carol)


async def test_a_screen_share_is_taken_over(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    await alice.click("call-share")
    for person in (bob, carol):
        await person.sees("remote-screen")
        await person.sees("tile-alice", "Sharing the screen")
    await bob.click("call-share")
    await alice.sees("remote-screen")
    await carol.sees("tile-bob", "Sharing the screen")
    await bob.sees_not("remote-screen")
    assert not await alice.page.evaluate("() => ringback.call.sharing")
    await opens_menu(alice, "bob")
    await alice.click("do-stopScreen")
    await alice.sees_not("remote-screen")
    await bob.sees("call-note", "stopped your screen share")


async def test_hosts_mute_remove_and_bar(
    database: Database, server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    await opens_menu(alice, "bob")
    await alice.click("do-mute")
    await bob.sees("call-note", "Alice muted you")
    await alice.sees("tile-bob", "Muted")
    await bob.click("call-hand")
    await alice.sees("tile-bob", "Hand raised")

    await opens_menu(alice, "carol")
    await alice.click("do-remove")
    await carol.sees_call_end("removed you from the call")
    await carol.click("call-close")
    await carol.click("call-join")
    await are_together(alice, carol)
    await opens_menu(alice, "carol")
    await alice.click("do-bar")
    await carol.sees_call_end("permanently")
    await carol.click("call-close")
    await carol.sees_not("call-join")
    assert (await statuses(database))["carol"] == ("left", "kicked")
    # Nobody but hosts has such buttons.
    await bob.click("call-people")
    await bob.sees_not("more-alice")
    await bob.sees_not("end-for-all")


async def test_lock_and_admit(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    await carol.hang_up()
    await carol.click("call-close")
    await alice.click("call-people")
    await alice.click("call-lock")
    await alice.sees("call-state", "Locked")
    await carol.click("call-join")
    await carol.sees("call-state", "Waiting to be let in")
    await alice.sees("lobby", "Carol")
    await alice.click("deny-carol")
    await carol.sees_call_end("did not let you in")
    await carol.click("call-close")
    await carol.click("call-join")
    await alice.click("admit-carol")
    await are_together(alice, bob, carol)
    await alice.sees_not("lobby")


async def test_hold(server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    await carol.click("call-hold")
    await carol.sees("call-state", "On hold")
    for person in (alice, bob):
        await person.sees("tile-carol", "On hold")
    sends = """async () => {
      let packets = 0;
      for (const { isMe, user } of ringback.call.roster) {
        if (isMe) continue;
        const reports = await ringback.call.mediaOf(user.id).peerConnection.getStats();
        for (const report of reports.values())
          if (report.type === "outbound-rtp" && report.kind === "audio") packets += report.packetsSent;
      }
      return packets;
    }"""

    async def is_still() -> bool:
        before = await carol.page.evaluate(sends)
        await asyncio.sleep(0.5)
        return bool(await carol.page.evaluate(sends) == before)

    await until("nothing is sent on hold", is_still)
    await carol.click("call-hold")
    await are_together(alice, bob, carol)


async def test_the_host_ends_the_call_for_everybody(
    database: Database, server: Server, arrive: Arrive, alice: Person, bob: Person
) -> None:
    carol = await call_of_three(server, arrive, alice, bob)
    await alice.end_for_all()
    for person in (alice, bob, carol):
        await person.sees_call_end("The host ended the call for everybody")
    [call] = calls(database)
    assert (call["status"], call["end_reason"]) == ("completed", "ended_by_host")
