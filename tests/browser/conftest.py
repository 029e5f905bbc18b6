"""Real Chromium against the live portal and the real sandbox. Whatever the browser complains about fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as project_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from portal.models import User
from syncengine.models import WorkerHeartbeat
from syncengine.sandbox.server import RunningSandbox, start
from tests.factories import PASSWORD, make_user
from tests.syncengine.lab import KEY, Lab, installed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@dataclass
class Complaints:
    """What went wrong inside the browser: console and script errors, policy violations, dialogs, foreign requests."""

    found: list[str] = field(default_factory=list)
    own_hosts: set[str] = field(default_factory=set)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._said(message))
        page.on("pageerror", lambda error: self.found.append(f"script error: {error}"))
        page.on("dialog", lambda dialog: (self.found.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, message: Any) -> None:
        # The browser notes refused forms (422) and icons that a platform does not have by itself.
        expected = "status of 422" in message.text or message.location["url"].endswith("/favicon.ico")
        if message.type in ("error", "warning") and not expected:
            self.found.append(f"console: {message.text} {message.location['url']}")

    def _asked(self, url: str) -> None:
        host = urlsplit(url).netloc
        if host and host not in self.own_hosts:
            self.found.append(f"request to {url}")


@pytest.fixture(scope="session", autouse=True)
def _static_files_without_collecting() -> None:
    """Before the live server starts: WhiteNoise looks for files as they are asked for."""
    project_settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def _sandbox_server() -> Iterator[RunningSandbox]:
    running = start(0, control_key=KEY, size=20)
    yield running
    running.stop()


@pytest.fixture
def portal(transactional_db: None, live_server: Any, _sandbox_server: RunningSandbox, settings: Any) -> Lab:
    """The portal as `make up` starts it: catalogue installed, sandbox set up, one administrator."""
    lab = installed(_sandbox_server, settings, live_server.url)
    make_user("ana@example.com", name="Ana Brandt")
    return lab


@pytest.fixture
def alive(portal: Lab) -> None:
    from django.utils.timezone import now

    WorkerHeartbeat.objects.create(name="test:1", host="test", pid=1, started_at=now(), seen_at=now())


@pytest.fixture
def complaints(live_server: Any, portal: Lab) -> Iterator[Complaints]:
    watched = Complaints(own_hosts={urlsplit(live_server.url).netloc, portal.place})
    yield watched
    assert watched.found == []


@pytest.fixture
def visit(chromium: Browser, live_server: Any, complaints: Complaints) -> Iterator[Callable[..., Page]]:
    """Open a browser of its own; signed in as Ana unless told otherwise."""
    contexts: list[BrowserContext] = []

    def open_(*, width: int = 1280, signed_in: bool = True, **options: Any) -> Page:
        size = {"width": width, "height": 844}
        context = chromium.new_context(base_url=live_server.url, viewport=size, reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        complaints.watch(page)
        if signed_in:
            sign_in(page)
        return page

    yield open_
    for context in contexts:
        context.close()


def sign_in(page: Page) -> None:
    assert User.objects.filter(email="ana@example.com").exists()
    page.goto("/sign-in/")
    page.fill("[name=email]", "ana@example.com")
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/")
