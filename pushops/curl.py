"""A push as a command for the API, to be pasted into a shell. It holds no secret: the key stays in a variable."""

from __future__ import annotations

import shlex
from urllib.parse import quote

from django.conf import settings

from pushops.json_text import one_line
from pushops.models import PushOperation
from syncengine.connectors.changes import Operation
from syncengine.datatypes import DATA_TYPES

_METHODS = {Operation.CREATE: "POST", Operation.UPDATE: "PUT", Operation.DELETE: "DELETE", Operation.UPLOAD: "POST"}


def curl_of(operation: PushOperation) -> str:
    """Return the command that asks for the same again, one option a line."""
    kind = Operation(operation.operation)
    lines = [
        f"curl -X {_METHODS[kind]} {shlex.quote(_address(operation, kind))}",
        '-H "Authorization: Bearer $HEADRACE_API_KEY"',
    ]
    if kind is Operation.UPLOAD:
        lines.append(f"-F {shlex.quote(f'file=@{_file_name(operation)}')}")
    elif operation.body is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(one_line(operation.body))}"]
    return " \\\n  ".join(lines)


def _address(operation: PushOperation, kind: Operation) -> str:
    place = f"companies/{operation.company_id}/connections/{operation.connection_id}/push"
    return f"{settings.HEADRACE_PORTAL_URL}/api/{place}/{_record(operation, kind)}{_query(operation, kind)}"


def _record(operation: PushOperation, kind: Operation) -> str:
    record_id = quote(operation.record_id, safe="")
    if operation.data_type == "bankTransactions":
        return f"bankAccounts/{record_id}/bankTransactions"
    segment = DATA_TYPES[operation.data_type].path
    if kind is Operation.CREATE:
        return segment
    if kind is Operation.UPLOAD:
        return f"{segment}/{record_id}/{'attachments' if operation.data_type == 'bills' else 'attachment'}"
    return f"{segment}/{record_id}"


def _query(operation: PushOperation, kind: Operation) -> str:
    if kind not in (Operation.CREATE, Operation.UPDATE):
        return ""
    asked = []
    if operation.timeout_minutes is not None:
        asked.append(f"timeoutInMinutes={operation.timeout_minutes}")
    if not operation.allow_sync:
        asked.append("allowSyncOnPushComplete=false")
    if operation.force_update:
        asked.append("forceUpdate=true")
    return f"?{'&'.join(asked)}" if asked else ""


def _file_name(operation: PushOperation) -> str:
    kept = getattr(operation, "file", None)
    return kept.name if kept and kept.name else "document.pdf"
