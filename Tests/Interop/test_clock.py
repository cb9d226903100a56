"""The machine's clock is set while the server runs, and while it does not."""

import shutil
import struct
import subprocess
import uuid
from pathlib import Path

import pytest
from conftest import StartServer
from people import PASSWORD
from ringback_client import Json, RingbackClient
from waiting import until

TIMES = {
    "CALLS_RING_SECONDS": 5,
    "CALLS_RING_LIMIT_SECONDS": 5,
    "CALLS_RING_EXTENSION_SECONDS": 5,
    "CALLS_RECONNECT_SECONDS": 5,
    "CALLS_RECOVERY_SECONDS": 5,
    "CALLS_CALLER_LOST_SECONDS": 5,
}


class Clock:
    """The wall clock of servers that are started with `environment`."""

    def __init__(self, folder: Path, library: Path):
        self._file = folder / "clock"
        self.set_by(0)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._file)}

    def set_by(self, seconds: int) -> None:
        if not self._file.exists():
            self._file.write_bytes(bytes(8))
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", seconds))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("clang") or shutil.which("cc")
    assert compiler, "there is no C compiler; the Swift toolchain brings clang"
    library = tmp_path_factory.mktemp("clock") / "set_clock.so"
    source = Path(__file__).with_name("set_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


@pytest.fixture
def clock(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(tmp_path, library)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    return clock


async def call_ends(client: RingbackClient, call: str, *reasons: str) -> None:
    async def has_ended() -> bool:
        # By REST: how often calls are fetched over the socket has a limit.
        found = (await client.request("GET", f"/v1/calls/{call}")).body["call"]
        return found.get("endReason") in reasons

    await until(f"{call} ends: {reasons}", has_ended, 10)


def invite(user: str) -> Json:
    return {"callInvite": {"clientCallId": str(uuid.uuid4()), "userId": user, "type": "CALL_TYPE_VOICE"}}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("jump", [-3600, 3600])
async def test_the_clock_is_set_while_calls_are_open(clock: Clock, start_server: StartServer, jump: int) -> None:
    server = await start_server(**TIMES)
    async with (
        RingbackClient(server.url) as alice,
        RingbackClient(server.url) as bob,
        RingbackClient(server.url) as carla,
    ):
        for client, name in ((alice, "alice"), (bob, "bob"), (carla, "carla")):
            await client.register(name, PASSWORD)
            await client.connect()
        missed = (await alice.send(invite(carla.user["id"])))["call"]["id"]
        await alice.send({"callCancel": {"commandId": str(uuid.uuid4()), "callId": missed}})
        ringing = (await alice.send(invite(bob.user["id"])))["call"]["id"]
        clock.set_by(jump)
        # It rings on: a clock that is set forward takes nothing away either.
        assert (await alice.send({"callFetch": {"callId": ringing}}))["call"]["status"] == "CALL_STATUS_INITIATED"
        await call_ends(alice, ringing, "CALL_END_REASON_NO_ANSWER")

        # The tokens of before are good, and so is what is new.
        assert (await carla.request("GET", "/v1/calls/missed")).body["unseen"] == 1
        await carla.request("POST", "/v1/calls/missed/seen", {})
        assert (await carla.request("GET", "/v1/calls/missed")).body.get("unseen", 0) == 0
        await carla.refresh()
        assert (await carla.request("GET", "/v1/me")).status == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_clock_is_set_back_while_the_server_is_dead(clock: Clock, start_server: StartServer) -> None:
    clock.set_by(3600)
    server = await start_server(**TIMES)
    async with RingbackClient(server.url) as alice, RingbackClient(server.url) as bob:
        await alice.register("alice", PASSWORD)
        await bob.register("bob", PASSWORD)
        await alice.connect()
        ringing = (await alice.send(invite(bob.user["id"])))["call"]["id"]
        await server.kill()
    clock.set_by(0)
    await server.start()
    async with RingbackClient(server.url) as alice:
        await alice.log_in("alice", PASSWORD)
        await alice.connect()
        # Her device of before does not come back, and nobody answers: whichever comes first.
        await call_ends(alice, ringing, "CALL_END_REASON_NO_ANSWER", "CALL_END_REASON_CALLER_DISCONNECTED")
