"""What the tests get: a database of each kind, servers on it, people at their browsers."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from database import Database, PostgreSQL, SQLite
from people import Person, start_chromium
from playwright.async_api import Browser, async_playwright
from server import Server, executable

StartServer = Callable[..., Awaitable[Server]]
Arrive = Callable[..., Awaitable[Person]]


def pytest_sessionstart() -> None:
    if not executable().exists():
        pytest.exit(f"{executable()} is not there: run make build", returncode=3)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps the outcome where fixtures find it, to save what helps to understand a failure."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def results() -> Path:
    folder = Path(os.environ.get("RINGBACK_TEST_RESULTS", "test-results")).resolve() / "interop"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database: Database
    if request.param == "sqlite":
        database = SQLite(tmp_path)
    else:
        cluster = os.environ.get("RINGBACK_TEST_POSTGRES")
        if not cluster:
            pytest.skip("RINGBACK_TEST_POSTGRES names no PostgreSQL cluster")
        database = PostgreSQL(cluster)
    yield database
    database.drop()


@pytest_asyncio.fixture
async def start_server(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path, results: Path
) -> AsyncIterator[StartServer]:
    """Starts servers on the database. At the end each that still runs must end in good order."""
    servers: list[Server] = []

    async def start(files: int | None = None, **settings: str | int | Path) -> Server:
        server = Server(tmp_path / f"server-{len(servers)}", database.url, files, **settings)
        servers.append(server)
        return await server.start()

    yield start
    codes = [await server.terminate() for server in servers if server.is_running]
    if FAILED in request.node.stash:
        for number, server in enumerate(servers):
            (results / f"{request.node.name}-server-{number}.log").write_text(server.log)
    assert all(code == 0 for code in codes), f"exit codes after SIGTERM: {codes}"


@pytest_asyncio.fixture
async def server(start_server: StartServer) -> Server:
    """A server with the usual settings."""
    return await start_server()


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await start_chromium(playwright)
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def arrive(
    request: pytest.FixtureRequest,
    browser: Browser,
    results: Path,
    start_server: StartServer,  # noqa: ARG001 - asked for, so that people leave before their server ends
) -> AsyncIterator[Arrive]:
    """Brings people to a server's page: `await arrive(server, "alice")`. A page that threw an error fails the test.

    `query` is added to the page's address.
    """
    people: list[Person] = []

    async def register(server: Server, username: str, *, registered: bool = False, query: str = "") -> Person:
        person = await Person.arrive(browser, f"{server.url}/?{query}" if query else server.url, username)
        people.append(person)
        await (person.log_in() if registered else person.register())
        return person

    yield register
    for number, person in enumerate(people):
        if FAILED in request.node.stash:
            await person.page.screenshot(path=results / f"{request.node.name}-{number}-{person.username}.png")
        await person.leave()
    faults = [fault for person in people for fault in person.faults]
    assert not faults, faults


@pytest_asyncio.fixture
async def alice(arrive: Arrive, server: Server) -> Person:
    return await arrive(server, "alice")


@pytest_asyncio.fixture
async def bob(arrive: Arrive, server: Server) -> Person:
    return await arrive(server, "bob")
