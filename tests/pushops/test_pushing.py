"""Writes against the running sandbox: what comes of them at the platform, in the cache and in what is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pushops.actions.pushing import push_now
from pushops.models import PushOperation
from pushops.states import Phase, PushStatus
from syncengine.actions.datasets import queue_dataset
from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Operation
from syncengine.models import Dataset, Event, Record
from syncengine.states import DatasetStatus, Trigger
from tests.pushops.pushes import (
    ACCOUNT,
    CUSTOMER,
    LONG_ACCOUNT,
    again,
    ask,
    attempts,
    cached,
    state_of,
    statuses,
    writes,
)

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=5)


def test_the_contracts_account_succeeds_with_its_data_in_the_cache(lab, connection):
    operation = push_now(ask(connection, ACCOUNT, data_type="chartOfAccounts"), within=SOON)
    assert (operation.status, operation.status_code, operation.phase) == (PushStatus.SUCCESS, 200, Phase.SETTLED)
    assert operation.validation == {"errors": [], "warnings": []}
    assert [write["id"] for write in writes(lab)] == [operation.result_record_id] == operation.result_record_ids
    record = cached(connection, operation.result_record_id, "chartOfAccounts")
    assert {name: record.content[name] for name in ACCOUNT} == ACCOUNT
    data = dict(operation.data)
    assert data.pop("modifiedDate").endswith("Z")
    assert data.pop("sourceModifiedDate").endswith("Z")
    assert data == record.content
    assert statuses(operation) == ["Pending", "Success"]
    assert attempts(operation) == ["Succeeded"]
    assert (operation.lease_owner, operation.lease_until, operation.look_at) == ("", None, None)


def test_the_contracts_long_account_fails_in_its_words(lab, connection):
    operation = push_now(ask(connection, LONG_ACCOUNT, data_type="chartOfAccounts"), within=SOON)
    assert (operation.status, operation.status_code, operation.data) == (PushStatus.FAILED, 400, None)
    assert operation.error_message == (
        f"An error occurred in a downstream service. Correlation ID: {operation.pk.hex}. "
        "Message: Push failed for Account: see validation for more information"
    )
    assert operation.validation == {
        "errors": [
            {
                "itemId": "NominalCode",
                "message": "Failed to push to Account as NominalCode must not be longer than 10 characters long.",
                "validatorName": "Account",
            }
        ],
        "warnings": [],
    }
    assert writes(lab) == []
    assert statuses(operation) == ["Pending", "Failed"]


def test_the_event_tells_what_webhooks_say(lab, connection):
    operation = push_now(ask(connection), within=SOON)
    first, last = Event.objects.filter(kind="push.status_changed").order_by("pk")
    assert (first.connection_id, first.company_id) == (connection.pk, connection.company_id)
    assert {key: value for key, value in last.data.items() if not key.endswith("_at")} == {
        "push_operation_key": str(operation.pk),
        "data_type": "customers",
        "change_type": "Create",
        "status": "Success",
        "record_id": operation.result_record_id,
        "attachment_id": "",
    }
    assert first.data["completed_at"] is None
    assert last.data["completed_at"] >= last.data["requested_at"] == first.data["requested_at"]


def test_an_update_and_a_delete_show_in_the_cache_at_once(lab, connection):
    made = push_now(ask(connection), within=SOON)
    key = made.result_record_id
    before = state_of(connection)
    changed = ask(connection, CUSTOMER | {"customerName": "Quay Prints"}, operation=Operation.UPDATE, record_id=key)
    changed = push_now(changed, within=SOON)
    assert (changed.status, changed.result_record_id) == (PushStatus.SUCCESS, key)
    assert cached(connection, key).content["customerName"] == "Quay Prints"
    gone = push_now(ask(connection, operation=Operation.DELETE, record_id=key), within=SOON)
    assert (gone.status, gone.result_record_id, gone.data, gone.body) == (PushStatus.SUCCESS, key, None, None)
    assert cached(connection, key).is_deleted
    after = state_of(connection)
    assert (before.record_count, after.record_count) == (1, 0)
    assert (before.records_version, after.records_version) == (1, 3)
    assert [write["operation"] for write in writes(lab)] == ["create", "update", "delete"]


def test_an_upload_brings_the_attachments_id_and_touches_no_record(lab, connection, run_queue):
    lab.sizes(bills=1)
    queue_dataset(connection, "bills", actor="test")
    run_queue()
    bill = Record.objects.get(data_type="bills")
    file = File(b"%PDF-1.4 hello", "application/pdf", "hello.pdf")
    upload = ask(connection, data_type="bills", operation=Operation.UPLOAD, record_id=bill.source_id, file=file)
    assert (upload.file.size, upload.body) == (14, None)
    done = push_now(upload, within=SOON)
    assert (done.status, bool(done.attachment_id), done.result_record_id) == ("Success", True, bill.source_id)
    assert state_of(connection, "bills").records_version == 0


def test_a_later_read_finds_the_written_record_unchanged(lab, connection, run_queue):
    operation = push_now(ask(connection), within=SOON)
    written = cached(connection, operation.result_record_id)
    dataset = queue_dataset(connection, "customers", actor="test", mode="full")
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.changed_count, dataset.deleted_count) == (DatasetStatus.COMPLETE, 0, 0)
    assert dataset.unchanged_count == 1
    read = cached(connection, operation.result_record_id)
    assert (read.modified_at, bytes(read.content_hash)) == (written.modified_at, bytes(written.content_hash))
    assert bytes(read.raw_hash) == bytes(written.raw_hash)
    assert state_of(connection).record_count == dataset.created_count + 1


def test_what_the_model_does_not_have_is_ignored_with_a_warning(lab, connection):
    body = CUSTOMER | {
        "id": "mine",
        "modifiedDate": "2026-01-01T00:00:00Z",
        "sourceModifiedDate": "2026-01-01T00:00:00Z",
        "shoeSize": 43,
        "contacts": [{"name": "Ann", "hat": "red"}],
    }
    operation = push_now(ask(connection, body), within=SOON)
    assert operation.status == PushStatus.SUCCESS
    assert operation.validation["errors"] == []
    assert [issue["message"] for issue in operation.validation["warnings"]] == [
        "Contacts[0].Hat is not supported, and will be ignored.",
        "ShoeSize is not supported, and will be ignored.",
    ]
    assert operation.result_record_id != "mine"
    assert operation.body["shoeSize"] == 43


@pytest.mark.parametrize(
    ("body", "items"),
    [
        ([], [""]),
        ("text", [""]),
        (7, [""]),
        ({}, ["CustomerName"]),
        ({"customerName": None}, ["CustomerName"]),
        ({"customerName": 7}, ["CustomerName"]),
        (CUSTOMER | {"addresses": {}}, ["Addresses"]),
        (CUSTOMER | {"addresses": [7]}, ["Addresses[0]"]),
        (CUSTOMER | {"contacts": [{"name": "Ann"}, {"email": True}]}, ["Contacts[1].Email", "Contacts[1].Name"]),
    ],
)
def test_a_body_that_does_not_fit_fails_at_once_and_nothing_is_sent(lab, connection, queued, body, items):
    operation = ask(connection, body)
    assert (operation.status, operation.status_code) == (PushStatus.FAILED, 400)
    assert [issue["itemId"] for issue in operation.validation["errors"]] == items
    assert all(issue["validatorName"] == "Customer" for issue in operation.validation["errors"])
    assert statuses(operation) == ["Pending", "Failed"]
    assert (queued(), lab.requests("/customers")) == ([], [])
    assert again(operation).look_at is None


def test_no_body_is_no_object(lab, connection):
    operation = ask(connection, body=[])
    assert operation.validation["errors"][0]["message"] == "The body must be a JSON object."


def test_numbers_and_texts_are_kept_as_a_database_can_keep_them(lab, connection):
    operation = ask(connection, CUSTOMER | {"phone": "1\0002", "extra": 0.1, "long": 12345678901234567890})
    body = again(operation).body
    assert (str(body["extra"]), body["long"], body["phone"]) == ("0.1", 12345678901234567890, "1�2")


@pytest.mark.parametrize(
    ("allow", "setting", "reads"), [(True, "always", 1), (False, "always", 0), (True, "missing", 0)]
)
def test_a_read_follows_only_where_caller_and_deployment_want_it(lab, connection, settings, allow, setting, reads):
    settings.HEADRACE_PUSH_SYNC = setting
    push_now(ask(connection, allow_sync=allow), within=SOON)
    assert [dataset.trigger for dataset in Dataset.objects.all()] == [Trigger.PUSH] * reads


def test_the_worker_does_what_nobody_hurried(lab, connection, queued, run_queue):
    operation = ask(connection)
    assert queued() == [("pushops.tasks.run_push", (str(operation.pk),))]
    run_queue()
    assert again(operation).status == PushStatus.SUCCESS
    run_queue()
    assert PushOperation.objects.count() == len(writes(lab)) == 1
