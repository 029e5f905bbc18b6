"""Making up for what was forgotten: lapsed leases, tasks the queue lost, pages nobody needs, rows past their time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils.timezone import now

from syncengine import plans
from syncengine.actions.datasets import RUN_TASK
from syncengine.models import (
    Company,
    Connection,
    Dataset,
    Event,
    LinkAttempt,
    Record,
    StagedPage,
    WorkerHeartbeat,
)
from syncengine.queue import enqueue, waiting_count
from syncengine.run.staging import drop_pages
from syncengine.states import DATASET_ACTIVE, DATASET_ENDS

PIECE = 5000


def wake_forgotten() -> int:
    """Wake a worker for every dataset that nobody holds and nobody was woken for lately. Returns how many.

    These are: leases that lapsed (a worker died), pauses that are over, and datasets whose task the queue lost.
    """
    moment = now()
    again = moment - timedelta(seconds=settings.HEADRACE_REQUEUE_SECONDS)
    free = Dataset.objects.filter(status__in=DATASET_ACTIVE).filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=moment), Q(wake_at__isnull=True) | Q(wake_at__lte=moment)
    )
    # One wake-up for each reason: a lease or a pause that ended since the last one, or a task that never arrived.
    unwoken = Q(enqueued_at__isnull=True) | Q(enqueued_at__lt=again)
    overdue = free.filter(unwoken).order_by("requested_at")
    room = max(2 * Dataset.objects.filter(status__in=DATASET_ACTIVE).count() - waiting_count(), 0)
    woken = 0
    for pk, enqueued_at in overdue.values_list("pk", "enqueued_at")[:room]:
        woken += _wake(pk, enqueued_at)
    return woken


def _wake(pk: UUID, enqueued_at: datetime | None) -> bool:
    if not Dataset.objects.filter(pk=pk, enqueued_at=enqueued_at).update(enqueued_at=now()):
        return False
    enqueue(RUN_TASK, str(pk))
    return True


def drop_leftovers() -> None:
    """Drop staged pages of datasets that have ended (their worker died between the end and the dropping)."""
    ended = Dataset.objects.filter(status__in=DATASET_ENDS).values("pk")
    for dataset_id in StagedPage.objects.filter(dataset__in=ended).values_list("dataset_id", flat=True).distinct()[:50]:
        drop_pages(dataset_id)


def purge() -> None:
    """Remove for good, a piece at a time, what was deleted long enough ago, and history past its keeping."""
    for purge_feature in plans.purges():
        purge_feature()
    long_ago = now() - timedelta(days=settings.HEADRACE_PURGE_DAYS)
    for connection in Connection.objects.filter(deleted_at__lt=long_ago)[:20]:
        ids = list(Record.objects.filter(connection=connection).values_list("pk", flat=True)[:PIECE])
        Record.objects.filter(pk__in=ids).delete()
        if not ids:
            connection.delete()
    Company.objects.filter(deleted_at__lt=long_ago, connections__isnull=True).delete()
    history_ends = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS)
    old = (
        Dataset.objects.filter(completed_at__lt=history_ends, latest_for__isnull=True, successful_for__isnull=True)
        .order_by("completed_at")
        .values_list("pk", flat=True)[:200]
    )
    Dataset.objects.filter(pk__in=list(old)).delete()
    LinkAttempt.objects.filter(expires_at__lt=history_ends).delete()
    Event.objects.filter(
        pk__in=list(Event.objects.filter(at__lt=history_ends).values_list("pk", flat=True)[:PIECE])
    ).delete()
    WorkerHeartbeat.objects.filter(seen_at__lt=now() - timedelta(days=1)).delete()
