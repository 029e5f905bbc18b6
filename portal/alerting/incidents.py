"""Incidents: failures that have one cause are folded into one, which ends when all that it touched works again.

`event_happened` is a subscriber of the event stream. It runs inside the transaction that marks the event as told, and
only one process tells at a time, so each failure counts once. It costs the same however many connections an incident
holds: its totals are kept, never counted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from portal.alerting.causes import FOLDS_WITHIN, REOPENS_WITHIN, Cause, cause_of, endpoint, revoked
from portal.models.incident import EntryKind, Incident, IncidentCause, IncidentEntry, IncidentMember
from portal.models.webhook import WebhookConsumer
from syncengine.events import record_event
from syncengine.models import Connection, Dataset, Event
from syncengine.states import ConnectionStatus

HOURS_KEPT = 7 * 24
NAMES_KEPT = 5
TOGETHER = timedelta(hours=1)


def event_happened(event: Event) -> None:
    """Fold a failure into its incident, or note that something works again."""
    if handle := _HANDLERS.get(event.kind):
        handle(event)


def purge_incidents(limit: int = 200) -> None:
    """Remove, a piece at a time, what was resolved longer ago than history is kept."""
    ends = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS)
    old = Incident.objects.filter(resolved_at__lt=ends).order_by("resolved_at").values_list("pk", flat=True)
    if keys := list(old[:limit]):
        Incident.objects.filter(pk__in=keys).delete()


# --- what fails -----------------------------------------------------------------------------------------------------


def _read_failed(event: Event) -> None:
    if event.dataset_id is None:
        return
    named = Dataset.objects.select_related("connection__integration", "connection__company")
    dataset = named.filter(pk=event.dataset_id).first()
    if dataset is None or not _is_watched(dataset.connection):
        return
    cause = cause_of(dataset)
    own: IncidentMember | None = None
    for member in _failing_members(dataset.connection_id):
        if cause is not None and member.incident.key == cause.key:
            own = member
        else:
            _type_is_over(member, dataset.data_type, event.at)
    if cause is None or (own is None and cause.cause == IncidentCause.REVOKED):
        return  # that the connection was deauthorised is an event of its own, which opens the incident
    member = own or _join(cause, dataset.connection, event.at)
    member.failing[dataset.data_type] = str(dataset.pk)
    member.incident.dataset_id = dataset.pk
    member.incident.upstream_words = dataset.upstream_words
    member.incident.upstream_status = dataset.upstream_status
    _count(member, dataset.error_message, event.at)


def _authorisation_lost(event: Event) -> None:
    if event.connection_id is None:
        return
    found = Connection.objects.filter(pk=event.connection_id, status=ConnectionStatus.DEAUTHORIZED)
    connection = found.select_related("integration", "company").first()
    if connection is None or not _is_watched(connection):
        return
    member = _join(revoked(connection), connection, event.at)
    member.incident.upstream_words = connection.upstream_words
    _count(member, str(event.data.get("reason", "")), event.at)


def _endpoint_failed(event: Event) -> None:
    consumer = WebhookConsumer.objects.filter(pk=event.data.get("consumer_id"), deleted_at__isnull=True).first()
    if consumer is None:
        return
    incident = _incident(endpoint(str(consumer.pk)), event.at, name="", consumer=consumer)
    reason = str(event.data.get("reason", "")) or consumer.get_disabled_because_display()
    incident.failing_count = 1
    _count_failure(incident, reason, event.at)


def _is_watched(connection: Connection) -> bool:
    return connection.deleted_at is None and connection.status != ConnectionStatus.UNLINKED


# --- what works again -----------------------------------------------------------------------------------------------


def _read_well(event: Event) -> None:
    for member in _failing_members(event.connection_id):
        _type_is_over(member, str(event.data.get("data_type", "")), event.at)


def _linked_again(event: Event) -> None:
    for member in _failing_members(event.connection_id):
        if member.incident.cause == IncidentCause.REVOKED:
            _recover(member, event.at)


def _connection_gone(event: Event) -> None:
    for member in _failing_members(event.connection_id):
        _recover(member, event.at)


def _endpoint_well(event: Event) -> None:
    key = endpoint(str(event.data.get("consumer_id", ""))).key
    for incident in Incident.objects.select_for_update().filter(key=key, resolved_at__isnull=True):
        resolve(incident, event.at)


def _type_is_over(member: IncidentMember, data_type: str, at: datetime) -> None:
    """Note that this type no longer fails for the incident's cause. Consent that was lost is not back with a read."""
    if data_type not in member.failing or member.incident.cause == IncidentCause.REVOKED:
        return
    del member.failing[data_type]
    if member.failing:
        member.save(update_fields=["failing"])
    else:
        _recover(member, at)


def _recover(member: IncidentMember, at: datetime) -> None:
    incident = member.incident
    member.recovered_at, member.failing = at, {}
    member.save(update_fields=["recovered_at", "failing"])
    incident.failing_count = max(incident.failing_count - 1, 0)
    if incident.failing_count == 0:
        resolve(incident, at)
        return
    incident.save(update_fields=["failing_count"])
    _note_name(incident, EntryKind.RECOVERED, at, member.company.name)


def resolve(incident: Incident, at: datetime, *, actor: str = "") -> None:
    """End the incident, which the caller's transaction holds; `actor` is "" when everything works again by itself."""
    incident.resolved_at, incident.resolved_by, incident.failing_count = at, actor, 0
    incident.save(update_fields=["resolved_at", "resolved_by", "failing_count"])
    incident.entries.create(at=at, kind=EntryKind.RESOLVED, actor=actor)
    _tell("resolved", incident, actor)


# --- folding --------------------------------------------------------------------------------------------------------


