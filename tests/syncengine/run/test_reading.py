"""What a read brings, and what the next one changes."""

from __future__ import annotations

import pytest

from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection, Dataset, DataStatus, Event, Record, RecordChange, SourceRequest
from syncengine.states import DatasetStatus, ReadMode, Stage
from tests.syncengine.lab import BUSINESS, Lab

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(lab: Lab) -> Connection:
    return lab.connection()


@pytest.fixture
def read(connection, run_queue):
    """Queue a read, let the queue run empty, and return the dataset as it ended."""

    def go(data_type: str = "invoices", mode: str = "") -> Dataset:
        dataset = queue_dataset(connection, data_type, actor="test", mode=mode)
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


def counts(dataset: Dataset) -> dict[str, int]:
    names = ("fetched", "created", "changed", "unchanged", "deleted", "invalid")
    return {name: getattr(dataset, f"{name}_count") for name in names}


def only(**wanted: int) -> dict[str, int]:
    return {**dict.fromkeys(("fetched", "created", "changed", "unchanged", "deleted", "invalid"), 0), **wanted}


def test_a_first_read_stores_every_record_and_tells_how(lab, connection, read):
    lab.sizes(invoices=250)
    dataset = read()
    assert (dataset.status, dataset.error_message, dataset.mode) == (DatasetStatus.COMPLETE, "", ReadMode.FULL)
    assert counts(dataset) == only(fetched=250, created=250)
    assert Record.objects.filter(connection=connection, data_type="invoices", is_deleted=False).count() == 250
    assert [timing.stage for timing in dataset.timings.order_by("pk")] == list(Stage)
    assert dataset.staged_pages.count() == 0
    moves = Event.objects.filter(dataset_id=dataset.pk).order_by("id").values_list("kind", flat=True)
    assert list(moves) == ["dataset.queued", *["dataset.moved"] * 4, "dataset.completed"]
    status = DataStatus.objects.get(connection=connection, data_type="invoices")
    assert (status.record_count, status.latest_dataset, status.latest_successful_dataset) == (250, dataset, dataset)
    assert status.high_water_at == dataset.started_at


def test_every_request_is_kept_without_its_secret(connection, read):
    dataset = read("customers")
    requests = SourceRequest.objects.filter(dataset=dataset)
    assert requests.count() == dataset.request_count > 0
    assert {request.status_code for request in requests} == {200}
    token = connection_token(connection)
    assert not [request for request in requests if token in f"{request.url}{request.request_headers}"]


def test_an_unchanged_source_changes_nothing(connection, read):
    read()
    before = dict(Record.objects.values_list("source_id", "modified_at"))
    dataset = read(mode=ReadMode.FULL)
    assert dataset.status == DatasetStatus.COMPLETE
    assert counts(dataset) == only(fetched=250, unchanged=250)
    assert dict(Record.objects.values_list("source_id", "modified_at")) == before
    assert RecordChange.objects.count() == 0


def test_an_incremental_read_asks_for_changes_only_and_stores_them(lab, connection, read):
    read("customers")
    before = dict(Record.objects.values_list("source_id", "modified_at"))
    lab.control(
        "POST",
        f"businesses/{BUSINESS}/customers/touch",
        {"first": 3, "count": 2, "patch": {"display_name": "Renamed Ltd"}},
    )
    lab.control("POST", f"businesses/{BUSINESS}/customers/delete", {"first": 7, "count": 1})
    lab.control("DELETE", "requests")
    dataset = read("customers")
    assert (dataset.status, dataset.mode) == (DatasetStatus.COMPLETE, ReadMode.INCREMENTAL)
    assert counts(dataset) == only(fetched=3, changed=2, deleted=1)
    assert all("updated_since" in request["query"] for request in lab.requests("customers"))
    changes = {change.kind: change.fields for change in dataset.record_changes.all()}
    assert changes == {"changed": ["customerName", "sourceModifiedDate"], "deleted": []}
    moved = {key for key, moment in Record.objects.values_list("source_id", "modified_at") if before[key] != moment}
    assert len(moved) == 3
    gone = Record.objects.get(is_deleted=True)
    assert gone.content["id"] == gone.source_id
    assert DataStatus.objects.get(data_type="customers").record_count == len(before) - 1


def test_what_a_full_read_no_longer_holds_is_marked_deleted_and_may_come_back(lab, connection, read):
    read("suppliers")
    total = Record.objects.count()
    lab.control("POST", f"businesses/{BUSINESS}/suppliers/delete", {"first": 0, "count": 3})
    dataset = read("suppliers", mode=ReadMode.FULL)
    assert counts(dataset) == only(fetched=total - 3, unchanged=total - 3, deleted=3)
    lab.control("POST", "reset")
    dataset = read("suppliers", mode=ReadMode.FULL)
    assert counts(dataset) == only(fetched=total, unchanged=total - 3, created=3)
    assert {change.kind for change in dataset.record_changes.all()} == {"restored"}
    assert Record.objects.filter(is_deleted=True).count() == 0


@pytest.mark.parametrize(
    "data_type",
    ["company", "chartOfAccounts", "customers", "suppliers", "invoices", "bills", "payments", "items", "taxRates",
     "journalEntries", "bankAccounts", "profitAndLoss", "balanceSheet"],
)  # fmt: skip
def test_every_promised_type_is_read_whole(connection, read, data_type):
    dataset = read(data_type)
    assert (dataset.status, dataset.error_message) == (DatasetStatus.COMPLETE, "")
    assert dataset.invalid_count == dataset.warning_count == 0
    assert dataset.created_count == Record.objects.filter(data_type=data_type).count() > 0


def connection_token(connection: Connection) -> str:
    from syncengine.authorisation import stored_credentials

    return stored_credentials(connection).secret["access_token"]
