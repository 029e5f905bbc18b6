"""An event under the types it is told by, and the bodies of today (codat contract, section 15.2).

What an event says depends on the event alone where it can: a connection's status is the one it had then. So a replay
tells the same, byte for byte but for what has since been renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid5

import msgspec
from django.conf import settings

from portal.actors import user_names
from portal.alerting.facts import STATUS_THEN, Facts, known, limit_ends
from portal.alerting.old_bodies import OLD_NAMES, told_as_before
from portal.links import customer_url
from syncengine.models import Company, Connection, Dataset, Event
from syncengine.moments import stamp
from syncengine.states import ConnectionStatus, DatasetStatus, Trigger

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Notice:
    """One event under one of its types, ready to be sent."""

    event_type: str
    body: bytes


def types_of(event: Event) -> tuple[str, ...]:
    """Return every type this event is told under; () when nobody outside is told of such events. No query."""
    return tuple(_TELLERS[event.kind](event)) if event.kind in _TELLERS else ()


def notices(event: Event, wanted: Collection[str]) -> Iterator[Notice]:
    """Yield the event under each of its types that is wanted."""
    facts = Facts(event)
    for place, name in enumerate(types_of(event)):
        if name in wanted:
            yield Notice(name, encode(_body(facts, name, is_first=place == 0)))


def encode(body: Any) -> bytes:
    return _ENCODER.encode(body)


def tags_of(event: Event) -> list[str]:
    """Return the tags of the event's company as consumers name them: "key:value"."""
    if event.company_id is None:
        return []
    tags = Company.objects.filter(pk=event.company_id).values_list("tags", flat=True).first() or {}
    return [f"{key}:{value}" for key, value in tags.items()]


# --- which types ----------------------------------------------------------------------------------------------------


def _linked(event: Event) -> list[str]:
    first = event.data.get("before", ConnectionStatus.PENDING_AUTH) == ConnectionStatus.PENDING_AUTH
    return ["connection.connected" if first else "connection.reconnected", "DataConnectionStatusChanged"]


def _read_well(event: Event) -> list[str]:
    changed = ["DatasetDataChanged"] if _changed_anything(event) else []
    return ["read.completed", "read.completed.successful", "DataSyncCompleted", *changed]


def _written(event: Event) -> list[str]:
    """Types of a push operation's change of status; only its ends are told today, all changes were in 2023."""
    status, key = event.data.get("status", ""), event.data.get("data_type", "")
    end = {"Success": "successful", "Failed": "unsuccessful", "TimedOut": "unsuccessful"}.get(status)
    timed_out = ["PushOperationTimedOut"] if status == "TimedOut" else []
    return [*([f"{key}.write.{end}"] if end else []), "PushOperationStatusChanged", *timed_out]


def _always(*names: str) -> Callable[[Event], list[str]]:
    return lambda event: list(names)


_TELLERS: dict[str, Callable[[Event], list[str]]] = {
    "company.created": _always("company.created"),
    "company.deleted": _always("company.deleted"),
    "connection.created": _always("connection.created"),
    "connection.linked": _linked,
    "connection.linking_failed": _always("connection.failed"),
    "connection.deauthorized": _always("connection.disconnected", "DataConnectionStatusChanged"),
    "connection.unlinked": _always("connection.disconnected", "DataConnectionStatusChanged"),
    "connection.deleted": _always("connection.deleted"),
    "connection.first_read_completed": _always("read.completed.initial", "NewCompanySynchronized"),
    "dataset.completed": _read_well,
    "dataset.failed": _always("read.completed", "read.completed.unsuccessful", "DataSyncStatusChangedToError"),
    "dataset.cancelled": _always("read.completed", "read.completed.unsuccessful"),
    "push.status_changed": _written,
    "client.rate_limit_reached": _always("client.rateLimit.reached", "ClientRateLimitReached"),
    "client.rate_limit_reset": _always("client.rateLimit.reset", "ClientRateLimitReset"),
}


# --- what they say --------------------------------------------------------------------------------------------------


def _body(facts: Facts, name: str, *, is_first: bool) -> dict[str, Any]:
    event = facts.event
    if name in OLD_NAMES:
        return told_as_before(event, name)
    return {
        # The event's own id under its first type; another of its types is another message, with an id of its own.
        "id": str(event.pk if is_first else uuid5(event.pk, name)),
        "eventType": name,
        "generatedDate": stamp(event.at),
        "payload": _payload(facts, name),
    }


def _payload(facts: Facts, name: str) -> dict[str, Any]:
    if name == "read.completed.initial":
        return _first_reads(facts)
    family = facts.event.kind.partition(".")[0]
    return _PAYLOADS[family](facts)


