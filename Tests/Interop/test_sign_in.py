"""Where a page keeps its sign-in."""

from conftest import Arrive, StartServer
from people import Person
from waiting import until


async def tokens_of_the_page(person: Person) -> set[str]:
    """Which tokens scripts of the page can read."""
    names = await person.page.evaluate("Object.keys(JSON.parse(localStorage.getItem('ringback::credentials')))")
    return {"accessToken", "refreshToken"} & set(names)


async def test_the_refresh_token_is_out_of_reach_of_the_page(start_server: StartServer, arrive: Arrive) -> None:
    # So short that each request is made with a new one.
    server = await start_server(ACCESS_TOKEN_SECONDS=10)
    alice = await arrive(server, "alice")
    assert [(c["httpOnly"], c["sameSite"], c["path"]) for c in await alice.cookies()] == [
        (True, "Strict", "/v1/sessions/refresh")
    ]
    assert await tokens_of_the_page(alice) == {"accessToken"}
    assert await alice.page.evaluate("document.cookie") == ""

    first = (await alice.cookies())[0]["value"]
    await alice.page.reload()
    await alice.is_online()
    assert (await alice.cookies())[0]["value"] != first
    assert await tokens_of_the_page(alice) == {"accessToken"}

    # Two people in one browser, each with a cookie of their own.
    bob = await alice.becomes_two(server.url, "bob")
    await bob.register()
    assert len(await alice.cookies()) == 2
    await alice.page.reload()
    await alice.is_online()
    assert await alice.page.evaluate("ringback.client.user.username") == "alice"

    await alice.click("logout")

    async def only_bobs_is_left() -> bool:
        return len(await bob.cookies()) == 1

    await until("the cookie is gone with the session", only_bobs_is_left)
    await bob.page.reload()
    await bob.is_online()
    assert await bob.page.evaluate("ringback.client.user.username") == "bob"
    assert not bob.faults, bob.faults


async def test_a_page_from_before_the_cookie_goes_on(start_server: StartServer, arrive: Arrive) -> None:
    server = await start_server(ACCESS_TOKEN_SECONDS=10)
    alice = await arrive(server, "alice")
    await alice.click("logout")
    # As a page that kept its token itself has left it.
    await alice.page.evaluate(
        """async () => {
             const device = { id: ringback.client.deviceId, name: "" };
             const body = JSON.stringify({ username: "alice", password: "correct horse battery staple", device });
             const headers = { "Content-Type": "application/json" };
             const answer = await fetch("/v1/sessions", { method: "POST", headers, body });
             localStorage.setItem("ringback::credentials", await answer.text());
           }"""
    )
    assert await tokens_of_the_page(alice) == {"accessToken", "refreshToken"}
    await alice.page.reload()
    await alice.is_online()
    assert await tokens_of_the_page(alice) == {"accessToken"}
    assert len(await alice.cookies()) == 1
