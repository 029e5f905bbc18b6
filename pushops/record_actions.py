"""What can be written from the page of a data type's records."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.urls import reverse

from portal.access import Viewer, allows
from portal.registers import RecordAction
from pushops.queries.push_models import writable_types
from syncengine.connectors.changes import Operation
from syncengine.connectors.registry import platforms
from syncengine.models import Connection
from syncengine.states import ConnectionStatus

_OF_A_RECORD = {
    Operation.UPDATE: ("Change", "push-update", "pencil"),
    Operation.UPLOAD: ("Add a file", "push-upload", "plus"),
    Operation.DELETE: ("Delete", "push-delete", "close"),
}


def record_actions(user: Viewer, connection: Connection, data_type: str, source_id: str) -> Iterator[RecordAction]:
    """Yield what the platform takes of this data type, for people who may write, over a connection that is Linked."""
    if not allows(user, "push.write") or connection.status != ConnectionStatus.LINKED:
        return
    if connection.integration.key not in platforms():
        return
    able = {support.operation for support in writable_types(connection).get(data_type, ())}
    place = [connection.pk, data_type]
    if not source_id and Operation.CREATE in able:
        yield RecordAction("Create", reverse("push-create", args=place), "plus")
    for operation, (label, url_name, icon) in _OF_A_RECORD.items() if source_id else ():
        if operation in able:
            yield RecordAction(label, f"{reverse(url_name, args=place)}?{urlencode({'record': source_id})}", icon)
