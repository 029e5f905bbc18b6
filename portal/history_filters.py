"""The read history's filters: from the address into a query, and back into the form that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone

from syncengine.datatypes import DATA_TYPES
from syncengine.queries.read_history import HistoryFilters
from syncengine.states import DATASET_ACTIVE, DATASET_ERRORS, DatasetStatus, Trigger

PERIODS: dict[str, tuple[str, timedelta]] = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
}
TRIGGER_WORDS: dict[str, str] = {
    Trigger.SCHEDULE: "Schedule",
    Trigger.USER: "User",
    Trigger.API: "API",
    Trigger.FIRST_LINK: "First link",
    Trigger.RETRY: "Retry",
}
# Words that stand for several statuses, so that "what failed?" is one click.
STATUS_GROUPS: dict[str, frozenset[str]] = {"active": DATASET_ACTIVE, "failed": DATASET_ERRORS}
_NAMES = ("q", "type", "status", "trigger", "period", "since", "until", "slow", "connection")


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class HistoryForm:
    """What the filter form shows. `query` is the address's query without paging, for links that keep the filters."""

    search: str
    types: list[Choice]
    statuses: list[Choice]
    triggers: list[Choice]
    periods: list[Choice]
    since: str
    until: str
    slow: bool
    connection: str
    query: str

    @property
    def chosen_types(self) -> int:
        return sum(choice.chosen for choice in self.types)

    @property
    def chosen_statuses(self) -> int:
        return sum(choice.chosen for choice in self.statuses)

    @property
    def chosen_triggers(self) -> int:
        return sum(choice.chosen for choice in self.triggers)


def filters_from(query: QueryDict, zone: tzinfo, company_id: UUID | None = None) -> HistoryFilters:
    """Read the filters out of an address; what cannot be read does not filter. Dates are days in `zone`."""
    period = PERIODS.get(query.get("period", ""))
    until = _day(query.get("until", ""), zone)
    return HistoryFilters(
        search=query.get("q", "")[:200].replace("\0", ""),
        company_id=company_id,
        connection_id=_uuid(query.get("connection", "")),
        data_types=_clean(query.getlist("type")),
        statuses=_statuses(query.getlist("status")),
        triggers=_clean(query.getlist("trigger")),
        since=timezone.now() - period[1] if period else _day(query.get("since", ""), zone),
        until=until + timedelta(days=1) if until else None,
        slow_only=query.get("slow") == "1",
    )


def form_from(query: QueryDict) -> HistoryForm:
    kept = QueryDict(mutable=True)
    for name in _NAMES:
        if values := [value for value in query.getlist(name) if value]:
            kept.setlist(name, values)
    statuses = {"active": "Active", "failed": "Failed"} | {word: word for word in DatasetStatus.values}
    custom = {key: key for key in _clean(query.getlist("type")) if key not in DATA_TYPES}
    return HistoryForm(
        search=query.get("q", ""),
        types=_choices({key: kind.label for key, kind in DATA_TYPES.items()} | custom, query.getlist("type")),
        statuses=_choices(statuses, query.getlist("status")),
        triggers=_choices(TRIGGER_WORDS, query.getlist("trigger")),
        periods=_choices({key: label for key, (label, _) in PERIODS.items()}, [query.get("period", "")]),
        since=query.get("since", ""),
        until=query.get("until", ""),
        slow=query.get("slow") == "1",
        connection=query.get("connection", ""),
        query=kept.urlencode(),
    )


def _choices(words: dict[str, str], chosen: Iterable[str]) -> list[Choice]:
    wanted = set(chosen)
    return [Choice(value, label, value in wanted) for value, label in words.items()]


def _statuses(words: Iterable[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for word in _clean(words):
        found |= STATUS_GROUPS.get(word, frozenset({word}))
    return tuple(sorted(found))


def _clean(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value.replace("\0", "")[:100] for value in values if value)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str, zone: tzinfo) -> datetime | None:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - the zone is put on below
    except ValueError:
        return None
    if not 1970 <= day.year <= 9000:
        return None
    return datetime.combine(day, time(), zone).astimezone(UTC)
