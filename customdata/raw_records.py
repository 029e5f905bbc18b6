"""Keeping the platform's own text of records: what is plugged into the engine's socket (`syncengine.plans`)."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections as databases
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.timezone import now

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from customdata.models import RawRecord
from customdata.queries.field_mappings import has_mapping
from syncengine import plans
from syncengine.connectors.wire import decode_record
from syncengine.models import Connection, Dataset, Record

SAMPLES = 20  # kept where custom fields need no more
_PACKING = 3
_CHUNK = 500
_TOGETHER = 100  # connections asked for in one query


class Keeper:
    """Implements syncengine.plans.RawKeeper."""

    def wants(self, connection: Connection, data_type: str) -> bool:
        return bool(settings.HEADRACE_KEEP_RAW) or has_mapping(connection, data_type)

    def keep(self, dataset: Dataset, changed: Sequence[tuple[str, bytes]], same: Sequence[tuple[str, bytes]]) -> None:
        moment = now()
        rows = [*_rows(dataset, changed, moment, dataset.pk), *_rows(dataset, same, moment, None)]
        RawRecord.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["connection", "data_type", "source_id"],
            update_fields=["body", "kept_at", "dataset_id"],
        )
        if not dataset.settings_used.get(plans.KEEPS_RAW):
            _trim(dataset)

    def undo(self, dataset: Dataset) -> None:
        """A record without its text shows null in its custom fields until it is read again, which the engine does."""
        _of(dataset.connection_id, dataset.data_type).filter(dataset_id=dataset.pk).delete()


def register() -> None:
    plans.register_raw_keeper(Keeper())


def newest_raw(connection: Connection, data_type: str, count: int = 1) -> list[Any]:
    """Return the platform's own records that were kept last, decoded, newest first; one query."""
    return [unpacked(row.body) for row in _living(connection, data_type).order_by("-kept_at", "-id")[:count]]


def newest_raw_of(connections: Iterable[Connection], data_type: str, count: int) -> dict[UUID, list[Any]]:
    """Return the newest kept records of several connections, decoded, newest first, by connection.

    One query for each _TOGETHER of them: every connection's part stops at its own `count`, however many are kept.
    """
    wanted = list(connections)
    found: dict[UUID, list[Any]] = {}
    for start in range(0, len(wanted), _TOGETHER):
        some = wanted[start : start + _TOGETHER]
        for place, bodies in _newest_bodies(some, data_type, count).items():
            found[some[place].pk] = [unpacked(body) for body in bodies]
    return found


def _newest_bodies(connections: Sequence[Connection], data_type: str, count: int) -> dict[int, list[bytes]]:
    """Return the packed texts by the connection's place in the list; connections without any are absent."""
    parts: list[str] = []
    params: list[Any] = []
    for place, connection in enumerate(connections):
        newest = _living(connection, data_type).order_by("-kept_at", "-id").values("kept_at", "id", "body")[:count]
        sql, its = newest.query.sql_with_params()
        parts.append(f"SELECT {place} AS place, p.* FROM ({sql}) AS p")  # noqa: S608 - a number and our own query
        params += its
    if not parts:
        return {}
    found: dict[int, list[bytes]] = defaultdict(list)
    with databases[RawRecord.objects.db].cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), params)
        for place, _, _, body in sorted(cursor.fetchall(), key=lambda row: row[:3], reverse=True):
            found[place].append(body)
    return found


def raw_of(connection: Connection, data_type: str, source_ids: Iterable[str]) -> dict[str, Any]:
    """Return the platform's own records by source id, decoded; those that are not kept are absent. One query."""
    packed = packed_raw_of(connection.pk, data_type, source_ids)
    return {source_id: unpacked(body) for source_id, body in packed.items()}


def packed_raw_of(connection_id: UUID, data_type: str, source_ids: Iterable[str]) -> dict[str, bytes]:
    """Return the same, packed as they are kept."""
    rows = _of(connection_id, data_type).filter(source_id__in=list(source_ids))
    return {source_id: bytes(body) for source_id, body in rows.values_list("source_id", "body")}


def all_raw(connection: Connection, data_type: str) -> Iterator[Any]:
    """Yield every kept record that is not deleted, decoded, a few at a time."""
    for body in _living(connection, data_type).values_list("body", flat=True).iterator(chunk_size=_CHUNK):
        yield unpacked(body)


def unpacked(body: bytes | memoryview) -> Any:
    return decode_record(text_of(body))


def text_of(body: bytes | memoryview) -> bytes:
    """Return the JSON text as the platform sent it."""
    return zstd.decompress(bytes(body))


def _rows(
    dataset: Dataset, texts: Sequence[tuple[str, bytes]], moment: datetime, dataset_id: UUID | None
) -> list[RawRecord]:
    return [
        RawRecord(
            connection_id=dataset.connection_id,
            data_type=dataset.data_type,
            source_id=source_id,
            body=zstd.compress(text, _PACKING),
            kept_at=moment,
            dataset_id=dataset_id,
        )
        for source_id, text in texts
    ]


def _of(connection_id: UUID, data_type: str) -> QuerySet[RawRecord]:
    return RawRecord.objects.filter(connection_id=connection_id, data_type=data_type)


def _living(connection: Connection, data_type: str) -> QuerySet[RawRecord]:
    record = Record.objects.filter(
        connection_id=connection.pk, data_type=data_type, source_id=OuterRef("source_id"), is_deleted=False
    )
    return _of(connection.pk, data_type).filter(Exists(record))


def _trim(dataset: Dataset) -> None:
    """Keep the newest few only."""
    kept = _of(dataset.connection_id, dataset.data_type)
    older = list(kept.order_by("-kept_at", "-id").values_list("pk", flat=True)[SAMPLES : SAMPLES + 1])
    if older:
        newest = list(kept.order_by("-kept_at", "-id").values_list("pk", flat=True)[:SAMPLES])
        kept.exclude(pk__in=newest).delete()
