"""Who may call, contacts and blocks, as people set them on their pages."""

import time

import pytest
from conftest import Arrive, StartServer
from people import Person
from playwright.async_api import Route, expect
from server import Server


async def calls_in_vain(caller: Person, callee: Person) -> None:
    """Calls somebody to whom it does not ring: it looks as if they did not answer, and they see nothing."""
    await callee.counts_rings()
    await caller.call(callee.username, "voice")
    await caller.sees_call_end(f"{callee.username.capitalize()} did not answer")
    await caller.click("call-close")
    # What is written afterwards arrives after whatever the call would have shown.
    text = f"I called at {time.monotonic()}"
    await caller.write(text)
    await callee.click(f"conversation-{caller.username}")
    await expect(callee.element("message").last).to_contain_text(text)
    assert await callee.rings() == 0
    await callee.sees_not("incoming")
    await callee.click("show-history")
    await callee.sees("history-all")
    await callee.sees_not("history-item")
    await callee.click("show-chats")


async def calls_and_is_declined(caller: Person, callee: Person) -> None:
    await caller.call(callee.username, "voice")
    await callee.decline()
    await caller.sees_call_end("declined")
    await caller.click("call-close")


async def has_focus(person: Person, testid: str) -> None:
    await expect(person.element(testid)).to_be_focused()


async def test_who_can_call(start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server(CALLS_RING_SECONDS=2)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await bob.chooses("who-nobody")
    await calls_in_vain(alice, bob)

    await bob.chooses("who-contacts")
    await calls_in_vain(alice, bob)
    await alice.does("ask")
    await alice.sees("thread-detail", "Request sent")
    await bob.page.reload()
    await expect(bob.element("open-settings")).to_have_accessible_name("Settings, 1 contact request")
    await bob.opens_settings()
    await expect(bob.element("who-contacts")).to_be_checked()
    await bob.click("accept-alice")
    await bob.sees("settings-status", "Alice is now a contact")
    await bob.sees("accepted-alice")
    await bob.sees_not("received-alice")
    await bob.leaves_settings()
    await calls_and_is_declined(alice, bob)

    # The end of a contact is the end of that.
    await bob.opens_settings()
    await bob.click("remove-alice")
    await bob.sees_not("accepted-alice")
    await bob.leaves_settings()
    await bob.chooses("who-everyone")
    await calls_and_is_declined(alice, bob)


async def test_a_block(start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server(CALLS_RING_SECONDS=2)
    alice, bob = await arrive(server, "alice"), await arrive(server, "bob")
    await bob.open_conversation("alice")
    # The question says what it does, and Escape leaves all as it is.
    await bob.does("block")
    await bob.sees("question", "Calls from Alice no longer ring")
    await bob.page.keyboard.press("Escape")
    await bob.sees_not("question")
    await has_focus(bob, "conversation-menu")
    await bob.does("block")
    await bob.click("question-yes")
    await bob.sees("thread-detail", "Blocked")
    await expect(bob.element("call-voice")).to_be_disabled()
    await calls_in_vain(alice, bob)

    await bob.page.reload()
    await bob.click("conversation-alice")
    await bob.sees("thread-detail", "Blocked")
    await calls_in_vain(alice, bob)

    await bob.does("unblock")
    await expect(bob.element("thread-detail")).to_have_text("@alice")
    await calls_and_is_declined(alice, bob)

    # Blocked here, unblocked in the settings.
    await bob.does("block")
    await bob.click("question-yes")
    await bob.opens_settings()
    await bob.click("unblock-alice")
    await bob.sees_not("blocked-alice")
    await bob.sees("settings-blocked", "No one is blocked.")
    await bob.leaves_settings()
    await expect(bob.element("thread-detail")).to_have_text("@alice")
    await calls_and_is_declined(alice, bob)


@pytest.mark.usefixtures("alice")
async def test_the_settings_by_keyboard(bob: Person) -> None:
    keys = bob.page.keyboard
    await bob.open_conversation("alice")
    await bob.element("open-settings").focus()
    await keys.press("Enter")
    await bob.sees("who-everyone")
    for _ in range(2):
        await keys.press("Tab")
    await has_focus(bob, "call-waiting")
    await keys.press("Space")
    await bob.sees("settings-status", "Saved.")
    await expect(bob.element("call-waiting")).to_be_checked()
    # It was drawn anew, and the focus is where it was.
    await has_focus(bob, "call-waiting")
    await keys.press("Tab")
    await keys.press("ArrowDown")
    await has_focus(bob, "who-contacts")
    await bob.sees("settings-status", "Saved.")
    await bob.leaves_settings()
    await has_focus(bob, "open-settings")

    await bob.element("conversation-menu").focus()
    await keys.press("ArrowDown")
    await has_focus(bob, "do-ask")
    await keys.press("ArrowUp")
    await has_focus(bob, "do-block")
    await keys.press("Escape")
    await bob.sees_not("conversation-menu-items")
    await has_focus(bob, "conversation-menu")
    await keys.press("Enter")
    await keys.press("Enter")
    await bob.sees("thread-detail", "Request sent")


async def test_what_cannot_be_loaded_or_stored_is_said(alice: Person) -> None:
    path = "**/v1/me/call-settings"
    requests: list[str] = []

    async def fail(route: Route) -> None:
        requests.append(route.request.method)
        await route.abort()

    await alice.page.route(path, fail)
    await alice.click("open-settings")
    await alice.sees("settings", "The server cannot be reached")
    await alice.page.unroute(path)
    await alice.click("settings-retry")
    await expect(alice.element("who-everyone")).to_be_checked()

    await alice.page.route(path, fail)
    await alice.click("who-nobody")
    await alice.sees("settings-error", "Not saved. The server cannot be reached")
    await expect(alice.element("who-everyone")).to_be_checked()
    assert requests == ["GET", "PATCH"]


@pytest.mark.usefixtures("alice")
async def test_nothing_of_it_stays_after_a_sign_out(server: Server, arrive: Arrive, bob: Person) -> None:
    await bob.open_conversation("alice")
    await bob.does("block")
    await bob.click("question-yes")
    await bob.sees("thread-detail", "Blocked")
    await bob.chooses("who-nobody")
    await bob.opens_settings()
    # Signed out by another device, while the settings are open.
    bobs_phone = await arrive(server, "bob", registered=True)
    await bobs_phone.click("show-devices")
    await bobs_phone.click("device-revoke")
    await bob.sees("login-error", "You were signed out")
    await bob.sees_not("settings")
    # What the next person has cannot be loaded: what is shown would be of the former one.
    paths = ("**/v1/me/call-settings", "**/v1/contacts*", "**/v1/blocks*")
    for path in paths:
        await bob.page.route(path, lambda route: route.abort())
    bob.username = "dora"
    await bob.register()
    await bob.click("open-settings")
    await expect(bob.element("settings-retry")).to_have_count(2)
    await bob.sees_not("call-waiting")
    await bob.sees_not("settings-blocked")
    for path in paths:
        await bob.page.unroute(path)
    await bob.element("settings-retry").first.click()
    await bob.sees("call-waiting")
    await bob.click("settings-retry")
    await expect(bob.element("who-everyone")).to_be_checked()
    await bob.sees("settings-blocked", "No one is blocked.")
    await bob.leaves_settings()
    await bob.open_conversation("alice")
    await expect(bob.element("thread-detail")).to_have_text("@alice")
