"""A push operation as the wire shows it (codat contract, section 13.3), by the names of our models of the wire."""

from __future__ import annotations

from typing import Any

from pushops.actions.pushing import BATCHES
from pushops.models import PushOperation
from pushops.states import PushStatus
from syncengine.connectors.changes import Operation
from syncengine.models import Record
from syncengine.moments import stamp
from syncengine.validation.model import Member, record_shape

type Shape = dict[str, Any]

CHANGES = {
    Operation.CREATE: "Created",
    Operation.UPDATE: "Modified",
    Operation.DELETE: "Deleted",
    Operation.UPLOAD: "AttachmentUploaded",
}
_WITH_DATA = frozenset({Operation.CREATE, Operation.UPDATE})
# What a read adds to a record; in the body of a create it counts for nothing.
_OF_READS = frozenset({"id", "modifiedDate", "sourceModifiedDate", "metadata"})
_LINKS = "validDatatypeLinks"


def push_operation_shape(operation: PushOperation) -> Shape:
    """Return the operation without `data`, as lists and single reads show it."""
    shape: Shape = {
        "changes": [_change(operation)],
        "data_type": operation.data_type,
        "company_id": str(operation.company_id),
        "push_operation_key": str(operation.pk),
        "data_connection_key": str(operation.connection_id),
        "requested_on_utc": stamp(operation.requested_at),
        "status": operation.status,
        "validation": operation.validation,
        "status_code": operation.status_code,
    }
    if operation.completed_at is not None:
        shape["completed_on_utc"] = stamp(operation.completed_at)
    if operation.timeout_minutes is not None:
        shape["timeout_in_minutes"] = operation.timeout_minutes
        shape["timeout_in_seconds"] = operation.timeout_minutes * 60
    if operation.error_message:
        shape["error_message"] = operation.error_message
    return shape


def written_shape(operation: PushOperation) -> Shape:
    """Return the operation as the request that asked for it is answered: with `data` of a create or update."""
    shape = push_operation_shape(operation)
    if operation.operation in _WITH_DATA:
        shape["data"] = _data(operation)
    return shape


def _change(operation: PushOperation) -> Shape:
    reference = {"data_type": operation.data_type}
    if operation.result_record_id:
        reference["id"] = operation.result_record_id
    change: Shape = {"type": CHANGES[Operation(operation.operation)], "record_ref": reference}
    if operation.attachment_id:
        change["attachment_id"] = operation.attachment_id
    return change


def _data(operation: PushOperation) -> Shape:
    """Return the record as the platform has it now, and as it was sent where that is not known."""
    is_done = operation.status == PushStatus.SUCCESS
    if operation.data_type in BATCHES:
        return _batch(operation) if is_done else operation.body or {}
    if is_done and operation.data is not None:
        return _with_links(dict(operation.data), operation.data_type)
    sent = {name: value for name, value in (operation.body or {}).items() if name not in _OF_READS}
    if operation.operation == Operation.UPDATE:
        sent = {"id": operation.record_id, **sent}
    return _with_links(_of_the_model(sent, operation.data_type), operation.data_type)


def _batch(operation: PushOperation) -> Shape:
    """Return all rows as they are stored now, in the platform's order; those that it did not show are left out."""
    found = Record.objects.filter(
        connection_id=operation.connection_id,
        data_type=operation.data_type,
        source_id__in=operation.result_record_ids or [operation.result_record_id],
    )
    rows = {row.source_id: {**row.content, "modifiedDate": stamp(row.modified_at)} for row in found}
    order = {key: place for place, key in enumerate(operation.result_record_ids)}
    shown = [rows[key] for key in sorted(rows, key=lambda key: order.get(key, 0))]
    return {"accountId": operation.record_id, "transactions": shown}


def _of_the_model(sent: Shape, data_type: str) -> Shape:
    """Return what the standard model knows of it. What must be there and was not given is Unknown or false."""
    shape = record_shape(data_type)
    if shape is None:
        return sent
    known = {name: value for name, value in sent.items() if name in shape.members}
    defaults = {name: _default(member) for name, member in shape.members.items() if name not in known}
    return known | {name: value for name, value in defaults.items() if value is not None}


def _default(member: Member) -> Any:
    if not member.required:
        return None
    if member.kind == "boolean":
        return False
    return "Unknown" if "Unknown" in member.words else None


def _with_links(content: Shape, data_type: str) -> Shape:
    """Answers to writes of accounts name the data types that may refer to them; no platform tells which."""
    shape = record_shape(data_type)
    if shape is not None and _LINKS in shape.members:
        content.setdefault(_LINKS, [])
    return content
