from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable

import pytest

from customdata.actions.custom_data_types import put_custom_data_type
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection, Dataset
from tests.syncengine.conftest import _sandbox_server, lab
from tests.syncengine.lab import BUSINESS, Lab

__all__ = ["_sandbox_server", "lab"]

# The contract's own example (codat contract, section 11).
MY_EXPENSE_DATA = {
    "dataSource": "/expenses",
    "requiredData": {"myExpenseId": "$.expenseId", "myExpenseDetails": "$.expenseDetails.notes"},
    "keyBy": ["$.expenseId", "$.accountId"],
    "sourceModifiedDate": ["$.modifiedDate", "$.createdDate", "$.lines[*].modifiedDate"],
}


@pytest.fixture
def connection(lab: Lab) -> Connection:
    return lab.connection()


@pytest.fixture
def read(connection, run_queue):
    """Queue a read of a custom data type, let the queue run empty, and return the dataset as it ended."""

    def go(identifier: str, mode: str = "", over: Connection | None = None) -> Dataset:
        dataset = queue_dataset(over or connection, f"custom/{identifier}", actor="test", mode=mode)
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


@pytest.fixture
def at_source(lab: Lab) -> Callable[[str, str], dict]:
    """Return one record as the platform itself shows it."""
    token = lab.control("POST", f"businesses/{BUSINESS}/grants")["access_token"]

    def look(kind: str, record_id: str) -> dict:
        request = urllib.request.Request(
            f"{lab.url}/api/v1/{kind}/{record_id}", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    return look


@pytest.fixture
def configure(connection):
    """Save a configuration for the connection's platform."""

    def go(identifier: str, body: dict | None = None, **members: object) -> None:
        put_custom_data_type(connection.integration, identifier, {**(body or MY_EXPENSE_DATA), **members}, actor="test")

    return go