def _failing_members(connection_id: UUID | None) -> list[IncidentMember]:
    """Return where the connection is failing now, each with its incident, held until the transaction ends."""
    if connection_id is None:
        return []
    failing = IncidentMember.objects.filter(connection_id=connection_id, recovered_at__isnull=True)
    held = failing.select_related("incident", "company").select_for_update(of=("incident",)).order_by("incident_id")
    # Somebody may have resolved one while we waited for it.
    return [member for member in held if member.incident.resolved_at is None]


def _join(cause: Cause, connection: Connection, at: datetime) -> IncidentMember:
    """Return the connection's place in the incident that this failure belongs to; `_count` saves it."""
    incident = _incident(cause, at, name=connection.company.name, connection=connection)
    member = IncidentMember.objects.filter(incident=incident, connection=connection).first()
    if member is None:
        member = _new_member(incident, connection, at)
        incident.owner = cause.owner_for(incident.company_count)
        incident.failing_count += 1
    elif member.recovered_at:
        member.recovered_at = None
        incident.failing_count += 1
    member.incident = incident
    return member


def _new_member(incident: Incident, connection: Connection, at: datetime) -> IncidentMember:
    company = connection.company
    if incident.connection_count:
        _note_name(incident, EntryKind.SPREAD, at, company.name)
        incident.company_count += not incident.members.filter(company=company).exists()
    else:
        incident.company_count = 1
    incident.connection_count += 1
    return IncidentMember(incident=incident, connection=connection, company=company, first_seen_at=at, last_seen_at=at)


def _incident(
    cause: Cause,
    at: datetime,
    *,
    name: str,
    connection: Connection | None = None,
    consumer: WebhookConsumer | None = None,
) -> Incident:
    """Return the incident of this cause: one that is open, one that came back, or a new one."""
    latest = Incident.objects.select_for_update().filter(key=cause.key).order_by("-last_seen_at", "-pk").first()
    if latest is not None and latest.resolved_at is None and _is_the_same(cause, latest, at):
        return latest
    if latest is not None and latest.resolved_at and _is_back(cause, latest, at, connection):
        return _reopened(latest, at, name)
    incident = Incident.objects.create(
        key=cause.key,
        cause=cause.cause,
        owner=cause.owner,
        integration=connection.integration if connection else None,
        company=connection.company if connection else None,
        consumer=consumer,
        first_seen_at=at,
        last_seen_at=at,
    )
    incident.entries.create(at=at, kind=EntryKind.OPENED, names=[name] if name else [], count=1)
    _tell("opened", incident)
    return incident


def _is_the_same(cause: Cause, latest: Incident, at: datetime) -> bool:
    return not cause.is_shared or at - latest.last_seen_at <= FOLDS_WITHIN[cause.cause]


def _is_back(cause: Cause, latest: Incident, at: datetime, connection: Connection | None) -> bool:
    if latest.resolved_at is None or at - latest.resolved_at > REOPENS_WITHIN:
        return False
    # Two customers who withdraw their consent one after the other have nothing in common.
    return cause.cause != IncidentCause.REVOKED or latest.members.filter(connection=connection).exists()


def _reopened(incident: Incident, at: datetime, name: str) -> Incident:
    incident.resolved_at, incident.resolved_by = None, ""
    incident.acknowledged_at, incident.acknowledged_by = None, ""  # it asks for attention anew
    incident.reopened_count += 1
    incident.save()
    incident.entries.create(at=at, kind=EntryKind.REOPENED, names=[name] if name else [], count=1)
    _tell("reopened", incident)
    return incident


def _count(member: IncidentMember, reason: str, at: datetime) -> None:
    member.failure_count += 1
    member.last_seen_at = max(member.last_seen_at, at)
    member.save()
    _count_failure(member.incident, reason, at)


def _count_failure(incident: Incident, reason: str, at: datetime) -> None:
    incident.failure_count += 1
    incident.last_seen_at = max(incident.last_seen_at, at)
    incident.reason = reason or incident.reason
    incident.hourly = _with_one_more(incident.hourly, int(at.timestamp()) // 3600)
    incident.save()


def _with_one_more(hourly: Iterable[tuple[int, int]], hour: int) -> list[list[int]]:
    counts = dict(hourly)
    counts[hour] = counts.get(hour, 0) + 1
    return [[known, counts[known]] for known in sorted(counts) if known > max(counts) - HOURS_KEPT]


def _note_name(incident: Incident, kind: EntryKind, at: datetime, name: str) -> None:
    """Add a company to what happened; those of one hour stand in one line."""
    last = incident.entries.order_by("-at", "-pk").first()
    if last is None or last.kind != kind or at - last.at > TOGETHER:
        last = IncidentEntry(incident=incident, at=at, kind=kind, names=[], count=0)
    if name not in last.names and len(last.names) < NAMES_KEPT:
        last.names = [*last.names, name]
    last.count += 1
    last.save()


def _tell(verb: str, incident: Incident, actor: str = "") -> None:
    record_event(f"incident.{verb}", actor=actor, incident_id=str(incident.pk), cause=incident.cause)


_HANDLERS: dict[str, Callable[[Event], None]] = {
    "dataset.failed": _read_failed,
    "dataset.completed": _read_well,
    "connection.deauthorized": _authorisation_lost,
    "connection.linked": _linked_again,
    "connection.unlinked": _connection_gone,
    "connection.deleted": _connection_gone,
    "webhook.failing": _endpoint_failed,
    "webhook.disabled": _endpoint_failed,
    "webhook.recovered": _endpoint_well,
    "webhook.enabled": _endpoint_well,
    "webhook.paused": _endpoint_well,
    "webhook.deleted": _endpoint_well,
}
