"""How often a rule would have fired, counted from what is stored. Snoozes, quiet hours and maintenance are left aside:
it is the alerts that are counted, and not who was told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now

from portal.alerting.conditions import fallen_points, happened
from portal.alerting.periodic import findings_of
from portal.alerting.rule_types import RULE_TYPES, RuleType
from portal.models.alerting_rule import AlertingRule
from syncengine.models import Company, Connection, Dataset, Event
from syncengine.states import DATASET_ERRORS, ConnectionStatus, DatasetStatus

SHOWN = 50
LOOKED_AT = 100_000  # rows of history; a preview stands in an editor and must come at once


@dataclass(frozen=True, slots=True)
class Preview:
    """count:    alerts in these days; `moments` are the latest SHOWN of them, newest first.
    per_day:  (day in UTC, alerts), oldest first, each day of the time.
    note:     what the number leaves out, "" for nothing.
    """

    count: int
    moments: list[datetime]
    per_day: list[tuple[date, int]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Step:
    """One thing that happened: it raised the subject, or it was a success of it."""

    at: datetime
    subject: str
    is_raised: bool


def preview(rule: AlertingRule, days: int = 30) -> Preview:
    """Return how often this rule, saved or a draft, would have raised an alert in the last days."""
    kind = RULE_TYPES[rule.type]
    moment = now()
    since = moment - timedelta(days=days)
    if kind.key == "ConnectionAboutToExpire":
        found = [moment] * len(findings_of(rule, moment))
        return _counted(found, since, moment, "Counts what would fire now: the past is not known for this type.")
    if not kind.is_raised:
        return _counted([], since, moment, "This type never fires here.")
    steps = list(islice(_HISTORIES.get(kind.key, _events)(rule, kind, since, moment), LOOKED_AT + 1))
    note = f"Only the first {LOOKED_AT:,} entries of the history were counted." if len(steps) > LOOKED_AT else ""
    if days > settings.HEADRACE_HISTORY_DAYS:
        note = f"History is kept for {settings.HEADRACE_HISTORY_DAYS} days."
    return _counted(_raised(steps[:LOOKED_AT], kind), since, moment, note)


def _raised(steps: Iterable[_Step], kind: RuleType) -> list[datetime]:
    """Return when alerts would have been raised: the same subject counts anew only after a success."""
    moments, still = [], set()
    for step in steps:
        if not step.is_raised:
            still.discard(step.subject)
        elif not kind.is_folded:
            moments.append(step.at)
        elif step.subject not in still:
            still.add(step.subject)
            moments.append(step.at)
    return moments


def _counted(moments: list[datetime], since: datetime, until: datetime, note: str) -> Preview:
    by_day = Counter(moment.date() for moment in moments)
    days = [since.date() + timedelta(days=n) for n in range((until.date() - since.date()).days + 1)]
    return Preview(len(moments), sorted(moments, reverse=True)[:SHOWN], [(day, by_day[day]) for day in days], note)


# --- histories, oldest first ----------------------------------------------------------------------------------------


def _events(rule: AlertingRule, kind: RuleType, since: datetime, until: datetime) -> Iterator[_Step]:
    found = Event.objects.filter(kind__in={*kind.raised_by, *kind.recovered_by}, at__gte=since)
    looks_at = _Scope(rule)
    for event in _of_company(found, rule).order_by("at", "pk").iterator(chunk_size=1000):
        if not looks_at(event.company_id) or not _suits(event, rule):
            continue
        is_raised = event.kind in kind.raised_by and happened(event, kind)
        if is_raised or event.kind in kind.recovered_by:
            yield from (_Step(event.at, subject, is_raised) for subject in _subjects(event))


def _suits(event: Event, rule: AlertingRule) -> bool:
    wanted = rule.settings.get("data_type")
    if wanted and event.data.get("data_type") != wanted:
        return False
    return "points" not in rule.settings or fallen_points(event) >= rule.settings["points"]


def _subjects(event: Event) -> tuple[str, ...]:
    key = str(event.data.get("consumer_id") or event.data.get("push_operation_key") or "")
    if event.kind.startswith("webhook."):
        off = f"{key}:off"
        return {"webhook.failing": (key,), "webhook.disabled": (off,)}.get(event.kind, (key, off))
    return (key,)


def _datasets(rule: AlertingRule, kind: RuleType, since: datetime, until: datetime) -> Iterator[_Step]:
    """Reads that ended: they hold what their events say, and their type as well."""
    ended = Dataset.objects.filter(completed_at__gte=since).order_by("completed_at", "pk")
    looks_at = _Scope(rule)
    members = ("company_id", "connection_id", "data_type", "status", "completed_at", "created_count", "changed_count",
               "deleted_count")  # fmt: skip
    for company_id, connection_id, data_type, status, at, *counts in (
        _of_type(_of_company(ended, rule), rule).values_list(*members).iterator(chunk_size=1000)
    ):
        is_raised = _DATASET_RAISES[kind.key](status, any(counts))
        if looks_at(company_id) and (is_raised or status == DatasetStatus.COMPLETE):
            yield _Step(at, f"{connection_id}:{data_type}", is_raised)


_FAILURES = DATASET_ERRORS - {DatasetStatus.NOT_SUPPORTED}
_DATASET_RAISES: dict[str, Callable[[str, bool], bool]] = {
    "DataSyncCompleted": lambda status, changed: status == DatasetStatus.COMPLETE,
    "DatasetDataChanged": lambda status, changed: status == DatasetStatus.COMPLETE and changed,
    "DataSyncStatusChangedToError": lambda status, changed: status in _FAILURES,
}


def _gaps(rule: AlertingRule, kind: RuleType, since: datetime, until: datetime) -> Iterator[_Step]:
    """Times without a good read that were longer than the rule allows, of connections that are linked now."""
    span = timedelta(hours=rule.settings["hours"])
    linked = Connection.objects.filter(status=ConnectionStatus.LINKED, deleted_at=None, company__deleted_at=None)
    looks_at = _Scope(rule)
    last = {
        pk: max(linked_at or created_at, since - span)
        for pk, company_id, linked_at, created_at in _of_company(linked, rule).values_list(
            "pk", "company_id", "linked_at", "created_at"
        )[:LOOKED_AT]
        if looks_at(company_id)
    }
    good = Dataset.objects.filter(status=DatasetStatus.COMPLETE, completed_at__gte=since - span)
    read = _of_type(_of_company(good, rule), rule).order_by("completed_at")
    steps = []
    for connection_id, at in read.values_list("connection_id", "completed_at")[:LOOKED_AT]:
        if at is not None and connection_id in last:
            steps += _gap(connection_id, last[connection_id], at, span, since)
            last[connection_id] = max(at, last[connection_id])
    for connection_id, at in last.items():
        steps += _gap(connection_id, at, until, span, since)
    yield from sorted(steps, key=lambda step: step.at)


def _gap(connection_id: UUID, begins: datetime, ends: datetime, span: timedelta, since: datetime) -> list[_Step]:
    fires = begins + span
    if not since <= fires < ends:
        return []
    return [_Step(fires, str(connection_id), True), _Step(ends, str(connection_id), False)]


_HISTORIES: dict[str, Callable[[AlertingRule, RuleType, datetime, datetime], Iterator[_Step]]] = {
    **dict.fromkeys(_DATASET_RAISES, _datasets),
    "NoSuccessWithin": _gaps,
}


# --- scope ----------------------------------------------------------------------------------------------------------


class _Scope:
    """Says whether the rule looks at a company; tags are read once for each company."""

    def __init__(self, rule: AlertingRule) -> None:
        self.key, _, self.value = rule.company_tag.partition(":")
        self.known: dict[UUID | None, bool] = {None: not rule.company_tag}

    def __call__(self, company_id: UUID | None) -> bool:
        if not self.key:
            return True
        if company_id is not None and company_id not in self.known:
            tags: Any = Company.objects.filter(pk=company_id).values_list("tags", flat=True).first() or {}
            self.known[company_id] = tags.get(self.key) == self.value
        return self.known[company_id]


def _of_company[Row: (Event, Dataset, Connection)](rows: QuerySet[Row], rule: AlertingRule) -> QuerySet[Row]:
    return rows.filter(company_id=rule.company_id) if rule.company_id else rows


def _of_type(rows: QuerySet[Dataset], rule: AlertingRule) -> QuerySet[Dataset]:
    wanted = rule.settings.get("data_type")
    return rows.filter(data_type=wanted) if wanted else rows
