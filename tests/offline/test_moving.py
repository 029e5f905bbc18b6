"""Work for an offline platform, over real HTTP: it waits while no connector is there, and moves when one comes."""

from __future__ import annotations

import signal
from uuid import uuid4

import pytest
from django.utils.timezone import now

from pushops.run.attending import attend
from pushops.run.turns import PUSH_TASK
from pushops.states import Phase, PushStatus
from syncengine.actions.datasets import RUN_TASK, cancel_dataset, queue_dataset
from syncengine.actions.offline import UNTIL_WOKEN, set_offline, tidy_offline
from syncengine.actions.relaying import Introduction, show
from syncengine.models import ConnectorProcess, Dataset, Event, Integration, RelayedRequest
from syncengine.run.sweeping import wake_forgotten
from syncengine.states import DatasetStatus
from tests.factories import make_dataset
from tests.offline.connectors import (
    assert_without_secrets,
    connector_process_of,
    running_connector,
    wait_until,
)
from tests.pushops.pushes import again as pushed
from tests.pushops.pushes import ask, attempts, past_deadline, writes

pytestmark = pytest.mark.django_db(transaction=True)


def again(dataset: Dataset) -> Dataset:
    return Dataset.objects.get(pk=dataset.pk)


def test_a_dataset_waits_in_queued_and_completes_when_the_connector_comes(
    live_server, lab, connection, key_file, worker
):
    dataset = queue_dataset(connection, "customers", actor="test")
    wait_until(lambda: again(dataset).status_description != "", "told why it waits")
    waiting = again(dataset)
    assert (waiting.status, waiting.status_description, waiting.enqueued_at, waiting.fence) == (
        DatasetStatus.QUEUED,
        "Waiting for the connector on the customer's machine, which was never seen yet.",
        UNTIL_WOKEN,
        0,
    )
    assert lab.requests("/api/") == []
    with running_connector(live_server.url, key_file, lab.url):
        wait_until(lambda: again(dataset).is_completed, "ended")
    done = again(dataset)
    assert (done.status, done.error_message) == (DatasetStatus.COMPLETE, "")
    assert done.created_count == done.fetched_count > 0
    assert lab.requests("/api/v1/customers") != []
    assert RelayedRequest.objects.count() == 0


def test_a_push_waits_in_pending_and_is_sent_once_by_a_process_that_has_only_python(
    live_server, lab, connection, key_file, worker
):
    operation = ask(connection, timeout_minutes=5)
    wait_until(lambda: pushed(operation).wait_reason != "", "told why it waits")
    waiting = pushed(operation)
    assert (waiting.status, waiting.phase, waiting.wait_reason, waiting.sent_at) == (
        PushStatus.PENDING,
        Phase.WAITING,
        "Waiting for the connector on the customer's machine, which was never seen yet.",
        None,
    )
    assert writes(lab) == []
    with connector_process_of(live_server.url, key_file, lab.url) as process:
        wait_until(lambda: pushed(operation).is_ended, "ended")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    done = pushed(operation)
    assert (done.status, done.wait_reason, attempts(done)) == (PushStatus.SUCCESS, "", ["Succeeded"])
    assert [write["id"] for write in writes(lab)] == [done.result_record_id]
    [gone] = ConnectorProcess.objects.all()
    assert (gone.platforms, gone.version, gone.left_at is not None) == ([lab.url], "1.0", True)
    log = (key_file.parent / "connector.log").read_text()
    assert f"POST {lab.url}/api/v1/customers: 201" in log
    assert_without_secrets(log, key_file, connection)


def test_a_deadline_holds_while_the_connector_is_missing(lab, connection, key_file, run_queue):
    operation = ask(connection, timeout_minutes=1)
    run_queue()
    waiting = pushed(operation)
    assert (waiting.status, waiting.look_at) == (PushStatus.PENDING, waiting.deadline_at)
    past_deadline(operation)
    attend()
    ended = pushed(operation)
    assert (ended.status, ended.status_code, ended.needs_attention) == (PushStatus.TIMED_OUT, 408, "")
    assert ended.error_message == (
        "The operation did not end in time. Nothing was sent to the platform. "
        "Waiting for the connector on the customer's machine, which was never seen yet."
    )
    assert writes(lab) == []


def test_who_waits_costs_nothing_until_the_connector_comes(connection, key_file, run_queue, queued):
    dataset = queue_dataset(connection, "customers", actor="test")
    operation = ask(connection)
    assert run_queue() == 2
    assert wake_forgotten() == 0
    attend()
    assert queued() == []
    assert Dataset.objects.get(pk=dataset.pk).attempts.count() == 0
    assert attempts(operation) == []
    show(connection.integration, Introduction(uuid4()))
    assert sorted(queued()) == sorted([(RUN_TASK, (str(dataset.pk),)), (PUSH_TASK, (str(operation.pk),))])
    assert again(dataset).enqueued_at <= now()


