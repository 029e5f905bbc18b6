"""Custom data types over Xero's payroll, which no standard type reads, as its published document describes it."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings as configured

from customdata.actions.custom_data_types import put_custom_data_type
from syncengine.actions.datasets import queue_dataset
from syncengine.actions.integrations import install_integrations
from syncengine.models import Connection, Record, SourceRequest
from syncengine.states import DatasetStatus
from tests.conformance.prism import playing
from tests.factories import make_connection, make_integration

pytestmark = pytest.mark.django_db

CONTRACTS = Path(os.environ.get("CONTRACTS", Path(__file__).resolve().parents[3] / "shared" / "contracts"))
TENANT = "0bd7d6fb-9c6d-4d4e-b9f5-3d4f1d1b8a11"


@pytest.fixture(scope="module")
def payroll() -> Iterator[str]:
    with playing(CONTRACTS / "xero" / "xero-payroll-uk.yaml", Path(configured.VAR_DIR)) as url:
        yield url


@pytest.fixture
def connection(payroll: str, settings: Any) -> Connection:
    """A connection to a Xero whose payroll lies beside its accounting API, as it does at Xero's."""
    settings.HEADRACE_OUTBOUND_ALLOW = [payroll.removeprefix("http://")]
    install_integrations()
    integration = make_integration("gbol")
    integration.settings = {"api_url": f"{payroll}/api.xro/2.0"}
    integration.save()
    return make_connection(
        integration=integration, settings={"tenant_id": TENANT}, secret={"access_token": "a", "refresh_token": "b"}
    )


def at_xero(payroll: str, name: str, member: str) -> list[dict[str, Any]]:
    headers = {"Authorization": "Bearer a", "Xero-Tenant-Id": TENANT, "Accept": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{payroll}/{name}", headers=headers), timeout=20) as answer:
        return msgspec.json.decode(answer.read())[member]


def test_employees_with_what_lies_in_their_address(connection, payroll, run_queue):
    put_custom_data_type(
        connection.integration,
        "employees",
        {
            "dataSource": f"{payroll}/Employees",
            "requiredData": {"name": "$.lastName", "city": "$.address.city", "starts": "$.startDate"},
            "keyBy": ["$.employeeID"],
            "sourceModifiedDate": ["$.updatedDateUTC", "$.createdDateUTC"],
        },
        actor="test",
        strict=True,
    )
    dataset = queue_dataset(connection, "custom/employees", actor="test")
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.error_message) == (DatasetStatus.COMPLETE, "")
    people = at_xero(payroll, "Employees", "employees")
    assert len(people) > 1
    assert dict(Record.objects.values_list("source_id", "content")) == {
        one["employeeID"]: {"name": one["lastName"], "city": one["address"]["city"], "starts": one["startDate"]}
        for one in people
    }
    assert set(SourceRequest.objects.values_list("status_code", flat=True)) == {200}


def test_what_the_document_refuses_ends_the_read_with_its_words(connection, payroll, run_queue):
    put_custom_data_type(
        connection.integration,
        "nothing",
        {"dataSource": f"{payroll}/NoSuchThing", "requiredData": {"x": "$.x"}, "keyBy": ["$.id"]},
        actor="test",
    )
    dataset = queue_dataset(connection, "custom/nothing", actor="test")
    run_queue()
    dataset.refresh_from_db()
    assert dataset.status == DatasetStatus.FETCH_ERROR
    assert "/NoSuchThing" in dataset.error_message
