"""People who use the page, each in a browser of their own, as a person does: by what is on the screen."""

import os
from collections.abc import Iterable
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Cookie, Locator, Page, Playwright, expect
from waiting import until

# Chromium without windows: the pages of Chrome's own windows would cost as much as ours.
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium-headless-shell")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    # Few pictures a second: they are encoded and decoded by the processor.
    "--use-fake-device-for-media-stream=fps=5",
    "--use-fake-ui-for-media-stream",
    "--auto-accept-this-tab-capture",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--disable-gpu",
    "--disable-dev-shm-usage",
]
PASSWORD = "correct horse battery staple"
ACTION_MS = 15_000


async def start_chromium(playwright: Playwright) -> Browser:
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)


class Person:
    """Somebody at a page."""

    def __init__(self, username: str, context: BrowserContext, page: Page):
        self.username = username
        self.page = page
        self.faults: list[str] = []
        self._context = context
        page.set_default_timeout(ACTION_MS)
        page.on("pageerror", lambda error: self.faults.append(f"{username}: {error}"))
        page.on("console", self._console)

    def _console(self, message: ConsoleMessage) -> None:
        # What a lost connection makes the browser say is no fault of the page.
        expected = ("net::ERR", "WebSocket", "Failed to load resource")
        if message.type == "error" and not any(words in message.text for words in expected):
            self.faults.append(f"{self.username}: {message.text}")

    @classmethod
    async def arrive(cls, browser: Browser, url: str, username: str, **context_options: Any) -> "Person":
        """Opens the page in a browser that knows nothing yet."""
        # Nothing moves on the page: each moving picture would be drawn sixty times a second.
        usual = {"viewport": {"width": 1100, "height": 760}, "reduced_motion": "reduce"}
        context = await browser.new_context(**usual | context_options)
        person = cls(username, context, await context.new_page())
        await person.page.goto(url)
        return person

    async def leave(self) -> None:
        await self._context.close()

    def element(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    async def click(self, testid: str) -> None:
        await self.element(testid).click()

    async def sees(self, testid: str, text: str | None = None, seconds: float = 15) -> None:
        """Waits until something is on the screen."""
        await expect(self.element(testid)).to_be_visible(timeout=seconds * 1000)
        if text is not None:
            await expect(self.element(testid)).to_contain_text(text, timeout=seconds * 1000)

    async def sees_not(self, testid: str, seconds: float = 15) -> None:
        """Waits until something is not on the screen."""
        await expect(self.element(testid)).to_be_hidden(timeout=seconds * 1000)

    # ------------------------------------------------------------------------------------------ signing in

    async def register(self) -> None:
        await self.click("show-register")
        await self._enter("register", {"username": self.username, "display-name": self.username.capitalize()})

    async def log_in(self) -> None:
        await self._enter("login", {"username": self.username})

    async def _enter(self, form: str, fields: dict[str, str]) -> None:
        for name, value in (fields | {"password": PASSWORD}).items():
            await self.element(f"{form}-{name}").fill(value)
        await self.click(f"{form}-submit")
        await self.is_online()

    async def is_online(self, seconds: float = 30) -> None:
        """Waits for the live connection, without which nobody can be called."""
        await self._until("ringback.client.state", "online", seconds)

    async def _until(self, expression: str, value: str, seconds: float) -> None:
        # Not by the page's own waiting: the content security policy forbids what it needs.
        async def is_so() -> bool:
            return bool(await self.page.evaluate(expression) == value)

        await until(f"{self.username}: {expression} is {value}", is_so, seconds)

    async def secrets(self) -> list[str]:
        """What the page keeps that no log may show."""
        kept: list[str] = await self.page.evaluate(
            """Object.values(localStorage).flatMap((text) => {
                 try { const kept = JSON.parse(text); return [kept.accessToken, kept.refreshToken].filter(Boolean); }
                 catch { return []; }
               })"""
        )
        return kept + [cookie["value"] for cookie in await self.cookies()]

    async def cookies(self) -> list[Cookie]:
        """What the browser keeps for the server."""
        return await self._context.cookies()

    async def becomes_two(self, url: str, username: str) -> "Person":
        """Somebody else at the same browser, in a profile of the page of their own."""
        other = Person(username, self._context, await self._context.new_page())
        await other.page.goto(f"{url}/?profile={username}")
        return other

    # -------------------------------------------------------------------------------------- conversations

    async def open_conversation(self, username: str) -> None:
        """By search, as with somebody new."""
        await self.element("people-search").fill(username)
        await self.click(f"person-{username}")
        await self.sees("message-input")

    async def write(self, text: str) -> None:
        await self.element("message-input").fill(text)
        await self.click("message-send")

    async def reads(self, texts: Iterable[str]) -> None:
        """Waits until the open conversation shows just these messages, in this order."""
        shown = self.element("message-list").get_by_test_id("message")
        await expect(shown).to_contain_text(list(texts))

    async def make_group(self, name: str, *usernames: str) -> None:
        """By the form. Afterwards the group's conversation is open; those who do not know this person are invited."""
        await self.click("new-group")
        await self.element("group-name").fill(name)
        for username in usernames:
            await self.element("group-search").fill(username)
            await self.click(f"group-add-{username}")
        await self.click("group-submit")
        await self.sees("thread-name", name)

    async def joins(self, group: str) -> None:
        """Accepts the invitation into a group; afterwards the group's conversation is open."""
        await self.element(f"invitation-{group}").get_by_test_id("invitation-accept").click()
        await self.sees("thread-name", group)

    async def does(self, verb: str) -> None:
        """By the menu in the head of the conversation."""
        await self.click("conversation-menu")
        await self.click(f"do-{verb}")

    # -------------------------------------------------------------------------------------------- settings

    async def opens_settings(self) -> None:
        await self.click("open-settings")
        await self.sees("call-waiting")

    async def leaves_settings(self) -> None:
        await self.page.keyboard.press("Escape")
        await self.sees_not("settings")

    async def chooses(self, setting: str) -> None:
        """Presses one of the call settings, and waits until it is stored."""
        await self.opens_settings()
        await self.click(setting)
        await self.sees("settings-status", "Saved.")
        await self.leaves_settings()

    # ----------------------------------------------------------------------------------------------- calls

    async def counts_rings(self) -> None:
        """Counts from now on what rings at this page, until it is loaded anew."""
        await self.page.evaluate(
            "() => { window.rings = 0; ringback.client.addEventListener('incoming', () => (window.rings += 1)); }"
        )

    async def rings(self) -> int:
        rings: int = await self.page.evaluate("() => window.rings")
        return rings

    async def call(self, username: str, kind: str = "video") -> None:
        await self.open_conversation(username)
        await self.click(f"call-{kind}")
        await self.sees("call-screen")

    async def answer(self, kind: str = "video") -> None:
        await self.sees("incoming")
        await self.click("incoming-accept-video" if kind == "video" else "incoming-accept")

    async def decline(self) -> None:
        await self.sees("incoming")
        await self.click("incoming-decline")

    async def hang_up(self) -> None:
        await self.click("call-hangup")

    async def end_for_all(self) -> None:
        await self.click("call-people")
        await self.click("end-for-all")

    async def is_in_call(self, seconds: float = 20) -> None:
        await self._until("ringback.call?.state", "connected", seconds)

    async def sees_call_end(self, reason: str, seconds: float = 15) -> None:
        await self.sees("call-ended-reason", reason, seconds)
