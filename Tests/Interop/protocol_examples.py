"""Plays every flow of the socket protocol with a real server, and writes down the frames: docs/protocol-examples.md.

What differs from run to run gets a stand-in: ids are named after what they are, times and tokens are fixed. A call is
shown whole once in a section; after that its id, status and revision, and what changed since it was last shown. The
message that a call leaves in its conversation is shown in its own section alone. Frames are listed step by step: the
command, its answer, then what the devices were told, in the order in which they came to each.
"""

import asyncio
import contextlib
import json
import re
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from ringback_client import Json, RingbackClient, RingbackError
from server import PROJECT, Server

DOCUMENT = PROJECT / "docs/protocol-examples.md"
INTRODUCTION = """# Examples of the protocol

Every flow as a real server sends it, in JSON; [the protocol](protocol.md) explains the rules.
`make protocol-examples` writes this file (`Tests/Interop/protocol_examples.py`); a test compares it with the server.

`→` goes from a client to the server, `←` from the server to a client; the name before it is that of the device. Ids,
times and tokens are placeholders. Each section shows a call in full once; after that only its id, status and revision,
and what has changed since it was last shown. The message that a call leaves in its conversation is shown, and counted
in `seq`, only in [Messages](#messages). `close` is the close frame of WebSocket, with its code and its reason.
"""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
PREFIXES = {
    "callId": "call",
    "conversationId": "conversation",
    "sessionId": "session",
    "resumeToken": "resume",
    "token": "resume",
    "clientCallId": "client-call",
    "commandId": "command",
    "clientMessageId": "client-message",
    "call": "call",
    "calls": "call",
    "message": "message",
}
Flow = Callable[["Scene"], Awaitable[None]]
FLOWS: list[tuple[str, Flow]] = []


class Actor(RingbackClient):
    """Somebody at a device, with the name under which it stands in the examples."""

    label = ""


def flow(title: str) -> Callable[[Flow], Flow]:
    def add(play: Flow) -> Flow:
        FLOWS.append((title, play))
        return play

    return add


def new() -> str:
    return str(uuid.uuid4())


# Commands whose changes only show: they are told at a pace.
SHOWN = {"callRinging", "callSetMedia", "callHold", "callRaiseHand", "callJoin"}


