"""An event, as the types and bodies of today tell it, and as those of the earlier generation did (contract, 15.2).

What an event says depends on the event alone where it can: a connection's status is the one it had then. So a replay
tells the same, byte for byte but for what has since been renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from django.conf import settings

from portal.links import customer_url
from portal.models.deployment_settings import DeploymentSettings
from portal.models.user import User
from syncengine.models import Company, Connection, Dataset, Event
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


def stamp(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def tags_of(event: Event) -> list[str]:
    """Return the tags of the event's company as consumers name them: "key:value"."""
    if event.company_id is None:
        return []
    tags = Company.objects.filter(pk=event.company_id).values_list("tags", flat=True).first() or {}
    return [f"{key}:{value}" for key, value in tags.items()]


def old_body(
    rule_type: str,
    *,
    rule_id: str,
    alert_id: str,
    message: str,
    data: dict[str, Any],
    company_id: UUID | None = None,
    connection_id: UUID | None = None,
) -> dict[str, Any]:
    """Return the body of 2023: PascalCase outside, as `data` writes it inside (contract, section 14)."""
    deployment = DeploymentSettings.load()
    places = {"CompanyId": company_id, "DataConnectionId": connection_id}
    return {
        "ClientId": str(deployment.client_id),
        "ClientName": deployment.name,
        **{name: str(place) for name, place in places.items() if place},
        "RuleId": rule_id,
        "RuleType": rule_type,
        "AlertId": alert_id,
        "Message": message,
        "Data": data,
    }


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


