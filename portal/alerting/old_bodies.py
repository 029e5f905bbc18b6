"""The bodies of the generation before today's: PascalCase outside (codat contract, section 14).

Alerting rules tell in them, and consumers that subscribed to one of the earlier names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from portal.alerting.facts import STATUS_THEN, known, limit_ends
from portal.models import DeploymentSettings
from syncengine.models import Connection, Dataset, Event
from syncengine.moments import stamp
from syncengine.states import ConnectionStatus


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


def told_as_before(event: Event, name: str) -> dict[str, Any]:
    """Return the event's body under one of OLD_NAMES."""
    rule_type, message, data = words_of(event, name)
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


def words_of(event: Event, name: str) -> _Words:
    """Return what the event says under one of OLD_NAMES: the rule type on the wire, the message, the data."""
    return _OLD_WORDS[name](event)


def _status_changed(event: Event) -> _Words:
    new = str(STATUS_THEN[event.kind])
    old = event.data.get("before") or str(ConnectionStatus.LINKED)
    own = Connection.objects.filter(pk=known(event.connection_id))
    key, platform = own.values_list("integration__key", "integration__name").first() or ("", "a platform")
    data = {"dataConnectionId": str(event.connection_id), "newStatus": new, "oldStatus": old, "platformKey": key}
    return "DataConnectionStatusChanged", f"Data connection for {platform} status changed from {old} to {new}", data


def _synced(event: Event) -> _Words:
    return "New company synchronised", f"Company {event.company_id} has been synchronised for the first time.", {}


def _type_and_dataset(event: Event) -> dict[str, Any]:
    own = Dataset.objects.filter(pk=known(event.dataset_id))
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
    return "Rate Limit Reached", words, {"DailyQuota": quota, "ExpiresUtc": limit_ends(event)}


def _limit_reset(event: Event) -> _Words:
    data = {
        "QuotaRemaining": event.data.get("quota_remaining"),
        "ResetReason": event.data.get("reset_reason", ""),
        "DailyQuota": event.data.get("daily_quota"),
        "ExpiresUtc": limit_ends(event),
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

OLD_NAMES = frozenset(_OLD_WORDS)
