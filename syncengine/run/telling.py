"""Telling events: each is handed to every subscriber in the transaction that marks it as told.

A subscriber writes rows (a message to deliver, an alert) and nothing else: what reaches the network is read from those
rows later, by whoever delivers. So an event is told wholly or not at all, and a process killed at any moment leaves it
for the next one. The oldest goes first; only one process tells at a time, so each company's events keep their order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils.module_loading import import_string
from django.utils.timezone import now

from syncengine.actions.first_reads import note_first_read
from syncengine.failpoints import reach
from syncengine.models import Event

log = logging.getLogger(__name__)

BATCH = 100
RETRY_SECONDS = 10.0  # after a subscriber failed; grows with each failure
LONGEST_RETRY_SECONDS = 600.0
_LOCK = 7_104_001  # of PostgreSQL's advisory locks: the one who tells

type Subscriber = Callable[[Event], None]


def tell_events(limit: int = BATCH) -> int:
    """Tell the subscribers of up to `limit` events, oldest first, and return how many were looked at.

    0 also when another process tells just now. An event at which a subscriber failed is passed over and tried again
    later, so that one fault of ours holds up nothing else.
    """
    if not settings.EVENT_SUBSCRIBERS or not _untold().exists():
        return 0
    reach("before_telling")
    with transaction.atomic():
        if not _alone():
            return 0
        subscribers: list[Subscriber] = [note_first_read, *map(import_string, settings.EVENT_SUBSCRIBERS)]
        events = list(_untold()[:limit])
        told = [event.pk for event in events if _tell(event, subscribers)]
        Event.objects.filter(pk__in=told).update(told_at=now())
        reach("before_told")
    reach("after_told")
    return len(events)


def _untold() -> QuerySet[Event]:
    waiting = Event.objects.filter(told_at__isnull=True)
    return waiting.filter(Q(tell_after__isnull=True) | Q(tell_after__lte=now())).order_by("pk")


def _alone() -> bool:
    """Make sure that nobody else tells before this transaction ends; SQLite's write lock does so by itself."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _tell(event: Event, subscribers: list[Subscriber]) -> bool:
    try:
        with transaction.atomic():
            for subscriber in subscribers:
                subscriber(event)
    except Exception as error:
        if isinstance(error, DatabaseError) and not connection.is_usable():
            raise
        log.exception("A subscriber failed at event %s (%s); it is told again later.", event.pk, event.kind)
        wait = min(RETRY_SECONDS * 2 ** min(event.tell_failures, 10), LONGEST_RETRY_SECONDS)
        Event.objects.filter(pk=event.pk).update(
            tell_failures=F("tell_failures") + 1, tell_after=now() + timedelta(seconds=wait)
        )
        return False
    return True
