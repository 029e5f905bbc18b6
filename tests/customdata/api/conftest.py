from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from customdata.actions.custom_fields import create_custom_field
from customdata.models import CustomField
from customdata.raw_records import Keeper
from syncengine.connectors.wire import decode_record
from syncengine.models import Connection
from syncengine.plans import KEEPS_RAW
from tests.factories import make_dataset
from tests.portal.api.conftest import _own_quota, wire, wire_for

__all__ = ["_own_quota", "wire", "wire_for"]

FIELDS = "/v1/custom-fields"
MAPPING = f"{FIELDS}/mapping"
MISSING = "11111111-1111-4111-8111-111111111111"


def make_field(name: str = "vat_note", category: str = "ACCOUNTING", model: str = "customers", **members: Any) -> Any:
    return create_custom_field(name, category, model, source=CustomField.Source.API, actor="test", **members)


def plain(response: Any) -> tuple[int, str]:
    """Return status and words of a refusal that is no fault of one member, after looking at its whole form."""
    body = response.json()
    assert set(body) == {"detail"}
    assert isinstance(body["detail"], str)
    return response.status_code, body["detail"]


def faults(response: Any) -> list[tuple[list[Any], str, str]]:
    """Return where, words and kind of everything that is not valid."""
    assert response.status_code == 422, response.content
    body = response.json()
    assert set(body) == {"detail"}
    assert isinstance(body["detail"], list)
    for one in body["detail"]:
        assert {"loc", "msg", "type"} <= set(one) <= {"loc", "msg", "type", "input", "ctx"}
    return [(one["loc"], one["msg"], one["type"]) for one in body["detail"]]


def made(response: Any) -> str:
    """Return the id of what was created."""
    assert response.status_code == 201, response.content
    body = response.json()
    assert body["status"] == "SUCCESS"
    return body["id"]


@pytest.fixture
def keep_raw(db: None) -> Callable[..., None]:
    """Keep the platform's own text of records, as a read would."""

    def keep(connection: Connection, data_type: str = "customers", **texts: bytes) -> None:
        dataset = make_dataset(connection, data_type, status="Complete", settings_used={KEEPS_RAW: True})
        for text in texts.values():
            decode_record(text)
        Keeper().keep(dataset, list(texts.items()), [])

    return keep
