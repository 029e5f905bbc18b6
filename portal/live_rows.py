"""Lists whose moving rows are polled: rows that still move are swapped, newer ones are counted, not inserted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from syncengine.queries.newest import cursor_of, newer_count

PAGE_SIZE = 25


def first_look(request: HttpRequest, rows: Sequence[Any], after: str) -> dict[str, Any]:
    """Return where a page of the list stands, for its template and for the polls that follow.

    after:  the cursor behind the page, "" when it is the last.
    """
    begun = request.GET.get("after", "")
    return {"after": after, "is_first_page": not begun, "top": "" if begun or not rows else cursor_of(rows[0])}


def newer_than_top(request: HttpRequest, matching: QuerySet[Any]) -> int:
    """Return how many rows came since the page was opened; a later page of the list does not count them."""
    top = request.GET.get("top", "")
    return newer_count(matching, than=top) if top else 0


def live[Row: Any](
    shown: Iterable[Row], newer: int, *, moves: Callable[[Row], bool], version_of: Callable[[list[Row], int], str]
) -> dict[str, Any]:
    """Return what the poll needs: the rows that still move, and a version of them and of how many are newer."""
    moving = [row for row in shown if moves(row)]
    return {
        "moving": ",".join(str(row.pk) for row in moving),
        "newer": newer,
        "version": version_of(moving, newer),
    }
