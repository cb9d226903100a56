"""Sends a server of its own what a hostile client might, and measures what each message costs.

socket_fuzzer.py [--minutes N | --count N] [--seed N] [--failures FOLDER]: before and after hello, in both encodings.
A failure is a message after which the server is gone or a valid command stays unanswered, a close code that does not
fit, or more CPU than the bound for its length. It is made smaller, saved, and the fuzzer ends with 1.
socket_fuzzer.py --replay FILE: sends a saved message again.
"""

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import random
import socket
import struct
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server import Server, executable
from socket_inputs import FRAME_BYTES, FRAME_ID, STRANGER_BYTES, Input, Inputs, element, varint

# Of its own, and no other module's, so that the fuzzer needs nothing but Python.
Json = dict[str, Any]
SUBPROTOCOLS = {"protobuf": "ringback.v1.proto", "json": "ringback.v1.json"}
OPCODES = {"protobuf": 2, "json": 1}
PASSWORD = "correct horse"
# docs/protocol.md: text that is not UTF-8, too big, not the protocol, unauthenticated, flooding.
EXPECTED_CODES = {1007, 1009, 4500, 4501, 4505}
ANSWER_SECONDS = 20
# A socket takes 200 commands and 8 MiB at once; after so much the next one takes its place.
SOCKET_INPUTS, SOCKET_BYTES = 150, 4 << 20
# What a message may cost of the processor: milliseconds, and microseconds for each of its bytes. A debug build is slow.
RELEASE_BOUND, DEBUG_BOUND = (25.0, 0.25), (100.0, 1.0)
SHRINK_SECONDS = 60


class FuzzError(Exception):
    """What should not have happened."""


@dataclass
class ClosedError(Exception):
    """The server has closed the socket."""

    code: int


class Socket:
    """A WebSocket, no more than it takes to send anything over it."""

    def __init__(self, port: int, encoding: str):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._opcode = OPCODES[encoding]
        self._read = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /v1/socket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: {SUBPROTOCOLS[encoding]}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._read:
            self._fill()
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise FuzzError(f"no socket but {head[:60]!r}")

    def close(self) -> None:
        self._socket.close()

    def send(self, payload: bytes) -> None:
        """A message, and a ping after it."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(self._frame(self._opcode, payload) + self._frame(9, b""))

    def receive(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame."""
        while True:
            if len(self._read) >= 2:
                length, start = self._read[1] & 0x7F, 2
                if length == 126:
                    length, start = int.from_bytes(self._read[2:4]), 4
                elif length == 127:
                    length, start = int.from_bytes(self._read[2:10]), 10
                if len(self._read) >= start + length:
                    opcode, payload = self._read[0] & 0x0F, self._read[start : start + length]
                    self._read = self._read[start + length :]
                    if opcode == 8:
                        raise ClosedError(int.from_bytes(payload[:2]))
                    if opcode != 9:
                        return opcode, payload
                    continue
            self._fill()

    def _fill(self) -> None:
        try:
            more = self._socket.recv(1 << 16)
        except TimeoutError:
            raise FuzzError(f"nothing came for {ANSWER_SECONDS} s") from None
        except ConnectionResetError:
            raise ClosedError(0) from None
        if not more:
            raise ClosedError(0)
        self._read += more

    @staticmethod
    def _frame(opcode: int, payload: bytes) -> bytes:
        length = len(payload)
        # A mask of zeros is one, too.
        if length < 126:
            return struct.pack(">BB4x", 0x80 | opcode, 0x80 | length) + payload
        if length < 65536:
            return struct.pack(">BBH4x", 0x80 | opcode, 0xFE, length) + payload
        return struct.pack(">BBQ4x", 0x80 | opcode, 0xFF, length) + payload


@dataclass
class Figures:
    """What became of the inputs of a kind."""

    inputs: int = 0
    closed: int = 0
    worst_ms: float = 0
    worst_bytes: int = 0


