"""What can be subscribed to: every event type of the contract (section 15.2), with a schema and an example."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from syncengine.datatypes import DATA_TYPES
from syncengine.states import ConnectionStatus, DatasetStatus

WRITABLE = (
    "bankAccounts", "bankTransactions", "billCreditNotes", "billPayments", "bills", "chartOfAccounts", "creditNotes",
    "customers", "directCosts", "directIncomes", "invoices", "items", "journalEntries", "journals", "payments",
    "purchaseOrders", "suppliers", "transfers",
)  # fmt: skip

# How 2023's alerting rules called what later became types; clients still subscribe by these names.
ALIASES = {
    "data sync completed": "DataSyncCompleted",
    "dataset data changed": "DatasetDataChanged",
    "data sync status changed to error": "DataSyncStatusChangedToError",
    "new company synchronised": "NewCompanySynchronized",
    "new company synchronized": "NewCompanySynchronized",
    "push operation status changed": "PushOperationStatusChanged",
    "push operation status changed()": "PushOperationStatusChanged",
    "push operation timed out": "PushOperationTimedOut",
    "rate limit reached": "ClientRateLimitReached",
    "rate limit reset": "ClientRateLimitReset",
    "account categories updated": "AccountCategoriesUpdated",
    "sync connection deleted": "SyncConnectionDeleted",
}


@dataclass(frozen=True, slots=True)
class EventType:
    """One name that can stand in `eventTypes`.

    is_sent:  False for a name of the contract that belongs to products this system does not have: it may be
              subscribed to, as clients do, and nothing is ever sent.
    is_old:   a name of an earlier generation, with the body of that time.
    """

    name: str
    group: str
    summary: str
    payload: str
    is_sent: bool = True
    is_old: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        return _OLD_BODY if self.is_old else _envelope(_PAYLOADS[self.payload])

    @property
    def example(self) -> dict[str, Any]:
        return _old_example(self.name) if self.is_old else _example(self)


@cache
def event_types() -> dict[str, EventType]:
    """Return every type by name, in the order of the catalogue."""
    return {kind.name: kind for kind in (*_TODAY, *_writes(), *_OLD, *_FOREIGN)}


def canonical(text: str) -> str | None:
    """Return the type's name as the catalogue spells it, or None when there is none such."""
    trimmed = text.strip()
    return trimmed if trimmed in event_types() else ALIASES.get(trimmed.lower())


_TODAY = (
    EventType("company.created", "Companies", "A company was created.", "company"),
    EventType("company.deleted", "Companies", "A company was deleted.", "company"),
    EventType("connection.created", "Connections", "A connection was made and waits for consent.", "connection"),
    EventType("connection.connected", "Connections", "A connection was linked for the first time.", "connection"),
    EventType("connection.failed", "Connections", "Linking did not succeed; the connection still waits.", "connection"),
    EventType("connection.disconnected", "Connections", "A connection was unlinked or deauthorised.", "connection"),
    EventType("connection.reconnected", "Connections", "A disconnected connection was linked again.", "connection"),
    EventType("connection.deleted", "Connections", "A connection was deleted.", "connection"),
    EventType("read.completed", "Reads", "A read of one data type ended, well or not: see its status.", "read"),
    EventType("read.completed.successful", "Reads", "A read ended with status Complete.", "read"),
    EventType("read.completed.unsuccessful", "Reads", "A read ended with any other status.", "read"),
    EventType("read.completed.initial", "Reads", "All reads of a first link ended, at least one well.", "read"),
    EventType("client.rateLimit.reached", "Limits", "The API's daily quota is used up.", "rate_limit"),
    EventType("client.rateLimit.reset", "Limits", "The API's daily quota was renewed.", "rate_limit"),
)


def _writes() -> list[EventType]:
    ends = (("successful", "was written"), ("unsuccessful", "failed or timed out"))
    return [
        EventType(f"{key}.write.{end}", "Writes", f"A write of {DATA_TYPES[key].label.lower()} {words}.", "write")
        for key in WRITABLE
        for end, words in ends
    ]


