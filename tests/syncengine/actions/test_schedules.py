"""What is due is queued once, however many schedulers run, however long none did, and whatever kills them."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import connections
from django.utils.timezone import now

from syncengine.actions import due
from syncengine.actions.datasets import cancel_dataset, queue_dataset
from syncengine.actions.due import queue_due
from syncengine.actions.schedules import SPREAD, next_sync_after, resume_schedule
from syncengine.actions.sync_settings import reset_sync_settings, save_sync_settings
from syncengine.models import Company, Connection, Dataset, DataStatus, Event
from syncengine.run.runner import run_dataset
from syncengine.states import ConnectionStatus, DatasetStatus, Trigger
from tests.factories import make_company, make_connection, make_dataset
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db
S = DatasetStatus
START = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
FREQUENCIES = [("hourly", 1), ("daily", 24), ("weekly", 168), ("monthly", 720)]


def schedule(hours: int, *data_types: str, company: Company | None = None) -> None:
    save_sync_settings(company, {key: {"sync_schedule_hours": hours} for key in data_types}, actor="test")


def make_status(connection: Connection, data_type: str = "bills", **columns: object) -> DataStatus:
    return DataStatus.objects.create(connection=connection, data_type=data_type, **columns)


def status_of(connection: Connection, data_type: str = "bills") -> DataStatus:
    return DataStatus.objects.get(connection=connection, data_type=data_type)


def run_all() -> None:
    """Run what is queued; the queue itself does not move while the clock stands."""
    for dataset in Dataset.objects.filter(status=S.QUEUED):
        run_dataset(dataset.pk)


@pytest.mark.parametrize(("name", "hours"), FREQUENCIES, ids=[name for name, _ in FREQUENCIES])
def test_a_read_is_followed_by_the_next_after_its_period(lab: Lab, name, hours):
    connection = lab.connection()
    schedule(hours, "taxRates")
    period = timedelta(hours=hours)
    with time_machine.travel(START, tick=False) as clock:
        Connection.objects.update(credentials_expire_at=START + timedelta(days=90))
        assert queue_due() == 0  # the status row came with the schedule, due at the real time it was saved
        DataStatus.objects.update(next_sync_at=START)
        assert queue_due() == 1
        run_all()
        following = status_of(connection, "taxRates").next_sync_at
        assert period <= following - START <= period * (1 + SPREAD)
        clock.move_to(following - timedelta(seconds=1))
        assert queue_due() == 0
        clock.move_to(following)
        assert (queue_due(), queue_due()) == (1, 0)
    newest = Dataset.objects.latest("pk")
    assert (newest.trigger, newest.actor, newest.data_type) == (Trigger.SCHEDULE, "schedule", "taxRates")


def test_what_was_never_read_is_read_as_soon_as_it_has_a_schedule(lab: Lab):
    connection = lab.connection()
    schedule(24, "taxRates")
    assert (queue_due(), queue_due()) == (1, 0)
    assert Dataset.objects.get().data_type == "taxRates"
    assert status_of(connection, "taxRates").next_sync_at > now()


def test_none_means_never():
    connection = make_connection()
    make_status(connection)
    schedule(24, "bills")
    schedule(0, "bills")
    assert status_of(connection).next_sync_at is None
    assert queue_due(START + timedelta(days=4000)) == 0


def test_an_outage_is_followed_by_one_catch_up_read_counted_from_then(lab):
    schedule(24, "taxRates")
    connection = lab.connection()
    make_status(connection, "taxRates", last_sync_at=START, next_sync_at=START + timedelta(days=1))
    back = START + timedelta(days=40)
    with time_machine.travel(back, tick=False):
        Connection.objects.update(credentials_expire_at=back + timedelta(days=1))
        assert (queue_due(), queue_due()) == (1, 0)
        run_all()
        assert queue_due() == 0
        assert status_of(connection, "taxRates").next_sync_at >= back + timedelta(days=1)
    assert Dataset.objects.count() == 1


def test_a_manual_refresh_shifts_the_next_read(lab):
    schedule(24, "taxRates")
    connection = lab.connection()
    make_status(connection, "taxRates", last_sync_at=START, next_sync_at=START + timedelta(days=1))
    refreshed = START + timedelta(hours=20)
    with time_machine.travel(refreshed, tick=False):
        Connection.objects.update(credentials_expire_at=refreshed + timedelta(days=1))
        queue_dataset(connection, "taxRates", actor="user:7")
        run_all()
    status = status_of(connection, "taxRates")
    assert status.last_sync_at == refreshed
    assert status.next_sync_at >= refreshed + timedelta(days=1)


def test_a_failed_read_is_not_tried_again_before_its_time(lab):
    schedule(24, "taxRates")
    connection = lab.connection()
    lab.fault("forbidden")
    queue_dataset(connection, "taxRates", actor="user:7")
    run_all()
    status = status_of(connection, "taxRates")
    assert status.next_sync_at >= status.last_sync_at + timedelta(days=1)
    assert status.last_successful_sync_at is None


def test_a_queued_read_that_is_cancelled_keeps_its_schedule():
    schedule(24, "bills")
    connection = make_connection()
    make_status(connection, next_sync_at=START)
    queue_due(START)
    cancel_dataset(Dataset.objects.get(), actor="user:7")
    assert START + timedelta(days=1) <= status_of(connection).next_sync_at


def test_a_company_may_have_its_own_frequency(lab):
    ordinary = make_connection(make_company("Ordinary"))
    keen = make_connection(make_company("Keen"))
    quiet = make_connection(make_company("Quiet"))
    for connection in (ordinary, keen, quiet):
        make_status(connection, last_sync_at=START)
    schedule(168, "bills")
    schedule(24, "bills", company=keen.company)
    schedule(0, "bills", company=quiet.company)
    assert [status_of(each).next_sync_at for each in (ordinary, keen, quiet)] == [
        START + timedelta(days=7),
        START + timedelta(days=1),
        None,
    ]
    schedule(720, "bills")
    assert status_of(ordinary).next_sync_at == START + timedelta(days=30)
    assert status_of(keen).next_sync_at == START + timedelta(days=1)
    reset_sync_settings(keen.company, actor="test")
    assert status_of(keen).next_sync_at == START + timedelta(days=30)


def test_what_is_still_running_is_skipped_and_said_so():
    schedule(24, "bills")
    running = make_dataset(data_type="bills", status=S.FETCHING)
    DataStatus.objects.update(next_sync_at=START)
    assert queue_due(START) == 0
    skipped = Event.objects.get(kind="schedule.skipped")
    assert skipped.connection_id == running.connection_id
    assert skipped.data == {"data_type": "bills", "running": str(running.pk)}
    assert status_of(running.connection).next_sync_at >= START + timedelta(days=1)


@pytest.mark.parametrize(
    "status", [ConnectionStatus.PENDING_AUTH, ConnectionStatus.UNLINKED, ConnectionStatus.DEAUTHORIZED]
)
def test_a_connection_that_is_not_linked_is_not_read(status):
    schedule(24, "bills")
    connection = make_connection(status=status)
    make_status(connection, next_sync_at=START)
    assert queue_due(START) == 0
    assert (status_of(connection).next_sync_at, Dataset.objects.count()) == (None, 0)


def test_a_schedule_goes_on_after_a_relink_from_the_last_sync():
    recent, overdue, running = (make_connection(make_company(name)) for name in ("Recent", "Overdue", "Running"))
    with time_machine.travel(START, tick=False):
        make_status(recent, last_sync_at=START - timedelta(hours=2))
        make_status(overdue, last_sync_at=START - timedelta(days=9))
        make_dataset(running, data_type="bills", status=S.FETCHING)
        for connection in (recent, overdue, running):
            resume_schedule(connection, {"bills": 24, "items": 0, "commerce-orders": 24})
    assert status_of(recent).next_sync_at == START + timedelta(hours=22)
    assert status_of(overdue).next_sync_at == START - timedelta(days=8)
    assert status_of(running).next_sync_at == START + timedelta(days=1)
    assert set(DataStatus.objects.values_list("data_type", flat=True)) == {"bills"}


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_queue_each_type_once():
    schedule(24, "bills")
    companies = [make_connection(make_company(f"Company {number}")) for number in range(20)]
    for connection in companies:
        make_status(connection, next_sync_at=START)
    together = Barrier(2)

    def tick(_: int) -> int:
        together.wait(timeout=30)
        try:
            return queue_due(START)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        queued = list(pool.map(tick, range(2)))
    assert sum(queued) == Dataset.objects.count() == 20
    assert Event.objects.filter(kind="schedule.skipped").count() == 0


def test_a_year_of_two_schedulers_that_keep_dying_reads_exactly_as_often_as_it_should(monkeypatch):
    plan = {"bills": 24, "items": 168, "customers": 720}
    for data_type, hours in plan.items():
        schedule(hours, data_type)
    statuses = [
        make_status(make_connection(make_company(f"{data_type} {number}")), data_type, next_sync_at=START)
        for data_type, often in (("bills", 1), ("items", 9), ("customers", 20))
        for number in range(often)
    ]
    chance, really_queue = random.Random(11), due.queue_dataset

    def queue_or_die(*given: object, **named: object) -> Dataset:
        if chance.random() < 0.05:
            raise KeyboardInterrupt
        dataset = really_queue(*given, **named)
        if chance.random() < 0.05:
            raise KeyboardInterrupt
        return dataset

    monkeypatch.setattr(due, "queue_dataset", queue_or_die)
    step, end = timedelta(days=1), START + timedelta(days=365)
    fired = dict.fromkeys([status.pk for status in statuses], 0)
    moment = START
    while moment < end:
        for _ in range(2):  # the one scheduler and the other; one that dies is followed by its successor
            while True:
                try:
                    queue_due(moment)
                except KeyboardInterrupt:
                    continue
                break
        finish_all(moment, plan, fired)
        moment += step
    assert fired == {status.pk: due_times(status, plan, step, end) for status in statuses}
    assert sum(fired.values()) > 800


def finish_all(moment: datetime, plan: dict[str, int], fired: dict[int, int]) -> None:
    """Every read that was queued ends at once, as its worker would end it."""
    for dataset in Dataset.objects.filter(status=S.QUEUED):
        status = status_of(dataset.connection, dataset.data_type)
        fired[status.pk] += 1
        key = f"{dataset.connection_id}:{dataset.data_type}"
        status.next_sync_at = next_sync_after(moment, plan[dataset.data_type], key=key)
        status.save()
        Dataset.objects.filter(pk=dataset.pk).update(status=S.COMPLETE)


def due_times(status: DataStatus, plan: dict[str, int], step: timedelta, end: datetime) -> int:
    """How often a type is due, worked out by itself: at the first tick not before each due time."""
    often, at = 0, START
    while at < end:
        often += 1
        following = next_sync_after(at, plan[status.data_type], key=f"{status.connection_id}:{status.data_type}")
        at = START + step * -(-(following - START) // step)
    return often
