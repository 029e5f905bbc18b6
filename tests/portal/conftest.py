from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from portal.models import Role
from syncengine.sandbox.server import RunningSandbox, start
from tests.factories import make_user
from tests.syncengine.lab import KEY, Lab


@pytest.fixture(autouse=True)
def _static_files_without_collecting(settings: Any) -> None:
    """WhiteNoise looks for files as they are asked for; the collected folder need not exist."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session")
def _sandbox_server() -> Iterator[RunningSandbox]:
    running = start(0, control_key=KEY)
    yield running
    running.stop()


@pytest.fixture
def lab(_sandbox_server: RunningSandbox, settings: Any) -> Lab:
    """The sandbox with its books, switches and log as at the start, allowed as a place to call."""
    lab = Lab(_sandbox_server)
    lab.control("POST", "reset")
    settings.HEADRACE_OUTBOUND_ALLOW = [lab.place]
    return lab


@pytest.fixture
def ana(db: None, client: Client) -> Client:
    """A browser in which an administrator is signed in."""
    client.force_login(make_user("ana@example.com", name="Ana Brandt"))
    return client


@pytest.fixture
def olga(db: None) -> Client:
    """A browser in which somebody with the lowest role is signed in."""
    client = Client()
    client.force_login(make_user("olga@example.com", role=Role.ONBOARDING))
    return client
