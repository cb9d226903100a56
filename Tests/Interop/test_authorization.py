"""Who may do what: every command and every route, asked by everybody there is to a group and its call.

The host has made the group and placed the call; the co-host, the participant and Dave (an admin of the group) are in
it. *Removed* and *barred* were in it until the host removed them, *barred* for good; both are members still. *Former*
was in it until Dave removed them from the group. *Blocked* is a stranger whom the host has blocked. *Suspended* is a
member whose account was suspended. *Nobody* has no token.
*Nominal*, who has blocked the host, is a member to everybody else and is rung with the others; to each command and
route they are answered as a stranger.

A table has a column for each of them and says what each is answered: `ok`, or the error's code in short.
"""

import asyncio
import re
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio
from conftest import StartServer
from database import Database
from openapi import OpenAPI
from people import PASSWORD
from ringback_client import Json, RingbackClient, RingbackError
from server import executable

ROLES = ["nobody", "stranger", "blocked", "former", "removed", "barred", "participant", "cohost", "host", "suspended"]
MEMBERS = ["cohost", "participant", "dave", "removed", "barred", "former", "suspended"]
CODES = {
    "INVALID": "inv",
    "UNAUTHENTICATED": "401",
    "FORBIDDEN": "403",
    "NOT_FOUND": "404",
    "CONFLICT": "409",
    "CALL_ENDED": "ended",
    "ANSWERED_ELSEWHERE": "else",
    "RATE_LIMITED": "429",
    "UNSUPPORTED": "unsup",
    "UNAVAILABLE": "503",
    "INTERNAL": "500",
}
SCHEMA = Path(__file__).resolve().parents[2] / "Sources/Wire/Proto/ringback.proto"


def new() -> str:
    """An id that was not used before."""
    return str(uuid.uuid4())


class Group:
    """The group, its call, and the people around it."""

    def __init__(self, people: dict[str, RingbackClient], stack: AsyncExitStack):
        self.people = people
        self.stack = stack
        self.id = ""
        self.call = ""
        # A session of the host's that nobody uses.
        self.second_session = new()

    def user(self, role: str) -> str:
        user_id: str = self.people[role].user["id"]
        return user_id

    async def make(self) -> None:
        """Makes the group, out of people who know each other."""
        for role in [*MEMBERS, "erin"]:
            await self.rest("host", "POST", "/v1/contacts", {"userId": self.user(role)})
            await self.rest(role, "POST", f"/v1/contacts/{self.user('host')}/accept")
        # Who has written to the host knows them, and would be put into the group but for the block.
        await self.rest("nominal", "POST", "/v1/conversations", {"userId": self.user("host")})
        message = {"userId": self.user("host"), "clientMessageId": new(), "body": "Hello"}
        await self.say("nominal", {"sendMessage": message})
        await self.rest("nominal", "PUT", f"/v1/blocks/{self.user('host')}")
        members = [self.user(role) for role in [*MEMBERS, "nominal"]]
        body = {"type": "CONVERSATION_TYPE_GROUP", "clientConversationId": new(), "name": "Band", "memberIds": members}
        self.id = (await self.rest("host", "POST", "/v1/conversations", body))["id"]
        await self.rest("host", "PATCH", f"{self.path}/members/{self.user('dave')}", {"role": "MEMBER_ROLE_ADMIN"})
        await self.rest("host", "PUT", f"/v1/blocks/{self.user('blocked')}")

    @property
    def path(self) -> str:
        return f"/v1/conversations/{self.id}"

    async def rest(self, role: str, method: str, path: str, body: Json | None = None) -> Json:
        answer = await self.people[role].request(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer}"
        return answer.content or {}

    async def asker(self, route: str, role: str) -> RingbackClient:
        """Who asks for a route as somebody; before that the route's target is there."""
        if role in ("nobody", "suspended"):
            return self.people[role]
        if route == "DELETE /v1/sessions/current":
            # Not the session that the socket has.
            return await self.log_in(role)
        if route == "DELETE /v1/sessions/{id}" and role == "host":
            sessions = (await (await self.log_in("host")).request("GET", "/v1/sessions")).body["sessions"]
            (self.second_session,) = [session["id"] for session in sessions if session.get("current")]
        if route.endswith("/members/{user_id}"):
            await self.rest("host", "POST", f"{self.path}/members", {"userIds": [self.user("erin")]})
        elif route.endswith("/members"):
            await self.people["host"].request("DELETE", f"{self.path}/members/{self.user('erin')}")
        return self.people[role]

    async def log_in(self, role: str) -> RingbackClient:
        """Another device of somebody."""
        client = await self.stack.enter_async_context(RingbackClient(self.people[role].url))
        await client.log_in(role, PASSWORD)
        return client

    async def say(self, role: str, command: Json) -> Json:
        """Sends a command, as often as the limit of commands asks for it."""
        while True:
            try:
                return await self.people[role].send(command)
            except RingbackError as error:
                if error.code != "ERROR_CODE_RATE_LIMITED":
                    raise
                await asyncio.sleep(error.retry_after)

    async def end_call(self) -> None:
        """Whoever is its host by now ends it."""
        for role in ("host", "cohost", "participant", "dave"):
            try:
                await self.say(role, {"callEnd": {"commandId": new(), "callId": self.call}})
                return
            except RingbackError:
                continue
        raise AssertionError("nobody may end the call")

    async def place_call(self) -> None:
        """Ends the call and places the next one."""
        if self.call:
            await self.end_call()
            await self.rest("host", "POST", f"{self.path}/members", {"userIds": [self.user("former")]})
        rung = [role for role in MEMBERS if role != "suspended"]
        invite = {
            "clientCallId": new(),
            "conversationId": self.id,
            "type": "CALL_TYPE_VOICE",
            "userIds": [self.user(role) for role in [*rung, "nominal"]],
        }
        self.call = (await self.say("host", {"callInvite": invite}))["call"]["id"]
        accept = [self.say(role, {"callAccept": {"commandId": new(), "callId": self.call}}) for role in rung]
        await asyncio.gather(*accept)
        control = {"commandId": new(), "callId": self.call}
        role = "PARTICIPANT_ROLE_CO_HOST"
        await self.say("host", {"callSetRole": {**control, "userId": self.user("cohost"), "role": role}})
        for user, bar in (("removed", False), ("barred", True)):
            removal = {**control, "commandId": new(), "userId": self.user(user), "bar": bar}
            await self.say("cohost", {"callRemove": removal})
        await self.rest("dave", "DELETE", f"{self.path}/members/{self.user('former')}")


