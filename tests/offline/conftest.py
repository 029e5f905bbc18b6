from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.api import connector_door
from syncengine.actions.sync_settings import install_sync_settings
from syncengine.models import Connection
from tests.conftest import _take_all
from tests.offline.connectors import QueueInThread, make_offline
from tests.syncengine.conftest import _sandbox_server, lab
from tests.syncengine.lab import Lab

__all__ = ["_sandbox_server", "lab"]


@pytest.fixture(autouse=True)
def _quick(settings: object) -> Iterator[None]:
    """Short waits; and nowhere may we connect to from here, so that every byte must come through a connector."""
    settings.HEADRACE_CONNECTOR_HOLD_SECONDS = 1
    settings.HEADRACE_CONNECTOR_MISSING_SECONDS = 3
    connector_door._holds.cache_clear()
    yield
    connector_door._holds.cache_clear()


@pytest.fixture
def connection(lab: Lab, settings: object) -> Connection:
    """A linked connection to the sandbox, which cannot be called from here."""
    install_sync_settings()
    connection = lab.connection()
    settings.HEADRACE_OUTBOUND_ALLOW = []
    return connection


@pytest.fixture
def key_file(connection: Connection, tmp_path: Path) -> Path:
    found = make_offline(connection.integration, tmp_path)
    connection.integration.refresh_from_db()
    return found


@pytest.fixture
def worker() -> Iterator[QueueInThread]:
    with QueueInThread(_take_all) as running:
        yield running
