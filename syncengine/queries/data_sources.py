"""Where the cached data of one type comes from: which connection, as of when, and whether it may be too old."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connection

from syncengine.connectors import registry
from syncengine.states import ConnectionStatus, DatasetStatus

# Why data may be too old, in the order in which they are looked at.
NOT_LINKED, READ_FAILED, OVERDUE = "not-linked", "read-failed", "overdue"

# A read takes its time and is spread by up to 5 % of its interval: only past this is data overdue.
GRACE = timedelta(hours=1)
GRACE_SHARE = 0.1

_OFFERED = "Get"


@dataclass(frozen=True, slots=True)
class DataSource:
    """One connection of a company, as far as one data type is concerned.

    offers:          its platform can be asked for the type.
    as_of:           when the last good read began: what changed at the source later is not in; None before one.
    every_hours:     how often the type is read by schedule; 0 is never.
    written:         what moves whenever a record is written: the last good read, how far one got that is storing
                     records now or could not be undone, and how many pushes were stored.
    is_being_read:   a dataset is on its way that may begin to store records at any moment.
    has_pushes:      some of its records were stored by a push.
    """

    connection_id: UUID
    status: str
    platform_key: str
    platform_name: str
    since: datetime
    offers: bool
    as_of: datetime | None
    last_read_failed: bool
    every_hours: int
    written: str
    is_being_read: bool
    has_pushes: bool

    def stale(self, moment: datetime) -> str:
        """Return why the data may be too old, "" when it is not: one of NOT_LINKED, READ_FAILED, OVERDUE."""
        if self.status != ConnectionStatus.LINKED:
            return NOT_LINKED
        if self.last_read_failed:
            return READ_FAILED
        if self.as_of is not None and self.every_hours:
            interval = timedelta(hours=self.every_hours)
            if moment > self.as_of + interval + max(GRACE, interval * GRACE_SHARE):
                return OVERDUE
        return ""


def data_sources(company_id: UUID, data_type: str, *, also_offered_by: Container[str] = ()) -> list[DataSource] | None:
    """Return every connection of the company that is not deleted, None when there is no such company; one query.

    also_offered_by:  keys of platforms that offer the type though their catalogue does not name it (custom types).
    """
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, [data_type, data_type, data_type, _key(company_id)])
        found = cursor.fetchall()
    if not found:
        return None
    found = [row for row in found if row[0] is not None]
    offered = {key: key in also_offered_by or _offers(key, data_type) for key in {row[2] for row in found}}
    return [_source(row, offered[row[2]], data_type) for row in found]


def best_source(sources: Iterable[DataSource]) -> DataSource | None:
    """Return the one that stands for the company: Linked before others, then one with data, then the newest link."""
    able = [source for source in sources if source.offers or source.as_of is not None]
    return max(
        able,
        key=lambda source: (source.status == ConnectionStatus.LINKED, source.as_of is not None, source.since),
        default=None,
    )


_SOURCES = """
SELECT conn.id, conn.status, plat.key, plat.name, conn.linked_at, conn.created_at,
       state.last_successful_sync_at, state.last_sync_at, state.high_water_at,
       COALESCE(own.sync_schedule_hours, usual.sync_schedule_hours, 0),
       latest.id, latest.status, latest.processed_pages, latest.created_count, latest.changed_count,
       latest.deleted_count, latest.sweep_cursor, latest.lease_until, state.records_version
FROM syncengine_company whose
LEFT JOIN syncengine_connection conn ON conn.company_id = whose.id AND conn.deleted_at IS NULL
LEFT JOIN syncengine_integration plat ON plat.id = conn.integration_id
LEFT JOIN syncengine_datastatus state ON state.connection_id = conn.id AND state.data_type = %s
LEFT JOIN syncengine_dataset latest ON latest.id = state.latest_dataset_id
LEFT JOIN syncengine_syncsetting own ON own.company_id = whose.id AND own.data_type = %s
LEFT JOIN syncengine_syncsetting usual ON usual.company_id IS NULL AND usual.data_type = %s
WHERE whose.id = %s AND whose.deleted_at IS NULL
"""


def _source(row: Sequence[Any], offers: bool, data_type: str) -> DataSource:
    pk, status, key, name, linked_at, created_at, good_at, ended_at, began_at, hours, *latest = row
    good = _moment(good_at)
    ended = _moment(ended_at)
    latest_status = latest[1]
    return DataSource(
        connection_id=pk if isinstance(pk, UUID) else UUID(pk),
        status=status,
        platform_key=key,
        platform_name=name,
        since=_moment(linked_at) or _moment(created_at) or datetime.min.replace(tzinfo=UTC),
        offers=offers,
        as_of=good and (_moment(began_at) or good),
        # A read that ended without data since the last good one; that somebody cancelled one is no failure.
        last_read_failed=bool(good and ended and ended > good and latest_status != DatasetStatus.CANCELLED),
        every_hours=hours,
        written=_written(data_type, pk, good_at, latest),
        is_being_read=latest_status in _MAY_STORE,
        has_pushes=bool(latest[-1]),
    )


_MAY_STORE = frozenset(
    {
        DatasetStatus.VALIDATING,
        DatasetStatus.PROCESSING_QUEUED,
        DatasetStatus.PROCESSING,
        DatasetStatus.VALIDATION_QUEUED,
    }
)


def _written(data_type: str, pk: Any, good_at: Any, latest: Sequence[Any]) -> str:
    """Digest what tells one state of the stored records from another.

    A dataset raises its counters in the transaction that stores a page, and renews its lease in each one that puts
    records back. Once it is Complete the good read's time has moved; once it is undone its counters are 0 again.
    """
    *latest, pushes = latest
    _, status, pages, created, changed, deleted, swept, lease = latest
    parts = [data_type, pk, good_at, *([pushes] if pushes else [])]
    if status != DatasetStatus.COMPLETE and (pages or created or changed or deleted or swept):
        parts += latest
    elif status == DatasetStatus.PROCESSING:
        parts += [status, lease]
    return blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def _offers(platform_key: str, data_type: str) -> bool:
    platform = registry.platforms().get(platform_key)
    support = platform.types.get(data_type) if platform else None
    return support is not None and _OFFERED in support.features


def _moment(value: Any) -> datetime | None:
    """Return what the driver gave as aware: SQLite keeps UTC without saying so."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _key(value: UUID) -> Any:
    return value if connection.features.has_native_uuid_field else value.hex
