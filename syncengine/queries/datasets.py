"""One dataset in its parts: stages, attempts, requests, validation, neighbours and likeness to others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Min, Q, Window
from django.db.models.functions import RowNumber

from syncengine.models import Attempt, Dataset, SourceRequest, StageTiming, ValidationIssue
from syncengine.queries.keyset import KeysetPage, pack_cursor, unpack_cursor
from syncengine.queries.read_history import usual_duration

LIKENESS_WINDOW = timedelta(days=1)
SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Likeness:
    """Other connections of the same platform whose reads ended the same way.

    since:  aware UTC; the first such end within the day before this one's, None when there is none.
    """

    connection_count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The datasets of the same type and connection that were asked for just before and just after."""

    previous: Dataset | None
    following: Dataset | None


@dataclass(frozen=True, slots=True)
class IssueGroup:
    """Issues of one rule: how many, and the first few of them."""

    rule_id: str
    severity: str
    validator_name: str
    issue_count: int
    samples: tuple[ValidationIssue, ...]


def stage_timings(dataset: Dataset) -> dict[str, StageTiming]:
    """Return the timing of each stage that began, by stage; one query."""
    return {timing.stage: timing for timing in dataset.timings.all()}


def attempts(dataset: Dataset) -> list[Attempt]:
    """Return the workers' holds of the dataset, first one first; one query."""
    return list(dataset.attempts.order_by("fence"))


def usual_seconds(dataset: Dataset) -> float | None:
    """Return how long such a read usually takes (`usual_duration`), None when too few were made; one query."""
    found = (
        Dataset.objects.filter(pk=dataset.pk).annotate(usual=usual_duration()).values_list("usual", flat=True).first()
    )
    return None if found is None else found.total_seconds()


def neighbours(dataset: Dataset) -> Neighbours:
    """Return the datasets before and after; two queries."""
    same = Dataset.objects.filter(connection=dataset.connection_id, data_type=dataset.data_type)
    at, pk = dataset.requested_at, dataset.pk
    earlier = same.filter(requested_at__lte=at).filter(Q(requested_at__lt=at) | Q(pk__lt=pk))
    later = same.filter(requested_at__gte=at).filter(Q(requested_at__gt=at) | Q(pk__gt=pk))
    return Neighbours(
        earlier.order_by("-requested_at", "-id").first(),
        later.order_by("requested_at", "id").first(),
    )


def similar_failures(dataset: Dataset) -> Likeness:
    """Return how many other connections of the platform failed like this one since a day before it; one query."""
    if not dataset.is_errored:
        return Likeness(0, None)
    since = (dataset.completed_at or dataset.requested_at) - LIKENESS_WINDOW
    alike = (
        Dataset.objects.filter(
            requested_at__gte=since,
            status=dataset.status,
            completed_at__gte=since,
            connection__integration=dataset.connection.integration_id,
        )
        .exclude(connection=dataset.connection_id)
        .aggregate(connection_count=Count("connection", distinct=True), since=Min("completed_at"))
    )
    return Likeness(alike["connection_count"], alike["since"])


def requests_page(dataset: Dataset, *, after: str = "", size: int = 50) -> KeysetPage[SourceRequest]:
    """Return one page of the requests made for the dataset, in the order they were sent; one query."""
    found = list(dataset.source_requests.filter(sequence__gt=_position(after)).order_by("sequence")[: size + 1])
    rows = tuple(found[:size])
    return KeysetPage(rows, pack_cursor(str(rows[-1].sequence)) if len(found) > size else "")


def last_refused_request(dataset: Dataset) -> SourceRequest | None:
    """Return the last request that was not answered with a 2xx: the evidence of a failure; one query."""
    refused = Q(status_code=None) | Q(status_code__gte=300)
    return dataset.source_requests.filter(refused).order_by("-sequence").first()


def issue_groups(dataset: Dataset) -> list[IssueGroup]:
    """Return the validation issues by rule, errors first, then the most frequent; two queries.

    The samples are each rule's first SAMPLES issues.
    """
    counted = list(
        dataset.validation_issues.values("severity", "rule_id", "validator_name")
        .annotate(issue_count=Count("pk"))
        .order_by("severity", "-issue_count", "rule_id", "validator_name")[:100]
    )
    if not counted:
        return []
    samples = _samples(dataset)
    return [
        IssueGroup(**group, samples=samples.get((group["severity"], group["rule_id"], group["validator_name"]), ()))
        for group in counted
    ]


def issues_of_rule(dataset: Dataset, rule_id: str, *, after: str = "", size: int = 100) -> KeysetPage[ValidationIssue]:
    """Return one page of the issues of one rule; one query."""
    issues = dataset.validation_issues.filter(rule_id=rule_id, pk__gt=_position(after))
    found = list(issues.order_by("pk")[: size + 1])
    rows = tuple(found[:size])
    return KeysetPage(rows, pack_cursor(str(rows[-1].pk)) if len(found) > size else "")


def _samples(dataset: Dataset) -> dict[tuple[str, str, str], tuple[ValidationIssue, ...]]:
    place = Window(RowNumber(), partition_by=[F("severity"), F("rule_id"), F("validator_name")], order_by=F("pk").asc())
    found: dict[tuple[str, str, str], tuple[ValidationIssue, ...]] = {}
    for issue in dataset.validation_issues.annotate(place=place).filter(place__lte=SAMPLES).order_by("pk"):
        key = (issue.severity, issue.rule_id, issue.validator_name)
        found[key] = (*found.get(key, ()), issue)
    return found


def _position(after: str) -> int:
    parts = unpack_cursor(after, 1) if after else None
    return int(parts[0]) if parts and parts[0].isdecimal() and len(parts[0]) < 19 else 0
