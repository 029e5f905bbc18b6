"""What the incident pages and the overview show: rows with their trend, and the list's filters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncHour
from django.http import QueryDict
from django.urls import reverse
from django.utils.timezone import now

from portal.access import Viewer, allows, incidents_for
from portal.address_values import PERIODS, Choice, choices, kept_query, period_choices
from portal.charts import Chart, hour_of, hours_chart
from portal.incident_words import Step, reach_of, step_for, title_of
from portal.models import Incident, IncidentMember, MaintenanceWindow, WebhookAttempt
from portal.models.incident import IncidentCause
from portal.registers import Attention
from syncengine.models import Integration
from syncengine.states import Responsible

SHOWN = 10
DAY, WEEK = 24, 168
NAMES = ("state", "owner", "platform", "period")
STATES = {"": "Not resolved", "Open": "Open", "Acknowledged": "Acknowledged", "Resolved": "Resolved", "all": "All"}
OWNERS: dict[str, str] = {
    Responsible.CUSTOMER: "The customer",
    Responsible.OPERATOR: "You",
    Responsible.PLATFORM: "The platform",
    Responsible.US: "Us",
}


@dataclass(frozen=True, slots=True)
class IncidentRow:
    incident: Incident
    title: str
    reach: str
    trend: Chart
    step: Step


@dataclass(frozen=True, slots=True)
class IncidentFilters:
    """The list's filters as the address has them. `query` keeps them in links."""

    states: list[Choice]
    owners: list[Choice]
    platforms: list[Choice]
    periods: list[Choice]
    query: str

    @property
    def is_set(self) -> bool:
        return bool(self.query)


def incident_filters(query: QueryDict) -> IncidentFilters:
    """Return the form; one query, for the platforms."""
    platforms = dict(Integration.objects.order_by("name").values_list("key", "name"))
    return IncidentFilters(
        states=choices(STATES, query.get("state", "")),
        owners=choices(OWNERS, query.get("owner", "")),
        platforms=choices(platforms, query.get("platform", "")),
        periods=period_choices(query.get("period", "")),
        query=kept_query(query, NAMES).urlencode(),
    )


def listed(incidents: QuerySet[Incident], query: QueryDict) -> QuerySet[Incident]:
    """Return the incidents an address asks for, latest first; what cannot be read in it does not filter."""
    found = _in_state(incidents, query.get("state", ""))
    if query.get("owner", "") in OWNERS:
        found = found.filter(owner=query["owner"])
    if platform := query.get("platform", "").replace("\0", ""):
        found = found.filter(integration__key=platform[:60])
    if period := PERIODS.get(query.get("period", "")):
        found = found.filter(last_seen_at__gte=now() - period[1])
    return with_names(found).order_by("-last_seen_at", "-pk")


def with_names(incidents: QuerySet[Incident]) -> QuerySet[Incident]:
    return incidents.select_related("integration", "company", "consumer")


def rows_of(incidents: Iterable[Incident], user: Viewer, zone: tzinfo, *, hours: int = DAY) -> list[IncidentRow]:
    """Return the rows; one query when an endpoint is among them, none otherwise."""
    found = list(incidents)
    attempts = _attempts_that_failed([one.consumer_id for one in found if one.consumer_id], hours)
    return [
        IncidentRow(one, title_of(one), reach_of(one), _trend(one, attempts, zone, hours), step_for(one, user))
        for one in found
    ]


def hours_shown(incident: Incident) -> int:
    """Return how far back an incident's own page looks: to its beginning, a day at least and a week at most."""
    return min(max(hour_of(now()) - hour_of(incident.first_seen_at) + 2, DAY), WEEK)


def version_of(incidents: Iterable[Incident]) -> str:
    """Return what changes whenever one of these does."""
    seen = [
        (one.pk, one.failure_count, one.connection_count, one.failing_count, one.acknowledged_at, one.resolved_at)
        for one in incidents
    ]
    return hashlib.blake2b(repr(seen).encode(), digest_size=8).hexdigest()


# --- the overview ---------------------------------------------------------------------------------------------------


def open_incidents(user: Viewer) -> Iterator[Attention]:
    """What is not resolved: first what nobody has acknowledged, by how many companies it touches."""
    moment = now()
    maintained = MaintenanceWindow.objects.filter(starts_at__lte=moment, ends_at__gt=moment).values("integration")
    expected = Q(cause=IncidentCause.OUTAGE, integration__in=maintained)  # nobody need look while it is worked on
    unresolved = with_names(incidents_for(user).filter(resolved_at__isnull=True).exclude(expected))
    untended_first = F("acknowledged_at").asc(nulls_first=True)
    for incident in unresolved.order_by(untended_first, "-company_count", "-last_seen_at")[:SHOWN]:
        step = step_for(incident, user)
        yield Attention(
            headline=title_of(incident),
            detail=incident.reason,
            url=step.url,
            action=step.label,
            posts=step.posts,
            headline_url=reverse("incident-detail", args=[incident.pk]),
            responsible=incident.owner,
            note="acknowledged" if incident.acknowledged_at else "",
            at=incident.first_seen_at,
        )


def in_an_incident(user: Viewer, *causes: str) -> QuerySet[Any]:
    """Return the keys of connections that an open incident holds (one of these causes, if any are named)."""
    failing = IncidentMember.objects.filter(recovered_at__isnull=True)
    if causes:
        failing = failing.filter(incident__cause__in=causes)
    return (failing if allows(user, "incidents.view") else failing.none()).values("connection")


def endpoints_in_an_incident() -> QuerySet[Any]:
    unresolved = Incident.objects.filter(resolved_at__isnull=True, consumer__isnull=False)
    return unresolved.values("consumer")


# --- shared ---------------------------------------------------------------------------------------------------------


def _in_state(incidents: QuerySet[Incident], state: str) -> QuerySet[Incident]:
    if state == "Resolved":
        return incidents.filter(resolved_at__isnull=False)
    if state == "all":
        return incidents
    unresolved = incidents.filter(resolved_at__isnull=True)
    if state in ("Open", "Acknowledged"):
        return unresolved.filter(acknowledged_at__isnull=state == "Open")
    return unresolved


def _trend(incident: Incident, attempts: dict[UUID, dict[int, int]], zone: tzinfo, hours: int) -> Chart:
    counts: dict[int, int] = dict(incident.hourly)
    if incident.consumer_id:
        counts = attempts.get(incident.consumer_id, {})
    noun = "failed attempt" if incident.consumer_id else "failure"
    return hours_chart(counts, last=hour_of(now()), hours=hours, zone=zone, noun=noun)


def _attempts_that_failed(consumers: list[UUID], hours: int) -> dict[UUID, dict[int, int]]:
    """Return failed attempts an hour of each endpoint; an endpoint's events are far fewer than its failures."""
    if not consumers:
        return {}
    since = now() - timedelta(hours=hours)
    tried = WebhookAttempt.objects.filter(message__consumer__in=consumers, started_at__gte=since)
    failed = tried.exclude(status_code__gte=200, status_code__lt=300).annotate(hour=TruncHour("started_at"))
    found: dict[UUID, dict[int, int]] = {}
    for consumer, hour, count in failed.values_list("message__consumer", "hour").annotate(count=Count("pk")):
        found.setdefault(consumer, {})[hour_of(hour)] = count
    return found
