"""The server dies without a word, and is started again."""

import asyncio
from datetime import datetime, timezone

from conftest import Arrive, StartServer
from database import Database, calls, participants
from media import meet
from waiting import until


async def test_deadline_passes_while_the_server_is_dead(
    database: Database, start_server: StartServer, arrive: Arrive
) -> None:
    server = await start_server(CALLS_RING_SECONDS=3)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await alice.call("bob")
    await bob.sees("incoming")
    await server.kill()
    (call,) = calls(database)
    assert (call["status"], call["ended_at"]) == ("initiated", None)
    left = call["ring_expires_at"] - datetime.now(timezone.utc)
    await asyncio.sleep(max(0.0, left.total_seconds()) + 0.2)
    await server.start()

    async def ended() -> bool:
        return calls(database)[0]["ended_at"] is not None

    await until("the call ends in the database", ended)
    (call,) = calls(database)
    assert (call["status"], call["end_reason"]) == ("missed", "no_answer")
    assert call["ended_at"] == call["ring_expires_at"]
    assert participants(database)["bob"]["status"] == "left"
    await bob.sees_not("incoming", seconds=30)
    await alice.sees_call_end("Bob did not answer", seconds=30)


async def test_it_rings_on_after_a_crash(database: Database, start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server(CALLS_RING_SECONDS=60)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await alice.call("bob")
    await bob.sees("incoming")
    (before,) = calls(database)
    await server.kill()
    await bob.sees("connection-banner")
    await server.start()
    await asyncio.gather(alice.is_online(), bob.is_online())
    await bob.answer()
    await meet(alice, bob)
    (call,) = calls(database)
    assert call["status"] == "ongoing"
    assert call["ring_expires_at"] == before["ring_expires_at"]


async def test_a_call_outlives_a_crash(database: Database, start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server()
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    await server.kill()
    # The media go from browser to browser, and need no server.
    await meet(alice, bob)
    await server.start()
    await asyncio.gather(alice.is_online(), bob.is_online())
    await meet(alice, bob)
    assert [call["status"] for call in calls(database)] == ["ongoing"]
    await bob.hang_up()
    await alice.sees_call_end("Bob hung up")
    (call,) = calls(database)
    assert (call["status"], call["end_reason"]) == ("completed", "hangup")


async def test_a_call_that_nobody_takes_up_again_ends(
    database: Database, start_server: StartServer, arrive: Arrive
) -> None:
    server = await start_server(CALLS_RECOVERY_SECONDS=2)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await alice.call("bob", "voice")
    await bob.answer("voice")
    await asyncio.gather(alice.is_in_call(), bob.is_in_call())
    await server.kill()
    await asyncio.gather(alice.page.goto("about:blank"), bob.page.goto("about:blank"))
    await server.start()

    async def ended() -> bool:
        return calls(database)[0]["ended_at"] is not None

    await until("the call ends in the database", ended)
    (call,) = calls(database)
    assert (call["status"], call["end_reason"]) == ("completed", "server_restart")
