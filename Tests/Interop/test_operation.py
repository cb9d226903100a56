"""The server as whoever runs it sees it."""

import asyncio
import contextlib
import json
import os
import signal
import ssl
import subprocess
import uuid
from pathlib import Path

import aiohttp
import pytest
from conftest import Arrive, StartServer
from database import PostgreSQL
from people import PASSWORD, Person
from ringback_client import Json, RingbackClient, RingbackError
from server import Server, environment, executable
from waiting import until


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def test_it_says_how_it_is(server: Server) -> None:
    assert await status(f"{server.url}/healthz") == 200
    assert await status(f"{server.url}/readyz") == 200


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_two_servers_on_one_empty_database(start_server: StartServer) -> None:
    one, other = await asyncio.gather(start_server(), start_server())
    for server in (one, other):
        assert await status(f"{server.url}/readyz") == 200
    async with RingbackClient(one.url) as client:
        await client.register("alice", PASSWORD)
    async with RingbackClient(other.url) as client:
        await client.log_in("alice", PASSWORD)
        assert client.user["username"] == "alice"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_the_database_goes_away_and_comes_back(database: PostgreSQL, server: Server) -> None:
    async with RingbackClient(server.url) as alice, RingbackClient(server.url) as bob:
        for client, name in ((alice, "alice"), (bob, "bob")):
            await client.register(name, PASSWORD)
            await client.connect()
        to_bob = {"userId": bob.user["id"], "body": "hello"}
        await alice.send({"sendMessage": {"clientMessageId": str(uuid.uuid4()), **to_bob}})
        invite = {"clientCallId": str(uuid.uuid4()), "userId": bob.user["id"], "type": "CALL_TYPE_VOICE"}
        call = (await alice.send({"callInvite": invite}))["call"]

        database.go_away()
        unsent = {"sendMessage": {"clientMessageId": str(uuid.uuid4()), **to_bob}}
        accept = {"callAccept": {"commandId": str(uuid.uuid4()), "callId": call["id"]}}
        for client, command in ((alice, unsent), (bob, accept)):
            with pytest.raises(RingbackError) as refused:
                await client.send(command)
            assert refused.value.code == "ERROR_CODE_UNAVAILABLE"
        assert await status(f"{server.url}/readyz") == 503
        assert await status(f"{server.url}/healthz") == 200

        database.come_back()

        async def is_ready() -> bool:
            return await status(f"{server.url}/readyz") == 200

        await until("ready again", is_ready)

        async def sent(client: RingbackClient, command: Json) -> Json | None:
            try:
                return await client.send(command)
            except RingbackError as error:
                if error.code != "ERROR_CODE_UNAVAILABLE":
                    raise
                return None

        answered = await until("the call is answered", lambda: sent(bob, accept))
        assert answered["call"]["status"] == "CALL_STATUS_ONGOING"
        stored = await until("the message is stored", lambda: sent(alice, unsent))
        assert stored["message"]["seq"] == "2"
        assert [row["seq"] for row in database.rows("SELECT seq FROM messages ORDER BY seq")] == [1, 2]
        (row,) = database.rows("SELECT status FROM calls")
        assert row["status"] == "ongoing"
        await alice.send({"callHangUp": {"commandId": str(uuid.uuid4()), "callId": call["id"]}})


WRONG = {
    "address": (["--listen", "nowhere"], {}, "listen"),
    "database": (["--database", "mysql://localhost/ringback"], {}, "database"),
    "postgres-url": (["--database", "postgres://localhost/ringback?colour=green"], {}, "PostgreSQL"),
    "port": (["--database", "postgres://localhost:no-port/ringback"], {}, "port"),
    "unknown-name": ([], {"CALL_RING_SECONDS": "5"}, "RINGBACK_CALL_RING_SECONDS"),
    "number": ([], {"CALLS_RING_SECONDS": "soon"}, "ringSeconds"),
    "range": ([], {"PASSWORD_COST": "4"}, "password.cost"),
    "no-secret": ([], {"WEBHOOKS_URL": "https://example.org/hook"}, "webhooks.secret"),
    "no-url": ([], {"PUSH_SECRET": "sixteen bytes of it"}, "push.url"),
    "no-file": (["--config", "absent.json"], {}, "absent.json"),
    "no-json": (["--config", "broken.json"], {}, "broken.json"),
    "unknown-key": (["--config", "unknown.json"], {}, "volume"),
}


