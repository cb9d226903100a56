"""Calls between two browsers, from ringing to the rows that are left."""

from conftest import Arrive, StartServer
from database import Database, Row, calls, participants, screen_shares
from media import meet, talk, watches
from people import Person
from server import Server
from waiting import until


async def last_call(database: Database, status: str, reason: str) -> Row:
    """Waits for the only call to end, and checks that it ended so."""

    async def ended() -> Row | None:
        rows = calls(database)
        assert len(rows) <= 1
        return rows[0] if rows and rows[0]["ended_at"] else None

    call = await until("the call ends in the database", ended)
    assert (call["status"], call["end_reason"]) == (status, reason)
    assert call["started_at"] <= (call["answered_at"] or call["started_at"]) <= call["ended_at"]
    return call


def stays(database: Database) -> dict[str, tuple[str, str | None]]:
    """Each participant's status and reason to leave."""
    return {name: (row["status"], row["leave_reason"]) for name, row in participants(database).items()}


async def test_video_call(database: Database, alice: Person, bob: Person) -> None:
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    await alice.hang_up()
    await bob.sees_call_end("Alice hung up")

    call = await last_call(database, "completed", "hangup")
    assert (call["initiator"], call["type"]) == ("alice", "video")
    assert call["answered_at"] is not None
    assert stays(database) == {"alice": ("left", "hangup"), "bob": ("left", "call_ended")}
    for row in participants(database).values():
        assert row["joined_at"] <= row["left_at"] == call["ended_at"]


async def test_voice_call_becomes_a_video_call(database: Database, alice: Person, bob: Person) -> None:
    await alice.call("bob", "voice")
    await bob.answer("voice")
    await talk(alice, bob)
    await alice.sees_not("remote-video")
    await alice.click("call-camera")
    await watches(bob)
    await bob.click("call-camera")
    await watches(alice)
    await alice.click("call-camera")
    await bob.sees_not("remote-video")
    await bob.hang_up()
    await alice.sees_call_end("Bob hung up")
    call = await last_call(database, "completed", "hangup")
    assert call["type"] == "voice"


async def test_screen_share_on_and_off(database: Database, alice: Person, bob: Person) -> None:
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    await alice.click("call-share")
    await watches(bob, "remote-screen")
    await watches(bob)
    await alice.click("call-share")
    await bob.sees_not("remote-screen")

    # The other way round, and left on at the end.
    await bob.click("call-share")
    await watches(alice, "remote-screen")
    await alice.hang_up()
    await bob.sees_call_end("Alice hung up")

    call = await last_call(database, "completed", "hangup")
    shares = screen_shares(database)
    assert [(share["username"], share["end_reason"]) for share in shares] == [
        ("alice", "stopped"),
        ("bob", "call_ended"),
    ]
    for share in shares:
        assert share["started_at"] <= share["ended_at"] <= call["ended_at"]


async def test_decline(database: Database, alice: Person, bob: Person) -> None:
    await alice.call("bob")
    await alice.sees("call-state", "Ringing")
    await bob.decline()
    await alice.sees_call_end("Bob declined")
    await bob.sees_not("incoming")
    call = await last_call(database, "missed", "declined")
    assert call["answered_at"] is None
    assert stays(database)["bob"] == ("declined", "declined")


async def test_cancel(database: Database, alice: Person, bob: Person) -> None:
    await alice.call("bob")
    await bob.sees("incoming")
    await alice.hang_up()
    await bob.sees_not("incoming")
    await bob.sees("toast", "hung up before you answered")
    call = await last_call(database, "missed", "cancelled")
    assert call["answered_at"] is None
    assert stays(database)["bob"] == ("left", "cancelled")


async def test_nobody_answers(database: Database, start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server(CALLS_RING_SECONDS=2)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await alice.call("bob")
    await bob.sees("incoming")
    await alice.sees_call_end("Bob did not answer")
    await bob.sees_not("incoming")
    call = await last_call(database, "missed", "no_answer")
    assert call["ended_at"] >= call["ring_expires_at"]
    assert stays(database)["bob"] == ("left", "no_answer")
    await bob.click("show-history")
    await bob.sees("history-item", "Alice")


async def test_busy(database: Database, server: Server, arrive: Arrive, alice: Person, bob: Person) -> None:
    await alice.call("bob", "voice")
    await bob.answer("voice")
    await talk(alice, bob)
    carol = await arrive(server, "carol")
    await carol.call("bob", "voice")
    await carol.sees_call_end("Bob is in another call")
    await talk(alice, bob)

    async def busy() -> bool:
        return [call["end_reason"] for call in calls(database) if call["initiator"] == "carol"] == ["busy"]

    await until("the call is busy in the database", busy)


async def test_a_reload_comes_back_into_the_call(database: Database, alice: Person, bob: Person) -> None:
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    await bob.page.reload()
    await bob.is_in_call()
    await meet(alice, bob)
    assert [call["status"] for call in calls(database)] == ["ongoing"]


async def test_who_stays_away_has_left(database: Database, start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server(CALLS_RECONNECT_SECONDS=2)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await alice.call("bob", "voice")
    await bob.answer("voice")
    await talk(alice, bob)
    await bob.page.goto("about:blank")
    await alice.sees_call_end("Bob lost connection")
    await last_call(database, "completed", "disconnected")
    assert stays(database)["bob"] == ("left", "disconnected")
