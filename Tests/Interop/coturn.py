"""A coturn as a process: the TURN server that most people run, as docs/turn.md sets it up."""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from waiting import until

STUN_COOKIE = bytes.fromhex("2112a442")


def free_port() -> int:
    """A port that is free for UDP and TCP; somebody else may take it between looking and listening."""
    while True:
        with socket.socket(type=socket.SOCK_STREAM) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            port: int = tcp.getsockname()[1]
            return port


class Coturn:
    """Serves on a free port of 127.0.0.1, with a secret of its own."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.secret = secrets.token_hex(32)
        self.port = 0

    def url(self, transport: str) -> str:
        return f"turn:127.0.0.1:{self.port}?transport={transport}"

    @property
    def log(self) -> str:
        """What it has printed."""
        return (self._folder / "coturn.log").read_text()

    async def start(self) -> "Coturn":
        """Comes back when it answers."""
        for _ in range(5):
            self._launch()
            if await until("coturn answers, or ends", self._outcome) == "answers":
                return self
        raise AssertionError(f"coturn does not start:\n{self.log[-2000:]}")

    def _launch(self) -> None:
        self.port = free_port()
        program = shutil.which("turnserver", path=os.environ["PATH"] + ":/usr/bin:/usr/sbin")
        assert program, "coturn is not installed: apt-get install coturn"
        options = {
            "listening-ip": "127.0.0.1",
            "listening-port": self.port,
            "relay-ip": "127.0.0.1",
            "realm": "ringback.example",
            "static-auth-secret": self.secret,
            "userdb": self._folder / "turndb",
            "pidfile": self._folder / "coturn.pid",
            "log-file": "stdout",
        }
        flags = ["fingerprint", "use-auth-secret", "allow-loopback-peers", "no-cli", "no-tls", "no-dtls", "verbose"]
        with (self._folder / "coturn.log").open("ab") as log:
            self._process = subprocess.Popen(
                # No configuration file, whatever the machine has.
                [
                    program,
                    "-n",
                    *(f"--{flag}" for flag in flags),
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )

    async def _outcome(self) -> str:
        if self._process is None or self._process.poll() is not None:
            return "ended"
        # A Binding request (RFC 8489 §5), to which any server answers.
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.connect(("127.0.0.1", self.port))
            try:
                udp.send(bytes.fromhex("00010000") + STUN_COOKIE + secrets.token_bytes(12))
                answer = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(udp, 2048), 0.5)
            except (OSError, TimeoutError):
                return ""
        return "answers" if answer[4:8] == STUN_COOKIE else ""

    async def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, 5)
