"""A worker that dies, hangs or stumbles anywhere leaves a dataset that ends as if nothing had happened, or by name."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from syncengine.actions.datasets import queue_dataset
from syncengine.models import Dataset, DataStatus, Event, RecordChange, StagedPage
from syncengine.run import ending, fetching, lease
from syncengine.run.sweeping import drop_leftovers, wake_forgotten
from syncengine.states import DatasetStatus, ReadMode
from tests.syncengine.lab import BUSINESS, Lab
from tests.syncengine.run.processes import Worker, everything, lapse, records_of, start_worker, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
S = DatasetStatus

# place, how far into a whole read (of the times the place is reached), whether the dataset is Complete by then
PLACES = [
    ("before_fetch", 0, False),
    ("after_fetch", 0, False),
    ("before_commit", 0, False),
    ("before_commit", 0.3, False),
    ("before_commit", 0.8, False),
    ("after_commit", 0.2, False),
    ("after_commit", 0.8, False),
    ("after_commit", 1, True),
    ("before_event", 0.4, False),
    ("before_event", 1, False),
    ("before_complete", 0, False),
    ("after_complete", 0, True),
]
IN_TRANSACTION = ("before_commit", "before_event")
each_place = pytest.mark.parametrize(("place", "share", "over"), PLACES, ids=[f"{p}-{n}" for p, n, _ in PLACES])
COUNTERS = ("fetched", "mapped", "validated", "processed", "created", "changed", "unchanged", "deleted", "invalid")


@pytest.fixture
def dataset(lab: Lab, settings: object, run_queue, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A full read waiting to be run: 40 invoices are stored, since then 5 changed, 4 went and 8 came."""
    settings.HEADRACE_STORAGE_CHUNK = 15
    lab.sizes(invoices=40)
    connections = [lab.connection(), lab.connection()]
    for connection in connections:
        queue_dataset(connection, "invoices", actor="test")
    run_queue()
    lab.control("POST", f"businesses/{BUSINESS}/invoices/touch", {"first": 3, "count": 5})
    lab.control("POST", f"businesses/{BUSINESS}/invoices/delete", {"first": 20, "count": 4})
    lab.sizes(invoices=48)
    queue_dataset(connections[0], "invoices", actor="undisturbed", mode=ReadMode.FULL)
    with monkeypatch.context() as counting:
        reached = count_reached(counting)
        run_queue()
    dataset = queue_dataset(connections[1], "invoices", actor="test", mode=ReadMode.FULL)
    dataset.reached = reached
    take_the_task_away()
    return dataset


@each_place
def test_a_worker_killed_there_costs_nothing(lab, dataset, run_queue, tmp_path, place, share, over):
    worker = disturbed(dataset, lab, tmp_path, place, "crash", share)
    assert worker.end() == -signal.SIGKILL
    assert (status_of(dataset) == S.COMPLETE) is over
    sweep(dataset, run_queue)
    assert_as_if_undisturbed(dataset)


@each_place
def test_a_worker_that_hung_there_writes_nothing_afterwards(lab, dataset, run_queue, tmp_path, place, share, over):
    worker = disturbed(dataset, lab, tmp_path, place, "hang", share)
    wait_for((tmp_path / "mark").exists)
    if place in IN_TRANSACTION:
        # Its open transaction keeps all others out; whoever watches the workers must end it.
        worker.signal(signal.SIGKILL)
        worker.end()
    assert (status_of(dataset) == S.COMPLETE) is over
    sweep(dataset, run_queue)
    assert_as_if_undisturbed(dataset)
    if place not in IN_TRANSACTION:
        before = everything()
        (tmp_path / "mark").unlink()
        assert worker.end() == 0
        assert everything() == before


@each_place
def test_an_error_there_ends_the_dataset_by_name_with_nothing_half_stored(
    lab, dataset, run_queue, tmp_path, place, share, over
):
    before = records_of(dataset)
    worker = disturbed(dataset, lab, tmp_path, place, "raise", share)
    assert worker.end() == 1
    dataset.refresh_from_db()
    if over:
        drop_leftovers()
        assert_as_if_undisturbed(dataset)
        return
    assert (dataset.status, dataset.error_message) == (
        S.INTERNAL_ERROR,
        "Something went wrong inside Headrace: FailpointReached. It was logged.",
    )
    assert (dataset.lease_owner, dataset.lease_until) == ("", None)
    assert records_of(dataset) == before
    assert RecordChange.objects.filter(dataset=dataset).count() == StagedPage.objects.count() == 0
    assert kinds(dataset)[-1] == "dataset.failed"


def disturbed(dataset: Dataset, lab: Lab, directory: Path, place: str, action: str, share: float) -> Worker:
    nth = 1 + round(share * (dataset.reached[place] - 1))
    return start_worker(
        dataset,
        lab,
        HEADRACE_FAILPOINTS=f"{place}={action}@{nth}",
        HEADRACE_FAILPOINT_MARK=str(directory / "mark"),
    )


def count_reached(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each place is reached from now on."""
    reached: Counter[str] = Counter()
    for module in (ending, fetching, lease):
        monkeypatch.setattr(module, "reach", lambda name: reached.update([name]))
    return reached


def sweep(dataset: Dataset, run_queue) -> None:
    """What the scheduler does by itself once the lease has run out."""
    lapse(dataset)
    wake_forgotten()
    run_queue()
    drop_leftovers()


def assert_as_if_undisturbed(dataset: Dataset) -> None:
    dataset.refresh_from_db()
    reference = Dataset.objects.get(actor="undisturbed")
    assert (dataset.status, dataset.error_message) == (S.COMPLETE, "")
    assert records_of(dataset) == records_of(reference)
    assert counters(dataset) == counters(reference)
    assert counters(dataset)["created"] == 8
    assert counters(dataset)["deleted"] == 4
    assert changes(dataset) == changes(reference)
    assert kinds(dataset) == kinds(reference)
    assert record_count(dataset) == record_count(reference) == 44
    assert (dataset.lease_owner, dataset.lease_until, StagedPage.objects.count()) == ("", None, 0)


def counters(dataset: Dataset) -> dict[str, int]:
    return {name: getattr(dataset, f"{name}_count") for name in COUNTERS}


def changes(dataset: Dataset) -> list[tuple[object, ...]]:
    return list(dataset.record_changes.order_by("source_id").values_list("source_id", "kind", "fields"))


def kinds(dataset: Dataset) -> list[str]:
    return list(Event.objects.filter(dataset_id=dataset.pk).order_by("id").values_list("kind", flat=True))


def record_count(dataset: Dataset) -> int:
    return DataStatus.objects.get(connection=dataset.connection_id, data_type=dataset.data_type).record_count


def status_of(dataset: Dataset) -> str:
    return Dataset.objects.values_list("status", flat=True).get(pk=dataset.pk)


def take_the_task_away() -> None:
    """Nobody is woken for the dataset but by the sweeper."""
    from django_q.brokers import get_broker

    get_broker().purge_queue()
