"""The operator's own services hear of calls."""

import uuid

from conftest import StartServer
from people import PASSWORD
from receiver import Receiver
from ringback_client import Json, RingbackClient
from waiting import until

SECRET = "a secret that both sides know"
PUSH_TOKEN = "push-token-of-bobs-phone"


def invite(callee: RingbackClient) -> Json:
    call = {"clientCallId": str(uuid.uuid4()), "userId": callee.user["id"], "type": "CALL_TYPE_VOICE"}
    return {"callInvite": call}


def command(name: str, call: Json) -> Json:
    return {name: {"commandId": str(uuid.uuid4()), "callId": call["id"]}}


async def test_webhooks_in_order_although_the_receiver_failed(start_server: StartServer) -> None:
    kinds = [
        "call.initiated",
        "call.answered",
        "call.participant_joined",
        "call.participant_left",
        "call.ended",
    ]
    # It fails for the first three attempts, which takes the server some seconds.
    with Receiver(lambda number: 500 if number < 3 else 200) as receiver:
        server = await start_server(WEBHOOKS_URL=receiver.url, WEBHOOKS_SECRET=SECRET)
        async with RingbackClient(server.url) as alice, RingbackClient(server.url) as bob:
            for client, name in ((alice, "alice"), (bob, "bob")):
                await client.register(name, PASSWORD)
                await client.connect()
            call = (await alice.send(invite(bob)))["call"]
            await bob.send(command("callAccept", call))
            await alice.send(command("callHangUp", call))

            async def all_taken() -> bool:
                return len(receiver.taken) >= len(kinds)

            await until("the webhooks are taken", all_taken, 60)
            metrics = await alice.request("GET", "/metrics")
            assert metrics.status == 200
    assert [delivery.json["type"] for delivery in receiver.taken] == kinds
    assert len(receiver.deliveries) == len(kinds) + 3
    assert len({delivery.json["id"] for delivery in receiver.deliveries}) == len(kinds)
    for delivery in receiver.deliveries:
        assert delivery.is_genuine(SECRET)
        assert delivery.json["call"]["id"] == call["id"]
    ended = receiver.taken[-1].json["call"]
    assert (ended["status"], ended["end_reason"]) == ("completed", "hangup")
    assert ended["duration_ms"] >= 0
    assert {participant["user"]["username"] for participant in ended["participants"]} == {"alice", "bob"}
    assert "deliveries succeed again" in server.log
    assert SECRET not in server.log
    assert receiver.url not in server.log


async def test_what_was_not_sent_is_sent_by_the_next_server(start_server: StartServer) -> None:
    with Receiver(lambda number: 503 if number < 1 else 200) as receiver:
        server = await start_server(WEBHOOKS_URL=receiver.url, WEBHOOKS_SECRET=SECRET)
        async with RingbackClient(server.url) as alice, RingbackClient(server.url) as bob:
            for client, name in ((alice, "alice"), (bob, "bob")):
                await client.register(name, PASSWORD)
                await client.connect()
            call = (await alice.send(invite(bob)))["call"]

            async def refused() -> bool:
                return len(receiver.deliveries) >= 1

            await until("the first webhook is refused", refused)
            await server.kill()
        await server.start()

        async def taken() -> bool:
            return bool(receiver.taken)

        # The lease of the killed server may have to run out first.
        await until("the webhook is taken", taken, 60)
    assert receiver.taken[0].json["type"] == "call.initiated"
    assert receiver.taken[0].json["call"]["id"] == call["id"]


async def test_a_push_wakes_who_has_no_socket(start_server: StartServer) -> None:
    with Receiver() as receiver:
        server = await start_server(PUSH_URL=receiver.url, PUSH_SECRET=SECRET)
        async with RingbackClient(server.url) as alice, RingbackClient(server.url) as bob:
            await alice.register("alice", PASSWORD)
            await alice.connect()
            await bob.register("bob", PASSWORD)
            answer = await bob.request("PUT", "/v1/sessions/current/push-token", {"pushToken": PUSH_TOKEN})
            assert answer.status == 204
            call = (await alice.send(invite(bob)))["call"]

            async def woken() -> bool:
                return len(receiver.taken) >= 1

            await until("the invite is taken", woken)
            await alice.send(command("callHangUp", call))

            async def told_to_stop() -> bool:
                return len(receiver.taken) >= 2

            await until("the cancel is taken", told_to_stop)
    first, second = receiver.deliveries
    assert [first.json["type"], second.json["type"]] == ["invite", "cancel"]
    assert first.json["caller"]["username"] == "alice"
    assert second.json["reason"] == "cancelled"
    for delivery in (first, second):
        assert delivery.is_genuine(SECRET)
        assert delivery.json["call_id"] == call["id"]
        assert delivery.json["user_id"] == bob.user["id"]
        assert delivery.json["server_time"] < delivery.json["deadline"]
        assert [device["push_token"] for device in delivery.json["devices"]] == [PUSH_TOKEN]
        assert [device["id"] for device in delivery.json["devices"]] == [bob.device["id"]]
    assert PUSH_TOKEN not in server.log
    assert SECRET not in server.log
