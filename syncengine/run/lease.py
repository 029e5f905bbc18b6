"""Holding a dataset: claimed by one conditional UPDATE, renewed while work moves, checked at every write."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from syncengine.events import record_event
from syncengine.exceptions import LeaseLost, StaleState
from syncengine.failpoints import reach
from syncengine.models import Attempt, Dataset
from syncengine.run.offline import must_wait
from syncengine.states import DATASET_ACTIVE, DATASET_MOVES, Stage
from syncengine.transitions import move

WORTH_NOTING_SECONDS = 1.0  # of work; less is noted together with what follows


class CancelRequested(Exception):
    """Somebody asked for the end of this dataset."""


class Paused(Exception):
    """Nothing to do before `until`; the worker is free for others meanwhile."""

    def __init__(self, until: datetime, description: str) -> None:
        super().__init__(description)
        self.until, self.description = until, description


class Stopping(Exception):
    """This worker was told to stop; another goes on."""


class Overtaken(Exception):
    """A write of ours to the same records was stored meanwhile: what was looked up before may not hold any more."""


def worker_name() -> str:
    return f"{platform.node()}:{os.getpid()}"


def claim(dataset_id: UUID | str, owner: str) -> Hold | None:
    """Take a dataset that nobody holds. None when it has ended, is held, is paused until later, or must wait.

    A lease that was not given back but lapsed counts as a lost worker; the count stands in the row before any work is
    done, so that a dataset which kills its workers comes to an end.
    """
    moment = now()
    free = Dataset.objects.filter(pk=dataset_id, status__in=DATASET_ACTIVE).filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=moment), Q(wake_at__isnull=True) | Q(wake_at__lte=moment)
    )
    dataset = free.select_related("company", "connection__integration", "connection__company").first()
    if dataset is None or must_wait(dataset):
        return None
    # What was read still stands if nobody took it (fence) and the last holder, given up for lost, wrote nothing: each
    # of its writes moves the end of its lease.
    unchanged = free.filter(fence=dataset.fence, lease_until=dataset.lease_until)
    lost = bool(dataset.lease_owner)
    taken = {
        "fence": dataset.fence + 1,
        "lease_owner": owner,
        "lease_until": _lease_end(),
        "lost_count": dataset.lost_count + lost,
        "wake_at": None,
        "status_description": "",
    }
    with transaction.atomic():
        if not unchanged.update(**taken):
            return None
        if lost:
            Attempt.objects.filter(dataset_id=dataset_id, ended_at__isnull=True).update(
                ended_at=moment, outcome="Worker lost"
            )
        Attempt.objects.create(dataset_id=dataset_id, fence=dataset.fence + 1, worker=owner, started_at=moment)
    for name, value in taken.items():
        setattr(dataset, name, value)
    return Hold(dataset, dataset.fence)


class Hold:
    """One worker's hold of one dataset. Every write goes through `writing`, and fails when the hold is gone."""

    def __init__(self, dataset: Dataset, fence: int) -> None:
        self.dataset = dataset
        self.fence = fence
        self._renewed = time.monotonic()
        self._looked = time.monotonic()  # the claim has looked
        self._noted: dict[str, Any] = {}
        self._spent: dict[Stage, float] = {}
        self._inner: list[float] = []

    @contextmanager
    def writing(self, **columns: Any) -> Iterator[None]:
        """A transaction that commits only while the dataset is ours; sets `columns` and renews the lease in it.

        Raises: LeaseLost, before anything of the block was run.
        """
        with self._committing():
            self._update(lease_until=_lease_end(), **self._noted | columns)
            yield
        self._noted = {}
        for name, value in columns.items():
            setattr(self.dataset, name, value)

    @contextmanager
    def storing(self, **columns: Any) -> Iterator[None]:
        """As `writing`, but only while no push has touched this type's records since `push_count` was read.

        A push counts itself in the dataset's row before it writes a record, so the two wait for each other there.

        Raises: LeaseLost, Overtaken; before anything of the block was run.
        """
        with self._committing():
            unmoved = self._held().filter(push_count=self.dataset.push_count)
            if not unmoved.update(lease_until=_lease_end(), **self._noted | columns):
                self._update(lease_until=_lease_end())
                raise Overtaken
            yield
        self._noted = {}
        for name, value in columns.items():
            setattr(self.dataset, name, value)

    def note(self, **columns: Any) -> None:
        """Set columns together with the next write: what would cost nothing to find out again."""
        self._noted |= columns
        for name, value in columns.items():
            setattr(self.dataset, name, value)

    @contextmanager
    def _committing(self) -> Iterator[None]:
        with transaction.atomic():
            yield
            reach("before_commit")
        reach("after_commit")
        self._renewed = time.monotonic()

    def keep(self) -> None:
        """Called while work moves on: renews the lease when a quarter of it is gone, and notices a cancellation.

        Raises: LeaseLost, CancelRequested.
        """
        if time.monotonic() - self._renewed > settings.HEADRACE_LEASE_SECONDS / 4:
            self._update(lease_until=_lease_end())
            self._renewed = time.monotonic()
        self.look()

    def look(self, *, every: float = 1.0) -> None:
        """Raises: CancelRequested, when somebody asked for the end; looks at most once in `every` seconds."""
        if time.monotonic() - self._looked < every:
            return
        self._looked = time.monotonic()
        if Dataset.objects.filter(pk=self.dataset.pk, cancel_requested_at__isnull=False).exists():
            raise CancelRequested

    def wait(self, seconds: float) -> None:
        """Sleep here, keeping the lease."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            self.keep()

    def move(self, to: str, **columns: Any) -> None:
        """Move the dataset on and record it, in one transaction that holds the fence.

        Raises: LeaseLost, CancelRequested.
        """
        before = self.dataset.status
        with self._committing():
            try:
                self._move_if_held(to, {"cancel_requested_at": None}, lease_until=_lease_end(), **columns)
            except StaleState:
                self.look(every=0)
                raise
            if sum(self._spent.values()) > WORTH_NOTING_SECONDS:
                self._write_timings()
            reach("before_event")
            record_event("dataset.moved", about=self.dataset, actor="worker", before=before, after=to)
        self._noted = {}
        self._looked = time.monotonic()

    @contextmanager
    def ending(self, status: str, outcome: str, **columns: Any) -> Iterator[None]:
        """The transaction that ends the dataset and this attempt. Raises: LeaseLost, before the block was run."""
        with self._committing():
            reach("before_event")
            free = {"lease_until": None, "lease_owner": "", "wake_at": None}
            self._move_if_held(status, {}, **free, **columns)
            yield
            self._end_attempt(outcome)

    def _move_if_held(self, to: str, guard: dict[str, Any], **columns: Any) -> None:
        """Check the hold and move, in one statement. Raises: LeaseLost, StaleState."""
        held = {"fence": self.fence, "lease_owner__gt": "", **guard}
        try:
            move(self.dataset, to, DATASET_MOVES, guard=held, **self._noted | columns)
        except StaleState:
            self._update(lease_until=_lease_end())
            raise

    @contextmanager
    def timing(self, stage: Stage) -> Iterator[None]:
        """Count the time of the block for `stage`; a block inside another's is not counted for the outer one."""
        started = time.monotonic()
        self._inner.append(0.0)
        try:
            yield
        finally:
            whole = time.monotonic() - started
            self._spent[stage] = self._spent.get(stage, 0.0) + whole - self._inner.pop()
            if self._inner:
                self._inner[-1] += whole

    def _write_timings(self) -> None:
        """Add what was counted to the dataset's timings, so that they span all its attempts.

        Called inside a transaction that holds the fence: after some work, and at every end of an attempt.
        """
        spent = [(stage, self._spent.pop(stage)) for stage in Stage if stage in self._spent]
        if not spent:
            return
        key = self.dataset.pk if connection.vendor == "postgresql" else self.dataset.pk.hex
        moment = connection.ops.adapt_datetimefield_value(now())
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO syncengine_stagetiming (dataset_id, stage, started_at, seconds) VALUES "  # noqa: S608 - only placeholders are joined
                + ", ".join(["(%s, %s, %s, %s)"] * len(spent))
                + " ON CONFLICT (dataset_id, stage) DO UPDATE"
                " SET seconds = syncengine_stagetiming.seconds + excluded.seconds",
                [value for stage, seconds in spent for value in (key, str(stage), moment, seconds)],
            )

    def release(self, outcome: str, **columns: Any) -> None:
        """Give the dataset back in good order, for another worker or another time."""
        with transaction.atomic():
            self._update(lease_until=None, lease_owner="", **self._noted | columns)
            self._end_attempt(outcome)

    def _end_attempt(self, outcome: str) -> None:
        self._write_timings()
        Attempt.objects.filter(dataset=self.dataset, fence=self.fence).update(ended_at=now(), outcome=outcome)

    def _held(self) -> QuerySet[Dataset]:
        return Dataset.objects.filter(pk=self.dataset.pk, fence=self.fence).exclude(lease_owner="")

    def _update(self, **columns: Any) -> None:
        if not self._held().update(**columns):
            raise LeaseLost(f"Dataset {self.dataset.pk} is no longer ours (fence {self.fence}).")


def _lease_end() -> datetime:
    return now() + timedelta(seconds=settings.HEADRACE_LEASE_SECONDS)
