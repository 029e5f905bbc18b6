from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.actions.api_keys import create_api_key
from portal.api import limits
from portal.api.quota import Quota
from portal.keys import header_of

ALL_SCOPES = ("read", "sync", "push", "admin")


class Wire:
    """A client of the API with one key. JSON goes out; `raw` sends bytes as they are."""

    def __init__(self, authorization: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.authorization = authorization

    def __call__(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Any:
        sent = {"Authorization": self.authorization, **{name.replace("_", "-"): text for name, text in headers.items()}}
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(
            method, f"/api{path}", data, content_type="application/json", headers={k: v for k, v in sent.items() if v}
        )

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)


@pytest.fixture(autouse=True)
def _own_quota(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """What a process holds of a budget belongs to a database that the next test no longer has. Counting is for the
    tests that are about it: the first request of each process asks the database six times."""
    settings.HEADRACE_API_DAILY_QUOTA = settings.HEADRACE_API_ADDRESS_PER_MINUTE = 0
    settings.HEADRACE_API_CONNECTOR_PER_MINUTE = 0
    monkeypatch.setattr(limits, "quota", Quota())
    monkeypatch.setattr(limits, "_companies", (0.0, 0))
    monkeypatch.setattr(limits, "_day_ends", None)


@pytest.fixture
def wire_for(db: None) -> Callable[..., Wire]:
    """Return a function that makes a key and a client with it."""

    def make(*scopes: str, **options: Any) -> Wire:
        key = create_api_key(name="test", scopes=scopes or ALL_SCOPES, actor="test", **options)
        return Wire(header_of(key.secret))

    return make


@pytest.fixture
def wire(wire_for: Callable[..., Wire]) -> Wire:
    """A client whose key may do everything."""
    return wire_for()
