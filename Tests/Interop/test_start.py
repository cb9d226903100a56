"""Starts that fail say why, and leave alone what runs."""

import asyncio
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import StartServer
from database import Database
from people import PASSWORD
from ringback_client import RingbackClient
from server import Server, environment, executable


def start(
    folder: Path, database: Database, listen: str, **settings: str | int | Path
) -> subprocess.CompletedProcess[str]:
    """A start that is to fail."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [executable(), "serve", "--listen", listen, "--database", database.url],
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=30,
    )


def last_line(ended: subprocess.CompletedProcess[str]) -> str:
    assert "Ringback is ready" not in ended.stdout
    return ended.stderr.strip().splitlines()[-1]


@pytest.fixture
def taken_udp_port() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_a_start_that_fails_leaves_the_running_server_alone(
    database: Database, start_server: StartServer, tmp_path: Path, taken_udp_port: int
) -> None:
    node = tmp_path / "node.id"
    server = await start_server(NODE_LEASE_SECONDS=1, NODE_ID_FILE=node)
    listen = server.url.removeprefix("http://")
    async with RingbackClient(server.url) as alice, RingbackClient(server.url) as bob:
        for client, name in ((alice, "alice"), (bob, "bob")):
            await client.register(name, PASSWORD)
            await client.connect()
        invite = {"clientCallId": str(uuid.uuid4()), "userId": bob.user["id"], "type": "CALL_TYPE_VOICE"}
        call = (await alice.send({"callInvite": invite}))["call"]["id"]

        # The same node: on the same port, and on another one.
        for address in (listen, "127.0.0.1:0"):
            ended = start(tmp_path / "again", database, address, NODE_ID_FILE=node)
            assert ended.returncode == 69
            assert str(node) in last_line(ended)
        # A copy of the node's file: nothing is taken over before every port is bound.
        shutil.copy(node, tmp_path / "copy.id")
        copy = {"NODE_ID_FILE": tmp_path / "copy.id"}
        for _ in range(3):
            ended = start(tmp_path / "copy", database, listen, **copy)
            assert ended.returncode == 69
            assert last_line(ended) == f"ringback: listen: {listen} is in use already"
        stun = f"127.0.0.1:{taken_udp_port}"
        ended = start(tmp_path / "copy", database, "127.0.0.1:0", STUN_LISTEN=stun, **copy)
        assert ended.returncode == 69
        assert stun in last_line(ended)
        assert "in use" in last_line(ended)
        wrong = {"TLS_CERTIFICATE": "absent.pem", "TLS_KEY": "absent.pem"}
        ended = start(tmp_path / "copy", database, "127.0.0.1:0", **wrong, **copy)
        assert ended.returncode == 78
        assert "absent.pem" in last_line(ended)
        ended = start(tmp_path / "copy", database, "192.0.2.1:8080", **copy)
        assert ended.returncode == 69
        assert "not an address of this machine" in last_line(ended)

        # Longer than it would take to notice that there is a younger process of the node.
        await asyncio.sleep(0.8)
        assert server.is_running
        accept = {"commandId": str(uuid.uuid4()), "callId": call}
        answered = await bob.send({"callAccept": accept})
        assert answered["call"]["status"] == "CALL_STATUS_ONGOING"
        await alice.send({"callHangUp": {"commandId": str(uuid.uuid4()), "callId": call}})


async def test_connections_that_come_before_it_serves_are_served(database: Database, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(tmp_path / "server", database.url)
    server.listen_on(f"127.0.0.1:{port}")
    starting = asyncio.create_task(server.start())

    async def first_answer() -> bytes:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.001)
                continue
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    answers = await asyncio.gather(*(first_answer() for _ in range(20)))
    await starting
    assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 20
    assert await server.terminate() == 0