def _company_payload(facts: Facts) -> dict[str, Any]:
    company = facts.company
    if company is None:
        return facts.reference()
    synced = Connection.objects.filter(company=company, last_sync_at__isnull=False).order_by("-last_sync_at").first()
    return {
        "id": str(company.pk),
        "name": company.name,
        "description": company.description or None,
        "redirect": customer_url(company),
        **({"lastSync": stamp(synced.last_sync_at)} if synced else {}),
        "created": stamp(company.created_at),
        "createdByUserName": user_names([company.created_by]).get(company.created_by),
        "tags": company.tags,
    }


def _connection_payload(facts: Facts) -> dict[str, Any]:
    event = facts.event
    own = Connection.objects.filter(pk=known(event.connection_id))
    connection = own.select_related("integration", "company").first()
    if connection is None:
        return {"referenceCompany": facts.reference(), "connection": {"id": str(event.connection_id)}}
    integration = connection.integration
    shown = {
        "id": str(connection.pk),
        "integrationId": str(integration.pk),
        "integrationKey": integration.key,
        "sourceId": str(connection.source_id),
        "sourceType": integration.source_type,
        "platformName": integration.name,
        "linkUrl": customer_url(connection.company, connection),
        "status": str(STATUS_THEN.get(event.kind, connection.status)),
        "created": stamp(connection.created_at),
        **({"lastSync": stamp(connection.last_sync_at)} if connection.last_sync_at else {}),
        "dataConnectionErrors": _connection_errors(event),
    }
    return {"referenceCompany": facts.reference(), "connection": shown}


def _connection_errors(event: Event) -> list[dict[str, Any]] | None:
    if event.kind not in ("connection.linking_failed", "connection.deauthorized"):
        return None
    is_linking = event.kind == "connection.linking_failed"
    return [
        {
            "statusCode": "403" if is_linking else "401",
            "statusText": "Forbidden" if is_linking else "Unauthorized",
            "errorMessage": event.data.get("reason", ""),
            "erroredOnUtc": stamp(event.at),
            "status": "Active",
        }
    ]


def _read_payload(facts: Facts) -> dict[str, Any]:
    event = facts.event
    dataset = Dataset.objects.filter(pk=known(event.dataset_id)).first()
    since = dataset.since if dataset else None
    return {
        "referenceCompany": facts.reference(),
        "modifiedFromDate": stamp(since),
        "dataTypes": [_read(dataset)] if dataset else [],
    }


def _first_reads(facts: Facts) -> dict[str, Any]:
    first = Dataset.objects.filter(connection_id=known(facts.event.connection_id), trigger=Trigger.FIRST_LINK)
    reads = [_read(dataset) for dataset in first.order_by("pk")]
    return {"referenceCompany": facts.reference(), "modifiedFromDate": None, "dataTypes": reads}


def _read(dataset: Dataset) -> dict[str, Any]:
    modified = dataset.created_count + dataset.changed_count + dataset.deleted_count > 0
    read: dict[str, Any] = {
        "connectionId": str(dataset.connection_id),
        "dataType": dataset.data_type,
        "recordsModified": modified and dataset.status == DatasetStatus.COMPLETE,
        "status": dataset.status,
    }
    if found := dataset.invalid_count + dataset.warning_count:
        page = f"{settings.HEADRACE_PORTAL_URL}/data/history/{dataset.pk}/"
        words = f"Validation found {found} issue{'' if found == 1 else 's'} in {dataset.data_type}."
        read["issues"] = [{"type": "warning.validation", "message": words, "links": {"portal": page}}]
    return read


def _write_payload(facts: Facts) -> dict[str, Any]:
    data, event = facts.event.data, facts.event
    told: dict[str, Any] = {
        "id": data.get("push_operation_key"),
        "type": data.get("change_type", "Create"),
        "referenceCompany": facts.reference(),
        "connectionId": str(event.connection_id),
        "requestedOnDate": data.get("requested_at"),
        "completedOnDate": data.get("completed_at"),
        "status": data.get("status"),
    }
    if data.get("record_id"):
        told["record"] = {"id": data["record_id"]}
    if data.get("attachment_id"):
        told["attachmentId"] = data["attachment_id"]
    return told


def _limit_payload(facts: Facts) -> dict[str, Any]:
    data = facts.event.data
    return {
        "dailyQuota": data.get("daily_quota"),
        "quotaRemaining": data.get("quota_remaining"),
        "expiryDate": limit_ends(facts.event),
    }


_PAYLOADS: dict[str, Callable[[Facts], dict[str, Any]]] = {
    "company": _company_payload,
    "connection": _connection_payload,
    "dataset": _read_payload,
    "push": _write_payload,
    "client": _limit_payload,
}


def _changed_anything(event: Event) -> bool:
    return any(event.data.get(name) for name in ("created", "changed", "deleted"))
