"""Devices that lose their socket and come back to what they missed, over REST and the socket alone."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from ringback_client import Json, RingbackClient
from server import Server
from waiting import until

PASSWORD = "correct horse"


@asynccontextmanager
async def registered(server: Server, username: str) -> AsyncIterator[RingbackClient]:
    async with RingbackClient(server.url) as client:
        await client.register(username, PASSWORD)
        yield client


async def metric(server: Server, sample: str) -> float:
    """The value of one sample, with its labels."""
    async with aiohttp.ClientSession() as http, http.get(server.url + "/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(float(line.removeprefix(sample)) for line in lines if line.startswith(sample + " "))


async def gone(server: Server) -> None:
    """Waits until the server has noticed a lost connection."""

    async def is_gone() -> bool:
        return await metric(server, 'ringback_device_sessions{standing="detached"}') == 1

    await until("the server has noticed the loss", is_gone)


async def write(client: RingbackClient, to: Json, body: str) -> None:
    await client.send({"sendMessage": {"clientMessageId": str(uuid.uuid4()), "userId": to["id"], "body": body}})


async def test_what_came_meanwhile_comes_once_and_in_order(server: Server) -> None:
    async with registered(server, "alice") as alice, registered(server, "bob") as bob:
        await alice.connect()
        await bob.connect()
        await write(alice, bob.user, "before")
        assert (await bob.event("messageReceived"))[1]["message"]["body"] == "before"
        await bob.lose()
        await gone(server)
        for number in range(3):
            await write(alice, bob.user, f"meanwhile {number}")
        invite = {"clientCallId": str(uuid.uuid4()), "userId": bob.user["id"], "type": "CALL_TYPE_VOICE"}
        call = (await alice.send({"callInvite": invite}))["call"]

        welcome = await bob.connect(bob.resume)
        assert welcome["recovered"]
        assert [open_call["id"] for open_call in welcome["calls"]] == [call["id"]]
        for number in range(3):
            name, event = await bob.event("messageReceived", "callIncoming")
            assert (name, event["message"]["body"]) == ("messageReceived", f"meanwhile {number}")
        name, event = await bob.event("messageReceived", "callIncoming")
        assert (name, event["call"]["id"]) == ("callIncoming", call["id"])
        accept = {"commandId": str(uuid.uuid4()), "callId": call["id"]}
        assert (await bob.send({"callAccept": accept}))["call"]["status"] == "CALL_STATUS_ONGOING"
        await write(alice, bob.user, "afterwards")
        # Nothing of what was missed comes twice: the next message is a new one.
        assert (await bob.event("messageReceived"))[1]["message"]["body"] == "afterwards"
        assert await metric(server, 'ringback_socket_admissions_total{outcome="resumed"}') == 1


async def test_after_too_much_or_a_restart_comes_the_snapshot(server: Server) -> None:
    async with registered(server, "alice") as alice, registered(server, "bob") as bob:
        await alice.connect()
        await bob.connect()
        await bob.lose()
        await gone(server)
        # 300 KiB in messages: more than is kept.
        for number in range(20):
            await write(alice, bob.user, f"{number} " + "x" * 15_000)
        first = bob.welcome["resumeToken"]
        welcome = await bob.connect(bob.resume)
        assert not welcome.get("recovered")
        assert welcome["resumeToken"] != first
        await write(alice, bob.user, "live")
        assert (await bob.event("messageReceived"))[1]["message"]["body"] == "live"
        assert bob.last_seq == 1

        await server.kill()
        await server.start()
        welcome = await bob.connect(bob.resume)
        assert not welcome.get("recovered")
        conversations = (await bob.request("GET", "/v1/conversations")).body["conversations"]
        assert [conversation["lastMessage"]["body"] for conversation in conversations] == ["live"]
