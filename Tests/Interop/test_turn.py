"""Calls through coturn, with the credentials that the server hands out."""

import base64
import functools
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from conftest import FAILED, Arrive, StartServer
from coturn import Coturn
from media import meet
from people import Person
from playwright.async_api import Request
from waiting import until

# The database has no part in this.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

# The local candidate of the path in use.
PATH = """async () => {
  const reports = await ringback.call.peerConnection.getStats();
  const transport = [...reports.values()].find((report) => report.selectedCandidatePairId);
  const pair = reports.get(transport?.selectedCandidatePairId);
  const local = reports.get(pair?.localCandidateId);
  return local && { type: local.candidateType, relayProtocol: local.relayProtocol, url: local.url };
}"""

# What a browser gets from a TURN server: how many relay candidates, and which errors.
GATHER = """async (iceServers) => {
  const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  const found = { candidates: 0, errors: [] };
  connection.onicecandidateerror = ({ errorCode }) => found.errors.push(errorCode);
  connection.onicecandidate = ({ candidate }) => { if (candidate?.candidate) found.candidates += 1; };
  connection.createDataChannel("one");
  const gathered = new Promise((resolve) => {
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && resolve();
  });
  await connection.setLocalDescription();
  await gathered;
  connection.close();
  return found;
}"""


@pytest_asyncio.fixture
async def coturn(request: pytest.FixtureRequest, tmp_path: Path, results: Path) -> AsyncIterator[Coturn]:
    coturn = Coturn(tmp_path / "coturn")
    try:
        yield await coturn.start()
    finally:
        await coturn.stop()
        if FAILED in request.node.stash:
            (results / f"{request.node.name}-coturn.log").write_text(coturn.log)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_through_a_turn_server(
    transport: str, coturn: Coturn, start_server: StartServer, arrive: Arrive
) -> None:
    server = await start_server(TURN_URLS=coturn.url(transport), TURN_SECRET=coturn.secret)
    alice = await arrive(server, "alice", query="relay")
    bob = await arrive(server, "bob", query="relay")
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    for person in (alice, bob):
        path = await person.page.evaluate(PATH)
        assert path == {"type": "relay", "relayProtocol": transport, "url": coturn.url(transport)}
    assert coturn.secret not in server.log


async def test_the_credentials_open_the_turn_server_and_no_others_do(
    coturn: Coturn, start_server: StartServer, arrive: Arrive
) -> None:
    server = await start_server(TURN_URLS=coturn.url("udp"), TURN_SECRET=coturn.secret)
    alice = await arrive(server, "alice")
    answer = await alice.page.evaluate("ringback.client.rest('GET', '/v1/ice-servers')")
    (given,) = answer["iceServers"]
    assert answer["ttlSeconds"] in range(3590, 3601)
    user = await alice.page.evaluate("ringback.client.user.id")
    expiry, name = given["username"].split(":")
    assert name == user
    # What coturn makes of the same secret, made here by another library.
    assert given["credential"] == credential(coturn.secret, given["username"])

    found = await alice.page.evaluate(GATHER, [given])
    assert found["candidates"] > 0

    expired = f"{int(time.time()) - 10}:{user}"
    prolonged = f"{int(expiry) + 3600}:{user}"
    for refused in (
        {"username": expired, "credential": credential(coturn.secret, expired)},
        {"username": prolonged, "credential": given["credential"]},
        {"username": given["username"], "credential": credential("another secret", given["username"])},
    ):
        found = await alice.page.evaluate(GATHER, [given | refused])
        assert found["candidates"] == 0, refused
        assert 401 in found["errors"], f"{refused}: {found['errors']}"


async def test_a_call_begins_with_credentials_that_were_renewed(
    coturn: Coturn, start_server: StartServer, arrive: Arrive
) -> None:
    server = await start_server(TURN_URLS=coturn.url("udp"), TURN_SECRET=coturn.secret)
    alice = await arrive(server, "alice", query="relay")
    bob = await arrive(server, "bob", query="relay")
    # As with a tab that was left open for longer than the credentials of its welcome are good.
    for person in (alice, bob):
        await person.page.clock.install()
        await person.page.clock.fast_forward(3590_000)
    asked: set[str] = set()

    def note(person: Person, request: Request) -> None:
        if "ice-servers" in request.url:
            asked.add(person.username)

    for person in (alice, bob):
        person.page.on("request", functools.partial(note, person))
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)

    async def both_asked() -> bool:
        return asked == {"alice", "bob"}

    await until("both have asked for new credentials", both_asked)


def credential(secret: str, username: str) -> str:
    """By draft-uberti-behave-turn-rest-00."""
    return base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()
