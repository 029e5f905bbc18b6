"""The keeper: the one process of a cluster that looks after time. It sweeps, ticks, and shows that we are alive.

It is no part of the sentinel, which must never wait for a database; and the sweep is no task, because a queue whose
workers are all busy would hold it up, and hold a heap of them when they come free.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import db
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule
from django_q.scheduler import scheduler

from syncengine.cluster_roles import OUTAGE, own_broker
from syncengine.models.worker import WorkerHeartbeat

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5
SCHEDULER_SECONDS = 5
SCHEDULE_CHECK_SECONDS = 60
SWEEP = "syncengine.tasks.sweep"
TICK: dict[str, Any] = {
    "name": "tick",
    "func": "syncengine.tasks.tick",
    "schedule_type": Schedule.MINUTES,
    "minutes": 1,
    "repeats": -1,
    "args": None,
    "kwargs": None,
    "hook": None,
    "cluster": None,
    "cron": None,
    "intended_date_kwarg": None,
}
# A name is not unique in django-q2's table, a key is: two clusters that start together make one row.
TICK_ID = 70_000


@dataclass
class Duty:
    """Something done every so many seconds."""

    do: Callable[[], None]
    every_seconds: float
    due_at: float = 0.0  # time.monotonic()


def run_keeper() -> None:
    """Do what is due until killed: every duty may be cut short, and each survives an outage of what it needs."""
    broker = own_broker()
    started_at = timezone.now()
    duties = [
        Duty(keep_schedule, SCHEDULE_CHECK_SECONDS),
        Duty(lambda: beat(started_at), HEARTBEAT_SECONDS),
        Duty(sweep, settings.HEADRACE_SWEEP_SECONDS),
        Duty(lambda: fire_schedule(broker), SCHEDULER_SECONDS),
        *(Duty(import_string(name), seconds) for name, seconds in settings.KEEPER_DUTIES.items()),
    ]
    while True:
        for duty in duties:
            if duty.due_at <= time.monotonic():
                duty.due_at = time.monotonic() + duty.every_seconds
                _do(duty)
        time.sleep(0.25)


def _do(duty: Duty) -> None:
    db.close_old_connections()
    try:
        duty.do()
    except OUTAGE as error:
        log.error("Housekeeping could not reach the database or the queue (%s); trying again.", error)
    except Exception:
        # The one place that catches all: a fault in the sweep must not stop the heartbeat and the schedule.
        log.exception("Housekeeping failed")


def beat(started_at: datetime) -> None:
    """Show the pages that this cluster is alive."""
    host, pid = socket.gethostname(), os.getppid()
    WorkerHeartbeat.objects.update_or_create(
        name=f"{host}:{pid}"[:120],
        defaults={"seen_at": timezone.now(), "started_at": started_at, "pid": pid, "host": host[:80]},
    )


def sweep() -> None:
    """Let the engine find datasets whose worker is gone or which the queue forgot."""
    import_string(SWEEP)()


def keep_schedule() -> None:
    """Make sure that django-q2 holds our one schedule, as written here, and no other.

    One row whose arguments do not parse stops every schedule of a django-q2 cluster, so strangers are removed.
    """
    ours = Schedule.objects.filter(pk=TICK_ID)
    found = ours.values(*TICK).first()
    if found is None:
        Schedule.objects.get_or_create(pk=TICK_ID, defaults=TICK)
    elif found != TICK:
        ours.update(**TICK)
    for stranger in Schedule.objects.exclude(pk=TICK_ID):
        log.warning("Removed the schedule %s: only the engine's own tick runs here.", stranger)
        stranger.delete()


def fire_schedule(broker: object) -> None:
    """Queue the tick when its minute has come; django-q2 sees to it that one cluster does."""
    if Schedule.objects.filter(next_run__lt=timezone.now()).exists():
        scheduler(broker=broker)
