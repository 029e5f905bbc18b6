"""The push history's filters: from the address into a query, and back into the form that shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from uuid import UUID

from django.http import QueryDict
from django.utils.timezone import now

from portal.address_values import PERIODS, Choice, choices, day_in, kept_query, period_choices, plain_words
from pushops.queries.push_history import ATTENTION, PushFilters, TabCounts
from pushops.states import PushStatus
from syncengine.connectors.changes import Operation
from syncengine.connectors.registry import platforms
from syncengine.datatypes import DATA_TYPES
from syncengine.ids import as_uuid

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
    until = day_in(zone, query.get("until", ""))
    return PushFilters(
        search=query.get("q", "")[:200].replace("\0", ""),
        tab=_tab(query),
        company_id=company_id,
        connection_id=as_uuid(query.get("connection", "")),
        integrations=plain_words(query.getlist("integration")),
        data_types=plain_words(query.getlist("type")),
        operations=plain_words(query.getlist("operation")),
        requested_by=_asker(query.get("who", ""), user_id),
        cause=query.get("cause", "")[:2000].replace("\0", ""),
        since=now() - period[1] if period else day_in(zone, query.get("since", "")),
        until=until + timedelta(days=1) if until else None,
    )


def form_from(query: QueryDict) -> PushForm:
    who = {"me": "Me"} | {key: label for key, (label, _) in WHO.items()}
    return PushForm(
        search=query.get("q", ""),
        tab=_tab(query),
        integrations=choices(_writable_platforms(), *query.getlist("integration")),
        types=choices(_writable_types(), *query.getlist("type")),
        operations=choices(OPERATION_WORDS, *query.getlist("operation")),
        who=choices(who, query.get("who", "")),
        periods=period_choices(query.get("period", "")),
        since=query.get("since", ""),
        until=query.get("until", ""),
        connection=query.get("connection", ""),
        cause=query.get("cause", "")[:2000],
        query=kept_query(query, _NAMES).urlencode(),
    )


def tabs_of(query: QueryDict, counted: TabCounts) -> list[Tab]:
    here = _tab(query)
    return [_one_tab(query, key, label, counted, is_here=key == here) for key, label in TABS.items()]


def _one_tab(query: QueryDict, key: str, label: str, counted: TabCounts, *, is_here: bool) -> Tab:
    kept = kept_query(query, _NAMES)
    kept.pop("tab", None)
    if key:
        kept["tab"] = key
    count = counted.counts[key]
    more = "+" if counted.is_cut and key != ATTENTION else ""
    tone = "warn" if key == ATTENTION and count else ""
    shown = f"{min(count, 10_000):,}{more}"
    return Tab(label, kept.urlencode(), shown if count or not key else "", is_here, tone)


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