_OLD = tuple(
    EventType(name, "Earlier names", summary, "old", is_old=True)
    for name, summary in (
        ("DataConnectionStatusChanged", "Use connection.connected, .disconnected and .reconnected."),
        ("NewCompanySynchronized", "Use read.completed.initial."),
        ("DataSyncCompleted", "Use read.completed with status Complete."),
        ("DatasetDataChanged", "Use read.completed with recordsModified."),
        ("DataSyncStatusChangedToError", "Use read.completed.unsuccessful."),
        ("PushOperationStatusChanged", "Use {dataType}.write.successful and .unsuccessful."),
        ("PushOperationTimedOut", "Use {dataType}.write.unsuccessful with status TimedOut."),
        ("ClientRateLimitReached", "Use client.rateLimit.reached."),
        ("ClientRateLimitReset", "Use client.rateLimit.reset."),
    )
)
_FOREIGN = tuple(
    EventType(name, "Of other products, never sent here", "Known so that clients may subscribe.", "any", is_sent=False)
    for name in (
        "company.product.added", "company.product.removed", "AccountCategoriesUpdated", "SyncConnectionDeleted",
        "expenses.sync.successful", "expenses.sync.unsuccessful", "SyncCompleted", "SyncFailed",
        "bankFeeds.sourceAccount.connected", "bankFeeds.sourceAccount.disconnected",
        "reports.categorizedBankStatement.generate.successful",
        "reports.categorizedBankStatement.generate.unsuccessful",
    )
)  # fmt: skip


# --- schemas --------------------------------------------------------------------------------------------------------

_TEXT = {"type": "string"}
_ID = {"type": "string", "format": "uuid"}
_MOMENT = {"type": "string", "format": "date-time"}
_TAGS = {"type": "object", "additionalProperties": _TEXT}


def _object(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members}


_REFERENCE = _object(id=_ID, name=_TEXT, description=_TEXT, links=_object(portal=_TEXT), tags=_TAGS)
_CONNECTION = _object(
    id=_ID,
    integrationId=_ID,
    integrationKey=_TEXT,
    sourceId=_ID,
    sourceType=_TEXT,
    platformName=_TEXT,
    linkUrl=_TEXT,
    status={"type": "string", "enum": list(ConnectionStatus.values)},
    created=_MOMENT,
    lastSync=_MOMENT,
    dataConnectionErrors={"type": ["array", "null"]},
)
_ISSUE = _object(type=_TEXT, message=_TEXT, links=_object(portal=_TEXT))
_READ = _object(
    connectionId=_ID,
    dataType=_TEXT,
    recordsModified={"type": "boolean"},
    status={"type": "string", "enum": list(DatasetStatus.values)},
    issues={"type": "array", "items": _ISSUE},
)
_PAYLOADS: dict[str, dict[str, Any]] = {
    "company": _object(
        id=_ID, name=_TEXT, description=_TEXT, redirect=_TEXT, lastSync=_MOMENT, created=_MOMENT,
        createdByUserName=_TEXT, tags=_TAGS,
    ),
    "connection": _object(referenceCompany=_REFERENCE, connection=_CONNECTION),
    "read": _object(
        referenceCompany=_REFERENCE,
        modifiedFromDate={"type": ["string", "null"], "format": "date-time"},
        dataTypes={"type": "array", "items": _READ},
    ),
    "write": _object(
        id=_ID,
        type={"type": "string", "enum": ["Create", "Update", "Delete", "UploadAttachment"]},
        referenceCompany=_REFERENCE,
        connectionId=_ID,
        requestedOnDate=_MOMENT,
        completedOnDate=_MOMENT,
        status={"type": "string", "enum": ["Success", "Failed", "TimedOut"]},
        record=_object(id=_TEXT),
        attachmentId=_TEXT,
    ),
    "rate_limit": _object(dailyQuota={"type": "integer"}, quotaRemaining={"type": "integer"}, expiryDate=_MOMENT),
    "any": _object(),
}  # fmt: skip
_OLD_BODY = _object(
    ClientId=_ID, ClientName=_TEXT, CompanyId=_ID, DataConnectionId=_ID, RuleId=_ID, RuleType=_TEXT, AlertId=_ID,
    Message=_TEXT, Data=_object(),
)  # fmt: skip


def _envelope(payload: dict[str, Any]) -> dict[str, Any]:
    whole = _object(id=_ID, eventType=_TEXT, generatedDate=_MOMENT, payload=payload)
    return whole | {"required": ["id", "eventType", "generatedDate", "payload"]}


# --- examples -------------------------------------------------------------------------------------------------------

_SOME_COMPANY = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e01"
_SOME_CONNECTION = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e02"
_SOME_DATASET = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e03"
_SOME_WRITE = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e04"
_SOME_EVENT = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e05"
_SOME_TIME = "2026-11-22T14:30:00.000000Z"
_EXAMPLE_REFERENCE = {
    "id": _SOME_COMPANY,
    "name": "Harbour Bakery",
    "description": "An example",
    "links": {"portal": f"https://portal.example.com/companies/{_SOME_COMPANY}/"},
    "tags": {"region": "uk"},
}
_EXAMPLE_STATUS = {
    "connection.created": ConnectionStatus.PENDING_AUTH,
    "connection.failed": ConnectionStatus.PENDING_AUTH,
    "connection.disconnected": ConnectionStatus.DEAUTHORIZED,
}


