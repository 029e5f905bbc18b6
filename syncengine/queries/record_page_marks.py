"""Where the pages of a long list of records start (see record_pages), kept beside the records and checked at each use.

Marks are derived from the records as the last good dataset left them, and say which dataset that was. They are not
used once it is another one, nor while a dataset is inserting, nor once a push has added a record; those of a dataset
after which none has inserted anything are taken over. Whatever they were made from, they can be dropped and are made
again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from syncengine.models import Dataset, RecordPageMarks
from syncengine.states import DATASET_ACTIVE

STEP = 1000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """How to reach an offset: from the record with this key, past `skip` records. No key: it lies behind the end."""

    total: int
    key: str | None
    skip: int


def start_of(connection_id: UUID, data_type: str, offset: int) -> Start | None:
    """Return how to reach the offset, or None when no marks hold now; one query when they are known."""
    mark = offset // STEP
    place = _place(connection_id, data_type, mark)
    if place.dataset_id is None or place.is_moving:
        return None
    if place.marked_for != place.dataset_id:
        place = _marked_anew(connection_id, data_type, place, place.dataset_id, mark)
    if place.total is None or place.marked_for != place.dataset_id:
        return None
    return Start(place.total, place.key if offset < place.total else None, offset % STEP)


def forget_page_marks(connection_id: UUID, data_type: str) -> None:
    """Drop the marks of a list, in the transaction that changes which records it holds."""
    RecordPageMarks.objects.filter(connection_id=connection_id, data_type=data_type).delete()


class _Place(NamedTuple):
    """What is known of a list before it is read.

    dataset_id:  the last good dataset, None before there is one.
    inserts:     how many records pushes have added.
    is_moving:   records are being stored right now.
    marked_for:  the dataset whose marks are kept, None without marks.
    """

    dataset_id: UUID | None
    inserts: int
    is_moving: bool
    marked_for: UUID | None
    total: int | None
    key: str | None


_PLACE = """
SELECT status.latest_successful_dataset_id, status.pushed_inserts, latest.status, latest.created_count,
       marks.dataset_id, marks.total, marks.keys ->> CAST(%s AS integer)
FROM syncengine_datastatus status
LEFT JOIN syncengine_dataset latest ON latest.id = status.latest_dataset_id
LEFT JOIN syncengine_recordpagemarks marks
       ON marks.connection_id = status.connection_id AND marks.data_type = status.data_type AND marks.step = %s
      AND marks.pushed_inserts = status.pushed_inserts
WHERE status.connection_id = %s AND status.data_type = %s
"""


def _place(connection_id: UUID, data_type: str, mark: int) -> _Place:
    with connection.cursor() as cursor:
        # A mark past the end is none, and an index that no database takes for a number is past every end.
        cursor.execute(_PLACE, [min(mark, 2**31 - 1), STEP, uuid_parameter(connection_id), data_type])
        found = cursor.fetchone()
    if found is None:
        return _Place(None, 0, False, None, None, None)
    dataset_id, inserts, status, created, marked_for, total, key = found
    return _Place(_uuid(dataset_id), inserts, _is_moving(status, created), _uuid(marked_for), total, key)


def _is_moving(status: str | None, created_count: int | None) -> bool:
    # The latest dataset is the only one that can be active, and what it has inserted is in its row from then on.
    return status in DATASET_ACTIVE and bool(created_count)


def uuid_parameter(value: UUID) -> Any:
    """Return the id as a raw statement takes it."""
    return value if connection.features.has_native_uuid_field else value.hex


def _uuid(value: Any) -> UUID | None:
    return value if value is None or isinstance(value, UUID) else UUID(value)


# One statement, so that the marks and the dataset they are said to hold for are seen at the same moment. It hops from
# mark to mark through the index; numbering all rows takes two to ten times as long.
_MARKS = """
WITH RECURSIVE mark(number, source_id) AS (
    SELECT 0, (SELECT min(source_id) FROM syncengine_record WHERE connection_id = %s AND data_type = %s)
    UNION ALL
    SELECT number + 1, (
        SELECT record.source_id FROM syncengine_record record
        WHERE record.connection_id = %s AND record.data_type = %s AND record.source_id > mark.source_id
        ORDER BY record.source_id LIMIT 1 OFFSET %s
    ) FROM mark WHERE mark.source_id IS NOT NULL
)
SELECT status.latest_successful_dataset_id, status.pushed_inserts, latest.status, latest.created_count,
       mark.source_id, (
    SELECT count(*) FROM syncengine_record
    WHERE connection_id = %s AND data_type = %s AND source_id >= (SELECT max(source_id) FROM mark)
)
FROM mark CROSS JOIN syncengine_datastatus status
LEFT JOIN syncengine_dataset latest ON latest.id = status.latest_dataset_id
WHERE status.connection_id = %s AND status.data_type = %s ORDER BY mark.number
"""


def _marked_anew(connection_id: UUID, data_type: str, place: _Place, dataset_id: UUID, mark: int) -> _Place:
    """Return the place with marks that hold for it, unless the list began to move meanwhile."""
    if place.marked_for is not None and _brought_nothing_new(connection_id, data_type, since=place.marked_for):
        old = RecordPageMarks.objects.filter(connection_id=connection_id, data_type=data_type)
        old = old.filter(dataset_id=place.marked_for, pushed_inserts=place.inserts)
        _keep(data_type, lambda: old.update(dataset_id=dataset_id))
        return place._replace(marked_for=dataset_id)
    here = [uuid_parameter(connection_id), data_type]
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, [*here, *here, STEP - 1, *here, *here])
        found = cursor.fetchall()
    seen_dataset, inserts, status, created, _, behind_last = found[0]
    if _uuid(seen_dataset) != dataset_id or _is_moving(status, created):
        return place
    keys = [row[4] for row in found if row[4] is not None]
    total = (len(keys) - 1) * STEP + behind_last if keys else 0
    marks = RecordPageMarks(
        connection_id=connection_id,
        data_type=data_type,
        dataset_id=dataset_id,
        pushed_inserts=inserts,
        total=total,
        step=STEP,
        keys=keys,
    )
    _keep(data_type, lambda: _replace(marks))
    return _Place(dataset_id, inserts, False, dataset_id, total, keys[mark] if mark < len(keys) else None)


def _brought_nothing_new(connection_id: UUID, data_type: str, *, since: UUID) -> bool:
    """Return whether no dataset after that one inserted a record; False when nobody knows any more."""
    asked_at = Dataset.objects.filter(pk=since).values_list("requested_at", flat=True).first()
    if asked_at is None:
        return False
    later = Dataset.objects.filter(connection_id=connection_id, data_type=data_type, requested_at__gte=asked_at)
    return not later.exclude(pk=since).filter(created_count__gt=0).exists()


def _replace(marks: RecordPageMarks) -> None:
    RecordPageMarks.objects.bulk_create(
        [marks],
        update_conflicts=True,
        unique_fields=["connection", "data_type"],
        update_fields=["dataset_id", "pushed_inserts", "total", "step", "keys"],
    )


def _keep(data_type: str, write: Callable[[], Any]) -> None:
    try:
        with transaction.atomic():
            write()
    except DatabaseError:
        # A busy or read-only database: the page is read with the marks in hand, and the next reader makes them again.
        logger.warning("The page marks of %s could not be kept.", data_type, exc_info=True)