def test_a_dataset_that_met_the_missing_connector_half_way_goes_on_where_it_stopped(
    live_server, lab, connection, key_file, worker, settings
):
    lab.sizes(customers=2001)  # three pages
    lab.fault("hang", type="customers", seconds=0.6, skip=1, times=1)
    dataset = queue_dataset(connection, "customers", actor="test")
    with running_connector(live_server.url, key_file, lab.url):
        wait_until(lambda: again(dataset).page_count == 1, "at the second page")
    wait_until(lambda: "last seen" in again(dataset).status_description, "put aside")
    waiting = again(dataset)
    assert (waiting.status, waiting.lease_owner, waiting.error_message) == (DatasetStatus.FETCHING, "", "")
    before = len(lab.requests("/api/v1/customers"))
    with running_connector(live_server.url, key_file, lab.url):
        wait_until(lambda: again(dataset).is_completed, "ended")
    done = again(dataset)
    assert (done.status, done.created_count, done.lost_count) == (DatasetStatus.COMPLETE, 2001, 0)
    assert len(lab.requests("/api/v1/customers")) - before == 3 - waiting.page_count


def test_unmarking_wakes_what_waits(lab, connection, key_file, run_queue, settings):
    dataset = queue_dataset(connection, "customers", actor="test")
    run_queue()
    assert again(dataset).status == DatasetStatus.QUEUED
    settings.HEADRACE_OUTBOUND_ALLOW = [lab.place]
    set_offline(Integration.objects.get(pk=connection.integration_id), False, actor="test")
    run_queue()
    assert again(dataset).status == DatasetStatus.COMPLETE
    kinds = Event.objects.filter(kind__startswith="integration.marked").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["integration.marked_offline", "integration.marked_online"]


def test_the_tick_wakes_who_was_put_aside_although_a_connector_is_there(connection, key_file, queued):
    show(connection.integration, Introduction(uuid4()))
    dataset = make_dataset(connection, "customers", enqueued_at=UNTIL_WOKEN)
    tidy_offline()
    assert queued() == [(RUN_TASK, (str(dataset.pk),))]


def test_cancelling_what_waits_ends_it(connection, key_file, run_queue):
    dataset = queue_dataset(connection, "customers", actor="test")
    run_queue()
    cancel_dataset(again(dataset), actor="test")
    assert again(dataset).status == DatasetStatus.CANCELLED


def test_a_connector_killed_while_the_platform_writes_leaves_one_record_and_no_doubt(
    live_server, lab, connection, key_file, worker, settings
):
    settings.HEADRACE_CONNECTOR_MISSING_SECONDS = 2
    lab.fault("stall", seconds=3, times=1)
    operation = ask(connection, timeout_minutes=5)
    with connector_process_of(live_server.url, key_file, lab.url) as process:
        wait_until(lambda: RelayedRequest.objects.filter(taken_at__isnull=False).exists(), "taken")
        wait_until(lambda: lab.requests("/api/v1/customers") != [], "at the platform")
        process.kill()
        process.wait(20)
    wait_until(lambda: "last seen" in pushed(operation).wait_reason, "waiting for a connector again")
    assert (pushed(operation).status, pushed(operation).phase) == (PushStatus.PENDING, Phase.SENDING)
    with running_connector(live_server.url, key_file, lab.url):
        wait_until(lambda: pushed(operation).is_ended, "ended")
    done = pushed(operation)
    assert (done.status, attempts(done)[0], attempts(done)[-1]) == (PushStatus.SUCCESS, "Unknown", "Found")
    assert [write["id"] for write in writes(lab)] == [done.result_record_id]


def test_a_read_goes_on_after_its_connector_was_killed(live_server, lab, connection, key_file, worker, settings):
    settings.HEADRACE_CONNECTOR_MISSING_SECONDS = 2
    lab.fault("hang", type="customers", seconds=5, times=1)
    dataset = queue_dataset(connection, "customers", actor="test")
    with connector_process_of(live_server.url, key_file, lab.url) as process:
        wait_until(lambda: lab.requests("/api/v1/customers") != [], "at the platform")
        process.kill()
        process.wait(20)
    wait_until(lambda: "last seen" in again(dataset).status_description, "put aside")
    with running_connector(live_server.url, key_file, lab.url):
        wait_until(lambda: again(dataset).is_completed, "ended")
    assert (again(dataset).status, again(dataset).error_message) == (DatasetStatus.COMPLETE, "")
