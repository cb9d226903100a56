"""The REST interface is what docs/openapi.yaml says."""

import uuid

import pytest
from openapi import PATH, OpenAPI
from people import PASSWORD
from ringback_client import Answer, Json, RingbackClient
from server import Server

pytestmark = pytest.mark.skipif(not PATH.exists(), reason=f"{PATH.name} is not written")

# Sockets are no requests with answers; the tests with browsers and the conformance suite go through them.
NOT_REST = {"GET /v1/socket", "GET /v1/echo"}


class CheckedClient(RingbackClient):
    """A client that holds every answer against the document."""

    def __init__(self, url: str, document: OpenAPI):
        super().__init__(url)
        self._document = document

    async def request(self, method: str, path: str, body: Json | None = None, token: str | None = None) -> Answer:
        answer = await super().request(method, path, body, token)
        self._document.check(method, path, body, answer)
        return answer


async def test_every_operation_is_as_documented(server: Server) -> None:
    document = OpenAPI()
    async with CheckedClient(server.url, document) as alice, CheckedClient(server.url, document) as bob:
        for path in ("/healthz", "/readyz", "/metrics", "/v1/openapi.yaml"):
            assert (await alice.request("GET", path)).status == 200
        await alice.register("alice", PASSWORD)
        await bob.register("bob", PASSWORD)
        await _accounts(alice)
        await _contacts(alice, bob)
        await _blocks(alice, bob)
        await _call_settings(alice)
        conversation = await _conversations(alice, bob)
        await _calls(alice, bob)
        await _history(alice, bob, conversation)
        await _groups(alice, bob)
        async with CheckedClient(server.url, document) as carol:
            await carol.register("carol", PASSWORD)
            await _invitations(alice, carol)
        await _refusals(alice, conversation)
        await _sessions(alice)
    assert document.unseen <= NOT_REST, f"documented, but not called here: {document.unseen - NOT_REST}"


async def _accounts(alice: RingbackClient) -> None:
    me = await alice.request("GET", "/v1/me")
    assert me.status == 200
    assert (await alice.find("bob"))["username"] == "bob"
    await alice.log_in("alice", PASSWORD)
    await alice.refresh()
    assert (await alice.request("GET", "/v1/ice-servers")).status == 200
    assert (await alice.request("PUT", "/v1/sessions/current/push-token", {"pushToken": "a token"})).status == 204
    sessions = (await alice.request("GET", "/v1/sessions")).body["sessions"]
    assert [session.get("current") for session in sessions] == [True]


async def _contacts(alice: RingbackClient, bob: RingbackClient) -> None:
    bobs, alices = f"/v1/contacts/{bob.user['id']}", f"/v1/contacts/{alice.user['id']}"
    asked = await alice.request("POST", "/v1/contacts", {"userId": bob.user["id"]})
    assert asked.body["status"] == "CONTACT_STATUS_REQUESTED"
    (received,) = (await bob.request("GET", "/v1/contacts?limit=1")).body["contacts"]
    assert received["user"]["username"] == "alice"
    assert received["status"] == "CONTACT_STATUS_RECEIVED"
    assert (await alice.request("POST", f"{bobs}/accept")).status == 404
    for verb in ("reject", "accept", "accept"):
        assert (await bob.request("POST", f"{alices}/{verb}")).status == 204
    (contact,) = (await alice.request("GET", "/v1/contacts")).body["contacts"]
    assert contact["status"] == "CONTACT_STATUS_ACCEPTED"
    for _ in range(2):
        assert (await bob.request("DELETE", alices)).status == 204
    assert (await alice.request("GET", "/v1/contacts")).body == {}
    for body, status in (({"userId": "x"}, 400), ({"userId": str(uuid.uuid4())}, 404)):
        assert (await alice.request("POST", "/v1/contacts", body)).status == status


async def _blocks(alice: RingbackClient, bob: RingbackClient) -> None:
    for user in (bob.user["id"], bob.user["id"], str(uuid.uuid4())):
        assert (await alice.request("PUT", f"/v1/blocks/{user}")).status == 204
    assert [user["username"] for user in (await alice.request("GET", "/v1/blocks")).body["users"]] == ["bob"]
    asked = await bob.request("POST", "/v1/contacts", {"userId": alice.user["id"]})
    assert asked.body["status"] == "CONTACT_STATUS_REQUESTED"
    assert (await alice.request("GET", "/v1/contacts")).body == {}
    assert (await alice.request("POST", "/v1/contacts", {"userId": bob.user["id"]})).status == 409
    assert (await alice.request("PUT", f"/v1/blocks/{alice.user['id']}")).status == 400
    for _ in range(2):
        assert (await alice.request("DELETE", f"/v1/blocks/{bob.user['id']}")).status == 204
    assert (await alice.request("GET", "/v1/blocks")).body == {}


