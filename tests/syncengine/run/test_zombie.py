"""A worker that slept past its lease, at any point of a real request, writes nothing when it wakes."""

from __future__ import annotations

import signal

import pytest

from syncengine.actions.datasets import queue_dataset
from syncengine.models import Attempt, Dataset
from syncengine.run.runner import run_dataset
from syncengine.states import DatasetStatus
from tests.syncengine.run.processes import everything, lapse, start_worker, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("prefetch", [False, True])
def test_a_stopped_worker_that_goes_on_after_another_has_finished_writes_nothing(lab, prefetch):
    lab.sizes(invoices=40)
    lab.fault("hang", type="invoices", seconds=1, times=1)
    dataset = queue_dataset(lab.connection(), "invoices", actor="test")
    worker = start_worker(dataset, lab, prefetch=prefetch)
    wait_for(lambda: Dataset.objects.filter(pk=dataset.pk, status=DatasetStatus.FETCHING).exists())
    wait_for(lambda: bool(lab.requests("invoices")))
    worker.signal(signal.SIGSTOP)
    lapse(dataset)
    run_dataset(dataset.pk, owner="heir:1")
    dataset.refresh_from_db()
    assert (dataset.status, dataset.created_count, dataset.lost_count) == (DatasetStatus.COMPLETE, 40, 1)
    assert list(Attempt.objects.order_by("fence").values_list("fence", "outcome")) == [
        (1, "Worker lost"),
        (2, "Complete"),
    ]
    before = everything()
    worker.signal(signal.SIGCONT)
    assert worker.end() == 0
    assert everything() == before
