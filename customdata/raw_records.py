"""Keeping the platform's own text of records: what is plugged into the engine's socket (`syncengine.plans`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
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


def raw_of(connection: Connection, data_type: str, source_ids: Iterable[str]) -> dict[str, Any]:
    """Return the platform's own records by source id, decoded; those that are not kept are absent. One query."""
    rows = _of(connection.pk, data_type).filter(source_id__in=list(source_ids))
    return {row.source_id: unpacked(row.body) for row in rows}


def all_raw(connection: Connection, data_type: str) -> Iterator[Any]:
    """Yield every kept record that is not deleted, decoded, a few at a time."""
    for body in _living(connection, data_type).values_list("body", flat=True).iterator(chunk_size=_CHUNK):
        yield unpacked(body)


def unpacked(body: bytes | memoryview) -> Any:
    return decode_record(zstd.decompress(bytes(body)))


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
