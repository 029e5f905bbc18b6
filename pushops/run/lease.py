"""Holding an operation: claimed by one conditional UPDATE, checked at every write, as datasets are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from pushops.models import PushAttempt, PushOperation
from pushops.states import AttemptOutcome, Phase, PushStatus
from syncengine.exceptions import LeaseLost
from syncengine.failpoints import reach
from syncengine.moments import stamp
from syncengine.outbound.exchange import Exchange

MAX_EXCHANGES = 50  # kept of one attempt


class Paused(Exception):
    """Nothing to do before `until`; whoever waits for it is told why."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until, self.reason = until, reason


def unfinished() -> QuerySet[PushOperation]:
    """Return operations on which there is something to do, or to find out."""
    return PushOperation.objects.filter(
        Q(status=PushStatus.PENDING, phase__in=(Phase.WAITING, Phase.SENDING))
        | Q(status=PushStatus.TIMED_OUT, phase=Phase.SENDING)
    )


def claim(operation_id: UUID | str, owner: str) -> Hold | None:
    """Take an operation that nobody holds. None when it is over, held, paused until later, or past its deadline."""
    moment = now()
    free = unfinished().filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=moment),
        Q(not_before__isnull=True) | Q(not_before__lte=moment),
        Q(deadline_at__gt=moment) | Q(status=PushStatus.TIMED_OUT),
        pk=operation_id,
    )
    row = free.select_related("company", "connection__integration", "connection__company").first()
    if row is None:
        return None
    lost = bool(row.lease_owner)
    taken = {
        "fence": row.fence + 1,
        "lease_owner": owner,
        "lease_until": lease_end(),
        "look_at": row.next_look(lease_end()),
        "lost_count": row.lost_count + lost,
        "not_before": None,
    }
    with transaction.atomic():
        if not free.filter(fence=row.fence, lease_until=row.lease_until).update(**taken):
            return None
        if lost:
            open_attempts(row).update(ended_at=moment, outcome=AttemptOutcome.WORKER_LOST)
    for name, value in taken.items():
        setattr(row, name, value)
    return Hold(row, owner)


