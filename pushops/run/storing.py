"""A written record goes into the cache at once, as a read would have written it, and no older read undoes that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.db.models import F, JSONField, TextField, Value
from django.db.models.functions import Cast
from django.utils.timezone import now

from syncengine.connectors.base import MappedRecord, Written
from syncengine.connectors.registry import connector_for
from syncengine.connectors.wire import decode_record
from syncengine.models import Connection, Dataset, DataStatus, Record, RecordChange
from syncengine.moments import stamp
from syncengine.plans import raw_keeper
from syncengine.run.mapping import MAX_SOURCE_ID, row_of
from syncengine.run.records import moved_at
from syncengine.run.staging import Row
from syncengine.states import DATASET_ACTIVE


@dataclass(frozen=True, slots=True)
class Stored:
    """data: the record in the standard model, with its dates."""

    source_id: str
    data: dict[str, Any]


def cached_stamp(connection: Connection, data_type: str, record_id: str) -> datetime | None:
    """Return the platform's stamp of the cached copy; None without one."""
    cached = Record.objects.filter(connection=connection, data_type=data_type, source_id=record_id)
    return cached.values_list("source_modified_at", flat=True).first()


def store_records(connection: Connection, data_type: str, written: Sequence[Written], *, at: datetime) -> list[Stored]:
    """Put what the platform showed after a write into the cache. Called in the transaction that ends the operation.

    at:       when the answer was there: what a read was asked for before may be older.
    Returns:  what is stored; records that the platform did not show, or that could not be mapped, are left out.
    """
    shown = [one for one in written if one.record is not None and 0 < len(one.source_id) <= MAX_SOURCE_ID]
    if not shown:
        return []
    cache = _Cache(connection, data_type, at)
    stored = [cache.put(one.record, _raw_hash(connection, data_type, one.raw)) for one in shown if one.record]
    cache.note()
    return stored


def remove_record(connection: Connection, data_type: str, record_id: str, *, at: datetime) -> None:
    """Mark a record as deleted that was deleted at the platform."""
    cache = _Cache(connection, data_type, at)
    cache.remove(record_id)
    cache.note()


class _Cache:
    """The records of one type while a push changes them.

    First the dataset that is active, if any, is told: its holder waits for this transaction, or this one for it.
    """

    def __init__(self, connection: Connection, data_type: str, at: datetime) -> None:
        self._place: dict[str, Any] = {"connection_id": connection.pk, "data_type": data_type}
        self._at, self._moment = at, now()
        active = Dataset.objects.filter(**self._place, status__in=DATASET_ACTIVE)
        told = active.update(push_count=F("push_count") + 1)
        self._reading = active.values_list("pk", flat=True).first() if told else None
        self._inserted = self._more = 0

    def put(self, record: MappedRecord, raw_hash: bytes | None) -> Stored:
        row = row_of(record, raw_hash or b"")
        found = Record.objects.select_for_update().filter(**self._place, source_id=row.source_id).first()
        if found is None:
            self._insert(row, raw_hash)
            modified_at = self._moment
        else:
            modified_at = self._replace(found, row, raw_hash)
        return Stored(row.source_id, _shown(row, modified_at))

    def remove(self, record_id: str) -> None:
        found = Record.objects.select_for_update().filter(**self._place, source_id=record_id).first()
        if found is not None:
            self._forget_change(found)
            gone = {"is_deleted": True, "modified_at": self._moment, "raw_hash": None, "last_dataset_id": None}
            columns = {"pushed_at": self._at} if found.is_deleted else {"pushed_at": self._at, **gone}
            Record.objects.filter(pk=found.pk).update(**columns)
            self._more -= not found.is_deleted
        elif self._reading is not None:
            # The read that is under way may have seen it alive: without a row it would come as new.
            self._insert(row_of(MappedRecord(record_id, {"id": record_id}), b""), None, is_deleted=True)

    def note(self) -> None:
        """Count what was done, so that whoever shows these records knows that they have changed."""
        DataStatus.objects.get_or_create(**self._place)
        DataStatus.objects.filter(**self._place).update(
            records_version=F("records_version") + 1,
            pushed_inserts=F("pushed_inserts") + self._inserted,
            record_count=F("record_count") + self._more,
        )

    def _insert(self, row: Row, raw_hash: bytes | None, *, is_deleted: bool = False) -> None:
        Record.objects.create(
            **self._place,
            source_id=row.source_id,
            content=_exactly(row.content),
            content_hash=row.content_hash,
            raw_hash=raw_hash,
            modified_at=self._moment,
            source_modified_at=moved_at(row),
            is_deleted=is_deleted,
            pushed_at=self._at,
        )
        self._inserted += 1
        self._more += not is_deleted

    def _replace(self, found: Record, row: Row, raw_hash: bytes | None) -> datetime:
        """Write the row unless the cache has a newer one; return the record's modified date."""
        moved, known = moved_at(row), found.source_modified_at
        if not found.is_deleted and moved is not None and known is not None and moved < known:
            return found.modified_at
        self._forget_change(found)
        columns: dict[str, Any] = {"pushed_at": self._at, "raw_hash": raw_hash}
        same = bytes(found.content_hash) == row.content_hash and not found.is_deleted
        if not same:
            columns |= {
                "content": _exactly(row.content),
                "content_hash": row.content_hash,
                "modified_at": self._moment,
                "source_modified_at": moved,
                "is_deleted": False,
                "last_dataset_id": None,
            }
        Record.objects.filter(pk=found.pk).update(**columns)
        self._more += found.is_deleted
        return found.modified_at if same else self._moment

    def _forget_change(self, found: Record) -> None:
        """Take the record out of what the read under way would put back or remove if it failed."""
        if self._reading is None:
            return
        RecordChange.objects.filter(dataset_id=self._reading, record_id=found.pk).delete()
        if found.first_dataset_id == self._reading:
            Record.objects.filter(pk=found.pk).update(first_dataset_id=None)


def _exactly(text: str) -> Any:
    """JSON as it is written: decoded, a long decimal would lose digits."""
    return Cast(Value(text, TextField()), JSONField())


def _shown(row: Row, modified_at: datetime) -> dict[str, Any]:
    content: dict[str, Any] = decode_record(row.content.encode())
    moved = moved_at(row)
    dates = {"modifiedDate": stamp(modified_at), **({"sourceModifiedDate": stamp(moved)} if moved else {})}
    return {**content, **dates}


def _raw_hash(connection: Connection, data_type: str, raw: bytes) -> bytes | None:
    """Return the hash by which a read skips the record; None where a read must hand its text on to a keeper."""
    keeper = raw_keeper()
    if not raw or (keeper is not None and keeper.wants(connection, data_type)):
        return None
    version = connector_for(connection.integration.key).platform.mapping_version
    return blake2b(version.encode() + raw, digest_size=16).digest()
