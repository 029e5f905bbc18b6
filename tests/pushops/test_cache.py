"""What a write leaves in the cache, whom it tells that it changed, and when the platform's copy is too new for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from pushops.actions.pushing import push_now
from pushops.models import PushAttempt, PushFile, PushOperation
from pushops.queries.push_models import known_model, push_model, writable_types
from pushops.run.purging import purge_pushes
from pushops.run.storing import remove_record, store_records
from pushops.states import PushStatus
from syncengine.actions.datasets import queue_dataset
from syncengine.authorisation import stored_credentials
from syncengine.connectors.base import MappedRecord, Written
from syncengine.connectors.changes import Operation
from syncengine.models import Dataset, Record, RecordChange, RecordPageMarks
from syncengine.moments import stamp
from syncengine.queries.data_sources import data_sources
from syncengine.queries.record_page_marks import start_of
from syncengine.states import DatasetStatus
from tests.factories import make_dataset, make_record
from tests.pushops.pushes import CUSTOMER, ask, cached, state_of, writes
from tests.syncengine.lab import BUSINESS

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=5)


@pytest.fixture
def connection(lab):
    return lab.connection()


def written(key: str = "c-1", name: str = "Quay", **fields: object) -> Written:
    return Written(key, b"{}", MappedRecord(key, {"id": key, "customerName": name}, **fields))


def test_an_update_of_a_copy_that_is_out_of_date_is_refused_and_forced_through(lab, connection):
    made = push_now(ask(connection), within=SOON)
    key = made.result_record_id
    ours = cached(connection, key).source_modified_at
    lab.control("PATCH", f"businesses/{BUSINESS}/customers/records/{key}", {"display_name": "Theirs"})
    body = CUSTOMER | {"customerName": "Ours"}
    operation = push_now(ask(connection, body, operation=Operation.UPDATE, record_id=key), within=SOON)
    assert (operation.status, operation.status_code) == (PushStatus.FAILED, 409)
    before, _, after = operation.error_message.partition(" was changed at ")
    assert before == f"The platform's copy of customers {key}"
    assert after.partition(",")[0] > stamp(ours)[:19]
    assert after.partition(", ")[2] == (
        f"after the cached copy of {stamp(ours)} that this update was made on. Refresh customers and make the update "
        "again, or send it with forceUpdate=true to overwrite the newer copy."
    )
    forced = ask(connection, body, operation=Operation.UPDATE, record_id=key, force_update=True)
    assert push_now(forced, within=SOON).status == PushStatus.SUCCESS
    assert cached(connection, key).content["customerName"] == "Ours"


def test_an_update_of_what_was_never_read_needs_no_stamp(lab, connection):
    operation = push_now(ask(connection, operation=Operation.UPDATE, record_id="cus_00000001"), within=SOON)
    assert (operation.status, len(writes(lab))) == (PushStatus.SUCCESS, 1)


def test_readers_are_told_that_the_records_have_changed(connection):
    def etag() -> str:
        return data_sources(connection.company_id, "customers")[0].written

    seen = [etag()]
    make_dataset(connection, "customers", DatasetStatus.COMPLETE)
    seen.append(etag())
    store_records(connection, "customers", [written()], at=now())
    seen.append(etag())
    store_records(connection, "customers", [written(name="Other")], at=now())
    seen.append(etag())
    remove_record(connection, "customers", "c-1", at=now())
    seen.append(etag())
    assert len(set(seen)) == len(seen) == 5


def test_a_written_record_is_found_by_its_page(connection):
    make_record(connection, "a", "customers")
    make_dataset(connection, "customers", DatasetStatus.COMPLETE)
    assert start_of(connection.pk, "customers", 0).total == 1
    store_records(connection, "customers", [written()], at=now())
    assert start_of(connection.pk, "customers", 0).total == 2
    assert RecordPageMarks.objects.get().pushed_inserts == 1
    store_records(connection, "customers", [written(name="Other")], at=now())
    assert start_of(connection.pk, "customers", 0).total == 2
    assert state_of(connection).pushed_inserts == 1


def test_what_did_not_change_keeps_its_modified_date(connection):
    first = store_records(connection, "customers", [written()], at=now())
    again = store_records(connection, "customers", [written()], at=now())
    assert first == again
    assert cached(connection, "c-1").pushed_at > cached(connection, "c-1").modified_at


def test_an_older_answer_does_not_undo_a_newer_record(connection):
    moment = now()
    store_records(connection, "customers", [written(name="New", source_modified_at=moment)], at=moment)
    old = written(name="Old", source_modified_at=moment - timedelta(seconds=1))
    store_records(connection, "customers", [old], at=now())
    assert cached(connection, "c-1").content["customerName"] == "New"


def test_a_record_that_was_deleted_comes_back(connection):
    store_records(connection, "customers", [written()], at=now())
    remove_record(connection, "customers", "c-1", at=now())
    assert (cached(connection, "c-1").is_deleted, state_of(connection).record_count) == (True, 0)
    remove_record(connection, "customers", "c-1", at=now())
    assert state_of(connection).record_count == 0
    store_records(connection, "customers", [written()], at=now())
    assert (cached(connection, "c-1").is_deleted, state_of(connection).record_count) == (False, 1)


def test_what_the_platform_does_not_show_leaves_the_cache_alone(connection):
    assert store_records(connection, "customers", [Written("c-1")], at=now()) == []
    assert store_records(connection, "customers", [written("x" * 513)], at=now()) == []
    assert not Record.objects.exists()


def test_a_deletion_of_what_a_read_may_have_seen_leaves_a_mark(connection):
    remove_record(connection, "customers", "unknown", at=now())
    assert not Record.objects.exists()
    make_dataset(connection, "customers", DatasetStatus.FETCHING)
    remove_record(connection, "customers", "unknown", at=now())
    assert (cached(connection, "unknown").is_deleted, state_of(connection).record_count) == (True, 0)


def test_a_write_takes_its_record_out_of_what_a_read_would_put_back(connection):
    reading = make_dataset(connection, "customers", DatasetStatus.PROCESSING)
    changed = make_record(connection, "c-1", "customers")
    came = make_record(connection, "c-2", "customers", first_dataset_id=reading.pk)
    RecordChange.objects.create(dataset=reading, record_id=changed.pk, source_id="c-1", kind="changed")
    store_records(connection, "customers", [written(), written("c-2")], at=now())
    came.refresh_from_db()
    assert (RecordChange.objects.count(), came.first_dataset_id) == (0, None)
    assert Dataset.objects.get().push_count == 1


def test_history_past_its_keeping_goes_and_the_operation_stays(connection, settings):
    operation = push_now(ask(connection), within=SOON)
    PushFile.objects.create(operation=operation, name="x", content_type="text/plain", size=1, content=b"x")
    purge_pushes()
    assert (PushAttempt.objects.count(), PushFile.objects.count()) == (1, 1)
    old = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS + 1)
    PushAttempt.objects.update(ended_at=old)
    PushOperation.objects.update(completed_at=old)
    purge_pushes()
    assert (PushAttempt.objects.count(), PushFile.objects.count()) == (0, 0)
    assert PushOperation.objects.get().status == PushStatus.SUCCESS


def test_models_come_without_asking_where_they_are_the_same_for_everybody(lab, connection):
    assert known_model(connection, "customers") == push_model(connection, "customers")
    assert lab.requests("/api") == []
    assert {"chartOfAccounts", "customers", "suppliers", "invoices", "bills", "payments", "items"} <= set(
        writable_types(connection)
    )


def test_the_exchange_is_kept_without_secrets(lab, connection):
    attempt = push_now(ask(connection), within=SOON).attempts.get()
    (exchange,) = attempt.exchange
    assert (exchange["method"], exchange["status_code"], exchange["error_message"]) == ("POST", 201, "")
    assert exchange["url"].endswith("/customers")
    assert stored_credentials(connection).secret["access_token"] not in str(attempt.exchange)
    assert "authorization" in exchange["request_headers"]


def test_a_read_after_a_write_brings_nothing_new(lab, connection, run_queue):
    queue_dataset(connection, "customers", actor="test")
    run_queue()
    push_now(ask(connection), within=SOON)
    dataset = queue_dataset(connection, "customers", actor="test")
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.mode, dataset.created_count, dataset.changed_count) == (
        DatasetStatus.COMPLETE,
        "incremental",
        0,
        0,
    )
