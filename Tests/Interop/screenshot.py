"""Takes the pictures for the documentation: screenshot.py FOLDER."""

import asyncio
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from database import SQLite
from media import are_together, meet
from people import Person, start_chromium
from PIL import Image
from playwright.async_api import Browser, async_playwright
from server import Server

GAP = 24
GROUND = (226, 231, 230)
WINDOW = {"viewport": {"width": 900, "height": 640}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


async def side_by_side(path: Path, *people: Person) -> None:
    shots = [Image.open(BytesIO(await person.page.screenshot())) for person in people]
    width = sum(shot.width for shot in shots) + GAP * (len(shots) + 1)
    picture = Image.new("RGB", (width, max(shot.height for shot in shots) + 2 * GAP), GROUND)
    left = GAP
    for shot in shots:
        picture.paste(shot, (left, GAP))
        left += shot.width + GAP
    picture.save(path, optimize=True)


async def call_of_two(browser: Browser, url: str, folder: Path) -> Person:
    """In two windows, then with a phone; leaves the first one, whose call is over."""
    alice = await Person.arrive(browser, url, "alice", **WINDOW)
    bob = await Person.arrive(browser, url, "bob", **WINDOW)
    await asyncio.gather(alice.register(), bob.register())
    await alice.call("bob")
    await bob.answer()
    await meet(alice, bob)
    await side_by_side(folder / "call.png", alice, bob)
    await bob.leave()

    bobs_phone = await Person.arrive(browser, url, "bob", **PHONE)
    await bobs_phone.log_in()
    await alice.click("call-hangup")
    await alice.click("call-close")
    await alice.call("bob")
    await bobs_phone.answer()
    await meet(alice, bobs_phone)
    await bobs_phone.page.screenshot(path=folder / "phone.png")
    await bobs_phone.leave()
    await alice.click("call-hangup")
    await alice.click("call-close")
    return alice


async def group_and_settings(browser: Browser, url: str, folder: Path, alice: Person) -> None:
    """A group call of three, and the settings of somebody whom others have asked to be a contact."""
    bob = await Person.arrive(browser, url, "bob", **WINDOW)
    carol = await Person.arrive(browser, url, "carol", **WINDOW)
    dan = await Person.arrive(browser, url, "dan", **WINDOW)
    await asyncio.gather(bob.log_in(), carol.register(), dan.register())
    await alice.make_group("Quartet", "bob", "carol", "dan")
    for person in (carol, dan):
        await person.joins("Quartet")
    await alice.sees("thread-detail", "Dan")
    await alice.click("call-video")
    for person in (bob, carol):
        await person.answer()
    await dan.decline()
    await are_together(alice, bob, carol)
    await bob.click("call-hand")
    await alice.sees("tile-bob", "Hand raised")
    await alice.page.screenshot(path=folder / "group.png")
    await alice.end_for_all()
    await alice.click("call-close")

    for person in (bob, carol):
        await person.click("call-close")
        await person.open_conversation("alice")
        await person.does("ask")
        await person.sees("thread-detail", "Request sent")
    await alice.open_conversation("dan")
    await alice.does("block")
    await alice.click("question-yes")
    await alice.sees("thread-detail", "Blocked")
    await alice.chooses("call-waiting")
    await alice.page.set_viewport_size({"width": 900, "height": 860})
    await alice.opens_settings()
    await alice.click("accept-bob")
    await alice.sees("accepted-bob")
    await alice.page.screenshot(path=folder / "settings.png")


async def take(folder: Path, scratch: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = await Server(scratch / "server", SQLite(scratch).url).start()
    try:
        async with async_playwright() as playwright:
            browser = await start_chromium(playwright)
            alice = await call_of_two(browser, server.url, folder)
            await group_and_settings(browser, server.url, folder, alice)
            await browser.close()
    finally:
        if server.is_running:
            await server.terminate()


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="ringback-screenshot-") as scratch:
        asyncio.run(take(folder, Path(scratch)))
    print(*sorted(map(str, folder.glob("*.png"))))


if __name__ == "__main__":
    main()
