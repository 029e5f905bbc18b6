"""Whose turn it is: writes to one record keep their order, and wait while a read stores records of their type."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from pushops.exceptions import ReadInProgress
from pushops.models import PushOperation
from pushops.run.lease import Paused
from pushops.states import Phase, PushStatus
from syncengine.connector_presence import WAITING
from syncengine.models import Dataset
from syncengine.queries.offline import connector_is_missing
from syncengine.queue import enqueue
from syncengine.states import DatasetStatus

PUSH_TASK = "pushops.tasks.run_push"
WAIT = timedelta(seconds=0.5)
FIND_OUT_AGAIN = timedelta(minutes=5)
BATCH = 200


def require_connector(row: PushOperation) -> None:
    """Raises: Paused while an offline platform has no connector; its coming wakes the operation (`connector_came`)."""
    if words := connector_is_missing(row.connection):
        raise Paused(now() + FIND_OUT_AGAIN if row.is_ended else row.deadline_at, words)


def require_turn(row: PushOperation) -> None:
    """Raises: Paused while an earlier write to the same record, or a read that is storing, must end first;
    ReadInProgress instead, where this deployment refuses to wait for reads.
    """
    if row.record_id and _of_same_record(row).filter(pk__lt=row.pk).exists():
        raise Paused(now() + WAIT, f"Waiting for an earlier write to {row.data_type} {row.record_id}.")
    running = storing_read(row.connection_id, row.data_type)
    if running is None:
        return
    if settings.HEADRACE_PUSH_DURING_READ == "refuse":
        raise ReadInProgress(running)
    raise Paused(now() + WAIT, f"Waiting for dataset {running.pk}, which is storing {row.data_type} just now.")


def storing_read(connection_id: UUID, data_type: str) -> Dataset | None:
    """Return the dataset that stores records of this type just now, or None."""
    return Dataset.objects.filter(
        connection_id=connection_id, data_type=data_type, status=DatasetStatus.PROCESSING
    ).first()


def connector_came(integration_id: UUID) -> None:
    """Wake workers for the writes that waited for a connector of this integration."""
    waiting = PushOperation.objects.filter(
        look_at__isnull=False,
        lease_owner="",
        not_before__gt=now(),
        wait_reason__startswith=WAITING,
        connection__integration_id=integration_id,
    )
    for row in waiting.order_by("requested_at")[:BATCH]:
        again = row.next_look(now() + timedelta(seconds=settings.HEADRACE_REQUEUE_SECONDS))
        unmoved = PushOperation.objects.filter(pk=row.pk, fence=row.fence, lease_owner="", not_before=row.not_before)
        if unmoved.update(not_before=None, look_at=again):
            enqueue(PUSH_TASK, str(row.pk))


def wake_next(row: PushOperation) -> None:
    """Wake a worker for the write that waits behind this one, if it is over."""
    if not row.record_id:
        return
    following = _of_same_record(row).order_by("pk").first()
    if following is not None and following.pk > row.pk and following.phase == Phase.WAITING:
        PushOperation.objects.filter(pk=following.pk, lease_owner="").update(not_before=None)
        enqueue(PUSH_TASK, str(following.pk))


def _of_same_record(row: PushOperation) -> QuerySet[PushOperation]:
    """Return the writes to this record that are not over, or may still be under way at the platform."""
    return PushOperation.objects.filter(
        Q(status=PushStatus.PENDING) | Q(phase=Phase.SENDING),
        connection_id=row.connection_id,
        data_type=row.data_type,
        record_id=row.record_id,
        look_at__isnull=False,
    )
