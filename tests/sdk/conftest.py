"""The running server, the sandbox behind it, and the official SDKs in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from portal.actions.api_keys import create_api_key
from portal.keys import header_of
from syncengine.actions.datasets import refresh_company
from syncengine.models import Company, Connection
from syncengine.sandbox.server import RunningSandbox, start
from tests.factories import make_company
from tests.sdk.sdks import PLATFORM_5, PLATFORM_6, Runner, Sdk, python_of
from tests.syncengine.lab import KEY, Lab, installed

ALL_SCOPES = ("read", "sync", "push", "admin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.sdk)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def _sandbox_server() -> Iterator[RunningSandbox]:
    running = start(0, control_key=KEY, size=20)
    yield running
    running.stop()


@pytest.fixture
def lab(transactional_db: None, live_server: Any, _sandbox_server: RunningSandbox, settings: Any) -> Lab:
    return installed(_sandbox_server, settings, live_server.url)


@pytest.fixture
def runner_for(lab: Lab, live_server: Any) -> Callable[..., Runner]:
    """Return a function that gives an SDK, with a key that may do everything unless told otherwise."""

    def make(sdk: Sdk, *scopes: str, authorization: str = "", **options: Any) -> Runner:
        if not authorization:
            key = create_api_key(name=str(sdk), scopes=scopes or ALL_SCOPES, actor="test", **options)
            authorization = header_of(key.secret)
        python = python_of(sdk, Path(configured.VAR_DIR) / "sdks")
        return Runner(sdk, python, f"{live_server.url}/api", authorization)

    return make


@pytest.fixture(params=[PLATFORM_6, PLATFORM_5], ids=str)
def platform(request: Any, runner_for: Callable[..., Runner]) -> Runner:
    """Each supported version of the platform SDK."""
    return runner_for(request.param)


@pytest.fixture
def linked(lab: Lab) -> Connection:
    """A company linked to the sandbox, nothing read yet."""
    return lab.connection(make_company("Acme Trading", tags={"region": "uk"}))


@pytest.fixture
def read(linked: Connection, run_queue: Callable[..., int]) -> Company:
    """The same with everything read."""
    refresh_company(linked.company, actor="test")
    run_queue()
    return linked.company
