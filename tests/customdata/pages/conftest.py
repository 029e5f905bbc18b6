from __future__ import annotations

from typing import Any

import pytest

from syncengine.models import Connection
from tests.factories import make_company
from tests.portal.conftest import ana, olga
from tests.syncengine.conftest import _sandbox_server, lab
from tests.syncengine.lab import Lab

__all__ = ["_sandbox_server", "ana", "lab", "olga"]


@pytest.fixture(autouse=True)
def _static_files_without_collecting(settings: Any) -> None:
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def connection(lab: Lab) -> Connection:
    return lab.connection(make_company("Harbour Bakery"))
