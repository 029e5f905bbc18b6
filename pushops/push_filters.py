"""The push history's filters: from the address into a query, and back into the form that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from uuid import UUID

from django.http import QueryDict
from django.utils.timezone import now

from portal.history_filters import PERIODS, Choice
from pushops.queries.push_history import ATTENTION, PushFilters, TabCounts
from pushops.states import PushStatus
from syncengine.connectors.changes import Operation
from syncengine.connectors.registry import platforms
from syncengine.datatypes import DATA_TYPES

OPERATION_WORDS: dict[str, str] = {
    Operation.CREATE: "Create",
    Operation.UPDATE: "Update",
    Operation.DELETE: "Delete",
    Operation.UPLOAD: "Upload a file",
}
TABS: dict[str, str] = {
    "": "All",
    PushStatus.PENDING: "Pending",
    PushStatus.SUCCESS: "Success",
    PushStatus.FAILED: "Failed",
    PushStatus.TIMED_OUT: "Timed out",
    ATTENTION: "Needs attention",
}
WHO: dict[str, tuple[str, str]] = {"people": ("People", "user:"), "api": ("API keys", "api-key:")}
_NAMES = ("q", "tab", "integration", "type", "operation", "who", "period", "since", "until", "connection", "cause")


@dataclass(frozen=True, slots=True)
class Tab:
    """`query` is its address's query, which keeps the filters."""

    label: str
    query: str
    count: str
    is_here: bool
    tone: str


@dataclass(frozen=True, slots=True)
class PushForm:
    """What the filter form shows. `query` is the address's query without paging, for links that keep the filters."""

    search: str
    tab: str
    integrations: list[Choice]
    types: list[Choice]
    operations: list[Choice]
    who: list[Choice]
    periods: list[Choice]
    since: str
    until: str
    connection: str
    cause: str
    query: str

    @property
    def chosen_integrations(self) -> int:
        return sum(choice.chosen for choice in self.integrations)

    @property
    def chosen_types(self) -> int:
        return sum(choice.chosen for choice in self.types)

    @property
    def chosen_operations(self) -> int:
        return sum(choice.chosen for choice in self.operations)


def filters_from(query: QueryDict, zone: tzinfo, user_id: object, company_id: UUID | None = None) -> PushFilters:
    """Read the filters out of an address; what cannot be read does not filter. Dates are days in `zone`."""
    period = PERIODS.get(query.get("period", ""))
    until = _day(query.get("until", ""), zone)
    return PushFilters(
        search=query.get("q", "")[:200].replace("\0", ""),
        tab=_tab(query),
        company_id=company_id,
        connection_id=_uuid(query.get("connection", "")),
        integrations=_clean(query.getlist("integration")),
        data_types=_clean(query.getlist("type")),
        operations=_clean(query.getlist("operation")),
        requested_by=_asker(query.get("who", ""), user_id),
        cause=query.get("cause", "")[:2000].replace("\0", ""),
        since=now() - period[1] if period else _day(query.get("since", ""), zone),
        until=until + timedelta(days=1) if until else None,
    )


def form_from(query: QueryDict) -> PushForm:
    who = {"me": "Me"} | {key: label for key, (label, _) in WHO.items()}
    return PushForm(
        search=query.get("q", ""),
        tab=_tab(query),
        integrations=_choices(_writable_platforms(), query.getlist("integration")),
        types=_choices(_writable_types(), query.getlist("type")),
        operations=_choices(OPERATION_WORDS, query.getlist("operation")),
        who=_choices(who, [query.get("who", "")]),
        periods=_choices({key: label for key, (label, _) in PERIODS.items()}, [query.get("period", "")]),
        since=query.get("since", ""),
        until=query.get("until", ""),
        connection=query.get("connection", ""),
        cause=query.get("cause", "")[:2000],
        query=_kept(query).urlencode(),
    )


def tabs_of(query: QueryDict, counted: TabCounts) -> list[Tab]:
    here = _tab(query)
    return [_one_tab(query, key, label, counted, is_here=key == here) for key, label in TABS.items()]


def _one_tab(query: QueryDict, key: str, label: str, counted: TabCounts, *, is_here: bool) -> Tab:
    kept = _kept(query)
    kept.pop("tab", None)
    if key:
        kept["tab"] = key
    count = counted.counts[key]
    more = "+" if counted.is_cut and key != ATTENTION else ""
    tone = "warn" if key == ATTENTION and count else ""
    shown = f"{min(count, 10_000):,}{more}"
    return Tab(label, kept.urlencode(), shown if count or not key else "", is_here, tone)


def _kept(query: QueryDict) -> QueryDict:
    kept = QueryDict(mutable=True)
    for name in _NAMES:
        if values := [value for value in query.getlist(name) if value]:
            kept.setlist(name, values)
    return kept


def _tab(query: QueryDict) -> str:
    wanted = query.get("tab", "")
    return wanted if wanted in TABS else ""


def _asker(word: str, user_id: object) -> str:
    if word == "me":
        return f"user:{user_id}"
    return WHO[word][1] if word in WHO else ""


def _writable_platforms() -> dict[str, str]:
    return {
        key: platform.name
        for key, platform in platforms().items()
        if any(support.writes for support in platform.types.values())
    }


def _writable_types() -> dict[str, str]:
    found = {key for platform in platforms().values() for key, support in platform.types.items() if support.writes}
    return {key: kind.label for key, kind in DATA_TYPES.items() if key in found}


def _choices(words: dict[str, str], chosen: Iterable[str]) -> list[Choice]:
    wanted = set(chosen)
    return [Choice(value, label, value in wanted) for value, label in words.items()]


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