@dataclass
class Fuzzer:
    """Speaks to one server."""

    server: Server
    process: int
    bound: tuple[float, float]
    figures: dict[tuple[str, str, str], Figures] = field(default_factory=lambda: defaultdict(Figures))
    unanswered: int = 0
    _socket: dict[str, Socket] = field(default_factory=dict)
    _sent: dict[str, tuple[int, int]] = field(default_factory=dict)
    token: str = ""
    _device: str = "0b7a1c52-3b52-4d0a-9a5e-6f4f6a1f0001"
    ids: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.server.url.rsplit(":", 1)[1])

    def ask(self, path: str, body: dict[str, object]) -> Json:
        request = urllib.request.Request(
            self.server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            content: Json = json.load(answer)
            return content

    def register(self) -> None:
        device = {"id": self._device, "name": "Fuzzer"}
        for name in ("bob", "alice"):
            answer = self.ask("/v1/accounts", {"username": name, "password": PASSWORD, "device": device})
            self.ids.append(answer["user"]["id"])
            # The last one's stays.
            self.token = answer["accessToken"]

    # -------------------------------------------------------------------------------------------- one input

    def send(self, stage: str, one: Input) -> float:
        """Sends an input; gives what it has cost, in milliseconds of the processor."""
        connection = self._stranger(one.encoding) if stage == "stranger" else self._welcomed(one)
        figures = self.figures[stage, one.kind, one.encoding]
        before = self._cpu()
        code = None
        try:
            connection.send(one.payload)
            self._await(connection, one, is_welcomed=stage == "welcomed")
        except ClosedError as closed:
            code = closed.code
            figures.closed += 1
            self._forget(one.encoding, connection)
        cost = (self._cpu() - before) / 1e6
        if stage == "stranger":
            connection.close()
        if not self.server.is_running:
            raise FuzzError("the server is gone")
        if code is not None and code not in EXPECTED_CODES:
            raise FuzzError(f"closed with {code}")
        figures.inputs += 1
        if cost > figures.worst_ms:
            figures.worst_ms, figures.worst_bytes = cost, len(one.payload)
        return cost

    def check(self, stage: str, one: Input) -> None:
        """Sends an input; more than its bound is a failure when it costs as much three times over."""
        base, per_byte = self.bound
        allowed = base + per_byte * len(one.payload) / 1000
        cost = self.send(stage, one)
        if cost > allowed:
            # A socket of its own: what was written to the database before is over by then.
            cost = min([cost] + [self.send(stage, one) for _ in range(2)])
        if cost > allowed:
            raise FuzzError(f"{cost:.0f} ms of the processor for {len(one.payload)} bytes; {allowed:.0f} are the bound")

    def _await(self, connection: Socket, one: Input, is_welcomed: bool) -> None:
        """Waits for the pong, and for the answer to a command that has one."""
        reply = b'"replyTo":%d' % FRAME_ID if one.encoding == "json" else b"\x10" + varint(FRAME_ID)
        is_answered = not (one.is_answered and is_welcomed)
        has_pong = False
        while not (has_pong and is_answered):
            try:
                opcode, payload = connection.receive()
            except FuzzError:
                if has_pong:
                    self.unanswered += 1
                    raise FuzzError("a valid command is not answered") from None
                raise
            has_pong |= opcode == 10
            # Events come with a seq before anything else.
            is_answered |= payload.startswith(reply) or (one.encoding == "json" and reply in payload[:40])

    def _cpu(self) -> int:
        """What the process has used so far, in nanoseconds: its clock, as clock_getcpuclockid(3) names it."""
        return time.clock_gettime_ns(~self.process << 3 | 2)

    # ---------------------------------------------------------------------------------------------- sockets

    def _stranger(self, encoding: str) -> Socket:
        return Socket(self.port, encoding)

    def _welcomed(self, one: Input) -> Socket:
        inputs, size = self._sent.get(one.encoding, (0, 0))
        connection = self._socket.get(one.encoding)
        if connection and (inputs >= SOCKET_INPUTS or size + len(one.payload) > SOCKET_BYTES):
            self._forget(one.encoding, connection)
            connection = None
        if not connection:
            inputs, size = 0, 0
            # A device has one socket.
            for encoding, other in list(self._socket.items()):
                self._forget(encoding, other)
            connection = self._socket[one.encoding] = self._hello(one.encoding)
        self._sent[one.encoding] = (inputs + 1, size + len(one.payload))
        return connection

    def _hello(self, encoding: str) -> Socket:
        for attempt in range(2):
            connection = Socket(self.port, encoding)
            if encoding == "json":
                hello = {"accessToken": self.token, "device": {"id": self._device}}
                connection.send(json.dumps({"id": 1, "hello": hello}).encode())
            else:
                content = element(2, element(1, self._device.encode()))
                connection.send(b"\x08\x01" + element(3, element(1, self.token.encode()) + content))
            seen: set[str] = set()
            try:
                while seen != {"pong", "welcome"}:
                    opcode, _ = connection.receive()
                    seen.add("pong" if opcode == 10 else "welcome")
                return connection
            except ClosedError as closed:
                connection.close()
                if closed.code != 4501 or attempt:
                    raise FuzzError(f"hello was answered with {closed.code}") from None
                # The access token has run out.
                device = {"id": self._device, "name": "Fuzzer"}
                answer = self.ask("/v1/sessions", {"username": "alice", "password": PASSWORD, "device": device})
                self.token = answer["accessToken"]
        raise AssertionError

    def _forget(self, encoding: str, connection: Socket) -> None:
        connection.close()
        if self._socket.get(encoding) is connection:
            del self._socket[encoding]

    # -------------------------------------------------------------------------------------------- failures

    def fails(self, stage: str, one: Input) -> bool:
        """Whether an input fails, on a server that is started again when it is gone."""
        for encoding, other in list(self._socket.items()):
            self._forget(encoding, other)
        try:
            self.check(stage, one)
        except (FuzzError, OSError):
            if not self.server.is_running:
                asyncio.run(self.server.start())
                self.process = self.server.process_id
            return True
        return False

    def shrink(self, stage: str, one: Input) -> Input:
        """The same failure in fewer bytes: ever smaller pieces are left out, as long as time allows."""
        deadline = time.monotonic() + SHRINK_SECONDS
        payload, piece = one.payload, len(one.payload) // 2
        while piece and time.monotonic() < deadline:
            start = 0
            while start < len(payload) and time.monotonic() < deadline:
                without = payload[:start] + payload[start + piece :]
                if self.fails(stage, Input(one.kind, one.encoding, without, one.is_answered)):
                    payload = without
                else:
                    start += piece
            piece //= 2
        return Input(one.kind, one.encoding, payload, one.is_answered)

    def report(self, seconds: float) -> str:
        total = sum(figures.inputs for figures in self.figures.values())
        rate = total / max(seconds, 0.001)
        lines = [f"{total} inputs in {seconds:.0f} s, {rate:.0f} a second; {self.unanswered} unanswered."]
        lines += [f"{'':30} {'inputs':>8} {'closed':>8} {'worst CPU':>10}  of bytes"]
        for (stage, kind, encoding), figures in sorted(self.figures.items()):
            lines.append(
                f"{stage:9} {kind:10} {encoding:9} {figures.inputs:8} {figures.closed:8} {figures.worst_ms:7.1f} ms"
                f"  {figures.worst_bytes}"
            )
        return "\n".join(lines)


@contextlib.contextmanager
def fuzzer() -> Iterator[Fuzzer]:
    """A fuzzer with a server, which must end in good order."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), f"sqlite:{folder}/ringback.sqlite")
        asyncio.run(server.start())
        try:
            bound = DEBUG_BOUND if "debug" in executable().resolve().parts else RELEASE_BOUND
            yield Fuzzer(server, server.process_id, bound)
        finally:
            code = asyncio.run(server.terminate(30)) if server.is_running else 0
        if code:
            raise FuzzError(f"exit code {code} after SIGTERM")


def fuzz(seed: int, seconds: float, count: int | None, failures: Path) -> bool:
    """Whether all went well."""
    with fuzzer() as target:
        target.register()
        inputs = Inputs(seed, target.ids, target.token)
        streams = {"stranger": inputs.stream(STRANGER_BYTES), "welcomed": inputs.stream(FRAME_BYTES)}
        began = said = time.monotonic()
        number = 0
        while time.monotonic() - began < seconds and (count is None or number < count):
            number += 1
            # Most of what there is to find is behind the welcome.
            stage = inputs.random.choice(["stranger", "welcomed", "welcomed"])
            one = next(streams[stage])
            try:
                target.check(stage, one)
            except (FuzzError, OSError) as failure:
                print(target.report(time.monotonic() - began))
                print(f"\nInput {number} of seed {seed}, {one.kind} in {one.encoding}, {stage}: {failure}", flush=True)
                save(target, stage, one, failures)
                return False
            if time.monotonic() - said > 10:
                said = time.monotonic()
                print(f"{said - began:5.0f} s  {number} inputs", flush=True)
        print(target.report(time.monotonic() - began))
    return True


def save(target: Fuzzer, stage: str, one: Input, failures: Path) -> None:
    """Keeps a failing input, and a smaller one that fails, too, and says how to send it again."""
    failures.mkdir(parents=True, exist_ok=True)
    smaller = target.shrink(stage, one) if target.fails(stage, one) else one
    if smaller is one:
        print("By itself it does not fail, or cannot be made smaller: send the whole seed again.")
    for each in {one.payload: one, smaller.payload: smaller}.values():
        name = hashlib.sha256(each.payload).hexdigest()[:12]
        path = failures / f"{stage}.{one.encoding}.{one.kind}.{name}.bin"
        path.write_bytes(each.payload)
        print(f"{len(each.payload)} bytes; to send them again: make fuzz-socket REPLAY={path}")


def replay(path: Path) -> bool:
    """Whether a saved input does no harm any more."""
    stage, encoding, kind, *_ = path.name.split(".")
    one = Input(kind, encoding, path.read_bytes(), is_answered=kind == "valid")
    with fuzzer() as target:
        target.register()
        try:
            target.check(stage, one)
        except (FuzzError, OSError) as failure:
            print(failure)
            return False
        print(target.report(0))
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--failures", type=Path, default=Path("test-results/fuzz-socket"))
    parser.add_argument("--replay", type=Path)
    arguments = parser.parse_args()
    if arguments.replay:
        return 0 if replay(arguments.replay) else 1
    seed = random.SystemRandom().randrange(1 << 32) if arguments.seed is None else arguments.seed
    print(f"Seed {seed}.", flush=True)
    return 0 if fuzz(seed, arguments.minutes * 60, arguments.count, arguments.failures) else 1


if __name__ == "__main__":
    sys.exit(main())