class Scene:
    """One flow: its people, and the frames that they sent and got."""

    def __init__(self, server: Server, number: int, stack: AsyncExitStack, shows_messages: bool):
        self.server = server
        self.lines: list[str] = []
        self._number, self._stack, self._shows_messages = number, stack, shows_messages
        self._devices: dict[str, Actor] = {}
        self._pending: dict[str, list[Json]] = {}
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._shown: dict[str, Json] = {}
        self._hidden: dict[str, int] = {}
        self._ids: dict[str, int] = {}

    async def person(self, name: str, device: str = "", connected: bool = True) -> Actor:
        """Registers somebody and connects; with `device`, somebody's further device."""
        label = f"{name} ({device})" if device else name
        client = await self._client(label)
        await (client.log_in if device else client.register)(f"{name}{self._number}", "correct horse")
        self._names[client.user["id"]] = f"user-{name}"
        self._names[client.device["id"]] = f"device-{name}" + (f"-{device}" if device else "")
        self._names[f"{name}{self._number}"] = name
        if connected:
            await client.connect()
            self._pending[label].clear()
        return client

    async def twin(self, client: Actor) -> Actor:
        """The same device once more, as with a copied profile."""
        twin = await self._client(f"{client.label} (twin)")
        twin.device = client.device
        twin.use(client.credentials)
        return twin

    async def _client(self, label: str) -> Actor:
        client = await self._stack.enter_async_context(Actor(self.server.url))
        self._devices[label], self._pending[label] = client, []

        def keep(sent: bool, frame: Json) -> None:
            if not sent:
                self._pending[label].append(frame)

        client.on_frame = keep
        client.label = label
        return client

    async def say(self, client: Actor, name: str, waits: tuple[Actor, ...] = (), **fields: Any) -> Json:
        """One step: a command, its answer, and all that devices are told because of it."""
        answer: Json = {}
        self._write(client.label, True, {name: fields})
        with contextlib.suppress(RingbackError):
            answer = await client.send({name: fields})
        call = answer.get("call", {}).get("id") or fields.get("callId", "")
        await self._settle(client, str(call), waits, name in SHOWN)
        self._tell(client.label)
        return answer

    async def connect(self, client: Actor, resume: Json | None = None) -> Json:
        hello = {"accessToken": client.credentials["accessToken"], "device": client.device}
        self._write(client.label, True, {"hello": hello | ({"resume": resume} if resume else {})})
        welcome = await client.connect(resume)
        await client.send({"ping": {}})
        self._tell(client.label)
        return welcome

    async def happens(self, client: Actor, event: str) -> None:
        """Waits for what happens by itself."""
        while not any(event in frame.get("event", {}) for frame in self._pending[client.label]):
            await asyncio.sleep(0.02)
        await self._settle(client, None, ())
        self._tell(client.label)

    async def closes(self, client: Actor, why: str = "") -> None:
        """Waits until the server closes a socket; `why` is what the client did that is no frame of the protocol."""
        if why:
            self.lines.append(f"{client.label} → {why}")
        code, reason = await client.closing()
        self._tell(client.label)
        self.lines.append(f"{client.label} ← close {code}, {reason}")

    async def misspeak(self, client: Actor, name: str, **fields: Any) -> None:
        """Opens a socket for a frame that costs it."""
        await client.open()
        self._write(client.label, True, {name: fields})
        with contextlib.suppress(RingbackError):
            await client.send({name: fields})
        await self.closes(client)

    async def _settle(
        self, client: Actor, call_id: str | None, waits: tuple[Actor, ...], is_shown: bool = False
    ) -> None:
        # The next step begins after the pace of changes that only show, so that each of them is told at once.
        await asyncio.sleep(0.3 if is_shown else 0.05)
        # A call is on one event loop, and tells of a change before it looks at the next command; a socket answers a
        # ping after what was written to it before.
        if call_id:
            with contextlib.suppress(RingbackError):
                await client.send({"callFetch": {"callId": call_id}})
        for waiting in waits:
            while not any("messageReceived" in frame.get("event", {}) for frame in self._pending[waiting.label]):
                await asyncio.sleep(0.02)
        for other in self._devices.values():
            if other._socket and not other._socket.closed:
                await other.send({"ping": {}})

    def _tell(self, first: str) -> None:
        for label in sorted(self._pending, key=lambda label: label != first):
            frames, self._pending[label] = self._pending[label], []
            answers = [frame for frame in frames if "event" not in frame and "pong" not in frame.get("ok", {})]
            # The first is the step's; the others belong to the questions that only wait.
            for frame in answers[:1] if label == first else []:
                self._write(label, False, frame)
            for frame in frames:
                if "event" not in frame:
                    continue
                if self._shows_messages or "messageReceived" not in frame["event"]:
                    # Counted without those that are not shown: they come before or after others, as it happens.
                    self._write(label, False, frame | {"seq": str(int(frame["seq"]) - self._hidden.get(label, 0))})
                else:
                    self._hidden[label] = self._hidden.get(label, 0) + 1

    def _write(self, label: str, sent: bool, frame: Json) -> None:
        if sent:
            self._ids[label] = self._ids.get(label, 0) + 1
            frame = {"id": self._ids[label], **frame}
        elif "replyTo" in frame:
            frame = frame | {"replyTo": self._ids[label]}
        shown = self._named("", self._brief(frame))
        text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
        self.lines.append(f"{label} {'→' if sent else '←'} {text}")

    def _brief(self, value: Any) -> Any:
        """With each call cut to what is new of it."""
        if isinstance(value, list):
            return [self._brief(item) for item in value]
        if not isinstance(value, dict):
            return value
        # What has changed is short as it is.
        if "participants" not in value or "revision" not in value or "baseRevision" in value:
            return {key: self._brief(item) for key, item in value.items()}
        before = self._shown.get(value["id"])
        self._shown[value["id"]] = value
        if before is None:
            return value
        cut = {
            key: item for key, item in value.items() if key in ("id", "status", "revision") or item != before.get(key)
        }
        cut |= {key: None for key in before if key not in value}
        if "participants" in cut:
            known = {one["user"]["id"]: one for one in before["participants"]}
            cut["participants"] = [
                {"user": {"id": one["user"]["id"]}}
                | {key: item for key, item in one.items() if item != known.get(one["user"]["id"], {}).get(key)}
                | {key: None for key in known.get(one["user"]["id"], {}) if key not in one}
                for one in value["participants"]
                if one != known.get(one["user"]["id"])
            ]
        return cut

    def _named(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._named(key if name == "id" else name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._named(key, item) for item in value]
        if not isinstance(value, str):
            return value
        if value in self._names:
            return self._names[value]
        if key == "accessToken" and value:
            return "eyJ…"
        if TIME.fullmatch(value):
            return "2026-01-31T12:00:45.000Z" if key == "ringExpiresAt" else "2026-01-31T12:00:00.000Z"
        if UUID.fullmatch(value) or key in ("resumeToken", "token"):
            prefix = PREFIXES.get(key, "id")
            self._counts[prefix] = self._counts.get(prefix, 0) + 1
            self._names[value] = f"{prefix}-{self._counts[prefix]}"
            return self._names[value]
        return value if len(value) <= 80 else value[:60] + "…"

    # -------------------------------------------------------------------------------------- parts of flows

    async def invite(self, caller: Actor, callee: Actor, **more: Any) -> str:
        answer = await self.say(
            caller,
            "callInvite",
            clientCallId=new(),
            userId=callee.user["id"],
            type="CALL_TYPE_VOICE",
            media={"microphone": True},
            **more,
        )
        call_id: str = answer.get("call", {}).get("id", "")
        return call_id

    async def act(self, client: Actor, name: str, call: str, **more: Any) -> Json:
        return await self.say(client, name, commandId=new(), callId=call, **more)

    async def talk(self, caller: Actor, callee: Actor) -> str:
        call = await self.invite(caller, callee)
        await self.act(callee, "callAccept", call, media={"microphone": True})
        return call

    async def group(self) -> tuple[Actor, Actor, Actor, str]:
        """Three people in a group conversation."""
        ann, ben, cleo = [await self.person(name) for name in ("ann", "ben", "cleo")]
        for friend in (ben, cleo):
            await friend.request("POST", "/v1/contacts", {"userId": ann.user["id"]})
        answer = await ann.request(
            "POST",
            "/v1/conversations",
            {
                "type": "CONVERSATION_TYPE_GROUP",
                "clientConversationId": new(),
                "name": "Team",
                "memberIds": [ben.user["id"], cleo.user["id"]],
            },
        )
        assert answer.status < 300, answer
        return ann, ben, cleo, (answer.body.get("conversation") or answer.body)["id"]

    async def grown(self) -> tuple[Actor, Actor, Actor, str]:
        """Three people in a call that grew."""
        ann, ben, cleo = [await self.person(name) for name in ("ann", "ben", "cleo")]
        call = await self.talk(ann, ben)
        await self.act(ann, "callAdd", call, userIds=[cleo.user["id"]])
        await self.act(cleo, "callAccept", call, media={"microphone": True})
        self.lines.clear()
        return ann, ben, cleo, call

    async def pair(self) -> tuple[Actor, Actor]:
        return await self.person("ann"), await self.person("ben")


@flow("Hello and welcome")
async def hello(scene: Scene) -> None:
    await scene.connect(await scene.person("ann", connected=False))


@flow("Resume")
async def resume(scene: Scene) -> None:
    ann, ben = await scene.person("ann"), await scene.person("ben", connected=False)
    await scene.connect(ben)
    place = ben.resume
    await ben.lose()
    await scene.say(ann, "callInvite", clientCallId=new(), userId=ben.user["id"], type="CALL_TYPE_VOICE")
    await scene.connect(ben, place)
    await ben.lose()
    await scene.connect(ben, {"token": new(), "lastSeq": "7"})


@flow("A direct call")
async def direct(scene: Scene) -> None:
    ann, ben = await scene.pair()
    call = await scene.invite(ann, ben)
    await scene.say(ben, "callRinging", callId=call)
    await scene.act(ben, "callAccept", call, media={"microphone": True})
    for one, other, kind in ((ann, ben, "OFFER"), (ben, ann, "ANSWER")):
        name = f"{one.label}-1"
        await scene.say(
            one,
            "sendDescription",
            callId=call,
            userId=other.user["id"],
            description={"type": f"DESCRIPTION_TYPE_{kind}", "sdp": "v=0\r\n…", "peerConnectionId": name},
        )
        await scene.say(
            one,
            "sendCandidate",
            callId=call,
            userId=other.user["id"],
            candidate={
                "candidate": "candidate:1 1 udp …",
                "sdpMid": "0",
                "usernameFragment": "Xy9z",
                "peerConnectionId": name,
            },
        )
    await scene.say(ann, "callSetMedia", callId=call, media={"microphone": True, "camera": True})
    await scene.act(ann, "callHangUp", call)


@flow("Decline")
async def decline(scene: Scene) -> None:
    ann, ben = await scene.pair()
    await scene.act(ben, "callDecline", await scene.invite(ann, ben))


@flow("Cancel")
async def cancel(scene: Scene) -> None:
    ann, ben = await scene.pair()
    await scene.act(ann, "callCancel", await scene.invite(ann, ben))


@flow("Busy")
async def busy(scene: Scene) -> None:
    ann, ben = await scene.pair()
    await scene.act(ben, "callDecline", await scene.invite(ann, ben), busy=True)


@flow("Ring time-out")
async def time_out(scene: Scene) -> None:
    ann, ben = await scene.pair()
    await scene.invite(ann, ben)
    await scene.happens(ann, "callChanged")


@flow("Answered elsewhere")
async def elsewhere(scene: Scene) -> None:
    ann, ben = await scene.pair()
    phone = await scene.person("ben", "phone")
    call = await scene.invite(ann, ben)
    await scene.act(phone, "callAccept", call)
    await scene.act(ben, "callAccept", call)


@flow("Glare")
async def glare(scene: Scene) -> None:
    ann, ben = await scene.pair()
    await scene.invite(ann, ben)
    await scene.invite(ben, ann)


@flow("Move")
async def move(scene: Scene) -> None:
    ann, ben = await scene.pair()
    phone = await scene.person("ben", "phone")
    await scene.act(phone, "callMove", await scene.talk(ann, ben), media={"microphone": True})


@flow("A group call")
async def group_call(scene: Scene) -> None:
    ann, ben, cleo, conversation = await scene.group()
    answer = await scene.say(ann, "callInvite", clientCallId=new(), conversationId=conversation, type="CALL_TYPE_VOICE")
    call = answer["call"]["id"]
    await scene.act(ben, "callAccept", call)
    await scene.act(cleo, "callDecline", call)
    await scene.act(cleo, "callJoin", call)
    await scene.act(cleo, "callHangUp", call)


@flow("A group call to some")
async def selected(scene: Scene) -> None:
    ann, ben, cleo, conversation = await scene.group()
    answer = await scene.say(
        ann,
        "callInvite",
        clientCallId=new(),
        conversationId=conversation,
        userIds=[ben.user["id"]],
        type="CALL_TYPE_VOICE",
    )
    await scene.act(cleo, "callJoin", answer["call"]["id"])


@flow("Adding people")
async def adding(scene: Scene) -> None:
    ann, ben = await scene.pair()
    cleo = await scene.person("cleo")
    call = await scene.talk(ann, ben)
    await scene.act(ben, "callAdd", call, userIds=[cleo.user["id"]])
    await scene.act(cleo, "callDecline", call)
    # Too soon.
    await scene.act(ben, "callAdd", call, userIds=[cleo.user["id"]])


@flow("Hold and raised hands")
async def hold(scene: Scene) -> None:
    ann, ben, _, call = await scene.grown()
    await scene.say(ben, "callHold", callId=call, onHold=True)
    await scene.say(ben, "callHold", callId=call)
    await scene.say(ben, "callRaiseHand", callId=call, raised=True)
    await scene.say(ann, "callRaiseHand", callId=call, userId=ben.user["id"])


@flow("Host controls")
async def host(scene: Scene) -> None:
    ann, ben, cleo, call = await scene.grown()
    await scene.act(ben, "callEnd", call)
    await scene.act(ann, "callSetRole", call, userId=ben.user["id"], role="PARTICIPANT_ROLE_CO_HOST")
    await scene.act(ben, "callStopMedia", call, userId=cleo.user["id"], medium="MEDIUM_MICROPHONE")
    await scene.act(ben, "callRemove", call, userId=cleo.user["id"], bar=True)
    await scene.act(cleo, "callJoin", call)
    await scene.act(ann, "callEnd", call)


@flow("Lobby")
async def lobby(scene: Scene) -> None:
    ann, _, cleo, call = await scene.grown()
    await scene.act(cleo, "callHangUp", call)
    await scene.act(ann, "callLock", call, locked=True)
    for admit in (False, True):
        await scene.act(cleo, "callJoin", call)
        await scene.act(ann, "callAdmit", call, userId=cleo.user["id"], admit=admit)


@flow("Screen share")
async def screen_share(scene: Scene) -> None:
    ann, ben = await scene.pair()
    call = await scene.talk(ann, ben)
    await scene.act(ann, "startScreenShare", call)
    await scene.act(ben, "startScreenShare", call)
    await scene.act(ben, "stopScreenShare", call)


@flow("An offer that nobody answers")
async def unanswered(scene: Scene) -> None:
    ann, ben = await scene.pair()
    call = await scene.talk(ann, ben)
    await scene.say(
        ann,
        "sendDescription",
        callId=call,
        userId=ben.user["id"],
        description={"type": "DESCRIPTION_TYPE_OFFER", "sdp": "v=0\r\n…", "peerConnectionId": "ann-1"},
    )
    await scene.happens(ann, "offerUnanswered")


@flow("Messages")
async def messages(scene: Scene) -> None:
    ann, ben = await scene.pair()
    await scene.say(ann, "sendMessage", (ben,), clientMessageId=new(), userId=ben.user["id"], body="Have you a minute?")
    call = await scene.talk(ben, ann)
    await scene.say(ann, "callHangUp", (ann, ben), commandId=new(), callId=call)


@flow("Errors")
async def errors(scene: Scene) -> None:
    ann, ben = await scene.pair()
    call = await scene.invite(ann, ben)
    await scene.act(ben, "callDecline", call)
    await scene.act(ben, "callAccept", call)
    await scene.act(ann, "callAccept", new())
    await scene.act(ann, "callAccept", "not an id")
    await scene.say(ann, "sendMessage", clientMessageId=new(), userId=ben.user["id"], body="x" * 20_000)


@flow("Rate limits")
async def rate_limits(scene: Scene) -> None:
    ann, ben = await scene.pair()
    for _ in range(3):
        await scene.act(ann, "callCancel", await scene.invite(ann, ben))
    scene.lines.clear()
    await scene.invite(ann, ben)


@flow("Close codes")
async def close_codes(scene: Scene) -> None:
    ann = await scene.person("ann", connected=False)
    await scene.misspeak(ann, "ping")
    await scene.misspeak(ann, "hello", accessToken="", device=ann.device)
    ben = await scene.person("ben")
    assert ben._socket
    await ben._socket.send_bytes(b"\0")
    await scene.closes(ben, "a binary message")
    cleo = await scene.person("cleo")
    twin = await scene.twin(cleo)
    await scene.connect(twin)
    await scene.closes(cleo)
    await twin.request("DELETE", "/v1/sessions/current")
    await scene.closes(twin, "DELETE /v1/sessions/current")
    dora = await scene.person("dora")
    # This flow is the last one.
    await scene.server.terminate()
    await scene.closes(dora)


async def play(folder: Path) -> str:
    """The document, as a server on SQLite has it now."""
    server = await Server(
        folder,
        f"sqlite:{folder / 'examples.sqlite'}",
        CALLS_RING_SECONDS=5,
        CALLS_NEGOTIATION_SECONDS=2,
        CALLS_INVITES_PER_MINUTE=3,
        CALLS_RING_AGAIN_SECONDS=30,
    ).start()
    parts = [INTRODUCTION]
    try:
        for number, (title, play_flow) in enumerate(FLOWS):
            async with AsyncExitStack() as stack, asyncio.timeout(60):
                scene = Scene(server, number, stack, title == "Messages")
                await play_flow(scene)
            text = re.sub(r'"(retryAfterMs)":\d+', r'"\1":1000', "\n".join(scene.lines))
            parts.append(f"## {title}\n\n```\n{text}\n```\n")
    finally:
        await server.terminate()
    return "\n".join(parts)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        document = asyncio.run(play(Path(temporary)))
    DOCUMENT.write_text(document)
    print(f"{DOCUMENT} is written", file=sys.stderr)
