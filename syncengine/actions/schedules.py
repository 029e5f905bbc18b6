"""When a data type is due next: stored with its data status, counted from its last sync."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import DateTimeField, F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from syncengine.connectors.registry import platforms
from syncengine.models import Company, Connection, DataStatus, Integration
from syncengine.states import DATASET_ACTIVE, ConnectionStatus

SPREAD = 0.05


def next_sync_after(last_sync_at: datetime, hours: int, *, key: str) -> datetime | None:
    """Return when a type is due next: `hours` after its last sync, plus a stable delay of up to 5 % of that.

    key:  what the delay is derived from; the same type of the same connection always gets the same one, so that reads
          queued together drift apart instead of meeting every time.
    """
    if not hours:
        return None
    share = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()) / 2**32
    return last_sync_at + timedelta(hours=hours * (1 + SPREAD * share))


def reschedule(company: Company | None, data_type: str, hours: int, statuses: QuerySet[DataStatus]) -> None:
    """Set when these data statuses are due, after their frequency changed.

    A type that was never read becomes due at once; connections that have no status row for the type get one.
    """
    if not hours:
        statuses.update(next_sync_at=None)
        return
    linked = Connection.objects.filter(
        integration__key__in=[key for key, platform in platforms().items() if data_type in platform.types]
    )
    _open_statuses(linked if company is None else linked.filter(company=company), data_type)
    _make_due(statuses, hours)


def reschedule_platform(integration: Integration, data_type: str, hours: int) -> None:
    """The same for a type that one platform alone has, over all its connections."""
    statuses = DataStatus.objects.filter(connection__integration=integration, data_type=data_type)
    if not hours:
        statuses.update(next_sync_at=None)
        return
    _open_statuses(Connection.objects.filter(integration=integration), data_type)
    _make_due(statuses, hours)


def _make_due(statuses: QuerySet[DataStatus], hours: int) -> None:
    statuses.filter(connection__status=ConnectionStatus.LINKED, connection__deleted_at__isnull=True).update(
        next_sync_at=_from_last_sync(timedelta(hours=hours))
    )


def resume_schedule(connection: Connection, hours: Mapping[str, int], *, at_once: bool = True) -> None:
    """Set when each scheduled type of a connection is due, after it was linked (again) and its first reads were queued.

    hours:  frequency by data type; 0 is never. A type that was never read, or is overdue, becomes due at once; one that
            is being read now is due one period from now, and its end counts anew.
    at_once:  False has even those wait for one period, so that linking alone reads nothing.
    """
    supported = platforms()[connection.integration.key].types
    # What a feature reads (`custom/…`) stands in no platform's catalogue.
    scheduled = {key: often for key, often in hours.items() if often and (key in supported or "/" in key)}
    DataStatus.objects.bulk_create(
        [DataStatus(connection=connection, data_type=key) for key in scheduled], ignore_conflicts=True
    )
    for key, often in scheduled.items():
        resting = DataStatus.objects.filter(connection=connection, data_type=key, next_sync_at__isnull=True)
        period = timedelta(hours=often)
        waiting = resting.filter(latest_dataset__status__in=DATASET_ACTIVE) if at_once else resting
        waiting.update(next_sync_at=now() + period)
        resting.update(next_sync_at=_from_last_sync(period))


def _from_last_sync(period: timedelta) -> Coalesce:
    """A period after the last sync, or at once. Not the database's own time: SQLite writes that in another form."""
    return Coalesce(F("last_sync_at") + period, Value(now(), DateTimeField()))


def _open_statuses(connections: QuerySet[Connection], data_type: str) -> None:
    linked = connections.filter(status=ConnectionStatus.LINKED, deleted_at__isnull=True)
    linked = linked.exclude(data_statuses__data_type=data_type)
    DataStatus.objects.bulk_create(
        [DataStatus(connection=connection, data_type=data_type) for connection in linked], ignore_conflicts=True
    )