class Facts:
    """What an event is about, looked up once for all its types. A row that was purged meanwhile leaves its id."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self._company: Company | None = None
        self._looked = False

    @property
    def company(self) -> Company | None:
        if not self._looked and self.event.company_id:
            self._company = Company.objects.filter(pk=self.event.company_id).first()
        self._looked = True
        return self._company

    def reference(self) -> dict[str, Any]:
        company = self.company
        if company is None:
            return {"id": str(self.event.company_id), "name": self.event.data.get("name", "")}
        return {
            "id": str(company.pk),
            "name": company.name,
            "description": company.description or None,
            "links": {"portal": f"{settings.HEADRACE_PORTAL_URL}/companies/{company.pk}/"},
            "tags": company.tags,
        }


def _body(facts: Facts, name: str, *, is_first: bool) -> dict[str, Any]:
    event = facts.event
    if name in _OLD_WORDS:
        return _old(event, name)
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
        "createdByUserName": _user_name(company.created_by),
        "tags": company.tags,
    }


def _user_name(actor: str) -> str | None:
    """Return the name of the person who acted, None when it was no person or is one no more."""
    kind, _, key = actor.partition(":")
    found = User.objects.filter(pk=key).first() if kind == "user" else None
    return str(found) if found else None


# The status a connection had when it happened, which is not always the one it has when it is told.
_STATUS_THEN = {
    "connection.created": ConnectionStatus.PENDING_AUTH,
    "connection.linked": ConnectionStatus.LINKED,
    "connection.linking_failed": ConnectionStatus.PENDING_AUTH,
    "connection.deauthorized": ConnectionStatus.DEAUTHORIZED,
    "connection.unlinked": ConnectionStatus.UNLINKED,
}


def _connection_payload(facts: Facts) -> dict[str, Any]:
    event = facts.event
    own = Connection.objects.filter(pk=_known(event.connection_id))
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
        "status": str(_STATUS_THEN.get(event.kind, connection.status)),
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
    dataset = Dataset.objects.filter(pk=_known(event.dataset_id)).first()
    since = dataset.since if dataset else None
    return {
        "referenceCompany": facts.reference(),
        "modifiedFromDate": stamp(since),
        "dataTypes": [_read(dataset)] if dataset else [],
    }


def _first_reads(facts: Facts) -> dict[str, Any]:
    first = Dataset.objects.filter(connection_id=_known(facts.event.connection_id), trigger=Trigger.FIRST_LINK)
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
        "expiryDate": _limit_ends(facts.event),
    }


_PAYLOADS: dict[str, Callable[[Facts], dict[str, Any]]] = {
    "company": _company_payload,
    "connection": _connection_payload,
    "dataset": _read_payload,
    "push": _write_payload,
    "client": _limit_payload,
}


# --- the earlier generation -----------------------------------------------------------------------------------------


def _old(event: Event, name: str) -> dict[str, Any]:
    rule_type, message, data = _OLD_WORDS[name](event)
    return old_body(
        rule_type,
        rule_id=str(uuid5(NAMESPACE_URL, f"headrace:{name}")),
        alert_id=str(uuid5(event.pk, name)),
        message=message,
        data=data,
        company_id=event.company_id,
        connection_id=event.connection_id,
    )


type _Words = tuple[str, str, dict[str, Any]]


def _status_changed(event: Event) -> _Words:
    new = str(_STATUS_THEN[event.kind])
    old = event.data.get("before") or str(ConnectionStatus.LINKED)
    own = Connection.objects.filter(pk=_known(event.connection_id))
    key, platform = own.values_list("integration__key", "integration__name").first() or ("", "a platform")
    data = {"dataConnectionId": str(event.connection_id), "newStatus": new, "oldStatus": old, "platformKey": key}
    return "DataConnectionStatusChanged", f"Data connection for {platform} status changed from {old} to {new}", data


def _synced(event: Event) -> _Words:
    return "New company synchronised", f"Company {event.company_id} has been synchronised for the first time.", {}


def _type_and_dataset(event: Event) -> dict[str, Any]:
    own = Dataset.objects.filter(pk=_known(event.dataset_id))
    key = event.data.get("data_type") or own.values_list("data_type", flat=True).first() or ""
    return {"dataType": key, "datasetId": str(event.dataset_id)}


def _sync_completed(event: Event) -> _Words:
    data = _type_and_dataset(event)
    return "Data sync completed", f"Data sync of {data['dataType']} for company {event.company_id} completed.", data


def _data_changed(event: Event) -> _Words:
    data = _type_and_dataset(event)
    words = f"Data has changed for dataset type {data['dataType']}, company {event.company_id}"
    return "Dataset data changed", words, data


def _sync_failed(event: Event) -> _Words:
    data, status = _type_and_dataset(event), event.data.get("status", "")
    words = f"ERROR: syncing {data['dataType']} triggered a {status} notification at {stamp(event.at)}."
    told = {"dataType": data["dataType"], "datasetStatus": status, "datasetId": data["datasetId"]}
    return "Data Sync Status Changed To Error", words, told


def _push_changed(event: Event) -> _Words:
    data, key = event.data, event.data.get("data_type", "")
    words = f"{key} triggered notification for PushOperationStatusChanged at {stamp(event.at)}"
    told = {"dataType": key, "status": data.get("status"), "pushOperationKey": data.get("push_operation_key")}
    return "Push Operation Status Changed()", words, told


def _push_timed_out(event: Event) -> _Words:
    key, operation = event.data.get("data_type", ""), event.data.get("push_operation_key")
    words = f"ERROR: pushing {key} never finished in time, timing out at {stamp(event.at)}"
    return (
        "Push Operation Timed Out",
        words,
        {"dataType": key, "pushOperationKey": operation, "pushOperationGuid": operation},
    )


def _limit_reached(event: Event) -> _Words:
    quota = event.data.get("daily_quota")
    words = f"The daily quota of {quota} requests has been reached."
    return "Rate Limit Reached", words, {"DailyQuota": quota, "ExpiresUtc": _limit_ends(event)}


def _limit_reset(event: Event) -> _Words:
    data = {
        "QuotaRemaining": event.data.get("quota_remaining"),
        "ResetReason": event.data.get("reset_reason", ""),
        "DailyQuota": event.data.get("daily_quota"),
        "ExpiresUtc": _limit_ends(event),
    }
    return "Rate Limit Reset", "The daily quota of requests has been reset.", data


_OLD_WORDS: dict[str, Callable[[Event], _Words]] = {
    "DataConnectionStatusChanged": _status_changed,
    "NewCompanySynchronized": _synced,
    "DataSyncCompleted": _sync_completed,
    "DatasetDataChanged": _data_changed,
    "DataSyncStatusChangedToError": _sync_failed,
    "PushOperationStatusChanged": _push_changed,
    "PushOperationTimedOut": _push_timed_out,
    "ClientRateLimitReached": _limit_reached,
    "ClientRateLimitReset": _limit_reset,
}


def _changed_anything(event: Event) -> bool:
    return any(event.data.get(name) for name in ("created", "changed", "deleted"))


def _limit_ends(event: Event) -> str | None:
    text = event.data.get("expires_at")
    return stamp(datetime.fromisoformat(text)) if text else None


def _known(key: UUID | None) -> UUID:
    """Return the key, or one that is no row's."""
    return key or UUID(int=0)
