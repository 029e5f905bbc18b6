"""Files attached to records at the platform (codat contract, section 13.2)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from portal.api.data_paths import RecordId
from portal.api.lookups import connection_for
from portal.api.schema import CompanyId, ConnectionId, WireRouter
from pushops.api.answering import Asked, pushed
from pushops.api.bodies import file_in
from pushops.api.described import FILE, UploadedOut
from pushops.api.paths import BILLS, PUSH, WithFile, type_with_file
from pushops.api.shapes import Shape, push_operation_shape
from syncengine.connectors.changes import Operation

router = WireRouter(tag="Push data")


@router.operation(
    "POST",
    PUSH + "bills/{record_id}/attachments",
    "push.create",
    response=UploadedOut,
    openapi_extra=FILE,
    speaks_to_platform=True,
)
def upload_bill_attachment(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, record_id: RecordId
) -> Any:
    """Attach a file to a bill at the platform."""
    return _uploaded(request, company_id, connection_id, BILLS, record_id)


@router.operation(
    "POST",
    PUSH + "{segment}/{record_id}/attachment",
    "push.create",
    response=UploadedOut,
    openapi_extra=FILE,
    speaks_to_platform=True,
)
def upload_attachment(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: WithFile,
    record_id: RecordId,
) -> Any:
    """Attach a file to a record at the platform."""
    return _uploaded(request, company_id, connection_id, type_with_file(segment), record_id)


def _uploaded(request: HttpRequest, company_id: str, connection_id: str, data_type: str, record_id: str) -> Shape:
    connection = connection_for(request, company_id, connection_id)
    asked = Asked(connection, data_type, Operation.UPLOAD, record_id, file=file_in(request))
    return push_operation_shape(pushed(request, asked))
