"""What people do with an incident: say that they have it, try its reads again, say that it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import now

from portal.alerting.incidents import resolve
from portal.models.incident import EntryKind, Incident, IncidentMember
from syncengine.actions.datasets import queue_dataset
from syncengine.events import record_event
from syncengine.exceptions import DatasetInProgress, NotLinked, Refused
from syncengine.models import Connection
from syncengine.states import ConnectionStatus, Trigger

MAX_NOTE = 2000
RETRY_AT_MOST = 300  # reads queued by one press


@dataclass(frozen=True, slots=True)
class Retried:
    """queued: reads begun. running: already under way. left: not tried, because one press starts no more than so many.
    unlinked: reads of connections that must be linked first.
    """

    queued: int
    running: int
    unlinked: int
    left: int


@transaction.atomic
def acknowledge(incident: Incident, *, note: str = "", actor: str) -> None:
    """Say that somebody looks after it. Said again, it replaces the note.

    Raises: Refused naming `note`, or when the incident is resolved.
    """
    note = note.strip()
    if len(note) > MAX_NOTE:
        raise Refused(f"A note has at most {MAX_NOTE:,} characters.", field="note")
    incident = _open(incident)
    incident.acknowledged_at, incident.acknowledged_by, incident.note = now(), actor, note
    incident.save(update_fields=["acknowledged_at", "acknowledged_by", "note"])
    incident.entries.create(at=now(), kind=EntryKind.ACKNOWLEDGED, actor=actor, text=note)
    record_event("incident.acknowledged", actor=actor, incident_id=str(incident.pk), note=note)


@transaction.atomic
def resolve_by_hand(incident: Incident, *, actor: str) -> None:
    """Say that it is over. A failure of the same cause within hours opens it again.

    Raises: Refused when it is resolved already.
    """
    incident = _open(incident)
    incident.members.filter(recovered_at__isnull=True).update(recovered_at=now(), failing={})
    resolve(incident, now(), actor=actor)


def retry_all(incident: Incident, *, actor: str) -> Retried:
    """Queue again what failed and was not read well since, each read in a transaction of its own.

    Raises: Refused when the incident is resolved.
    """
    with transaction.atomic():
        _open(incident)
    counts = dict.fromkeys(("queued", "running", "unlinked", "left"), 0)
    for connection, data_type in _failing_reads(incident):
        if counts["queued"] >= RETRY_AT_MOST:
            counts["left"] += 1
        else:
            counts[_retry(connection, data_type, actor)] += 1
    with transaction.atomic():
        if counts["queued"]:
            incident.entries.create(at=now(), kind=EntryKind.RETRIED, actor=actor, count=counts["queued"])
            record_event("incident.retried", actor=actor, incident_id=str(incident.pk), count=counts["queued"])
    return Retried(**counts)


def _failing_reads(incident: Incident) -> Iterator[tuple[Connection, str]]:
    failing = incident.members.filter(recovered_at__isnull=True).select_related("connection__integration")
    members: list[IncidentMember] = list(failing.order_by("first_seen_at", "pk"))
    return ((member.connection, data_type) for member in members for data_type in sorted(member.failing))


def _retry(connection: Connection, data_type: str, actor: str) -> str:
    if connection.status != ConnectionStatus.LINKED:
        return "unlinked"
    try:
        queue_dataset(connection, data_type, actor=actor, trigger=Trigger.RETRY)
    except DatasetInProgress:
        return "running"
    except (NotLinked, Refused):
        return "unlinked"
    return "queued"


def _open(incident: Incident) -> Incident:
    """Return the row, held until the transaction ends. Raises: Refused when it is resolved."""
    held = Incident.objects.select_for_update().get(pk=incident.pk)
    if held.resolved_at:
        raise Refused("This incident is resolved already.")
    return held
