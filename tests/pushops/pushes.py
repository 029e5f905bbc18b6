"""What the tests of push operations ask for, and what they look at afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from pushops.actions.pushing import request_push
from pushops.models import PushOperation
from syncengine.connectors.changes import Operation
from syncengine.models import Connection, DataStatus, Event, Record
from tests.syncengine.lab import Lab

# The contract's two bodies (codat contract, section 13; the seed's "Perform the operation").
ACCOUNT = {"nominalCode": "4200123456", "name": "Codat Assets Account", "fullyQualifiedCategory": "Asset.Current"}
LONG_ACCOUNT = ACCOUNT | {"nominalCode": "350045006500", "name": "Excessive Length Account"}
CUSTOMER = {"customerName": "Quay Books", "defaultCurrency": "GBP"}


def ask(connection: Connection, body: Any = None, **fields: Any) -> PushOperation:
    """A customer is created, unless said otherwise."""
    fields = {"data_type": "customers", "operation": Operation.CREATE, "actor": "test", **fields}
    return request_push(connection, body=body if body is not None else CUSTOMER, **fields)


def again(operation: PushOperation) -> PushOperation:
    return PushOperation.objects.select_related("connection__integration", "company").get(pk=operation.pk)


def attempts(operation: PushOperation) -> list[str]:
    return list(operation.attempts.order_by("number").values_list("outcome", flat=True))


def statuses(operation: PushOperation) -> list[str]:
    """Every status that was told of, oldest first."""
    told = Event.objects.filter(kind="push.status_changed", data__push_operation_key=str(operation.pk))
    return [data["status"] for data in told.order_by("pk").values_list("data", flat=True)]


def raised(operation: PushOperation) -> list[tuple[str, str]]:
    """When a person was needed and no more, oldest first: (kind, reason)."""
    told = Event.objects.filter(
        kind__startswith="push.", data__push_operation_key=str(operation.pk), data__has_key="reason"
    )
    return [(kind, data["reason"]) for kind, data in told.order_by("pk").values_list("kind", "data")]


def cached(connection: Connection, source_id: str, data_type: str = "customers") -> Record:
    return Record.objects.get(connection=connection, data_type=data_type, source_id=source_id)


def state_of(connection: Connection, data_type: str = "customers") -> DataStatus:
    return DataStatus.objects.get(connection=connection, data_type=data_type)


def writes(lab: Lab, operation: str = "") -> list[dict[str, Any]]:
    """Every write that the platform did, oldest first."""
    return [write for write in lab.control("GET", "writes") if write["operation"] == (operation or write["operation"])]


def skip_waiting(operation: PushOperation) -> None:
    """As if its pause were over, and the lease of whoever holds it had run out."""
    past = now() - timedelta(seconds=1)
    row = PushOperation.objects.filter(pk=operation.pk)
    row.filter(lease_until__isnull=False).update(lease_until=past)
    row.update(not_before=None, look_at=past)


def past_deadline(operation: PushOperation) -> None:
    """As if its time were up."""
    past = now() - timedelta(seconds=1)
    PushOperation.objects.filter(pk=operation.pk).update(deadline_at=past, look_at=past)
