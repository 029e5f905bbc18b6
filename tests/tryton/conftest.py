from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from tests.tryton import lab
from tests.tryton.person import Person


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test may install and seed; two minutes are too few for that on a busy machine."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.tryton)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lab.Server]:
    """A real server with freshly seeded books, for one module of tests."""
    with lab.running(Path(configured.VAR_DIR), tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture(scope="module")
def person(tryton: lab.Server) -> Person:
    return Person(tryton.url, tryton.database, lab.PASSWORD)


@pytest.fixture(autouse=True)
def _allowed(tryton: lab.Server, settings: Any) -> None:
    settings.HEADRACE_OUTBOUND_ALLOW = [f"127.0.0.1:{tryton.port}"]