@pytest.mark.parametrize(("flags", "settings", "named"), WRONG.values(), ids=WRONG.keys())
def test_wrong_configuration(tmp_path: Path, flags: list[str], settings: dict[str, str], named: str) -> None:
    """One line that names what is wrong, and the exit code of a configuration error (78, as in sysexits.h)."""
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "unknown.json").write_text('{"volume": 11}')
    defaults = [] if "--listen" in flags else ["--listen", "127.0.0.1:0"]
    ended = subprocess.run(
        [executable(), "serve", *defaults, *flags],
        cwd=tmp_path,
        env=environment(tmp_path, **settings),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 78, ended.stderr
    (line,) = ended.stderr.strip().splitlines()
    assert named in line
    assert not ended.stdout


async def test_it_stops_in_good_order(server: Server, alice: Person) -> None:
    await alice.sees_not("connection-banner")
    assert await server.terminate() == 0
    await alice.sees("connection-banner")
    await server.start()
    await alice.is_online()
    await alice.sees_not("connection-banner")


async def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Makes a certificate and its key, NAME.pem and NAME.key; gives a client that trusts it alone."""
    await (
        await asyncio.create_subprocess_exec(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"),
            stderr=subprocess.DEVNULL,
        )
    ).wait()
    return ssl.create_default_context(cafile=folder / f"{name}.pem")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_hang_up_reloads_certificate_and_log_level(start_server: StartServer, tmp_path: Path) -> None:
    old, new = await certificate(tmp_path, "old"), await certificate(tmp_path, "new")

    def configure(level: str, certificate: str, key: str) -> None:
        tls = {"certificate": f"{tmp_path / certificate}", "key": f"{tmp_path / key}"}
        (tmp_path / "settings.json").write_text(json.dumps({"log": {"level": level}, "tls": tls}))

    configure("info", "old.pem", "old.key")
    server = await start_server(CONFIG=tmp_path / "settings.json")

    async def trusted(context: ssl.SSLContext) -> bool:
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            try:
                async with session.get(f"{server.url}/healthz") as answer:
                    return answer.status == 200
            except aiohttp.ClientConnectorCertificateError:
                return False

    async def hang_up(words: str) -> None:
        seen = server.log.count(words)
        server.signal(signal.SIGHUP)
        await until(f"the log says: {words}", lambda: asyncio.sleep(0, server.log.count(words) > seen))

    assert await trusted(old)
    assert not await trusted(new)
    for certificate_file, key in (("absent.pem", "old.key"), ("settings.json", "old.key"), ("new.pem", "old.key")):
        configure("info", certificate_file, key)
        await hang_up("the certificate stays as it is")
        assert await trusted(old)
    (tmp_path / "settings.json").write_text("{")
    await hang_up("settings stay as they are")
    assert await trusted(old)
    assert "debug" not in server.log
    configure("debug", "new.pem", "new.key")
    await hang_up("reloaded")
    assert await trusted(new)
    assert not await trusted(old)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=new)) as session,
        session.ws_connect(f"{server.url}/v1/socket", protocols=["ringback.v1.json"]) as socket,
    ):
        for _ in range(10):
            await socket.send_str("no frame")
        while not socket.closed:
            await socket.receive()
    await until("a socket's end is logged", lambda: asyncio.sleep(0, " debug " in server.log))
    # At the end, too, it kills nobody.
    server.signal(signal.SIGTERM)
    for _ in range(50):
        if server.is_running:
            server.signal(signal.SIGHUP)
            await asyncio.sleep(0.01)
    assert await server.wait() == 0


async def test_nobody_reads_the_log(tmp_path: Path, unused_tcp_port: int) -> None:
    """Standard output and standard error are pipes that are full from the beginning."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    address = f"127.0.0.1:{unused_tcp_port}"
    process = subprocess.Popen(
        [executable(), "serve", "--listen", address, "--database", f"sqlite:{tmp_path}/ringback.sqlite"],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=writing,
        cwd=tmp_path,
        env=environment(tmp_path, LOG_LEVEL="trace"),
    )
    try:

        async def serves() -> bool:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                return await status(f"http://{address}/healthz") == 200
            return False

        await until("it serves", serves)
        async with RingbackClient(f"http://{address}") as alice:
            await alice.register("alice", PASSWORD)
            await alice.connect()
            process.terminate()
            assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_connections_take_not_all_descriptors(start_server: StartServer) -> None:
    server = await start_server(files=100)
    upgrade = (
        "GET /v1/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: ringback.v1.json\r\n\r\n"
    )
    port = int(server.url.rsplit(":", 1)[1])
    async with RingbackClient(server.url) as alice:
        await alice.register("alice", PASSWORD)
        await alice.connect()
        idle = []

        async def becomes_a_socket() -> bool:
            """Whether a connection that never says hello is accepted and answered."""
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            idle.append(writer)
            writer.write(upgrade.encode())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
                    return True
            return False

        # One after the other: many plain connections at once would be refused before they take all descriptors.
        while await becomes_a_socket():
            assert len(idle) < 100
        for _ in range(75):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            idle.append(writer)
        # What is open already goes on; the runtime looks at its threads once a second.
        loop = asyncio.get_running_loop()
        end = loop.time() + 3
        while loop.time() < end:
            assert (await alice.request("GET", "/v1/me")).status == 200
        assert server.is_running
        for writer in idle:
            writer.close()

        async def serves_others() -> bool:
            return await status(f"{server.url}/healthz") == 200

        await until("others are served again", serves_others)
    assert "no connection is accepted for now" in server.log


async def test_the_log_keeps_secrets(server: Server, arrive: Arrive, alice: Person) -> None:
    bob = await arrive(server, "bob")
    await alice.open_conversation("bob")
    await alice.write("the-words-of-a-message")
    await bob.click("conversation-alice")
    await bob.reads(["the-words-of-a-message"])
    async with RingbackClient(server.url) as client:
        await client.log_in("alice", PASSWORD)
        await client.connect()
        await client.refresh()
        wrong = {"username": "alice", "password": "a-wrong-password", "device": client.device}
        answer = await client.request("POST", "/v1/sessions", wrong)
        assert answer.status == 401
        answer = await client.request("GET", "/v1/me", token="a-token-that-is-none")
        assert answer.status == 401
        tokens = client.tokens
    secrets = [PASSWORD, "a-wrong-password", "a-token-that-is-none", "the-words-of-a-message", *tokens]
    secrets += await alice.secrets() + await bob.secrets()
    assert await server.terminate() == 0
    assert len(secrets) >= 10
    assert all(len(secret) > 8 for secret in secrets)
    assert [secret for secret in secrets if secret in server.log] == []
