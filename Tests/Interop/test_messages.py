"""Two people write to each other."""

import asyncio

from conftest import Arrive
from database import Database, messages
from people import Person
from playwright.async_api import Response, Route
from server import Server


async def test_messages_both_ways(database: Database, alice: Person, bob: Person) -> None:
    await alice.open_conversation("bob")
    await alice.write("Hello Bob")
    # The conversation comes up by itself at the one who did nothing.
    await bob.click("conversation-alice")
    await bob.reads(["Hello Bob"])
    await bob.write("Hello Alice: <b>&amp; 🙂")
    await alice.reads(["Hello Bob", "Hello Alice: <b>&amp; 🙂"])
    assert messages(database) == [
        {"seq": 1, "body": "Hello Bob", "sender": "alice"},
        {"seq": 2, "body": "Hello Alice: <b>&amp; 🙂", "sender": "bob"},
    ]


async def test_messages_reach_every_device(arrive: Arrive, server: Server, alice: Person, bob: Person) -> None:
    bobs_phone = await arrive(server, "bob", registered=True)
    await alice.open_conversation("bob")
    await alice.write("To all of you")
    for device in (bob, bobs_phone):
        await device.click("conversation-alice")
        await device.reads(["To all of you"])
    await bobs_phone.write("From the phone")
    for device in (alice, bob):
        await device.reads(["To all of you", "From the phone"])


async def test_messages_are_there_after_a_reload(alice: Person, bob: Person) -> None:
    await alice.open_conversation("bob")
    await alice.write("Keep this")
    await bob.click("conversation-alice")
    await bob.reads(["Keep this"])
    await bob.page.reload()
    await bob.is_online()
    await bob.click("conversation-alice")
    await bob.reads(["Keep this"])


async def test_what_was_missed_shows_whichever_answer_comes_first(alice: Person, bob: Person) -> None:
    """The list of conversations comes before the messages of the one that is open."""
    await alice.open_conversation("bob")
    await alice.write("Before")
    await bob.click("conversation-alice")
    await bob.reads(["Before"])
    await alice.page.evaluate("ringback.client.disconnect()")
    await bob.write("Meanwhile")
    await bob.reads(["Before", "Meanwhile"])
    listed = asyncio.Event()

    async def hold(route: Route) -> None:
        await listed.wait()
        await route.continue_()

    async def note(response: Response) -> None:
        if "/v1/conversations?" in response.url:
            await response.finished()
            listed.set()

    await alice.page.route("**/messages?*", hold)
    alice.page.on("response", note)
    await alice.page.evaluate("ringback.client.connect()")
    await alice.reads(["Before", "Meanwhile"])
