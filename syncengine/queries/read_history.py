"""The read history: datasets by time, with filters, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import DurationField, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value

from syncengine.ids import as_uuid
from syncengine.models import Dataset
from syncengine.queries.keyset import KeysetPage
from syncengine.queries.newest import newest_of, newest_page
from syncengine.states import DatasetStatus

USUAL_OVER = 5  # how many earlier Complete reads make the usual duration
SLOW_FACTOR = 1.5
SLOW_AT_LEAST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class HistoryFilters:
    """What to show; an empty member does not filter.

    search:        part of the company's name, or the whole id of a company, connection or dataset.
    since, until:  aware; `requested_at` from since on, before until.
    slow_only:     only Complete reads that took at least SLOW_FACTOR times, and SLOW_AT_LEAST longer than, the usual
                   duration of the reads before them (`usual_duration`).
    """

    search: str = ""
    company_id: UUID | None = None
    connection_id: UUID | None = None
    data_types: Sequence[str] = field(default=())
    statuses: Sequence[str] = field(default=())
    triggers: Sequence[str] = field(default=())
    since: datetime | None = None
    until: datetime | None = None
    slow_only: bool = False

    @property
    def is_empty(self) -> bool:
        return self == HistoryFilters(company_id=self.company_id)


def read_history(
    base: QuerySet[Dataset], filters: HistoryFilters, *, after: str = "", size: int = 50
) -> KeysetPage[Dataset]:
    """Return one page of the datasets of `base`, newest first; one query.

    Each row carries `usual_duration` (timedelta or None) and its company, connection and integration.
    """
    return newest_page(_shown(filtered(base, filters)), after=after, size=size)


def history_rows(base: QuerySet[Dataset], ids: Sequence[UUID]) -> list[Dataset]:
    """Return the datasets with these ids, newest first, as `read_history` does; one query."""
    return newest_of(_shown(base), ids)


def filtered(base: QuerySet[Dataset], filters: HistoryFilters) -> QuerySet[Dataset]:
    """Return the datasets of `base` that match."""
    wanted = {
        "company_id": filters.company_id,
        "connection_id": filters.connection_id,
        "data_type__in": filters.data_types,
        "status__in": filters.statuses,
        "trigger__in": filters.triggers,
        "requested_at__gte": filters.since,
        "requested_at__lt": filters.until,
    }
    base = base.filter(**{lookup: value for lookup, value in wanted.items() if value})
    if filters.search.strip():
        base = base.filter(_search_condition(filters.search.strip()))
    return _slow(base) if filters.slow_only else base


def duration() -> ExpressionWrapper[Any]:
    """How long a dataset took, from the first claim to its end, as SQL."""
    return ExpressionWrapper(F("completed_at") - F("started_at"), output_field=DurationField())


def usual_duration() -> Subquery:
    """The usual duration before a dataset, as SQL: the third shortest of the five Complete reads of the same type and
    connection that were asked for before it. That is their median; with three or four of them it errs to the long side,
    with fewer it is NULL.
    """
    last_five = Dataset.objects.filter(
        connection=OuterRef(OuterRef("connection")),
        data_type=OuterRef(OuterRef("data_type")),
        requested_at__lt=OuterRef(OuterRef("requested_at")),
        status=DatasetStatus.COMPLETE,
    ).order_by("-requested_at", "-id")[:USUAL_OVER]
    durations = Dataset.objects.filter(pk__in=last_five.values("pk")).annotate(took=duration()).order_by("took")
    return Subquery(durations.values("took")[2:3], output_field=DurationField())


def _shown(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    return datasets.select_related("company", "connection__integration").annotate(usual_duration=usual_duration())


def _slow(datasets: QuerySet[Dataset]) -> QuerySet[Dataset]:
    usual = usual_duration()
    slower = ExpressionWrapper(usual * Value(SLOW_FACTOR), output_field=DurationField())
    later = ExpressionWrapper(usual + Value(SLOW_AT_LEAST), output_field=DurationField())
    ended = datasets.filter(status=DatasetStatus.COMPLETE).annotate(took=duration())
    return ended.filter(took__gte=slower).filter(took__gte=later)


def _search_condition(search: str) -> Q:
    wanted = as_uuid(search)
    if wanted is None:
        return Q(company__name__icontains=search)
    return Q(pk=wanted) | Q(company=wanted) | Q(connection=wanted)
