"""The read history's filters: from the address into a query, and back into the form that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone

from portal.address_values import PERIODS, Choice, choices, day_in, kept_query, period_choices, plain_words
from syncengine.datatypes import DATA_TYPES
from syncengine.ids import as_uuid
from syncengine.queries.read_history import HistoryFilters
from syncengine.states import DATASET_ACTIVE, DATASET_ERRORS, DatasetStatus, Trigger

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
    until = day_in(zone, query.get("until", ""))
    return HistoryFilters(
        search=query.get("q", "")[:200].replace("\0", ""),
        company_id=company_id,
        connection_id=as_uuid(query.get("connection", "")),
        data_types=plain_words(query.getlist("type")),
        statuses=_statuses(query.getlist("status")),
        triggers=plain_words(query.getlist("trigger")),
        since=timezone.now() - period[1] if period else day_in(zone, query.get("since", "")),
        until=until + timedelta(days=1) if until else None,
        slow_only=query.get("slow") == "1",
    )


def form_from(query: QueryDict) -> HistoryForm:
    statuses = {"active": "Active", "failed": "Failed"} | {word: word for word in DatasetStatus.values}
    custom = {key: key for key in plain_words(query.getlist("type")) if key not in DATA_TYPES}
    return HistoryForm(
        search=query.get("q", ""),
        types=choices({key: kind.label for key, kind in DATA_TYPES.items()} | custom, *query.getlist("type")),
        statuses=choices(statuses, *query.getlist("status")),
        triggers=choices(TRIGGER_WORDS, *query.getlist("trigger")),
        periods=period_choices(query.get("period", "")),
        since=query.get("since", ""),
        until=query.get("until", ""),
        slow=query.get("slow") == "1",
        connection=query.get("connection", ""),
        query=kept_query(query, _NAMES).urlencode(),
    )


def _statuses(words: Iterable[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for word in plain_words(words):
        found |= STATUS_GROUPS.get(word, frozenset({word}))
    return tuple(sorted(found))
