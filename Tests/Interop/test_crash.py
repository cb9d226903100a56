"""The server dies without a word, and is started again."""

import asyncio
import uuid
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import Arrive, StartServer
from database import Database, calls, participants
from media import meet
from people import PASSWORD
from ringback_client import Json, RingbackClient, RingbackError
from server import Server
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
    left = call["ring_expires_at"] - datetime.now(UTC)
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


class Pair:
    """Two people in a voice call on one server, who can come to another one with the same devices."""

    def __init__(self, people: AsyncExitStack):
        self._people = people
        self._devices = {name: {"id": str(uuid.uuid4()), "name": name} for name in ("alice", "bob")}
        self.call = ""

    async def arrive(self, server: Server, *, registered: bool = False) -> tuple[RingbackClient, RingbackClient]:
        clients = []
        for name, device in self._devices.items():
            client = await self._people.enter_async_context(RingbackClient(server.url))
            client.device = device
            await (client.log_in(name, PASSWORD) if registered else client.register(name, PASSWORD))
            await client.connect()
            clients.append(client)
        return clients[0], clients[1]

    async def talk(self, server: Server) -> tuple[RingbackClient, RingbackClient]:
        alice, bob = await self.arrive(server)
        invite = {"clientCallId": str(uuid.uuid4()), "userId": bob.user["id"], "type": "CALL_TYPE_VOICE"}
        self.call = (await alice.send({"callInvite": invite}))["call"]["id"]
        await bob.send({"callAccept": self.command})
        return alice, bob

    @property
    def command(self) -> Json:
        return {"commandId": str(uuid.uuid4()), "callId": self.call}


def owners(database: Database) -> list[int]:
    """The order number of the node that owns the only call, by the time of the nodes' starts."""
    nodes = [row["id"] for row in database.rows("SELECT id FROM nodes ORDER BY started_at")]
    return [nodes.index(row["owner_id"]) for row in database.rows("SELECT owner_id FROM calls")]


async def test_another_server_takes_over_after_a_crash(database: Database, start_server: StartServer) -> None:
    first = await start_server(NODE_LEASE_SECONDS=2)
    second = await start_server(NODE_LEASE_SECONDS=2)
    async with AsyncExitStack() as people:
        pair = Pair(people)
        await pair.talk(first)
        alice, bob = await pair.arrive(second, registered=True)
        # It is the first server's as long as that lives.
        await asyncio.sleep(3)
        assert owners(database) == [0]
        with pytest.raises(RingbackError) as refused:
            await bob.send({"callHangUp": pair.command})
        assert refused.value.code == "ERROR_CODE_UNAVAILABLE"
        await first.kill()

        async def is_taken() -> bool:
            return owners(database) == [1]

        await until("the call is taken over", is_taken)
        # The devices came before the call did; they hear of it, and it goes on.
        _, event = await alice.event("callUpdated")
        assert event["call"]["id"] == pair.call
        await bob.send({"callHangUp": pair.command})
        (call,) = calls(database)
        assert (call["status"], call["end_reason"]) == ("completed", "hangup")


async def stand_still(server: Server, database: Database) -> None:
    """Pauses a server between two transactions: one that stands still within one keeps all others from writing."""

    async def is_between() -> bool:
        server.pause()
        if not database.is_locked():
            return True
        server.resume()
        return False

    await until("the server stands still", is_between)


async def test_a_server_that_stood_still_changes_nothing(database: Database, start_server: StartServer) -> None:
    first = await start_server(NODE_LEASE_SECONDS=2, CALLS_RECONNECT_SECONDS=1)
    async with AsyncExitStack() as people:
        pair = Pair(people)
        old_alice, old_bob = await pair.talk(first)
        second = await start_server(NODE_LEASE_SECONDS=2)
        assert owners(database) == [0]
        alice, _ = await pair.arrive(second, registered=True)
        await stand_still(first, database)
        # What is sent now is read by a server that has lost the call.
        late = asyncio.create_task(old_bob.send({"callHangUp": pair.command}, seconds=30))

        async def is_taken() -> bool:
            return owners(database) == [1]

        await until("the call is taken over", is_taken)
        first.resume()
        # It may hear first that the device has logged in anew, and close the socket instead of answering.
        closing = asyncio.create_task(old_bob.closing(seconds=30))
        await asyncio.wait({late, closing}, return_when=asyncio.FIRST_COMPLETED)
        if late.done():
            refusal = late.exception()
            assert isinstance(refusal, RingbackError), "a late writer was believed"
            assert refusal.code == "ERROR_CODE_UNAVAILABLE"
        else:
            assert (await closing)[0] == 4502
        late.cancel()
        closing.cancel()
        # Nor does it end the call for devices that it has lost.
        await old_alice.__aexit__()
        await asyncio.sleep(3)
        (call,) = calls(database)
        assert (call["status"], call["ended_at"]) == ("ongoing", None)
        await alice.send({"callHangUp": pair.command})
        (call,) = calls(database)
        assert (call["status"], call["end_reason"]) == ("completed", "hangup")


async def test_a_node_runs_once(start_server: StartServer, tmp_path: Path) -> None:
    node, copy = tmp_path / "node.id", tmp_path / "copy.id"
    older = await start_server(NODE_LEASE_SECONDS=2, NODE_ID_FILE=node)
    # Nobody sees that a copy of the file, on another machine perhaps, is in use.
    copy.write_text(node.read_text())
    younger = await start_server(NODE_LEASE_SECONDS=2, NODE_ID_FILE=copy)

    async def has_ended() -> bool:
        return not older.is_running

    await until("the older server ends", has_ended)
    assert "another server was started as this node" in older.log
    assert younger.is_running
