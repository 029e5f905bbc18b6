"""Paging for lists: the page stands in the address, counts are exact to 10,000."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

COUNTED_TO = 10_000


@dataclass(frozen=True, slots=True)
class TablePage:
    """One page of a list, as components/pager.html shows it.

    total:     rows in the whole list, at most COUNTED_TO + 1.
    number:    counts from 1.
    """

    rows: Sequence[Any]
    number: int
    size: int
    total: int

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0

    @property
    def total_text(self) -> str:
        return f"{COUNTED_TO:,}+" if self.total > COUNTED_TO else f"{self.total:,}"

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number * self.size < self.total else None


def page_of(request: HttpRequest, rows: QuerySet[Any], *, size: int = 25) -> TablePage:
    """Return the page that `?page=` names; nonsense means the first page, too far means the last. Two queries."""
    total = rows.order_by()[: COUNTED_TO + 1].count()
    last = max(1, -(-total // size))
    number = min(_number(request.GET.get("page", "")), last)
    start = (number - 1) * size
    return TablePage(list(rows[start : start + size]), number, size, total)


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 1
