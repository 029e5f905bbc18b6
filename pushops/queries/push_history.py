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
from syncengine.queries.keyset import KeysetPage, pack_cursor, unpack_moment

NEWER_LIMIT = 100
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
    matching = _shown(filtered(base, filters))
    moment = unpack_moment(after) if after else None
    if moment is not None:
        matching = matching.filter(_older_than(*moment))
    found = list(matching.order_by("-requested_at", "-id")[: size + 1])
    rows = tuple(found[:size])
    return KeysetPage(rows, cursor_of(rows[-1]) if len(found) > size else "")


def push_rows(base: QuerySet[PushOperation], ids: Sequence[UUID]) -> list[PushOperation]:
    """Return the operations with these ids, newest first, as `push_history` does; one query."""
    return list(_shown(base.filter(pk__in=ids)).order_by("-requested_at", "-id"))


def newer_count(base: QuerySet[PushOperation], filters: PushFilters, *, than: str) -> int:
    """Return how many matching operations were asked for after the one the cursor names, at most NEWER_LIMIT."""
    moment = unpack_moment(than)
    if moment is None:
        return 0
    requested_at, row_id = moment
    newer = Q(requested_at__gte=requested_at) & (Q(requested_at__gt=requested_at) | Q(pk__gt=row_id))
    return filtered(base, filters).filter(newer).order_by()[:NEWER_LIMIT].count()


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


def cursor_of(operation: PushOperation) -> str:
    return pack_cursor(operation.requested_at.isoformat(), str(operation.pk))


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
    try:
        wanted = UUID(search)
    except ValueError:
        return named | Q(company__name__icontains=search)
    return named | Q(pk=wanted) | Q(company=wanted) | Q(connection=wanted)


def _older_than(requested_at: datetime, row_id: UUID) -> Q:
    return Q(requested_at__lte=requested_at) & (Q(requested_at__lt=requested_at) | Q(pk__lt=row_id))
