"""Writing records in bulk, the fastest way each database offers (measured: docs/architecture.md, "Storing")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import connection

from syncengine.run.staging import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - SQLite keeps UTC without saying so
_encode = msgspec.json.encode


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
    if not keys:
        return {}
    with connection.cursor() as cursor:
        found = _among(cursor, "source_id, id, content_hash, is_deleted", connection_id, data_type, keys)
        return {key: Stored(pk, bytes(content_hash), bool(deleted)) for key, pk, content_hash, deleted in found}


def raw_hashes(connection_id: UUID, data_type: str, keys: Sequence[str]) -> list[tuple[str, int, bytes]]:
    """Return (key, id, hash of the platform's text) of those records that are stored and whose text is known."""
    with connection.cursor() as cursor:
        found = _among(cursor, "source_id, id, raw_hash, is_deleted", connection_id, data_type, keys)
        return [(key, pk, bytes(raw_hash)) for key, pk, raw_hash, deleted in found if raw_hash and not deleted]


def _among(cursor: Any, columns: str, connection_id: UUID, data_type: str, keys: Sequence[str]) -> Iterable[Any]:
    """One look-up by many keys. The keys are one parameter: as a thousand they would cost more than the look-up."""
    if connection.vendor == "postgresql":
        # LATERAL: a planner without fresh statistics would else read all records of the type for each page.
        cursor.execute(
            f"SELECT {columns} FROM unnest(%s::text[]) AS wanted CROSS JOIN LATERAL (SELECT * FROM syncengine_record "  # noqa: S608
            "WHERE connection_id=%s AND data_type=%s AND source_id=wanted LIMIT 1) AS found",
            [list(keys), connection_id, data_type],
        )
    else:
        cursor.execute(
            f"SELECT {columns} FROM syncengine_record WHERE connection_id=%s AND data_type=%s "  # noqa: S608
            "AND source_id IN (SELECT value FROM json_each(%s))",
            [connection_id.hex, data_type, _encode(keys).decode()],
        )
    return cursor.fetchall()  # type: ignore[no-any-return]


def before(ids: Iterable[int]) -> dict[int, Before]:
    """Return these records as they stand; the content is the database's own text of it."""
    ids = list(ids)
    if not ids:
        return {}
    columns = "id, content, content_hash, modified_at, source_modified_at, is_deleted, last_dataset_id"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = columns.replace("content,", "content::text,", 1)
            cursor.execute(f"SELECT {columns} FROM syncengine_record WHERE id = ANY(%s)", [ids])  # noqa: S608
            return {pk: Before(text, bytes(known), *rest) for pk, text, known, *rest in cursor.fetchall()}
        wanted = "SELECT value FROM json_each(%s)"
        cursor.execute(f"SELECT {columns} FROM syncengine_record WHERE id IN ({wanted})", [_encode(ids).decode()])  # noqa: S608
        return {
            pk: Before(
                text,
                bytes(content_hash),
                _aware(modified),
                moved and _aware(moved),
                bool(deleted),
                last and _dataset_id(last),
            )
            for pk, text, content_hash, modified, moved, deleted, last in cursor.fetchall()
        }


@contextmanager
def _binary() -> Iterator[Any]:
    """A cursor of PostgreSQL's that sends values beside the statement, and `%b` as they are.

    Django's own writes them into it: an array of a thousand JSON texts is escaped twice, and takes ten times as long.
    """
    import psycopg  # only where it is used

    connection.ensure_connection()
    # Django turns the errors of its own cursors only into its own.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


_dataset_id = lru_cache(64)(UUID)  # many records, few datasets


def _aware(moment: datetime) -> datetime:
    """SQLite keeps UTC without saying so."""
    return moment.replace(tzinfo=UTC)


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
                (place, data_type, row.source_id, row.content, row.content_hash, row.raw_hash,
                 moment, _naive_stamp(row.source_modified_us), 0, dataset, dataset)
                for row in rows
            ],
        )  # fmt: skip