@pytest_asyncio.fixture
async def group(start_server: StartServer, database: Database) -> AsyncIterator[Group]:
    server = await start_server(CALLS_INVITES_PER_MINUTE=100_000)
    async with AsyncExitStack() as stack:
        people = {}
        for role in [*ROLES, "dave", "erin", "nominal"]:
            people[role] = await stack.enter_async_context(RingbackClient(server.url))
            if role != "nobody":
                await people[role].register(role, PASSWORD)
        group = Group(people, stack)
        for role, client in people.items():
            if role not in ("nobody", "suspended"):
                await client.connect()
        await group.make()
        suspend = [str(executable()), "user", "suspend", "suspended", "--database", database.url]
        await asyncio.to_thread(lambda: subprocess.run(suspend, check=True, capture_output=True))
        await group.place_call()
        yield group


Command = Callable[[Group, str], Json]


def to_call(**fields: object) -> Command:
    """A command to the call; what is callable is asked with the group."""

    def make(group: Group, _: str) -> Json:
        values = {name: value(group) if callable(value) else value for name, value in fields.items()}
        return {"callId": group.call, **values}

    return make


def control(**fields: object) -> Command:
    """A command to the call that has an id of its own."""
    return lambda group, role: {"commandId": new(), **to_call(**fields)(group, role)}


def dave(group: Group) -> str:
    return group.user("dave")


def conversation(group: Group) -> str:
    return group.id


