from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncengine.sandbox.server import RunningSandbox, start
from tests.syncengine.lab import KEY, Lab


@pytest.fixture(scope="session")
def _sandbox_server() -> Iterator[RunningSandbox]:
    running = start(0, control_key=KEY)
    yield running
    running.stop()


@pytest.fixture
def lab(_sandbox_server: RunningSandbox, settings: object) -> Iterator[Lab]:
    """The sandbox with its books, switches and log as at the start, allowed as a place to call."""
    lab = Lab(_sandbox_server)
    lab.control("POST", "reset")
    settings.HEADRACE_OUTBOUND_ALLOW = [lab.place]
    return lab
