"""What a page is about to write: over which connection, of which data type, to which record."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from portal.access import connections_for
from pushops.models import PushOperation
from pushops.queries.push_models import support_for
from syncengine.connectors.changes import Operation
from syncengine.connectors.registry import platforms
from syncengine.models import Connection, Record
from syncengine.queries.records import record_by_source_id


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be written.

    record:    the cached record of an update; None when it is not here.
    retry_of:  the operation that this is another try of.
    """

    connection: Connection
    data_type: str
    operation: Operation
    record_id: str = ""
    record: Record | None = None
    retry_of: PushOperation | None = None

    @property
    def is_update(self) -> bool:
        return self.operation is Operation.UPDATE


def target_of(request: HttpRequest, connection_id: UUID, data_type: str, operation: Operation) -> Target:
    """Return what the address names. Raises: Http404 for what the platform does not take."""
    connections = connections_for(request.user).select_related("company", "integration")
    connection = get_object_or_404(connections, pk=connection_id)
    if connection.integration.key not in platforms() or support_for(connection, data_type, operation) is None:
        raise Http404(f"{connection.integration.name} does not take this.")
    record_id = request.GET.get("record", "").replace("\0", "")[:512]
    record = record_by_source_id(connection, data_type, record_id) if record_id else None
    return Target(connection, data_type, operation, record_id, record)