class Hold:
    """One worker's hold of one operation. As an observer of its requests it keeps the lease and the log."""

    def __init__(self, operation: PushOperation, owner: str) -> None:
        self.operation, self.owner = operation, owner
        self.fence = operation.fence
        self._renewed = monotonic()
        self._log: list[Exchange] = []
        self._attempt: PushAttempt | None = None

    # --- the observer

    def progressed(self) -> None:
        """Keep the lease while there are signs of life; that it is gone shows when the answer is recorded."""
        if monotonic() - self._renewed > settings.HEADRACE_LEASE_SECONDS / 4:
            self._renewed = monotonic()
            row, until = self.operation, lease_end()
            self._held().update(lease_until=until, look_at=row.next_look(until))

    def answered(self, exchange: Exchange) -> None:
        self._log.append(exchange)

    # --- what is written

    def begin_attempt(self, *, sends: bool) -> None:
        """Note that a request is about to leave; with `sends`, that it may do the write.

        Raises: LeaseLost, also when the operation has timed out or was discarded meanwhile.
        """
        row, until = self.operation, lease_end()
        columns: dict[str, Any] = {"lease_until": until, "look_at": row.next_look(until), "wait_reason": ""}
        held = self._held()
        if sends:
            columns |= {"phase": Phase.SENDING, "sent_at": row.sent_at or now(), "last_sent_at": now()}
            held = held.filter(status=PushStatus.PENDING, phase=row.phase, deadline_at__gt=now())
        with transaction.atomic():
            if not held.update(**columns):
                raise LeaseLost(f"Push operation {row.pk} is no longer ours (fence {self.fence}).")
            if self._attempt is not None:  # a search that found nothing, so that it is sent again
                self._end_attempt(row, AttemptOutcome.NOT_FOUND, "The platform holds no such record.", "", None)
                self._log = []
            self._attempt = PushAttempt.objects.create(
                operation=row, number=next_number(row), worker=self.owner, started_at=now()
            )
        for name, value in columns.items():
            setattr(row, name, value)
        self._renewed = monotonic()

    @contextmanager
    def recording(
        self,
        outcome: AttemptOutcome,
        message: str = "",
        *,
        upstream: str = "",
        status_code: int | None = None,
        late: AttemptOutcome | None = None,
    ) -> Iterator[PushOperation]:
        """The transaction in which an outcome is written: gives the row as it stands, locked, and ends the attempt.

        One who lost its lease while it waited for the platform may still say what the answer was, unless another is
        finding it out just now.

        late:    what the attempt came to if the operation had ended before.
        Raises:  LeaseLost, before anything of the block was run.
        """
        reach("before_record")
        with transaction.atomic():
            row = (
                PushOperation.objects.select_for_update(of=("self",))
                .select_related("company", "connection__integration")
                .get(pk=self.operation.pk)
            )
            if not self.holds(row) and row.phase not in (Phase.SENT, Phase.SETTLED):
                raise LeaseLost(f"Push operation {row.pk} is no longer ours (fence {self.fence}).")
            came_to = late if late and row.is_ended else outcome
            yield row
            self._end_attempt(row, came_to, message, upstream, status_code)
            reach("before_end")
        self._log = []

    def holds(self, row: PushOperation) -> bool:
        return row.fence == self.fence and bool(row.lease_owner)

    def release(self, row: PushOperation, **columns: Any) -> None:
        """Give the row back, inside `recording`, with something left to be done or found out later."""
        free = {"lease_until": None, "lease_owner": "", **columns}
        for name, value in free.items():
            setattr(row, name, value)
        row.look_at = self._look_at(row)
        row.save(update_fields=[*free, "look_at"])

    def pause(self, pause: Paused) -> None:
        """Give the operation back until later; nothing was sent since it was claimed."""
        row = self.operation
        columns = {
            "lease_until": None,
            "lease_owner": "",
            "not_before": pause.until,
            "wait_reason": pause.reason[:300],
            "look_at": row.next_look(pause.until),
        }
        self._held().filter(status=row.status, phase=row.phase).update(**columns)

    def _look_at(self, row: PushOperation) -> datetime | None:
        if row.status == PushStatus.PENDING:
            return row.next_look(row.not_before if row.phase != Phase.SENT else None)
        return row.not_before if row.phase == Phase.SENDING else None

    def _end_attempt(
        self, row: PushOperation, outcome: AttemptOutcome, message: str, upstream: str, status_code: int | None
    ) -> None:
        told = {
            "ended_at": now(),
            "outcome": outcome,
            "message": message[:4000],
            "upstream": upstream,
            "status_code": status_code,
            "exchange": as_exchange(self._log),
        }
        if self._attempt is None:
            PushAttempt.objects.create(
                operation=row, number=next_number(row), worker=self.owner, started_at=now(), **told
            )
        else:
            PushAttempt.objects.filter(pk=self._attempt.pk).update(**told)
            self._attempt = None

    def _held(self) -> QuerySet[PushOperation]:
        return PushOperation.objects.filter(pk=self.operation.pk, fence=self.fence).exclude(lease_owner="")


def lease_end() -> datetime:
    return now() + timedelta(seconds=settings.HEADRACE_LEASE_SECONDS)


def open_attempts(row: PushOperation) -> QuerySet[PushAttempt]:
    return PushAttempt.objects.filter(operation=row, ended_at__isnull=True)


def next_number(row: PushOperation) -> int:
    """Return the next attempt's number; whoever asks holds the row's lock."""
    last = PushAttempt.objects.filter(operation=row).order_by("-number").values_list("number", flat=True).first()
    return (last or 0) + 1


def as_exchange(log: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Return requests and answers as an attempt keeps them; of many, the first and the last."""
    kept = log if len(log) <= MAX_EXCHANGES else [*log[: MAX_EXCHANGES // 2], *log[-MAX_EXCHANGES // 2 :]]
    return [{**asdict(exchange), "sent_at": stamp(exchange.sent_at)} for exchange in kept]
