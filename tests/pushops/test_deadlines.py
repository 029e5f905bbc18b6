"""Nothing is Pending for ever: deadlines, waits and pauses, and whose turn it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from redis import Redis

from pushops.actions.handling import discard, extend_deadline
from pushops.actions.pushing import edit_and_retry, push_now, request_push
from pushops.exceptions import BadRequest, ConnectionNotLinked, NotWritable, OperationEnded, ReadInProgress
from pushops.models import PushOperation
from pushops.run.attending import attend
from pushops.run.carrying import carry_out
from pushops.run.lease import claim
from pushops.states import Phase, PushStatus
from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Operation
from syncengine.exceptions import UnknownDataType
from syncengine.limits import REDIS_PREFIX
from syncengine.models import Connection, RateBucket
from syncengine.states import ConnectionStatus, DatasetStatus
from tests.factories import make_dataset
from tests.pushops.pushes import (
    CUSTOMER,
    again,
    ask,
    attempts,
    cached,
    past_deadline,
    skip_waiting,
    statuses,
    writes,
)

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=5)


def test_what_waits_times_out_at_its_deadline_and_is_never_sent(lab, connection):
    operation = ask(connection, timeout_minutes=3)
    assert operation.deadline_at - operation.requested_at == timedelta(minutes=3)
    past_deadline(operation)
    assert claim(operation.pk, "late") is None
    assert attend() == 1
    operation = again(operation)
    assert (operation.status, operation.status_code, operation.phase) == (PushStatus.TIMED_OUT, 408, Phase.SETTLED)
    assert operation.error_message == "The operation did not end in time. Nothing was sent to the platform."
    assert (operation.look_at, operation.needs_attention, operation.completed_at is None) == (None, "", False)
    assert statuses(operation) == ["Pending", "TimedOut"]
    carry_out(operation.pk)
    assert (attend(), writes(lab)) == (0, [])


def test_the_deadline_beats_a_worker_that_has_not_sent_yet(lab, connection):
    operation = ask(connection, timeout_minutes=3)
    hold = claim(operation.pk, "slow")
    past_deadline(operation)
    with pytest.raises(Exception, match="no longer ours"):
        hold.begin_attempt(sends=True)
    attend()
    assert (again(operation).status, again(operation).lease_owner) == (PushStatus.TIMED_OUT, "")


def test_without_a_timeout_it_ends_after_the_deployments_longest(connection, settings):
    settings.HEADRACE_PUSH_MAX_HOURS = 2
    operation = ask(connection)
    assert operation.deadline_at - operation.requested_at == timedelta(hours=2)
    assert operation.timeout_minutes is None


def test_a_beat_with_nothing_to_do_is_one_statement(connection):
    push_now(ask(connection), within=SOON)
    ask(connection)
    with CaptureQueriesContext(database) as statements:
        assert attend() == 0
    assert len(statements) == 1


def test_a_lost_task_is_queued_again(connection, queued, run_queue, settings):
    operation = ask(connection)
    assert attend() == 0
    past = operation.requested_at - timedelta(hours=1)
    PushOperation.objects.update(look_at=past)
    assert (attend(), attend()) == (1, 0)
    assert queued() == [("pushops.tasks.run_push", (str(operation.pk),))] * 2
    PushOperation.objects.update(look_at=past)
    assert attend() == 1
    assert len(queued()) == 2, "a queue that is merely long is not made longer"


def test_a_rate_limit_pauses_it_and_the_deadline_still_holds(lab, connection):
    lab.fault("too-many", type="customers", retry_after=600)
    operation = push_now(ask(connection, timeout_minutes=1), within=SOON)
    assert (operation.status, operation.phase, attempts(operation)) == ("Pending", Phase.WAITING, ["NotSent"])
    assert operation.wait_reason.startswith("Paused: ")
    assert operation.not_before > now() + timedelta(seconds=500)
    assert operation.look_at == operation.deadline_at
    past_deadline(operation)
    attend()
    operation = again(operation)
    assert (operation.status, operation.needs_attention) == (PushStatus.TIMED_OUT, "")
    assert operation.error_message.startswith(
        "The operation did not end in time. Nothing was sent to the platform. Paused: "
    )


def test_a_pause_that_is_over_goes_on(lab, connection, run_queue):
    lab.fault("too-many", type="customers", retry_after=30, times=1)
    operation = push_now(ask(connection), within=SOON)
    assert operation.status == PushStatus.PENDING
    skip_waiting(operation)
    lab.clear_faults()
    open_budgets()
    attend()
    run_queue()
    operation = again(operation)
    assert (operation.status, attempts(operation)) == (PushStatus.SUCCESS, ["NotSent", "Succeeded"])


def open_budgets() -> None:
    """As if the time were over for which the platform had shut itself."""
    RateBucket.objects.all().delete()
    if settings.REDIS_URL:
        with Redis.from_url(settings.REDIS_URL) as server:
            server.delete(*server.scan_iter(f"{REDIS_PREFIX}*"))


def test_a_platform_that_cannot_be_reached_is_tried_again_then_given_up(lab, connection, settings):
    settings.HEADRACE_RETRIES = 2
    lab.fault("unavailable", type="customers", retry_after=1)
    integration = connection.integration
    integration.settings = {"base_url": "http://127.0.0.1:9"}
    integration.save()
    settings.HEADRACE_OUTBOUND_ALLOW = ["127.0.0.1:9"]
    operation = ask(connection)
    for _ in range(2):
        skip_waiting(operation)
        carry_out(operation.pk)
        assert again(operation).status == PushStatus.PENDING
    skip_waiting(operation)
    carry_out(operation.pk)
    operation = again(operation)
    assert (operation.status, attempts(operation)) == (PushStatus.FAILED, ["NotSent", "NotSent", "Rejected"])


def test_writes_to_one_record_keep_their_order(lab, connection, run_queue):
    key = push_now(ask(connection), within=SOON).result_record_id
    first, second, third = (
        ask(connection, CUSTOMER | {"customerName": name}, operation=Operation.UPDATE, record_id=key)
        for name in ("First", "Second", "Third")
    )
    for operation in (third, second):
        carry_out(operation.pk)
        assert again(operation).wait_reason == f"Waiting for an earlier write to customers {key}."
    carry_out(first.pk)
    run_queue()
    assert [again(operation).status for operation in (first, second, third)] == [PushStatus.SUCCESS] * 3
    assert cached(connection, key).content["customerName"] == "Third"
    assert [write["operation"] for write in writes(lab)] == ["create", "update", "update", "update"]


def test_a_write_waits_while_a_read_stores_its_type(lab, connection, run_queue):
    read = make_dataset(connection, "customers", DatasetStatus.PROCESSING)
    other = push_now(ask(connection, {"supplierName": "Ink"}, data_type="suppliers"), within=SOON)
    operation = push_now(ask(connection), within=timedelta(0))
    assert (other.status, operation.status, operation.phase) == ("Success", "Pending", Phase.WAITING)
    assert operation.wait_reason == f"Waiting for dataset {read.pk}, which is storing customers just now."
    assert lab.requests("/customers") == []
    read.status = DatasetStatus.COMPLETE
    read.save()
    skip_waiting(operation)
    attend()
    run_queue()
    assert again(operation).status == PushStatus.SUCCESS


def test_a_deployment_may_refuse_instead(lab, connection, settings):
    settings.HEADRACE_PUSH_DURING_READ = "refuse"
    before = ask(connection)
    read = make_dataset(connection, "customers", DatasetStatus.PROCESSING)
    with pytest.raises(ReadInProgress) as refusal:
        ask(connection)
    assert refusal.value.dataset == read
    carry_out(before.pk)
    assert (again(before).status, again(before).status_code) == (PushStatus.FAILED, 409)
    assert again(before).error_message == refusal.value.message


def test_more_time_is_given_only_to_what_is_pending(connection):
    operation = ask(connection, timeout_minutes=5)
    more = extend_deadline(operation, 10, actor="user:1")
    assert (more.timeout_minutes, more.deadline_at - more.requested_at) == (15, timedelta(minutes=15))
    for minutes in (0, -1, 10_081):
        with pytest.raises(BadRequest):
            extend_deadline(operation, minutes, actor="user:1")
    past_deadline(operation)
    with pytest.raises(OperationEnded):
        extend_deadline(operation, 10, actor="user:1")


def test_what_was_not_sent_can_be_discarded_and_then_fails(lab, connection):
    operation = ask(connection)
    with pytest.raises(BadRequest):
        discard(operation, " ", actor="user:1")
    done = discard(operation, "a slip", actor="user:1")
    assert (done.status, done.error_message) == ("Failed", "Discarded before anything was sent: a slip")
    assert (done.discarded_by, done.discard_reason, bool(done.discarded_at)) == ("user:1", "a slip", True)
    assert statuses(done) == ["Pending", "Failed"]
    carry_out(operation.pk)
    assert writes(lab) == []
    with pytest.raises(OperationEnded):
        discard(done, "again", actor="user:1")


def test_what_is_on_its_way_cannot_be_discarded(lab, connection):
    lab.fault("reset-after", times=1)
    operation = ask(connection)
    carry_out(operation.pk)
    with pytest.raises(OperationEnded, match="Settle it instead"):
        discard(operation, "a slip", actor="user:1")


def test_a_retry_is_a_new_operation_that_points_to_the_old_one(lab, connection):
    failed = push_now(ask(connection, CUSTOMER | {"customerName": "x" * 200}, timeout_minutes=7), within=SOON)
    assert failed.status == PushStatus.FAILED
    better = push_now(edit_and_retry(failed, CUSTOMER, actor="user:1"), within=SOON)
    assert (better.status, better.retry_of_id, better.timeout_minutes) == (PushStatus.SUCCESS, failed.pk, 7)
    assert better.requested_by == "user:1"
    with pytest.raises(OperationEnded):
        edit_and_retry(better, CUSTOMER, actor="user:1")
    with pytest.raises(OperationEnded, match="tried again already, and that try is Success"):
        edit_and_retry(failed, CUSTOMER, actor="user:2")


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({"data_type": "unicorns"}, UnknownDataType),
        ({"data_type": "balanceSheet"}, NotWritable),
        ({"operation": Operation.UPDATE}, BadRequest),
        ({"operation": Operation.DELETE, "record_id": " "}, BadRequest),
        ({"operation": Operation.UPDATE, "record_id": "x" * 513}, BadRequest),
        ({"operation": Operation.UPLOAD, "record_id": "inv-1", "data_type": "invoices"}, BadRequest),
        ({"timeout_minutes": 0}, BadRequest),
        ({"timeout_minutes": 10_081}, BadRequest),
        ({"body": {"customerName": "\ud800"}}, BadRequest),
    ],
)
def test_what_cannot_be_asked_for_is_refused_and_leaves_nothing(lab, connection, queued, wanted, refusal):
    with pytest.raises(refusal):
        ask(connection, **wanted)
    assert (PushOperation.objects.count(), queued(), lab.requests("/customers")) == (0, [], [])


def test_a_file_that_is_too_large_is_refused(connection, settings):
    settings.HEADRACE_MAX_FILE_BYTES = 10
    with pytest.raises(BadRequest) as refusal:
        request_push(
            connection,
            data_type="invoices",
            operation=Operation.UPLOAD,
            record_id="inv-1",
            file=File(b"x" * 11, "text/plain", "x.txt"),
            actor="test",
        )
    assert refusal.value.field == "file"


@pytest.mark.parametrize("status", [ConnectionStatus.UNLINKED, ConnectionStatus.DEAUTHORIZED])
def test_only_a_linked_connection_can_be_written_to(connection, status):
    Connection.objects.update(status=status)
    connection.refresh_from_db()
    with pytest.raises(ConnectionNotLinked):
        ask(connection)