async def _call_settings(alice: RingbackClient) -> None:
    path = "/v1/me/call-settings"
    assert (await alice.request("GET", path)).body == {"whoCanCall": "WHO_CAN_CALL_EVERYONE"}
    changed = await alice.request("PATCH", path, {"callWaiting": True, "whoCanCall": "WHO_CAN_CALL_NOBODY"})
    assert changed.body == {"callWaiting": True, "whoCanCall": "WHO_CAN_CALL_NOBODY"}
    changed = await alice.request("PATCH", path, {"callWaiting": False})
    assert changed.body == {"whoCanCall": "WHO_CAN_CALL_NOBODY"}
    await alice.request("PATCH", path, {"whoCanCall": "WHO_CAN_CALL_EVERYONE"})


async def _conversations(alice: RingbackClient, bob: RingbackClient) -> str:
    opened = await alice.request("POST", "/v1/conversations", {"userId": bob.user["id"]})
    again = await bob.request("POST", "/v1/conversations", {"userId": alice.user["id"]})
    conversation: str = opened.body["id"]
    assert again.body["id"] == conversation
    await alice.connect()
    for number in range(5):
        message = {"clientMessageId": str(uuid.uuid4()), "conversationId": conversation, "body": f"Message {number}"}
        await alice.send({"sendMessage": message})
    listed = (await bob.request("GET", "/v1/conversations")).body["conversations"]
    assert [item["id"] for item in listed] == [conversation]
    newest = (await bob.request("GET", f"/v1/conversations/{conversation}/messages?limit=2")).body
    assert [message["seq"] for message in newest["messages"]] == ["4", "5"]
    assert newest["hasMore"]
    older = (await bob.request("GET", f"/v1/conversations/{conversation}/messages?before_seq=4")).body
    assert [message["seq"] for message in older["messages"]] == ["1", "2", "3"]
    assert "hasMore" not in older
    return conversation


async def _calls(alice: RingbackClient, bob: RingbackClient) -> None:
    for _ in range(3):
        invite = {"clientCallId": str(uuid.uuid4()), "userId": bob.user["id"], "type": "CALL_TYPE_VOICE"}
        call = (await alice.send({"callInvite": invite}))["call"]
        await alice.send({"callHangUp": {"commandId": str(uuid.uuid4()), "callId": call["id"]}})
    seen, cursor = [], ""
    while True:
        page = (await bob.request("GET", f"/v1/calls?limit=2&cursor={cursor}")).body
        seen += [call["id"] for call in page["calls"]]
        if not (cursor := page.get("nextCursor", "")):
            break
    assert len(seen) == len(set(seen)) == 3


async def _history(alice: RingbackClient, bob: RingbackClient, conversation: str) -> None:
    calls = (await alice.request("GET", "/v1/calls")).body["calls"]
    one = await alice.request("GET", f"/v1/calls/{calls[0]['id']}")
    assert one.status == 200
    there = await bob.request("GET", f"/v1/conversations/{conversation}/calls")
    assert calls[0]["id"] in [call["id"] for call in there.body["calls"]]
    assert (await bob.request("GET", "/v1/calls/missed")).status == 200
    assert (await bob.request("POST", "/v1/calls/missed/seen", {})).body.get("unseen", 0) == 0


async def _groups(alice: RingbackClient, bob: RingbackClient) -> None:
    group = {"type": "CONVERSATION_TYPE_GROUP", "clientConversationId": str(uuid.uuid4()), "name": "A group"}
    made = (await alice.request("POST", "/v1/conversations", group)).body
    path = f"/v1/conversations/{made['id']}"
    assert (await alice.request("POST", "/v1/conversations", group)).body["id"] == made["id"]
    assert (await bob.request("GET", path)).status == 404
    assert (await alice.request("POST", f"{path}/members", {"userIds": [bob.user["id"]]})).status == 200
    assert len((await bob.request("GET", path)).body["members"]) == 2
    admin = {"role": "MEMBER_ROLE_ADMIN"}
    changed = await alice.request("PATCH", f"{path}/members/{bob.user['id']}", admin)
    assert sorted(changed.body["roles"]) == ["MEMBER_ROLE_ADMIN", "MEMBER_ROLE_OWNER"]
    assert (await bob.request("PATCH", f"{path}/members/{bob.user['id']}", admin)).status == 403
    assert (await alice.request("PATCH", f"{path}/members/{alice.user['id']}", admin)).status == 400
    assert (await bob.request("DELETE", f"{path}/members/{alice.user['id']}")).status == 403
    assert (await alice.request("DELETE", f"{path}/members/{bob.user['id']}")).status == 204
    assert (await bob.request("GET", path)).status == 404


