"""Incidents in words: what happened to whom, and the one thing to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from portal.access import Viewer, allows
from portal.models.incident import EntryKind, Incident, IncidentCause, IncidentEntry
from syncengine.outbound.posting import shown_address

C = IncidentCause

# (one company, several companies); a dataset's own words stand below, as the reason.
_TITLES: dict[str, tuple[str, str]] = {
    C.OUTAGE: ("{company}: {platform} is failing", "{platform} is failing for {companies}"),
    C.REVOKED: ("{company}: {platform} no longer lets us in", "{platform} no longer lets us in for {companies}"),
    C.PERMISSIONS: ("{company}: {platform} refuses some of the data", "{platform} refuses data of {companies}"),
    C.SETUP: ("{company}: {platform} needs setting up", "{platform} needs setting up for {companies}"),
    C.REFUSED: ("{company}: {platform} refuses our requests", "{platform} refuses our requests for {companies}"),
    C.RECORDS: ("{company}: records from {platform} are not sound", "Records from {platform} are not sound"),
    C.OURS: ("{company}: reads fail on our side", "Reads fail on our side for {companies}"),
}
ADVICE: dict[str, str] = {
    C.OUTAGE: "Wait, or look at the platform's status page. Reads that are due go on by themselves; once it answers "
    "again, retry them all to catch up at once.",
    C.REVOKED: "The customer has to link again. Send each company its link; what was missed is then read by itself.",
    C.PERMISSIONS: "The customer's own user lacks the right, or took it away. Ask them to grant it, then retry.",
    C.SETUP: "Fill in what the reason names, then retry.",
    C.REFUSED: "The platform understood the request and will not answer it: asking again in the same way does not "
    "help. Look at one of the reads, then at the integration's set-up.",
    C.RECORDS: "Too many records fail their checks. Look at one of the reads to see which, and tell the customer.",
    C.OURS: "Look at one of the reads for the words, and at the worker's log of that time.",
    C.ENDPOINT: "Look at what it answered, put it right, and send what it missed again.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """The one thing to do. `posts`: pressing it does something, so it is a form and no link."""

    label: str
    url: str
    posts: bool = False


def title_of(incident: Incident) -> str:
    """Return what happened to whom; `integration`, `company` and `consumer` are read."""
    if incident.cause == C.ENDPOINT:
        consumer = incident.consumer
        named = (consumer.description or shown_address(consumer.url)) if consumer else "a deleted endpoint"
        state = "switched off" if consumer and consumer.disabled and not incident.resolved_at else "failing"
        return f"Webhook endpoint {state}: {named[:80]}"
    one, several = _TITLES[incident.cause]
    return (one if incident.company_count == 1 else several).format(
        company=incident.company.name if incident.company else "A deleted company",
        platform=incident.integration.name if incident.integration else "The platform",
        companies=_counted(incident.company_count, "company", "companies"),
    )


def reach_of(incident: Incident) -> str:
    """Return how many it touched, e.g. "3 companies, 4 connections"; "" when it touches none."""
    if not incident.connection_count:
        return ""
    companies = _counted(incident.company_count, "company", "companies")
    connections = _counted(incident.connection_count, "connection", "connections")
    return companies if incident.connection_count == incident.company_count else f"{companies}, {connections}"


def step_for(incident: Incident, user: Viewer) -> Step:
    """Return the one thing this user can do about it; to look at it, when nothing else."""
    if not incident.resolved_at:
        if incident.cause == C.ENDPOINT and incident.consumer_id:
            return Step("Open endpoint", reverse("webhook-detail", args=[incident.consumer_id]))
        if incident.cause in (C.REVOKED, C.PERMISSIONS) and allows(user, "connections.link"):
            return Step("Send links", reverse("incident-links", args=[incident.pk]))
        if incident.cause == C.SETUP and incident.company_id:
            return Step("Open company", reverse("company-detail", args=[incident.company_id]))
        if incident.cause != C.REVOKED and allows(user, "data.refresh"):
            return Step("Retry all", reverse("incident-retry", args=[incident.pk]), posts=True)
    return Step("Open", reverse("incident-detail", args=[incident.pk]))


def told(entry: IncidentEntry) -> str:
    """Return one line of what happened, without who did it."""
    match entry.kind:
        case EntryKind.OPENED:
            return f"Began{_with(entry)}"
        case EntryKind.SPREAD:
            return f"Spread to {_names(entry)}"
        case EntryKind.RECOVERED:
            return f"{_names(entry)} recovered"
        case EntryKind.REOPENED:
            return f"Came back{_with(entry)}"
        case EntryKind.RESOLVED:
            return "Resolved by hand" if entry.actor else "Resolved: everything it touched works again"
        case EntryKind.RETRIED:
            return _counted(entry.count, "read", "reads") + " tried again"
    return "Acknowledged"


def _with(entry: IncidentEntry) -> str:
    return f" with {entry.names[0]}" if entry.names else ""


def _names(entry: IncidentEntry) -> str:
    names, more = entry.names, entry.count - len(entry.names)
    if more > 0:
        return f"{', '.join(names)} and {more:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
