"""Which linked connections will lose their authorisation because nothing will use it in time."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from syncengine.connectors import registry
from syncengine.models import Company, Connection, DataStatus, Integration
from syncengine.states import ConnectionStatus

# A platform that declares no limit is taken to forget an authorisation after a month. A monthly schedule satisfies
# it, so its next read may fall a little behind: it counts from the end of the last one and is spread by a jitter.
UNDECLARED_IDLE_DAYS = 30
UNDECLARED_GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LapseWarning:
    """A connection that nothing will use before its authorisation lapses.

    lapses_at:  aware UTC; its last use plus the platform's idle limit. May lie in the past.
    reason:     one plain sentence: why no schedule reaches it in time.
    """

    connection: Connection
    lapses_at: datetime
    reason: str


def lapse_warnings(company: Company | None = None, *, limit: int = 200) -> list[LapseWarning]:
    """Return warnings of the company (of all companies when None), soonest first.

    Only Linked connections: another state has no authorisation to lose. One query for the catalogue and one
    for each idle limit in it: their number does not grow with the connections.
    """
    found = [
        [_warning(connection, idle_days) for connection in lapsing[:limit]] for idle_days, lapsing in _lapsing(company)
    ]
    merged = heapq.merge(*found, key=lambda warning: warning.lapses_at)
    return [warning for warning, _ in zip(merged, range(limit), strict=False)]


def lapse_warning_count(company: Company | None = None) -> int:
    """Return how many connections would be warned about; as many queries as `lapse_warnings`."""
    return sum(lapsing.count() for _, lapsing in _lapsing(company))


def _lapsing(company: Company | None) -> list[tuple[int, QuerySet[Connection]]]:
    """Return idle limits in days, each with the connections that nothing keeps alive within it, longest unused first.

    A limit is a constant inside its query: sums of columns and durations are slow to sort by on SQLite.
    """
    linked = Connection.objects.filter(status=ConnectionStatus.LINKED, deleted_at=None, company__deleted_at=None)
    if company is not None:
        linked = linked.filter(company=company)
    lapsing = []
    for declared, ids in _integrations_by_limit().items():
        days = UNDECLARED_IDLE_DAYS if declared is None else declared
        grace = UNDECLARED_GRACE if declared is None else timedelta()
        lapsing.append((days, _untouched(linked.filter(integration_id__in=ids), timedelta(days=days) + grace)))
    return lapsing


def _integrations_by_limit() -> dict[int | None, list[UUID]]:
    platforms = registry.platforms()
    by_limit: dict[int | None, list[UUID]] = defaultdict(list)
    for pk, key in Integration.objects.values_list("pk", "key"):
        platform = platforms.get(key)
        by_limit[platform.idle_days if platform else None].append(pk)
    return by_limit


def _untouched(linked: QuerySet[Connection], idle: timedelta) -> QuerySet[Connection]:
    """Those with no read that is overdue (it comes at once) or falls due before they rested for too long."""
    reads = DataStatus.objects.filter(connection=OuterRef("pk"), next_sync_at__isnull=False)
    in_time = Q(next_sync_at__lte=timezone.now()) | Q(next_sync_at__lte=OuterRef("used_at") + idle)
    return (
        linked.annotate(used_at=Coalesce("last_used_at", "linked_at", "created_at"))
        .exclude(Exists(reads.filter(in_time)))
        .select_related("company", "integration")
        .order_by("used_at", "id")
    )


def _warning(connection: Connection, idle_days: int) -> LapseWarning:
    used_at: datetime = connection.used_at  # type: ignore[attr-defined]
    reason = (
        f"No schedule reads this connection within {idle_days} days of its last use, "
        f"and {connection.integration.name} may then ask the customer to authorise it again."
    )
    return LapseWarning(connection, used_at + timedelta(days=idle_days), reason)
