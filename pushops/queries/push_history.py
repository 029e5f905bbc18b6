"""The push history: operations by time, with filters, newest first, and how many there are of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from pushops.models import PushOperation
from pushops.queries.retrying import with_cause
from pushops.states import Attention, PushStatus
from syncengine.ids import as_uuid
from syncengine.queries.keyset import KeysetPage
from syncengine.queries.newest import newest_of, newest_page

COUNTED_TO = 10_000
ATTENTION = "attention"  # beside the statuses, what waits for a person
WANTS_ATTENTION = ~Q(needs_attention=Attention.NONE) & Q(discarded_at__isnull=True)


@dataclass(frozen=True, slots=True)
class PushFilters:
    """What to show; an empty member does not filter.

    search:        part of the company's name, the whole id of a company, connection or operation, or a record's id.
    tab:           a status, or ATTENTION.
    requested_by:  how the actor begins: "user:", "api-key:", or a whole one.
    cause:         as `retrying.cause_of` words it.
    since, until:  aware; `requested_at` from since on, before until.
    """

    search: str = ""
    tab: str = ""
    company_id: UUID | None = None
    connection_id: UUID | None = None
    integrations: Sequence[str] = field(default=())
    data_types: Sequence[str] = field(default=())
    operations: Sequence[str] = field(default=())
    requested_by: str = ""
    cause: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        return replace(self, tab="") == PushFilters(company_id=self.company_id)


@dataclass(frozen=True, slots=True)
class TabCounts:
    """How many operations match, by tab ("" for all). Statuses are counted among the newest COUNTED_TO.

    is_cut:  there are more than were counted.
    """

    counts: dict[str, int]
    is_cut: bool


def push_history(
    base: QuerySet[PushOperation], filters: PushFilters, *, after: str = "", size: int = 50
) -> KeysetPage[PushOperation]:
    """Return one page of the operations of `base`, newest first, each with company, connection and integration.

    Shape:  one query.
    """
    return newest_page(_shown(filtered(base, filters)), after=after, size=size)


def push_rows(base: QuerySet[PushOperation], ids: Sequence[UUID]) -> list[PushOperation]:
    """Return the operations with these ids, newest first, as `push_history` does; one query."""
    return newest_of(_shown(base), ids)


def tab_counts(base: QuerySet[PushOperation], filters: PushFilters) -> TabCounts:
    """Return the number on each tab, whichever of them is open; two queries."""
    matching = filtered(base, replace(filters, tab=""))
    newest = matching.order_by("-requested_at").values("status")[: COUNTED_TO + 1]
    found = newest.aggregate(
        all=Count("status"), **{status: Count("status", filter=Q(status=status)) for status in PushStatus.values}
    )
    waiting = matching.filter(WANTS_ATTENTION).order_by()[: COUNTED_TO + 1].count()
    is_cut = found["all"] > COUNTED_TO
    return TabCounts({"": found.pop("all"), **found, ATTENTION: waiting}, is_cut)


def filtered(base: QuerySet[PushOperation], filters: PushFilters) -> QuerySet[PushOperation]:
    """Return the operations of `base` that match."""
    wanted = {
        "company_id": filters.company_id,
        "connection_id": filters.connection_id,
        "connection__integration__key__in": filters.integrations,
        "data_type__in": filters.data_types,
        "operation__in": filters.operations,
        "requested_by__startswith": filters.requested_by,
        "requested_at__gte": filters.since,
        "requested_at__lt": filters.until,
    }
    base = base.filter(**{lookup: value for lookup, value in wanted.items() if value})
    if filters.cause:
        base = base.filter(with_cause(filters.cause))
    if filters.search.strip():
        base = base.filter(_search_condition(filters.search.strip()))
    if filters.tab == ATTENTION:
        return base.filter(WANTS_ATTENTION)
    return base.filter(status=filters.tab) if filters.tab else base


def _shown(operations: QuerySet[PushOperation]) -> QuerySet[PushOperation]:
    """A list shows neither bodies nor written records: they may be large."""
    return operations.select_related("company", "connection__integration").defer("body", "data")


def _search_condition(search: str) -> Q:
    named = Q(record_id=search) | Q(result_record_id=search)
    wanted = as_uuid(search)
    if wanted is None:
        return named | Q(company__name__icontains=search)
    return named | Q(pk=wanted) | Q(company=wanted) | Q(connection=wanted)
