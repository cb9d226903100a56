"""A client of Ringback for programs: REST, and the socket in its JSON form. As small as the tests need it."""

import asyncio
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

Json = dict[str, Any]


class RingbackError(Exception):
    """The server said no; `code` is an ERROR_CODE_… of the schema."""

    def __init__(self, error: Json):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code", "")
        self.call = error.get("call")
        # In seconds.
        self.retry_after = error.get("retryAfterMs", 0) / 1000


@dataclass
class Answer:
    """The answer to a REST request."""

    status: int
    content_type: str
    # What it says in JSON; None when it says nothing, or something else.
    content: Json | None

    @property
    def body(self) -> Json:
        """What it says, which has to be JSON."""
        assert self.content is not None, f"{self.status} without JSON"
        return self.content


class RingbackClient:
    """One user at one device. Ends with its `async with`."""

    def __init__(self, url: str):
        self.url = url
        self.device = {"id": str(uuid.uuid4()), "name": "Interop test"}
        self.user: Json = {}
        self.welcome: Json = {}
        # Every token it ever had.
        self.tokens: list[str] = []
        # The place of the last event that came.
        self.last_seq = 0
        # Hears every frame: whether the client sent it, and the frame.
        self.on_frame: Callable[[bool, Json], None] = lambda _sent, _frame: None
        self._credentials: Json = {}
        self._http: aiohttp.ClientSession
        # Of its own: the server upgrades a connection by its first request alone, and REST keeps connections open.
        self._socket_http: aiohttp.ClientSession
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._closing: asyncio.Future[tuple[int, str]] | None = None
        self._next_id = 1
        self._replies: dict[int, asyncio.Future[Json]] = {}
        self._events: asyncio.Queue[Json] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        self._socket_http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader:
            self._reader.cancel()
        if self._socket:
            await self._socket.close()
        await self._socket_http.close()
        await self._http.close()

    # ------------------------------------------------------------------------------------------------ REST

    async def request(self, method: str, path: str, body: Json | None = None, token: str | None = None) -> Answer:
        """A request as the user who is signed in, or with another token; "" sends none."""
        token = self._credentials.get("accessToken", "") if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.request(method, self.url + path, json=body, headers=headers) as answer:
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, answer.content_type, await answer.json() if is_json else None)

    async def register(self, username: str, password: str) -> None:
        await self._open("/v1/accounts", {"username": username, "password": password, "device": self.device})

    async def log_in(self, username: str, password: str) -> None:
        await self._open("/v1/sessions", {"username": username, "password": password, "device": self.device})

    async def refresh(self) -> None:
        await self._open("/v1/sessions/refresh", {"refreshToken": self._credentials["refreshToken"]})

    async def _open(self, path: str, body: Json) -> None:
        answer = await self.request("POST", path, body, token="")
        if answer.status >= 400:
            raise RingbackError(answer.content or {"code": str(answer.status)})
        self.use(answer.body)

    def use(self, credentials: Json) -> None:
        """Goes on with the credentials of an answer."""
        self._credentials = credentials
        self.user = credentials["user"]
        self.tokens += [credentials["accessToken"], credentials["refreshToken"]]

    @property
    def credentials(self) -> Json:
        return self._credentials

    async def find(self, username: str) -> Json:
        """The user with a name."""
        answer = await self.request("GET", f"/v1/users?query={username}")
        found: list[Json] = [user for user in answer.body.get("users", []) if user["username"] == username]
        (user,) = found
        return user

    # ---------------------------------------------------------------------------------------------- socket

    async def open(self) -> None:
        """Opens a socket, and says nothing over it."""
        address = self.url.replace("http", "ws", 1) + "/v1/socket"
        self._socket = await self._socket_http.ws_connect(address, protocols=["ringback.v1.json"])
        assert self._socket.protocol == "ringback.v1.json"
        self._closing = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(self._socket, self._closing))

    async def closing(self, seconds: float = 15) -> tuple[int, str]:
        """Waits until the server closes the socket; gives the code and the reason."""
        assert self._closing, "no socket was opened"
        return await asyncio.wait_for(self._closing, seconds)

    async def connect(self, resume: Json | None = None) -> Json:
        """Makes the live connection, where an earlier one left off if told so; gives the welcome."""
        await self.open()
        hello = {"accessToken": self._credentials["accessToken"], "device": self.device}
        if resume:
            hello["resume"] = resume
        self.welcome = (await self.send({"hello": hello}))["welcome"]
        return self.welcome

    @property
    def resume(self) -> Json:
        """What to come back with, to get what is missed."""
        return {"token": self.welcome["resumeToken"], "lastSeq": str(self.last_seq)}

    async def lose(self) -> None:
        """Loses the live connection without a word."""
        assert self._reader
        self._reader.cancel()
        assert self._socket
        self._socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        await self._socket.close()

    async def send(self, command: Json, seconds: float = 15) -> Json:
        """Sends one command; gives the `ok` of the reply."""
        number, self._next_id = self._next_id, self._next_id + 1
        self._replies[number] = asyncio.get_running_loop().create_future()
        self.on_frame(True, frame := {"id": number, **command})
        assert self._socket, "no socket was opened"
        await self._socket.send_json(frame)
        try:
            reply = await asyncio.wait_for(self._replies[number], seconds)
        finally:
            del self._replies[number]
        if "error" in reply:
            raise RingbackError(reply["error"])
        ok: Json = reply.get("ok", {})
        return ok

    async def event(self, *names: str, seconds: float = 15) -> tuple[str, Json]:
        """The next event of one of these kinds; others that come before it are dropped."""
        async with asyncio.timeout(seconds):
            while True:
                ((name, event),) = (await self._events.get()).items()
                if name in names:
                    return name, event

    async def _read(
        self, connection: aiohttp.ClientWebSocketResponse, closing: asyncio.Future[tuple[int, str]]
    ) -> None:
        while (message := await connection.receive()).type is aiohttp.WSMsgType.TEXT:
            frame = message.json()
            self.on_frame(False, frame)
            if "event" in frame:
                # Without gaps, from the first one after a welcome that recovered nothing.
                assert int(frame["seq"]) == self.last_seq + 1, f"{frame['seq']} after {self.last_seq}"
                self.last_seq += 1
                self._events.put_nowait(frame["event"])
            elif reply := self._replies.get(frame.get("replyTo", 0)):
                # Here and not where the reply is waited for: the next event may be read before.
                if (welcome := frame.get("ok", {}).get("welcome")) and not welcome.get("recovered"):
                    self.last_seq = 0
                if not reply.done():
                    reply.set_result(frame)
        if message.type is aiohttp.WSMsgType.CLOSE:
            closing.set_result((message.data, message.extra or ""))
