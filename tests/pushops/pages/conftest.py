from __future__ import annotations

import pytest

from syncengine.models import Connection
from tests.factories import make_company
from tests.portal.conftest import _static_files_without_collecting, ana, olga
from tests.syncengine.lab import Lab

__all__ = ["_static_files_without_collecting", "ana", "olga"]


@pytest.fixture
def linked(db: None, lab: Lab) -> Connection:
    """A connection of Harbour Bakery with a real grant at the sandbox."""
    return lab.connection(make_company("Harbour Bakery"))
