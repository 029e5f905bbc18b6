"""Looking after time: each operation says when somebody must look at it next, and one indexed statement finds those."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from pushops.models import PushOperation
from pushops.moves import end
from pushops.run.lease import unfinished
from pushops.run.turns import PUSH_TASK
from pushops.states import Attention, Phase, PushStatus
from syncengine.queue import enqueue, waiting_count

log = logging.getLogger(__name__)

BATCH = 200
CLOCK = "clock"


def attend() -> int:
    """End what is past its deadline, and wake workers for leases that lapsed, pauses that are over and lost tasks.

    Done every second by every cluster's keeper. Returns how many operations were looked at.
    """
    seen = 0
    while True:
        due = list(PushOperation.objects.filter(look_at__lte=now()).order_by("look_at")[:BATCH])
        has_room = bool(due) and waiting_count() < 2 * unfinished().count()
        for row in due:
            try:
                _look_at(row, has_room)
            except Exception:
                # One that cannot be attended to must not keep the others waiting.
                log.exception("Push operation %s could not be attended to.", row.pk)
                PushOperation.objects.filter(pk=row.pk).update(look_at=now() + timedelta(minutes=1))
        seen += len(due)
        if len(due) < BATCH:
            return seen


@transaction.atomic
def time_out(operation_id: UUID) -> bool:
    """End one operation as TimedOut if it is past its deadline. What the platform is doing goes on all the same."""
    locked = PushOperation.objects.select_for_update(of=("self",)).select_related("connection")
    row = locked.filter(pk=operation_id, status=PushStatus.PENDING).first()
    if row is None or not row.is_overdue:
        return False
    columns: dict[str, object] = {"status_code": 408, "error_message": _words(row)}
    if row.phase == Phase.SENDING:
        columns |= {
            "phase": Phase.SENDING,
            "needs_attention": Attention.OUTCOME_UNKNOWN,
            "not_before": row.not_before,
            "lease_until": row.lease_until,
            "lease_owner": row.lease_owner,
            "look_at": row.lease_until or row.not_before or now(),
        }
    elif row.phase == Phase.SENT:
        columns |= {"phase": Phase.SENT, "needs_attention": Attention.OUTCOME_UNKNOWN}
    end(row, PushStatus.TIMED_OUT, actor=CLOCK, guard={}, **columns)
    return True


def _look_at(row: PushOperation, has_room: bool) -> None:
    if row.is_overdue:
        time_out(row.pk)
    elif unfinished().filter(pk=row.pk).exists():
        _wake(row, has_room)
    else:
        PushOperation.objects.filter(pk=row.pk, look_at=row.look_at).update(look_at=row.next_look())


def _wake(row: PushOperation, has_room: bool) -> None:
    """Wake a worker: for a reason that is known, or because its task may be lost; not if the queue is merely long."""
    again = row.next_look(now() + timedelta(seconds=settings.HEADRACE_REQUEUE_SECONDS))
    is_known = bool(row.lease_owner) or row.not_before is not None
    unmoved = PushOperation.objects.filter(pk=row.pk, look_at=row.look_at, fence=row.fence)
    with transaction.atomic():
        if unmoved.update(look_at=again, not_before=None) and (is_known or has_room):
            enqueue(PUSH_TASK, str(row.pk))


def _words(row: PushOperation) -> str:
    took = "The operation did not end in time."
    if row.phase == Phase.WAITING:
        return f"{took} Nothing was sent to the platform.{f' {row.wait_reason}' if row.wait_reason else ''}"
    return f"{took} The platform was asked, and may have done it, or may still do it."