def _example(kind: EventType) -> dict[str, Any]:
    return {
        "id": _SOME_EVENT,
        "eventType": kind.name,
        "generatedDate": _SOME_TIME,
        "payload": _EXAMPLES[kind.payload](kind.name),
    }


def _company_example(name: str) -> dict[str, Any]:
    return {
        "id": _SOME_COMPANY,
        "name": "Harbour Bakery",
        "description": "An example",
        "redirect": "https://portal.example.com/s/…/",
        "created": _SOME_TIME,
        "createdByUserName": None,
        "tags": {"region": "uk"},
    }


def _connection_example(name: str) -> dict[str, Any]:
    connection = {
        "id": _SOME_CONNECTION,
        "integrationId": "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e06",
        "integrationKey": "mqjo",
        "sourceId": "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e07",
        "sourceType": "Accounting",
        "platformName": "Sandbox",
        "linkUrl": "https://portal.example.com/s/…/",
        "status": str(_EXAMPLE_STATUS.get(name, ConnectionStatus.LINKED)),
        "created": _SOME_TIME,
        "dataConnectionErrors": None,
    }
    return {"referenceCompany": _EXAMPLE_REFERENCE, "connection": connection}


def _read_example(name: str) -> dict[str, Any]:
    bad = name.endswith("unsuccessful")
    read = {
        "connectionId": _SOME_CONNECTION,
        "dataType": "invoices",
        "recordsModified": not bad,
        "status": "FetchError" if bad else "Complete",
    }
    return {"referenceCompany": _EXAMPLE_REFERENCE, "modifiedFromDate": None, "dataTypes": [read]}


def _write_example(name: str) -> dict[str, Any]:
    bad = name.endswith("unsuccessful")
    return {
        "id": _SOME_WRITE,
        "type": "Create",
        "referenceCompany": _EXAMPLE_REFERENCE,
        "connectionId": _SOME_CONNECTION,
        "requestedOnDate": _SOME_TIME,
        "completedOnDate": _SOME_TIME,
        "status": "Failed" if bad else "Success",
        **({} if bad else {"record": {"id": "inv-1001"}}),
    }


def _limit_example(name: str) -> dict[str, Any]:
    left = 0 if name.endswith("reached") else 12_000
    return {"dailyQuota": 12_000, "quotaRemaining": left, "expiryDate": "2026-11-23T00:00:00.000000Z"}


_EXAMPLES: dict[str, Any] = {
    "company": _company_example,
    "connection": _connection_example,
    "read": _read_example,
    "write": _write_example,
    "rate_limit": _limit_example,
    "any": lambda name: {},
}
_OLD_DATA: dict[str, dict[str, Any]] = {
    "DataConnectionStatusChanged": {
        "dataConnectionId": _SOME_CONNECTION,
        "newStatus": "Linked",
        "oldStatus": "PendingAuth",
        "platformKey": "mqjo",
    },
    "DataSyncCompleted": {"dataType": "invoices", "datasetId": _SOME_DATASET},
    "DatasetDataChanged": {"dataType": "invoices", "datasetId": _SOME_DATASET},
    "DataSyncStatusChangedToError": {
        "dataType": "invoices",
        "datasetStatus": "FetchError",
        "datasetId": _SOME_DATASET,
    },
    "PushOperationStatusChanged": {"dataType": "invoices", "status": "Success", "pushOperationKey": _SOME_WRITE},
    "PushOperationTimedOut": {
        "dataType": "invoices",
        "pushOperationKey": _SOME_WRITE,
        "pushOperationGuid": _SOME_WRITE,
    },
    "ClientRateLimitReached": {"DailyQuota": 12_000, "ExpiresUtc": "2026-11-23T00:00:00.000000Z"},
    "ClientRateLimitReset": {"DailyQuota": 12_000, "QuotaRemaining": 12_000, "ResetReason": "new day"},
}


def _old_example(name: str) -> dict[str, Any]:
    return {
        "ClientId": "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e08",
        "ClientName": "Headrace",
        "CompanyId": _SOME_COMPANY,
        "DataConnectionId": _SOME_CONNECTION,
        "RuleId": "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e09",
        "RuleType": name,
        "AlertId": _SOME_EVENT,
        "Message": "An example.",
        "Data": _OLD_DATA.get(name, {}),
    }
