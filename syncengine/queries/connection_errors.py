"""What went wrong with a connection's authorisation, and when it was put right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from syncengine.models import Connection, Event
from syncengine.states import ConnectionStatus

LATEST = 20  # events looked at of one connection
_UNAUTHORIZED, _FORBIDDEN = 401, 403
# What the platform is taken to have said where it said no number: a refused consent, an authorisation that ended.
_USUAL_CODE = {"connection.deauthorized": _UNAUTHORIZED, "connection.linking_failed": _FORBIDDEN}


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """One loss of authorisation, or one failed try at linking. It is active until the connection is linked again."""

    status_code: int
    message: str
    errored_at: datetime
    resolved_at: datetime | None = None


def connection_errors(connections: Sequence[Connection]) -> dict[UUID, list[ConnectionFault]]:
    """Return the errors of each connection that had any, newest first; one query, none without connections."""
    events: dict[UUID, list[Event]] = defaultdict(list)
    for event in _events(connections) if connections else ():
        if event.connection_id is not None:
            events[event.connection_id].append(event)
    found = {connection.pk: _errors(connection, events[connection.pk]) for connection in connections}
    return {pk: errors for pk, errors in found.items() if errors}


def _events(connections: Sequence[Connection]) -> Sequence[Event]:
    place = Window(RowNumber(), partition_by=F("connection_id"), order_by=F("id").desc())
    kinds = [*_USUAL_CODE, "connection.linked"]
    events = Event.objects.filter(connection_id__in=[connection.pk for connection in connections], kind__in=kinds)
    return list(events.annotate(place=place).filter(place__lte=LATEST).order_by("id"))


def _errors(connection: Connection, events: Sequence[Event]) -> list[ConnectionFault]:
    """Walk through what happened, oldest first: each link resolves what is open."""
    found: list[ConnectionFault] = []
    for event in events:
        if event.kind == "connection.linked":
            found = [replace(error, resolved_at=error.resolved_at or event.at) for error in found]
        else:
            code = event.data.get("status_code") or _USUAL_CODE[event.kind]
            found.append(ConnectionFault(code, str(event.data.get("reason", "")), event.at))
    is_told = any(error.resolved_at is None for error in found)
    if connection.status == ConnectionStatus.DEAUTHORIZED and not is_told:
        # The events are past their keeping; the row still knows why it stands where it stands.
        errored_at = connection.status_changed_at or connection.created_at
        found.append(ConnectionFault(_UNAUTHORIZED, connection.status_reason, errored_at))
    return found[::-1]
