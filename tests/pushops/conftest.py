from __future__ import annotations

import pytest

from syncengine.models import Connection
from tests.syncengine.conftest import _sandbox_server, lab
from tests.syncengine.lab import Lab

__all__ = ["_sandbox_server", "lab"]


@pytest.fixture
def connection(lab: Lab) -> Connection:
    return lab.connection()
