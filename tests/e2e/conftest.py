"""A real browser on the real processes, and everything that it complains about."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from tasks.infra.database import connect
from tasks.media.tools import find_tools
from tasks.migrations import indexes
from tests.recovery.processes import Dailies, Running
from tests.recovery.waiting import answers, until
from tests.servers import Servers
from tests.webapp.people import signed_in
from webapp import models as people
from webapp.app import create_app
from webapp.auth import accounts
from webapp.cli.up.servers import free_port

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What a browser that is signed in sends.
COOKIE = "dailies_session"
PASSWORD = "correct horse battery staple"
#: Milliseconds that anything on a page may take; the machine may be busy with other tests.
PATIENCE = 45_000
expect.set_options(timeout=PATIENCE)


class Web:
    """The web process that tests share: it is started when one needs it and it isn't there."""

    def __init__(self, servers: Servers, folder: Path, port: int) -> None:
        tools = find_tools(os.environ.get("FFMPEG"), os.environ.get("FFPROBE"))
        self.dailies = Dailies(servers, folder, tools.ffmpeg, {"PORT": str(port)})
        self.log = folder / "web.log"
        self.running: Running | None = None


class Site:
    """Dailies on one port: its web process can be stopped and started, others are added.

    A web process started by a test has the environment of ``dailies``, and ends with the test.
    """

    def __init__(self, web: Web, dailies: Dailies, port: int) -> None:
        self.dailies = dailies
        self.url = f"http://127.0.0.1:{port}"
        self._shared = web
        self._own: Running | None = None

    def open(self) -> None:
        """Lets the shared web process run, and returns when it answers."""
        if self._shared.running is None:
            self._shared.running = self._shared.dailies.start("web")
        self._wait()

    def start(self) -> None:
        """Starts a web process and returns when it answers."""
        self._own = self.dailies.start("web")
        self._wait()

    def stop(self) -> None:
        """Ends the web process."""
        running, self._own = self._own or self._shared.running, None
        assert running is not None
        if running is self._shared.running:
            self._shared.running = None
        running.stop()

    def _wait(self) -> None:
        until(lambda: answers(f"{self.url}/healthz"), "an answer of the web process")


class Tab:
    """A browser of one person, and what its console and network had to complain of."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def sign_in(self, email: str) -> "Tab":
        """Fills the form in, as a person with a password does; leads to the jobs."""
        self.page.goto(f"{self.site.url}/jobs")
        self.page.fill("#email", email)
        self.page.fill("#password", PASSWORD)
        self.page.click("button[type=submit]")
        self.live()
        return self

    def open(self, path: str) -> Page:
        """Goes to a page and waits until it is live."""
        self.page.goto(self.site.url + path)
        self.live()
        return self.page

    def live(self) -> None:
        """Waits until the header says Live and the panels have come."""
        self.page.wait_for_selector("#live[data-state=live] #workers[class]")

    def eventually(self, expression: str) -> None:
        """Waits until the script expression is true (Playwright's own way needs eval, which the
        pages forbid). Raises AssertionError."""
        for _ in range(PATIENCE // 50):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {expression}")

    def mark(self) -> None:
        """Leaves a mark that a page load would wipe out."""
        self.page.evaluate("window.marked = true")

    @property
    def marked(self) -> bool:
        """Whether no page has been loaded since the mark."""
        return bool(self.page.evaluate("window.marked === true"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Chromium for these tests; Playwright runs once at a time, and others use it too."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", CHROMIUM), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def web(
    _servers_of_session: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Web, int]]:
    """The web process of these tests, and its port."""
    port = free_port()
    web = Web(_servers_of_session, tmp_path_factory.mktemp("web"), port)
    yield web, port
    web.dailies.close()


@pytest.fixture
def site(clean: Servers, web: tuple[Web, int], tmp_path: Path) -> Iterator[Site]:
    """A running web process over empty servers, with an admin, an editor and a viewer."""
    shared, port = web
    connect()
    indexes.ensure()
    people.ensure_indexes()
    for role in ("admin", "editor", "viewer"):
        accounts.add_user(f"{role}@example.com", None, role)
    said = shared.log.stat().st_size if shared.log.exists() else 0
    dailies = Dailies(clean, tmp_path, shared.dailies.ffmpeg, {"PORT": str(port)})
    site = Site(shared, dailies, port)
    site.open()
    yield site
    dailies.close()
    log = shared.log.read_bytes()[said:].decode(errors="replace") + dailies.said()
    sys.stdout.write(log)
    assert "Traceback" not in log, log
    assert "ERROR" not in log, log


@pytest.fixture(scope="package")
def app(_servers_of_session: Servers) -> Flask:
    """The application that signs what the web process reads."""
    return create_app()


@pytest.fixture
def tab(chromium: Browser, site: Site, app: Flask) -> Iterator[Callable[..., Tab]]:
    """``tab("editor")``: a browser of its own in which that person is signed in; it is blank yet.

    At the end nothing may have been complained of that the test didn't take out.
    """
    tabs: list[Tab] = []

    def make(role: str = "editor", *, width: int = 1280, height: int = 900) -> Tab:
        context = chromium.new_context(viewport={"width": width, "height": height})
        cookie = signed_in(app, accounts.by_email(f"{role}@example.com")).get_cookie(COOKIE)
        assert cookie is not None
        context.add_cookies([{"name": COOKIE, "value": cookie.value, "url": site.url}])
        tabs.append(Tab(context.new_page(), site))
        return tabs[-1]

    yield make
    for each in tabs:
        each.page.context.close()
    assert [each.complaints for each in tabs if each.complaints] == []