def update(changes: Sequence[tuple[int, Row]], *, dataset_id: UUID, modified_at: datetime) -> None:
    """Rewrite stored records, given by id."""
    if not changes:
        return
    if connection.vendor == "postgresql":
        _update_at_once(changes, dataset_id, modified_at)
        return
    dataset, moment = dataset_id.hex, _adapt(modified_at)
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE syncengine_record SET content=%s, content_hash=%s, raw_hash=%s, modified_at=%s, "
            "source_modified_at=%s, is_deleted=%s, last_dataset_id=%s WHERE id=%s",
            [
                (
                    row.content,
                    row.content_hash,
                    row.raw_hash,
                    moment,
                    _naive_stamp(row.source_modified_us),
                    False,
                    dataset,
                    pk,
                )
                for pk, row in changes
            ],
        )


def _update_at_once(changes: Sequence[tuple[int, Row]], dataset_id: UUID, modified_at: datetime) -> None:
    with _binary() as cursor:
        cursor.execute(
            "UPDATE syncengine_record SET content=new.content::jsonb, content_hash=new.content_hash, "
            "raw_hash=new.raw_hash, source_modified_at=new.moved, is_deleted=false, modified_at=%s, "
            "last_dataset_id=%s FROM unnest(%b::bigint[], %b::text[], %b::bytea[], %b::bytea[], %s::timestamptz[]) "
            "AS new(id, content, content_hash, raw_hash, moved) WHERE syncengine_record.id = new.id",
            [
                modified_at,
                dataset_id,
                [pk for pk, _ in changes],
                [row.content for _, row in changes],
                [row.content_hash for _, row in changes],
                [row.raw_hash for _, row in changes],
                [moved_at(row) for _, row in changes],
            ],
        )


class Change(NamedTuple):
    """One RecordChange to be noted."""

    record_id: int
    source_id: str
    kind: str
    fields: list[str]
    before: dict[str, Any]


def note_changes(changes: Sequence[Change], *, dataset_id: UUID) -> None:
    """Note what stood in these records; one that is noted already keeps what stood there before the whole read."""
    if not changes:
        return
    fields = [_encode(change.fields).decode() for change in changes]
    befores = [_encode(change.before).decode() for change in changes]
    into = "INSERT INTO syncengine_recordchange (dataset_id, record_id, source_id, kind, fields, before)"
    if connection.vendor == "postgresql":
        with _binary() as cursor:
            cursor.execute(
                f"{into} SELECT %s, record_id, source_id, kind, fields::jsonb, before::jsonb "  # noqa: S608
                "FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[]) "
                "AS new(record_id, source_id, kind, fields, before) ON CONFLICT DO NOTHING",
                [
                    dataset_id,
                    [change.record_id for change in changes],
                    [change.source_id for change in changes],
                    [change.kind for change in changes],
                    fields,
                    befores,
                ],
            )
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            f"{into} VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (dataset_id.hex, change.record_id, change.source_id, change.kind, changed, before)
                for change, changed, before in zip(changes, fields, befores, strict=True)
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
    return None if row.source_modified_us is None else _EPOCH + timedelta(microseconds=row.source_modified_us)


def _copy(
    columns: str, connection_id: UUID, data_type: str, rows: Sequence[Row], dataset_id: UUID, modified_at: datetime
) -> None:
    """COPY's text form, written here as one piece: the driver would adapt each value of each row on its own."""
    head = f"{connection_id}\t{_escaped(data_type)}"
    tail = f"f\t{dataset_id}\t{dataset_id}"
    lines = [
        f"{head}\t{_escaped(row.source_id)}\t{_escaped_json(row.content)}\t\\\\x{row.content_hash.hex()}\t"
        f"\\\\x{row.raw_hash.hex()}\t{modified_at}\t{moved_at(row) or _NULL}\t{tail}\n"
        for row in rows
    ]
    # Django turns the errors of its own cursor methods only into its own; COPY is not one of them.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY syncengine_record ({columns}) FROM STDIN") as copy,
    ):
        copy.write("".join(lines))


_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _escaped_json(text: str) -> str:
    """JSON holds no tab and no line break as such, and to look for one backslash takes no time."""
    return text.replace("\\", "\\\\")


def _naive_stamp(microseconds: int | None) -> str | None:
    """Return a stamp as SQLite keeps it."""
    return None if microseconds is None else str(_NAIVE_EPOCH + timedelta(microseconds=microseconds))


def _adapt(moment: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
