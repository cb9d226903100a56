"""Groups made by people whom somebody does not know."""

from pathlib import Path

from conftest import Arrive
from people import Person
from playwright.async_api import expect
from ringback_client import RingbackClient
from server import Server

PASSWORD = "correct horse battery staple"


async def test_a_stranger_is_invited_and_accepts(
    server: Server, alice: Person, bob: Person, arrive: Arrive, results: Path
) -> None:
    carol = await arrive(server, "carol")
    await alice.make_group("Choir", "bob", "carol")
    await alice.sees("thread-detail", "invited: Bob, Carol")
    for person in (bob, carol):
        await person.sees("invitation-Choir", "Alice invites you · 1 member")
        # It is no conversation of theirs yet.
        await person.sees_not("conversation-Choir")
    await bob.page.screenshot(path=results / "invitation.png")
    # It is there after the page was loaded anew, too.
    await bob.page.reload()
    await bob.is_online()
    await bob.joins("Choir")
    await bob.sees_not("invitations")
    await alice.sees("thread-detail", "Alice, Bob · invited: Carol")
    await alice.write("Welcome!")
    await bob.reads(["Welcome!"])
    await bob.write("Thank you.")
    await alice.reads(["Welcome!", "Thank you."])
    for person in (alice, bob):
        lines = ["Alice made the group “Choir”.", "Bob joined, invited by Alice."]
        await expect(person.element("system-line")).to_contain_text(lines)

    await carol.element("invitation-Choir").get_by_test_id("invitation-decline").click()
    await carol.sees_not("invitations")
    await carol.page.reload()
    await carol.is_online()
    await carol.sees_not("invitation-Choir")
    # Whoever invites cannot tell.
    await alice.page.reload()
    await alice.is_online()
    await alice.click("conversation-Choir")
    await alice.sees("thread-detail", "Alice, Bob")


async def test_who_is_blocked_invites_nobody(alice: Person, bob: Person) -> None:
    await alice.make_group("Spam", "bob")
    await bob.element("invitation-Spam").get_by_test_id("invitation-block").click()
    await bob.click("question-yes")
    await bob.sees_not("invitations")
    await alice.make_group("More spam", "bob")
    await alice.sees("thread-detail", "invited: Bob")
    await bob.page.reload()
    await bob.is_online()
    await bob.sees_not("invitations")


async def test_every_conversation_can_be_reached(server: Server, alice: Person) -> None:
    """More of them than a page of the list holds."""
    count = 24
    async with RingbackClient(server.url) as client:
        await client.log_in("alice", PASSWORD)
        for number in range(count):
            async with RingbackClient(server.url) as friend:
                await friend.register(f"friend-{number:02}", PASSWORD)
                answer = await client.request("POST", "/v1/conversations", {"userId": friend.user["id"]})
                assert answer.status == 200, answer
    # As for somebody with ten times as many.
    await alice.page.route(
        "**/v1/conversations?*", lambda route: route.continue_(url=route.request.url.replace("limit=100", "limit=10"))
    )
    await alice.page.reload()
    await alice.is_online()
    rows = alice.page.locator("#conversations li")
    await expect(rows).to_have_count(10)
    await alice.sees(f"conversation-friend-{count - 1}")
    for loaded in (20, count):
        await rows.last.scroll_into_view_if_needed()
        await expect(rows).to_have_count(loaded)
    await alice.click("conversation-friend-00")
    await alice.sees("thread-name", "friend-00")
