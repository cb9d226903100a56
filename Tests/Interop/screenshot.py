"""Takes the pictures for the documentation: screenshot.py FOLDER."""

import asyncio
import os
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import async_playwright

from database import SQLite
from media import meet
from people import CHROMIUM_FLAGS, Person
from server import Server

GAP = 24
GROUND = (226, 231, 230)
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


async def take(folder: Path, scratch: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    server = await Server(scratch / "server", SQLite(scratch).url).start()
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=CHROMIUM_FLAGS
            )
            alice = await Person.arrive(browser, server.url, "alice", viewport={"width": 900, "height": 640})
            bob = await Person.arrive(browser, server.url, "bob", viewport={"width": 900, "height": 640})
            await asyncio.gather(alice.register(), bob.register())
            await alice.call("bob")
            await bob.answer()
            await meet(alice, bob)
            await side_by_side(folder / "call.png", alice, bob)
            await bob.leave()

            bobs_phone = await Person.arrive(browser, server.url, "bob", **PHONE)
            await bobs_phone.log_in()
            await alice.click("call-hangup")
            await alice.click("call-close")
            await alice.call("bob")
            await bobs_phone.answer()
            await meet(alice, bobs_phone)
            await bobs_phone.page.screenshot(path=folder / "phone.png")
            await browser.close()
    finally:
        if server.is_running:
            await server.terminate()


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="ringback-screenshot-") as scratch:
        asyncio.run(take(folder, Path(scratch)))
    print(f"{folder}/call.png and {folder}/phone.png")


if __name__ == "__main__":
    main()