# Command, how it is made, and the answers in the order of ROLES.
COMMANDS: dict[str, tuple[Command, str]] = {
    "hello": (lambda _group, _role: {}, "inv inv inv inv inv inv inv inv inv 401"),
    "ping": (lambda _group, _role: {}, "inv ok ok ok ok ok ok ok ok 401"),
    "callInvite": (
        lambda group, _: {"clientCallId": new(), "conversationId": group.id, "type": "CALL_TYPE_VOICE"},
        "inv 404 404 404 ok 403 ok ok ok 401",
    ),
    "callRinging": (to_call(), "inv 404 404 404 ok 404 ok ok ok 401"),
    "callAccept": (control(), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "callDecline": (control(), "inv 404 404 404 ok 404 ok ok ok 401"),
    "callCancel": (control(), "inv 404 404 404 403+call 404 403+call 403+call ok 401"),
    "callHangUp": (control(), "inv 404 404 404 ok 404 ok ok ok 401"),
    "callMove": (control(), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "callFetch": (to_call(), "inv 404 404 404 ok 404 ok ok ok 401"),
    "callSetMedia": (to_call(media={"microphone": True}), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "sendDescription": (
        to_call(userId=dave, description={"type": "DESCRIPTION_TYPE_OFFER", "sdp": "v=0", "peerConnectionId": "1"}),
        "inv 404 404 404 409+call 404 ok ok ok 401",
    ),
    "sendCandidate": (
        to_call(userId=dave, candidate={"candidate": "candidate:1", "peerConnectionId": "1"}),
        "inv 404 404 404 409+call 404 ok ok ok 401",
    ),
    "startScreenShare": (control(), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "stopScreenShare": (control(), "inv 404 404 404 ok 404 ok ok ok 401"),
    "callJoin": (control(), "inv 404 404 404 ok 403 ok ok ok 401"),
    "callAdd": (control(userIds=lambda group: [group.user("erin")]), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "callHold": (to_call(onHold=True), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "callRaiseHand": (to_call(raised=True), "inv 404 404 404 409+call 404 ok ok ok 401"),
    "callSetRole": (
        control(userId=dave, role="PARTICIPANT_ROLE_CO_HOST"),
        "inv 404 404 404 409+call 404 403+call 403+call ok 401",
    ),
    "callStopMedia": (control(userId=dave, medium="MEDIUM_CAMERA"), "inv 404 404 404 409+call 404 403+call ok ok 401"),
    "callRemove": (control(userId=dave), "inv 404 404 404 409+call 404 403+call ok ok 401"),
    "callLock": (control(locked=True), "inv 404 404 404 409+call 404 403+call ok ok 401"),
    "callAdmit": (control(userId=dave, admit=True), "inv 404 404 404 409+call 404 403+call ok ok 401"),
    "callEnd": (control(), "inv 404 404 404 409+call 404 403+call 403+call ok 401"),
    "sendMessage": (
        lambda group, _: {"conversationId": group.id, "clientMessageId": new(), "body": "Hello"},
        "inv 404 404 404 ok ok ok ok ok 401",
    ),
}

# After these the call is another one; the rest may be asked again and again.
CHANGES = {"callInvite", "callHangUp", "callJoin", "callAdd", "callRemove", "callLock", "callEnd"}


async def ask(group: Group, role: str, name: str, make: Command) -> str:
    """What somebody is answered to a command."""
    client = group.people[role]
    if role == "suspended":
        # Nothing else can be asked: the socket is not let in.
        return await outcome(client.connect())
    if role == "nobody":
        # On a socket of its own: what comes before the hello ends it.
        async with RingbackClient(client.url) as client:
            await client.open()
            return await outcome(client.send({name: make(group, role)}))
    return await outcome(group.say(role, {name: make(group, role)}))


async def outcome(answer: Awaitable[Json]) -> str:
    try:
        await answer
        return "ok"
    except RingbackError as error:
        return CODES[error.code.removeprefix("ERROR_CODE_")] + ("+call" if error.call else "")


async def test_every_command(group: Group) -> None:
    rows = {}
    for name, (make, _) in COMMANDS.items():
        answers = []
        for role in ROLES:
            answers.append(await ask(group, role, name, make))
            if answers[-1] == "ok" and name in CHANGES:
                await group.place_call()
        rows[name] = " ".join(answers)
        assert await ask(group, "nominal", name, make) == answers[ROLES.index("stranger")], name
    width = max(map(len, rows))
    print("\n" + " " * width, " ".join(ROLES))
    for name, row in rows.items():
        print(f"{name:{width}} {row}")
    assert rows == {name: expected for name, (_, expected) in COMMANDS.items()}


# Route, what the path's parameters and the body are made of, and the answers in the order of ROLES.
Fields = dict[str, object]
ROUTES: dict[str, tuple[Fields, Json | None, str]] = {
    "GET /healthz": ({}, None, "200"),
    "GET /readyz": ({}, None, "200"),
    "GET /metrics": ({}, None, "200"),
    "GET /v1/openapi.yaml": ({}, None, "200"),
    "GET /v1/socket": ({}, None, "426"),
    "GET /v1/echo": ({}, None, "404"),
    "POST /v1/accounts": ({}, {}, "400"),
    "POST /v1/sessions": ({}, {}, "400"),
    "POST /v1/sessions/refresh": ({}, {}, "401"),
    "GET /v1/sessions": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "DELETE /v1/sessions/current": ({}, None, "401 204 204 204 204 204 204 204 204 401"),
    "PUT /v1/sessions/current/push-token": ({}, {"pushToken": ""}, "401 204 204 204 204 204 204 204 204 401"),
    "DELETE /v1/sessions/{id}": (
        {"id": lambda group: group.second_session},
        None,
        "401 404 404 404 404 404 404 404 204 401",
    ),
    "GET /v1/me": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/me/call-settings": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "PATCH /v1/me/call-settings": ({}, {}, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/users": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/ice-servers": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/contacts": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "POST /v1/contacts": ({}, {"userId": dave}, "401 200 200 200 200 200 200 200 200 401"),
    "DELETE /v1/contacts/{id}": ({"id": dave}, None, "401 204 204 204 204 204 204 204 204 401"),
    "POST /v1/contacts/{id}/accept": (
        {"id": lambda group: group.user("host")},
        None,
        "401 404 404 204 204 204 204 204 404 401",
    ),
    "POST /v1/contacts/{id}/reject": (
        {"id": lambda group: group.user("erin")},
        None,
        "401 404 404 404 404 404 404 404 404 401",
    ),
    "GET /v1/blocks": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "PUT /v1/blocks/{id}": ({"id": lambda group: group.user("erin")}, None, "401 204 204 204 204 204 204 204 204 401"),
    "DELETE /v1/blocks/{id}": (
        {"id": lambda group: group.user("erin")},
        None,
        "401 204 204 204 204 204 204 204 204 401",
    ),
    "POST /v1/conversations": ({}, {"userId": dave}, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/conversations": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/conversations/{id}": ({"id": conversation}, None, "401 404 404 404 200 200 200 200 200 401"),
    "GET /v1/conversations/{id}/messages": ({"id": conversation}, None, "401 404 404 404 200 200 200 200 200 401"),
    "GET /v1/conversations/{id}/calls": ({"id": conversation}, None, "401 404 404 404 200 200 200 200 200 401"),
    "POST /v1/conversations/{id}/members": (
        {"id": conversation},
        {"userIds": lambda group: [group.user("erin")]},
        "401 404 404 404 403 403 403 403 200 401",
    ),
    "PATCH /v1/conversations/{id}/members/{user_id}": (
        {"id": conversation, "user_id": lambda group: group.user("erin")},
        {"role": "MEMBER_ROLE_MEMBER"},
        "401 404 404 404 403 403 403 403 200 401",
    ),
    "DELETE /v1/conversations/{id}/members/{user_id}": (
        {"id": conversation, "user_id": lambda group: group.user("erin")},
        None,
        "401 404 404 404 403 403 403 403 204 401",
    ),
    "GET /v1/invitations": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "POST /v1/invitations/{id}/accept": ({"id": conversation}, None, "401 404 404 404 200 200 200 200 200 401"),
    "POST /v1/invitations/{id}/decline": ({"id": conversation}, None, "401 404 404 404 404 404 404 404 404 401"),
    "GET /v1/calls": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "GET /v1/calls/{id}": ({"id": lambda group: group.call}, None, "401 404 404 200 200 200 200 200 200 401"),
    "GET /v1/calls/missed": ({}, None, "401 200 200 200 200 200 200 200 200 401"),
    "POST /v1/calls/missed/seen": ({}, {}, "401 200 200 200 200 200 200 200 200 401"),
}


async def test_every_route(group: Group) -> None:
    rows = {}
    for name, (fields, body, _) in ROUTES.items():
        answers = []
        for role in [*ROLES, "nominal"]:
            client = await group.asker(name, role)
            method, path = name.split()
            values = {key: value(group) if callable(value) else value for key, value in fields.items()}
            filled = body and {key: value(group) if callable(value) else value for key, value in body.items()}
            answer = await client.request(method, path.format(**values), filled)
            answers.append(str(answer.status))
        assert answers.pop() == answers[ROLES.index("stranger")], name
        rows[name] = answers[0] if len(set(answers)) == 1 else " ".join(answers)
    width = max(map(len, rows))
    print("\n" + " " * width, " ".join(ROLES))
    for name, row in rows.items():
        print(f"{name:{width}} {row}")
    assert rows == {name: expected for name, (_, _, expected) in ROUTES.items()}


def test_nothing_is_left_out() -> None:
    oneof = SCHEMA.read_text().split("oneof command {")[1].split("}")[0]
    commands = {name.title().replace("_", "") for name in re.findall(r"\w+ (\w+) = \d+;", oneof)}
    assert {name[0].upper() + name[1:] for name in COMMANDS} == commands
    assert set(ROUTES) == OpenAPI().unseen
