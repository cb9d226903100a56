"""Calls between Chromium and aiortc: two stacks, one server between them."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortc_person import AiortcPerson
from database import Database, calls
from media import meet
from people import PASSWORD, Person
from ringback_client import RingbackClient
from server import Server
from waiting import until


def has_address_besides_loopback() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: asks which address would be used.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return False
        return not probe.getsockname()[0].startswith("127.")


pytestmark = pytest.mark.skipif(
    not has_address_besides_loopback(), reason="aiortc uses no loopback addresses, and this machine has no other"
)


@pytest_asyncio.fixture
async def robin(server: Server) -> AsyncIterator[AiortcPerson]:
    async with RingbackClient(server.url) as client:
        await client.register("robin", PASSWORD)
        await client.connect()
        person = AiortcPerson(client)
        yield person
        await person.leave()


async def test_aiortc_calls_chromium(database: Database, alice: Person, robin: AiortcPerson) -> None:
    await robin.place_call("alice")
    await alice.answer()
    await asyncio.gather(meet(alice), robin.meets())
    await robin.hang_up()
    await alice.sees_call_end("robin hung up")
    assert [(call["initiator"], call["status"], call["end_reason"]) for call in calls(database)] == [
        ("robin", "completed", "hangup")
    ]


async def test_chromium_calls_aiortc(database: Database, alice: Person, robin: AiortcPerson) -> None:
    await alice.call("robin")
    await robin.answer()
    await asyncio.gather(meet(alice), robin.meets())
    await alice.hang_up()
    await alice.sees_call_end("You hung up")

    # The page does not wait for the server.
    async def ended() -> bool:
        return [(call["initiator"], call["status"], call["end_reason"]) for call in calls(database)] == [
            ("alice", "completed", "hangup")
        ]

    await until("the call has ended in the database", ended)
