"""What the overview asks people to look at, and its tiles. Counts and short lists only; lists are elsewhere.

What an open incident tells of is not told again here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.timezone import now

from portal.access import Viewer, allows, companies_for, connections_for, datasets_for
from portal.incident_page import in_an_incident
from portal.models.incident import IncidentCause
from portal.registers import Attention
from syncengine.models import Dataset, DataStatus, WorkerHeartbeat
from syncengine.queries.data_status import label_of
from syncengine.queries.keepalive import lapse_warnings
from syncengine.states import DATASET_ERRORS, ConnectionStatus, DatasetStatus, Responsible

SHOWN = 10
SILENT_AFTER = timedelta(seconds=60)
# A type counts as late when its read is overdue by more than this.
LATE_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the overview. `url` leads to what it counts, "" when there is no such list."""

    label: str
    value: str
    note: str = ""
    url: str = ""


def deauthorized(user: Viewer) -> Iterator[Attention]:
    lost = connections_for(user).filter(status=ConnectionStatus.DEAUTHORIZED)
    lost = lost.exclude(pk__in=in_an_incident(user, IncidentCause.REVOKED))
    for connection in lost.select_related("company", "integration").order_by("-status_changed_at")[:SHOWN]:
        yield Attention(
            headline=f"{connection.company.name}: {connection.integration.name} no longer lets us in",
            detail=connection.status_reason or "The authorisation was withdrawn or has expired.",
            url=reverse("company-detail", args=[connection.company_id]),
            action="Reconnect",
            responsible=connection.status_responsible or Responsible.CUSTOMER,
            at=connection.status_changed_at,
        )


def failing(user: Viewer) -> Iterator[Attention]:
    """Data types whose latest read failed, grouped by connection and cause."""
    if not allows(user, "data.view"):
        return
    # An AuthError is told of once, as the connection that was deauthorised.
    causes = DATASET_ERRORS - {DatasetStatus.AUTH_ERROR, DatasetStatus.NOT_SUPPORTED}
    statuses = (
        DataStatus.objects.filter(
            connection__in=connections_for(user).filter(status=ConnectionStatus.LINKED),
            latest_dataset__status__in=causes,
        )
        .exclude(connection__in=in_an_incident(user))
        .select_related("latest_dataset", "connection__company", "connection__integration")
        .order_by("-latest_dataset__completed_at")[: SHOWN * 5]
    )
    grouped: dict[tuple[object, str], list[DataStatus]] = {}
    for status in statuses:
        grouped.setdefault((status.connection_id, _latest(status).status), []).append(status)
    for (_, word), found in list(grouped.items())[:SHOWN]:
        yield _failing_item(word, found)


def lapsing(user: Viewer) -> Iterator[Attention]:
    if not allows(user, "companies.view"):
        return
    for warning in lapse_warnings(limit=SHOWN):
        connection = warning.connection
        yield Attention(
            headline=f"{connection.company.name}: the authorisation at {connection.integration.name} lapses on "
            f"{warning.lapses_at.day} {warning.lapses_at:%b %Y} UTC",
            detail=warning.reason,
            url=reverse("company-detail", args=[connection.company_id]),
            action="Fix",
            responsible=Responsible.OPERATOR,
        )


def tiles(user: Viewer) -> list[Tile]:
    """Return the overview's numbers; at most three queries."""
    found = [_linked_tile(user)]
    if allows(user, "data.view"):
        found += [_reads_tile(user), _on_time_tile(user)]
    return found


def worker_silent_since(at: datetime) -> tuple[bool, datetime | None]:
    """Return whether no worker has shown itself for a minute, and when one last did."""
    seen = WorkerHeartbeat.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()
    return seen is None or at - seen > SILENT_AFTER, seen


def checklist(user: Viewer) -> list[tuple[str, str, str, bool]]:
    """Return the first steps as (label, explanation, url, done); one query."""
    own = companies_for(user)
    connection = connections_for(user).filter(company=OuterRef("pk"))
    done = own.aggregate(
        companies=Count("pk"),
        connected=Count("pk", filter=Exists(connection)),
        linked=Count("pk", filter=Exists(connection.filter(first_linked_at__isnull=False))),
        synced=Count("pk", filter=Exists(connection.filter(last_sync_at__isnull=False))),
    )
    companies = reverse("company-list")
    return [
        (
            "Create a company",
            "A customer's business whose data you want.",
            reverse("company-create"),
            done["companies"] > 0,
        ),
        ("Connect a platform", "Choose where the company keeps its books.", companies, done["connected"] > 0),
        (
            "Let the customer authorise it",
            "They consent on their own platform; we never see a password.",
            companies,
            done["linked"] > 0,
        ),
        ("Watch the first reads arrive", "They start by themselves.", companies, done["synced"] > 0),
    ]


def _failing_item(word: str, found: list[DataStatus]) -> Attention:
    first = found[0]
    dataset = _latest(first)
    connection = first.connection
    types = ", ".join(label_of(status.data_type) for status in found[:4])
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return Attention(
        headline=f"{connection.company.name}: {word} in {types}{more}",
        detail=dataset.error_message or dataset.status_description,
        url=reverse("dataset-detail", args=[dataset.pk]),
        action="See why",
        responsible=dataset.error_responsible,
        at=dataset.completed_at,
    )


def _latest(status: DataStatus) -> Dataset:
    if status.latest_dataset is None:
        raise ValueError(f"{status} was never read.")
    return status.latest_dataset


def _linked_tile(user: Viewer) -> Tile:
    counts = dict(connections_for(user).order_by().values_list("status").annotate(Count("pk")))
    total = sum(counts.values())
    others = [
        f"{counts[status]} {status}" for status in ConnectionStatus.values if counts.get(status) and status != "Linked"
    ]
    return Tile(
        "Linked connections", f"{counts.get('Linked', 0)} of {total}", ", ".join(others), reverse("company-list")
    )


def _reads_tile(user: Viewer) -> Tile:
    since = now() - timedelta(hours=24)
    counts = (
        datasets_for(user)
        .filter(requested_at__gte=since)
        .aggregate(
            total=Count("pk"),
            good=Count("pk", filter=Q(status=DatasetStatus.COMPLETE)),
            failed=Count("pk", filter=Q(status__in=DATASET_ERRORS - {DatasetStatus.NOT_SUPPORTED})),
        )
    )
    running = counts["total"] - counts["good"] - counts["failed"]
    note = f"{counts['good']} complete, {counts['failed']} failed, {running} other"
    return Tile("Reads in the last 24 h", f"{counts['total']:,}", note, reverse("dataset-list"))


def _on_time_tile(user: Viewer) -> Tile:
    at = now()
    scheduled = DataStatus.objects.filter(connection__in=connections_for(user), next_sync_at__isnull=False)
    counts = scheduled.aggregate(total=Count("pk"), late=Count("pk", filter=Q(next_sync_at__lt=at - LATE_AFTER)))
    if not counts["total"]:
        return Tile("On time", "—", "Nothing is scheduled")
    share = (counts["total"] - counts["late"]) * 100 // counts["total"]
    return Tile("On time", f"{share} %", f"{counts['late']} of {counts['total']} scheduled types are late")
