"""A Ringback server as a process."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

from waiting import until

READY = "Ringback is ready: "
PROJECT = Path(__file__).resolve().parents[2]


def executable() -> Path:
    """The server under test: RINGBACK_EXECUTABLE, or what the debug build made."""
    return Path(os.environ.get("RINGBACK_EXECUTABLE", PROJECT / ".build/debug/ringback"))


def environment(folder: Path, **settings: str | int | Path) -> dict[str, str]:
    """The environment of a server that keeps its files in a folder: settings by name, without RINGBACK_."""
    own = {
        "TOKEN_KEY_FILE": folder / "token.key",
        "PASSWORD_COST": 10,
        "STUN_LISTEN": "off",
        **settings,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return inherited | {f"RINGBACK_{name}": str(value) for name, value in own.items()}


class Server:
    """Starts with `start`, and can be started again on the same address after it ended."""

    def __init__(self, folder: Path, database_url: str, files: int | None = None, **settings: str | int | Path):
        """`files` is how many descriptors it may have."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._database_url = database_url
        self._files = files
        self._settings = settings
        self._listen = "127.0.0.1:0"
        self._started: subprocess.Popen[bytes] | None = None
        self.output = folder / "output.log"
        self.url = ""

    def listen_on(self, address: str) -> None:
        """Takes an address instead of one that is free."""
        self._listen = address

    async def start(self, seconds: float = 30) -> "Server":
        """Comes back when the server says that it is ready."""
        seen = self.output.stat().st_size if self.output.exists() else 0
        limit = ["prlimit", f"--nofile={self._files}"] if self._files else []
        with self.output.open("ab") as output:
            self._started = subprocess.Popen(
                [*limit, executable(), "serve", "--listen", self._listen, "--database", self._database_url],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=environment(self._folder, **self._settings),
            )

        async def ready() -> str:
            text = self.log[seen:]
            assert self._process.poll() is None, f"the server ended with {self._process.returncode}:\n{text}"
            lines = [line for line in text.splitlines() if line.startswith(READY)]
            return lines[0].removeprefix(READY) if lines else ""

        self.url = (await until("the server is ready", ready, seconds)).rstrip("/")
        self._listen = self.url.split("://")[1]
        return self

    @property
    def log(self) -> str:
        """What all its processes have printed."""
        return self.output.read_text() if self.output.exists() else ""

    @property
    def is_running(self) -> bool:
        return self._started is not None and self._started.poll() is None

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        """Its latest process."""
        assert self._started, "the server was not started"
        return self._started

    @property
    def process_id(self) -> int:
        return self._process.pid

    async def kill(self) -> None:
        """As a crash: kill -9."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait, 10)

    def pause(self) -> None:
        """As a machine that stands still: SIGSTOP; comes back when all its threads do. Nothing is told to anybody."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def terminate(self, seconds: float = 10) -> int:
        """SIGTERM. Gives the exit code; fails when the process takes longer."""
        self.signal(signal.SIGTERM)
        return await self.wait(seconds)

    async def wait(self, seconds: float = 10) -> int:
        """The exit code of a process that was told to end; fails when it takes longer."""
        try:
            return await asyncio.to_thread(self._process.wait, seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            why = f"the server was still running {seconds:g} s after SIGTERM:\n{self.log[-2000:]}"
            raise AssertionError(why) from None
