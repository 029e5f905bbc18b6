"""Pages of the records of one data type on one connection, at any depth for about the price of the first one.

Records are listed by source id, in the database's own order of texts. Skipping half a million index entries takes up to
a second, so the source id of every thousandth record is kept (`RecordPageMarks`) and a page starts at the mark before
it. The marks hold for the last good dataset only; they are made again by the first read after another one has brought
new records. While records are being stored, and before the first good dataset, pages are found the plain way.

Whoever inserts or removes records otherwise than by a dataset calls `forget_page_marks` in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import BinaryField, F, Func, Q, QuerySet, TextField

from syncengine.models import Record
from syncengine.moments import stamp
from syncengine.queries.record_page_marks import Start, start_of, uuid_parameter

# Of a filtered list so many record numbers are asked for at once: a filter that lets fewer through is run only once,
# for the page and for the total.
REACH = 10_000


class StoredRecord(NamedTuple):
    """A record as it stands in the database.

    content:      the JSON text of the standard model, not decoded.
    modified_at:  and `source_modified_at`, as moments.stamp writes times; as texts they sort like the times.
    """

    source_id: str
    content: bytes
    modified_at: str
    source_modified_at: str | None
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class RecordsSlice:
    """Some records of a list. `total` is how many the whole list has, deleted ones too unless it is filtered."""

    rows: tuple[StoredRecord, ...]
    total: int


def records_slice(
    connection_id: UUID, data_type: str, *, offset: int, size: int, where: Q | None = None, order_by: Sequence[Any] = ()
) -> RecordsSlice:
    """Return `size` records behind the first `offset`, by source id unless `order_by` says otherwise.

    Shape:   two short queries without `where` and `order_by`, at most three with them; none counts a whole list whose
             marks are known.
    Raises:  nothing for an offset past the end: the slice is then empty and its total right.
    """
    if where is None and not order_by:
        return _natural_slice(connection_id, data_type, offset, size)
    matching = Record.objects.filter(connection_id=connection_id, data_type=data_type)
    return _matching_slice(matching if where is None else matching.filter(where), order_by, offset, size)


def stored_record(connection_id: UUID, data_type: str, source_id: str) -> StoredRecord | None:
    """Return one record by its key, or None; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE.format(columns=row_columns()), [
            uuid_parameter(connection_id), data_type, source_id,
        ])  # fmt: skip
        return next(iter(_stored(cursor.fetchall())), None)


# --- the whole list, by source id -----------------------------------------------------------------------------------


def _natural_slice(connection_id: UUID, data_type: str, offset: int, size: int) -> RecordsSlice:
    start = start_of(connection_id, data_type, offset) or _plain_start(connection_id, data_type, offset)
    if start.key is None:
        return RecordsSlice((), start.total)
    return RecordsSlice(_rows_from(connection_id, data_type, start.key, start.skip, size), start.total)


def _plain_start(connection_id: UUID, data_type: str, offset: int) -> Start:
    total = Record.objects.filter(connection_id=connection_id, data_type=data_type).count()
    return Start(total, "" if offset < total else None, offset)


# Keys are skipped apart from the rows, which lets the database skip in the index alone.
_ROWS = """
SELECT {columns} FROM syncengine_record
WHERE connection_id = %s AND data_type = %s AND source_id >= (
    SELECT source_id FROM syncengine_record WHERE connection_id = %s AND data_type = %s AND source_id >= %s
    ORDER BY source_id LIMIT 1 OFFSET %s
) ORDER BY source_id LIMIT %s
"""


_ONE = """
SELECT {columns} FROM syncengine_record
WHERE connection_id = %s AND data_type = %s AND source_id = %s
"""
# The database writes the times: making each a datetime, only to write it again, was a sixth of a list's time.
_STAMPED = {
    "postgresql": """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "sqlite": "replace({0}, ' ', 'T') || CASE length({0}) WHEN 19 THEN '.000000Z' ELSE 'Z' END",
}
_CONTENT = {"postgresql": "content::text", "sqlite": "CAST(content AS BLOB)"}


def row_columns() -> str:
    """Return the columns of a StoredRecord, in its order, as this database writes them."""
    vendor = connection.vendor
    stamps = (_STAMPED[vendor].format(name) for name in ("modified_at", "source_modified_at"))
    return ", ".join(("source_id", _CONTENT[vendor], *stamps, "is_deleted"))


def _rows_from(connection_id: UUID, data_type: str, start: str, skip: int, size: int) -> tuple[StoredRecord, ...]:
    with connection.cursor() as cursor:
        key = uuid_parameter(connection_id)
        cursor.execute(_ROWS.format(columns=row_columns()), [key, data_type, key, data_type, start, skip, size])
        return _stored(cursor.fetchall())


def _stored(rows: Iterable[tuple[Any, ...]]) -> tuple[StoredRecord, ...]:
    if connection.vendor == "postgresql":
        return tuple(StoredRecord(key, content.encode(), *rest) for key, content, *rest in rows)
    return tuple(
        StoredRecord(key, content, modified_at, moved_at, bool(is_deleted))
        for key, content, modified_at, moved_at, is_deleted in rows
    )


# --- filtered and ordered lists -------------------------------------------------------------------------------------


def _matching_slice(matching: QuerySet[Record], order_by: Sequence[Any], offset: int, size: int) -> RecordsSlice:
    # Numbers first, rows by number: a database that sorts whole records to reach a deep page would sort on disk.
    ids = matching.order_by(*order_by, "source_id").values_list("pk", flat=True)
    if offset + size <= REACH:
        found = list(ids[: REACH + 1])
        total = len(found) if len(found) <= REACH else matching.order_by().count()
        return RecordsSlice(_in_order(found[offset : offset + size]), total)
    total = matching.order_by().count()
    return RecordsSlice(_in_order(list(ids[offset : offset + size])) if offset < total else (), total)


def _in_order(ids: Sequence[int]) -> tuple[StoredRecord, ...]:
    rows = _rows(Record.objects.filter(pk__in=ids)) if ids else {}
    return tuple(rows[pk] for pk in ids if pk in rows)


def _rows(records: QuerySet[Record]) -> dict[int, StoredRecord]:
    found = records.annotate(stored=_Stored(F("content"))).values_list(
        "pk", "source_id", "stored", "modified_at", "source_modified_at", "is_deleted"
    )
    rows: Iterable[tuple[Any, ...]] = found
    return {
        pk: StoredRecord(
            source_id,
            content if isinstance(content, bytes) else content.encode(),
            f"{stamp(modified_at)}",
            stamp(moved_at),
            is_deleted,
        )
        for pk, source_id, content, modified_at, moved_at, is_deleted in rows
    }


class _Stored(Func):
    """JSON as the database has it, not decoded: bytes from SQLite, text from PostgreSQL."""

    output_field = BinaryField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS BLOB)", **extra_context)

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        text = self.copy()
        text.output_field = TextField()
        return text.as_sql(compiler, connection, template="(%(expressions)s)::text", **extra_context)
