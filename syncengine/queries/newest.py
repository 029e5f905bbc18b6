"""Lists of what was asked for, newest first: a page behind a cursor, some rows again, and how many came since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Q, QuerySet

from syncengine.queries.keyset import KeysetPage, pack_cursor, unpack_moment

NEWER_LIMIT = 100
_ORDER = ("-requested_at", "-id")


class Requested(Protocol):
    """A row that somebody asked for."""

    pk: Any
    requested_at: datetime


def cursor_of(row: Requested) -> str:
    return pack_cursor(row.requested_at.isoformat(), str(row.pk))


def newest_page[Row: Any](matching: QuerySet[Row], *, after: str, size: int) -> KeysetPage[Row]:
    """Return one page, newest first; one query. A cursor that is none of ours is the list's beginning."""
    moment = unpack_moment(after) if after else None
    if moment is not None:
        requested_at, row_id = moment
        older = Q(requested_at__lte=requested_at) & (Q(requested_at__lt=requested_at) | Q(pk__lt=row_id))
        matching = matching.filter(older)
    found = list(matching.order_by(*_ORDER)[: size + 1])
    rows = tuple(found[:size])
    return KeysetPage(rows, cursor_of(rows[-1]) if len(found) > size else "")


def newest_of[Row: Any](rows: QuerySet[Row], ids: Sequence[UUID]) -> list[Row]:
    """Return the rows with these ids, newest first; one query."""
    return list(rows.filter(pk__in=ids).order_by(*_ORDER))


def newer_count(matching: QuerySet[Any], *, than: str) -> int:
    """Return how many rows were asked for after the one the cursor names, at most NEWER_LIMIT."""
    moment = unpack_moment(than)
    if moment is None:
        return 0
    requested_at, row_id = moment
    newer = Q(requested_at__gte=requested_at) & (Q(requested_at__gt=requested_at) | Q(pk__gt=row_id))
    return matching.filter(newer).order_by()[:NEWER_LIMIT].count()
