"""Writing records in bulk, the fastest way each database offers (measured: docs/architecture.md, "Storing")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from syncengine.models import Record
from syncengine.run.staging import Row


class Stored(NamedTuple):
    """What is stored of a record, as far as a comparison needs it."""

    id: int
    content_hash: bytes
    is_deleted: bool


class Before(NamedTuple):
    """A stored record whole, to show and to undo a change of it."""

    content: str
    content_hash: bytes
    modified_at: datetime
    source_modified_at: datetime | None
    is_deleted: bool
    last_dataset_id: UUID | None


def stored_among(connection_id: UUID, data_type: str, keys: Sequence[str]) -> dict[str, Stored]:
    found = Record.objects.filter(connection_id=connection_id, data_type=data_type, source_id__in=keys)
    return {
        key: Stored(pk, bytes(content_hash), is_deleted)
        for key, pk, content_hash, is_deleted in found.values_list("source_id", "id", "content_hash", "is_deleted")
    }


def before(ids: Iterable[int]) -> dict[int, Before]:
    """Return these records as they stand; the content is the database's own text of it."""
    rows = Record.objects.filter(pk__in=list(ids)).annotate(text=Cast("content", TextField()))
    columns = ("id", "text", "content_hash", "modified_at", "source_modified_at", "is_deleted", "last_dataset_id")
    return {
        pk: Before(text, bytes(content_hash), modified, moved, deleted, last)
        for pk, text, content_hash, modified, moved, deleted, last in rows.values_list(*columns)
    }


def insert(
    connection_id: UUID, data_type: str, rows: Sequence[Row], *, dataset_id: UUID, modified_at: datetime
) -> None:
    """Insert records whose keys are not stored yet. Raises IntegrityError when one is after all."""
    if not rows:
        return
    columns = (
        "connection_id, data_type, source_id, content, content_hash, raw_hash, "
        "modified_at, source_modified_at, is_deleted, first_dataset_id, last_dataset_id"
    )
    if connection.vendor == "postgresql":
        _copy(columns, connection_id, data_type, rows, dataset_id, modified_at)
        return
    place, dataset, moment = connection_id.hex, dataset_id.hex, _adapt(modified_at)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO syncengine_record ({columns}) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)",  # noqa: S608
            [
                (
                    place,
                    data_type,
                    row.source_id,
                    row.content.decode(),
                    row.content_hash,
                    row.raw_hash,
                    moment,
                    _adapt(moved_at(row)),
                    0,
                    dataset,
                    dataset,
                )
                for row in rows
            ],
        )


def update(changes: Sequence[tuple[int, Row]], *, dataset_id: UUID, modified_at: datetime) -> None:
    """Rewrite stored records, given by id."""
    if not changes:
        return
    postgres = connection.vendor == "postgresql"
    dataset: Any = dataset_id if postgres else dataset_id.hex
    moment = _adapt(modified_at)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE syncengine_record SET content=%s, content_hash=%s, raw_hash=%s, modified_at=%s, "
            "source_modified_at=%s, is_deleted=%s, last_dataset_id=%s WHERE id=%s",
            [
                (
                    row.content.decode(),
                    row.content_hash,
                    row.raw_hash,
                    moment,
                    _adapt(moved_at(row)),
                    False,
                    dataset,
                    pk,
                )
                for pk, row in changes
            ],
        )


def remember_raw(same: Sequence[tuple[int, Row]]) -> None:
    """Note the platform's text of records whose content did not change, so that the next read skips them at once."""
    if not same:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE syncengine_record SET raw_hash=%s WHERE id=%s", [(row.raw_hash, pk) for pk, row in same]
        )


def moved_at(row: Row) -> datetime | None:
    """Return the platform's own stamp of a staged row."""
    return None if row.source_modified_us is None else datetime.fromtimestamp(row.source_modified_us / 1e6, UTC)


def _copy(
    columns: str, connection_id: UUID, data_type: str, rows: Sequence[Row], dataset_id: UUID, modified_at: datetime
) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY syncengine_record ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                (
                    connection_id,
                    data_type,
                    row.source_id,
                    row.content.decode(),
                    row.content_hash,
                    row.raw_hash,
                    modified_at,
                    moved_at(row),
                    False,
                    dataset_id,
                    dataset_id,
                )
            )


def _adapt(moment: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
