"""What the processes of a cluster do: django-q2's pusher, worker and monitor, made to stop and to outlive an outage.

A pusher takes a task from the broker only while a worker is free. django-q2 alone takes two more than its workers
can run, and these wait behind an hour's read while another cluster stands idle.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.sharedctypes import Synchronized
from queue import Empty, Full
from typing import Any

from django import db
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.queues import Queue
from django_q.signals import post_execute_in_worker
from django_q.signing import SignedPackage
from django_q.worker import worker

from syncengine.processes import stopping

log = logging.getLogger(__name__)


def _what_an_outage_raises() -> tuple[type[Exception], ...]:
    if Conf.ORM:
        return (db.Error, OSError)
    import redis  # only where it is used: it takes a fifth of a start

    return (db.Error, OSError, redis.RedisError)


OUTAGE = _what_an_outage_raises()
OUTAGE_PAUSES = (0.5, 1, 2, 5)  # seconds; the last one again and again
FULL_PAUSE_SECONDS = 0.02


class DatabaseQueue(ORM):  # type: ignore[misc]
    """The database as broker: the oldest task first, and taken is gone, as with Redis.

    django-q2 alone keeps a taken task and delivers it again, for ever when it kills its worker. Our rows are the truth
    and the sweeper finds what was taken and not done, so one delivery is enough, and cheaper.
    """

    def dequeue(self) -> list[tuple[None, str]] | None:
        waiting = self.get_connection().filter(key=self.list_key, lock__lte=timezone.now()).order_by("pk")
        task = waiting.first()
        if task is None:
            time.sleep(Conf.POLL)
            return None
        taken, _ = self.get_connection().filter(pk=task.pk).delete()
        return [(None, task.payload)] if taken else None  # another cluster was faster


def own_broker() -> Any:
    """Return this process's broker, the database's or Redis as the settings say, as soon as it can be reached."""
    while True:
        try:
            return DatabaseQueue() if Conf.ORM and not Conf.BROKER_CLASS else get_broker()
        except OUTAGE as error:
            log.error("The queue cannot be reached (%s); trying again.", _in_one_line(error))
            _sleep_unless_stopping(1)


# --- worker ---------------------------------------------------------------------------------------------------------


def run_worker(tasks: Queue, results: Queue, timer: Synchronized[float], timeout: int, done: Any, seat: int) -> None:
    """Run tasks until told "STOP". SIGTERM only raises `stopping()`: the task in hand decides where it can leave off.

    Shape: `done` holds how many tasks each seat of the pool has finished; this worker alone counts at `seat`.
    """
    begun_with = done[seat]

    def count(**_: object) -> None:
        done[seat] += 1
        if stopping():
            Conf.RECYCLE = done[seat] - begun_with  # in this process: leave after this task, to be replaced if need be

    post_execute_in_worker.connect(count, weak=False)
    with suppress(*OUTAGE):
        db.connection.ensure_connection()  # now, rather than when the first task waits for it
    worker(tasks, results, timer, timeout)


# --- pusher ---------------------------------------------------------------------------------------------------------


class _StopAsked:
    """What django-q2 takes for an event. A real one is shared, so a killed process could hold its lock for ever."""

    def is_set(self) -> bool:
        return stopping()


class _WayIn:
    """The workers' queue as the pusher sees it: it counts what goes in, and a full one does not hold up a stop."""

    def __init__(self, tasks: Queue, give_back: Callable[[dict[str, Any]], None]) -> None:
        self.tasks = tasks
        self.give_back = give_back
        self.put_count = 0

    def put(self, task: dict[str, Any]) -> None:
        while not stopping():
            try:
                self.tasks.put(task, timeout=0.2)
            except Full:
                continue
            self.put_count += 1
            return
        self.give_back(task)


def run_pusher(tasks: Queue, done: Sequence[int]) -> None:
    """Bring tasks from the broker to free workers; when told to stop, give back what no worker took."""
    broker = own_broker()

    def give_back(task: dict[str, Any]) -> None:
        _give_back(broker, task)

    way_in = _WayIn(tasks, give_back)
    broker.dequeue = _when_a_worker_is_free(_patiently(broker.dequeue), way_in, done)
    pusher(way_in, _StopAsked(), broker)
    for task in _left_over(tasks):
        give_back(task)


def _when_a_worker_is_free(dequeue: Callable[[], Any], way_in: _WayIn, done: Sequence[int]) -> Callable[[], Any]:
    def dequeue_for_the_free() -> Any:
        in_hand = way_in.put_count - sum(done)
        return dequeue() if in_hand < len(done) else time.sleep(FULL_PAUSE_SECONDS)

    return dequeue_for_the_free


def _patiently(dequeue: Callable[[], Any]) -> Callable[[], Any]:
    failures = 0

    def dequeue_or_wait() -> Any:
        nonlocal failures
        try:
            taken = dequeue()
        except OUTAGE as error:
            log.error("The queue cannot be read (%s); trying again.", _in_one_line(error))
            _sleep_unless_stopping(OUTAGE_PAUSES[min(failures, len(OUTAGE_PAUSES) - 1)])
            failures += 1
            return None
        failures = 0
        return taken

    return dequeue_or_wait


def _left_over(tasks: Queue) -> list[dict[str, Any]]:
    found = []
    while True:
        try:
            found.append(tasks.get(timeout=0.1))
        except Empty:
            return found


def _give_back(broker: Any, task: dict[str, Any]) -> None:
    """Put a task that was taken and not begun back where another cluster finds it."""
    try:
        broker.enqueue(SignedPackage.dumps(task))
    except OUTAGE as error:
        log.error("A task could not be given back (%s); the sweeper will find its dataset.", _in_one_line(error))


# --- monitor --------------------------------------------------------------------------------------------------------


def run_monitor(results: Queue) -> None:
    """Keep what failed tasks answered. A result that cannot be saved is logged by django-q2 and lost."""
    monitor(results, own_broker())


# --- shared ---------------------------------------------------------------------------------------------------------


def _sleep_unless_stopping(seconds: float) -> None:
    until = time.monotonic() + seconds
    while not stopping() and time.monotonic() < until:
        time.sleep(0.1)


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
