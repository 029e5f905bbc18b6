"""What a page's address holds, read for lists and their filters. What cannot be read is as if it were not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from uuid import UUID

from django.http import QueryDict

from syncengine.ids import as_uuid

PERIODS: dict[str, tuple[str, timedelta]] = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    chosen: bool


def choices(words: Mapping[str, str], *chosen: str) -> list[Choice]:
    """Return the choices of a filter, by value in `words`, with whether each is chosen."""
    return [Choice(value, label, value in chosen) for value, label in words.items()]


def period_choices(chosen: str) -> list[Choice]:
    return choices({key: label for key, (label, _) in PERIODS.items()}, chosen)


def kept_query(query: QueryDict, names: Iterable[str]) -> QueryDict:
    """Return the filters of an address without its paging, for links that keep them."""
    kept = QueryDict(mutable=True)
    for name in names:
        if values := [value for value in query.getlist(name) if value]:
            kept.setlist(name, values)
    return kept


def plain_words(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value.replace("\0", "")[:100] for value in values if value)


def as_uuids(texts: Iterable[str]) -> list[UUID]:
    return [found for text in texts if (found := as_uuid(text)) is not None]


def day_in(zone: tzinfo, text: str) -> datetime | None:
    """Return when a day such as 2026-01-31 begins in the zone, aware UTC."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - the zone is put on below
    except ValueError:
        return None
    if not 1970 <= day.year <= 9000:
        return None
    return datetime.combine(day, time(), zone).astimezone(UTC)
