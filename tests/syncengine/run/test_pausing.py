"""What waits gives the worker back, what stops is gone on with, and nothing is read twice for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from syncengine.actions.datasets import cancel_dataset, queue_dataset
from syncengine.models import Connection, Dataset, Event, Record
from syncengine.run import fetching, processing, runner
from syncengine.run.sweeping import wake_forgotten
from syncengine.states import DatasetStatus, Responsible
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db
S = DatasetStatus


@pytest.fixture
def queue(lab: Lab):
    def go(connection: Connection | None = None, data_type: str = "invoices") -> Dataset:
        return queue_dataset(connection or lab.connection(), data_type, actor="test")

    return go


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting in place takes no time; what was waited for is noted."""
    waited: list[float] = []
    monkeypatch.setattr(fetching.Hold, "wait", lambda self, seconds: waited.append(seconds))
    return waited


def awake(dataset: Dataset) -> None:
    """The time to wake has come."""
    Dataset.objects.filter(pk=dataset.pk).update(wake_at=now() - timedelta(seconds=1))


def test_a_long_wait_pauses_the_dataset_and_frees_the_worker(lab, queue, run_queue, queued, monkeypatch):
    shut = []
    monkeypatch.setattr("syncengine.limits.shut", lambda key, seconds: shut.append((key, seconds)))
    lab.fault("too-many", type="invoices", retry_after=600, times=1)
    dataset = queue()
    run_queue()
    dataset.refresh_from_db()
    assert dataset.status == S.FETCHING
    assert dataset.status_description.startswith(f"Paused until {dataset.wake_at:%Y-%m-%dT%H:%M:%S}Z. ")
    assert timedelta(seconds=590) < dataset.wake_at - now() <= timedelta(seconds=600)
    assert (dataset.lease_owner, dataset.lease_until) == ("", None)
    assert dataset.attempts.get().outcome.startswith("Paused until ")
    assert shut == [(f"connection:{dataset.connection_id}", 600)]
    assert (wake_forgotten(), queued()) == (0, [])
    awake(dataset)
    assert wake_forgotten() == 1
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.created_count, dataset.status_description) == (S.COMPLETE, 250, "")
    assert (dataset.wake_at, dataset.lost_count) == (None, 0)


def test_a_pause_between_pages_goes_on_with_the_next_page(lab, queue, run_queue, monkeypatch):
    monkeypatch.setattr("syncengine.limits.shut", lambda key, seconds: None)
    lab.sizes(invoices=2200)
    lab.fault("too-many", type="invoices", retry_after=600, skip=1, times=1)
    dataset = queue()
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.fetched_count) == (S.FETCHING, 1000)
    awake(dataset)
    wake_forgotten()
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.created_count) == (S.COMPLETE, 2200)
    codes = [request["status"] for request in lab.requests("/invoices")]
    assert codes == [200, 429, 200, 200]


def test_a_short_wait_is_waited_for_in_place(lab, queue, run_queue, waits, monkeypatch):
    monkeypatch.setattr("syncengine.limits.shut", lambda key, seconds: None)
    lab.fault("too-many", type="invoices", retry_after=2, times=2)
    dataset = queue()
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, waits, dataset.attempts.count()) == (S.COMPLETE, [2, 2], 1)
    assert dataset.retry_count == 0


def test_a_shut_platform_is_shut_for_the_other_types_of_the_connection_only(lab, queue, run_queue):
    connection = lab.connection()
    lab.fault("too-many", type="invoices", retry_after=600, times=1)
    shut, neighbour, stranger = queue(connection), queue(connection, "bills"), queue(None, "bills")
    run_queue()
    for dataset in (shut, neighbour, stranger):
        dataset.refresh_from_db()
    assert (shut.status, neighbour.status, stranger.status) == (S.FETCHING, S.FETCHING, S.COMPLETE)
    assert neighbour.status_description.startswith("Paused until ")
    assert len(lab.requests("/bills")) == stranger.request_count


def test_a_wait_beyond_the_limit_ends_by_name(lab, queue, run_queue, settings):
    settings.HEADRACE_MAX_WAIT_SECONDS = 300
    lab.fault("too-many", type="invoices", retry_after=600)
    dataset = queue()
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.error_responsible) == (S.RATE_LIMIT_ERROR, Responsible.PLATFORM)


def test_a_page_is_put_off_a_limited_number_of_times(lab, queue, run_queue, waits, monkeypatch):
    monkeypatch.setattr("syncengine.limits.shut", lambda key, seconds: None)
    lab.fault("too-many", type="invoices", retry_after=1)
    dataset = queue()
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, len(waits)) == (S.RATE_LIMIT_ERROR, fetching.MAX_PAUSES)


def test_a_paused_dataset_can_be_cancelled(lab, queue, run_queue):
    lab.fault("too-many", type="invoices", retry_after=600)
    dataset = queue()
    run_queue()
    cancel_dataset(Dataset.objects.get(pk=dataset.pk), actor="user:7")
    dataset.refresh_from_db()
    assert (dataset.status, dataset.wake_at) == (S.CANCELLED, None)
    assert dataset.status_description == "Cancelled while Fetching. The last good data was kept."


STOPS = [
    # where the worker is when it is told to stop, where the dataset waits for the next one
    (S.FETCHING, 1, S.FETCHING),
    (S.FETCHING, 3, S.MAP_QUEUED),
    (S.MAPPING, 1, S.VALIDATION_QUEUED),
    (S.VALIDATING, 1, S.PROCESSING_QUEUED),
    (S.PROCESSING, 1, S.PROCESSING),
]


@pytest.mark.parametrize(("stage", "nth", "waits_as"), STOPS, ids=[f"{s[0]}-{s[1]}" for s in STOPS])
def test_a_worker_told_to_stop_hands_over(lab, queue, queued, run_queue, monkeypatch, settings, stage, nth, waits_as):
    settings.HEADRACE_STORAGE_CHUNK = 400
    lab.sizes(invoices=1200)
    dataset = queue()
    stop_in(monkeypatch, dataset, stage, nth)
    runner.run_dataset(dataset.pk, owner="first:1")
    dataset.refresh_from_db()
    assert (dataset.status, dataset.lease_owner, dataset.lease_until) == (waits_as, "", None)
    assert dataset.attempts.get().outcome == "Worker stopped; another goes on."
    assert queued()[-1] == ("syncengine.tasks.run_dataset", (str(dataset.pk),))
    assert wake_forgotten() == 0
    run_queue()
    dataset.refresh_from_db()
    assert (dataset.status, dataset.created_count, dataset.lost_count) == (S.COMPLETE, 1200, 0)
    assert Record.objects.count() == 1200
    assert dataset.attempts.count() == 2
    # What was stored is not asked for again; a page that was being read ahead is.
    assert len([request for request in lab.requests("/invoices") if "cursor" not in request["query"]]) == 1
    kinds = list(Event.objects.filter(dataset_id=dataset.pk).values_list("kind", flat=True))
    assert kinds.count("dataset.completed") == 1


def stop_in(monkeypatch: pytest.MonkeyPatch, dataset: Dataset, stage: str, nth: int) -> None:
    """Have the process asked to stop the nth time that it looks in that stage, and not any more afterwards."""
    looked = {stage: 0}

    def stopping() -> bool:
        looked[stage] += Dataset.objects.filter(pk=dataset.pk, status=stage).exists()
        if looked[stage] != nth:
            return False
        looked[stage] += 1
        return True

    for module in (runner, fetching, processing):
        monkeypatch.setattr(module, "stopping", stopping)
