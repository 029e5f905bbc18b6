"""One worker at a time, and none that lost its hold writes anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from syncengine.exceptions import LeaseLost
from syncengine.models import Dataset
from syncengine.run.lease import claim
from syncengine.run.runner import run_dataset
from syncengine.run.sweeping import wake_forgotten
from syncengine.states import DATASET_ENDS, DatasetStatus
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db
S = DatasetStatus


def lapse(dataset: Dataset) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(
        lease_until=now() - timedelta(seconds=1), enqueued_at=now() - timedelta(hours=1)
    )


def test_a_held_dataset_is_not_claimed_again():
    dataset = make_dataset()
    assert claim(dataset.pk, "a:1") is not None
    assert claim(dataset.pk, "b:2") is None


def test_an_ended_or_paused_dataset_is_not_claimed():
    for status in sorted(DATASET_ENDS):
        assert claim(make_dataset(data_type=status, status=status).pk, "a:1") is None
    paused = make_dataset(data_type="bills", wake_at=now() + timedelta(minutes=5))
    assert claim(paused.pk, "a:1") is None


def test_a_worker_that_wakes_after_its_lease_lapsed_writes_nothing():
    dataset = make_dataset(status=S.FETCHING)
    zombie = claim(dataset.pk, "a:1")
    lapse(dataset)
    heir = claim(dataset.pk, "b:2")
    with pytest.raises(LeaseLost), zombie.writing(fetched_count=7):
        pytest.fail("the block of a lost hold must not run")
    with pytest.raises(LeaseLost):
        zombie.move(S.MAPPING)
    with pytest.raises(LeaseLost):
        zombie.release("done")
    with heir.writing(fetched_count=3):
        pass
    dataset.refresh_from_db()
    assert (dataset.status, dataset.fetched_count, dataset.lease_owner, dataset.lost_count) == (S.FETCHING, 3, "b:2", 1)
    assert list(dataset.attempts.order_by("fence").values_list("worker", "outcome")) == [
        ("a:1", "Worker lost"),
        ("b:2", ""),
    ]


def test_workers_that_keep_dying_end_the_dataset_by_name(settings):
    dataset = make_dataset()
    for _ in range(settings.HEADRACE_MAX_LOST_WORKERS + 1):
        assert claim(dataset.pk, "a:1") is not None
        lapse(dataset)
    run_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.status, dataset.error_message) == (
        S.INTERNAL_ERROR,
        "Worker lost: 6 workers died while they held this dataset.",
    )


def test_the_sweeper_wakes_what_nobody_holds_and_nothing_else(queued):
    lapsed = make_dataset(data_type="bills", status=S.MAPPING)
    claim(lapsed.pk, "a:1")
    lapse(lapsed)
    held = make_dataset(data_type="items", status=S.MAPPING)
    claim(held.pk, "b:2")
    make_dataset(data_type="payments", wake_at=now() + timedelta(minutes=5))
    make_dataset(data_type="customers", status=S.COMPLETE)
    just_queued = make_dataset(data_type="suppliers", enqueued_at=now())
    never_sent = make_dataset(data_type="taxRates")
    assert wake_forgotten() == 2
    assert sorted(queued()) == sorted(("syncengine.tasks.run_dataset", (str(d.pk),)) for d in (lapsed, never_sent))
    assert wake_forgotten() == 0
    just_queued.refresh_from_db()