async def _invitations(alice: RingbackClient, carol: RingbackClient) -> None:
    paths = []
    for name in ("One", "Two"):
        group = {"type": "CONVERSATION_TYPE_GROUP", "clientConversationId": str(uuid.uuid4()), "name": name}
        made = (await alice.request("POST", "/v1/conversations", group | {"memberIds": [carol.user["id"]]})).body
        assert [user["username"] for user in made["invited"]] == ["carol"]
        paths.append(f"/v1/invitations/{made['id']}")
    page = (await carol.request("GET", "/v1/invitations?limit=1")).body
    assert [invitation["name"] for invitation in page["invitations"]] == ["Two"]
    page = (await carol.request("GET", f"/v1/invitations?limit=1&cursor={page['nextCursor']}")).body
    assert [invitation["name"] for invitation in page["invitations"]] == ["One"]
    assert "nextCursor" not in page
    assert len((await carol.request("POST", f"{paths[0]}/accept")).body["members"]) == 2
    assert (await carol.request("POST", f"{paths[1]}/decline")).status == 204
    for verb in ("accept", "decline"):
        assert (await carol.request("POST", f"{paths[1]}/{verb}")).status == 404
    first = (await carol.request("GET", "/v1/conversations?limit=1")).body
    assert [conversation["name"] for conversation in first["conversations"]] == ["One"]
    assert (await carol.request("GET", "/v1/conversations?cursor=x")).status == 400
    assert (await carol.request("GET", "/v1/invitations?cursor=x")).status == 400


async def _refusals(alice: RingbackClient, conversation: str) -> None:
    unknown = uuid.uuid4()
    refused: dict[tuple[str, str], tuple[Json | None, int]] = {
        ("POST", "/v1/accounts"): ({"username": "alice", "password": PASSWORD, "device": alice.device}, 409),
        ("POST", "/v1/sessions"): ({"username": "alice", "password": "wrong wrong", "device": alice.device}, 401),
        ("POST", "/v1/sessions/refresh"): ({"refreshToken": "none"}, 401),
        ("PUT", "/v1/sessions/current/push-token"): ({"pushToken": "x" * 2049}, 400),
        ("POST", "/v1/conversations"): ({"userId": str(unknown)}, 404),
        ("GET", f"/v1/conversations/{unknown}/messages"): (None, 404),
        ("GET", f"/v1/conversations/{conversation}/messages?limit=many"): (None, 400),
        ("DELETE", f"/v1/sessions/{unknown}"): (None, 404),
        ("PUT", "/v1/me"): (None, 405),
        ("POST", "/v1/socket"): (None, 405),
    }
    for (method, path), (body, status) in refused.items():
        answer = await alice.request(method, path, body)
        assert answer.status == status, f"{method} {path}: {answer}"
        assert answer.body["code"].startswith("ERROR_CODE_")
    for path in (
        "/v1/me",
        "/v1/users?query=a",
        "/v1/ice-servers",
        "/v1/sessions",
        "/v1/conversations",
        "/v1/calls",
        "/v1/contacts",
        "/v1/blocks",
        "/v1/invitations",
    ):
        assert (await alice.request("GET", path, token="")).status == 401


async def _sessions(alice: CheckedClient) -> None:
    (session,) = (await alice.request("GET", "/v1/sessions")).body["sessions"]
    async with CheckedClient(alice.url, alice._document) as phone:
        await phone.log_in("alice", PASSWORD)
        (own,) = [item for item in (await phone.request("GET", "/v1/sessions")).body["sessions"] if item.get("current")]
        assert own["id"] != session["id"]
        assert (await alice.request("DELETE", f"/v1/sessions/{own['id']}")).status < 300
        assert (await phone.request("GET", "/v1/me")).status == 401
    assert (await alice.request("DELETE", "/v1/sessions/current")).status < 300
    assert (await alice.request("GET", "/v1/me")).status == 401
