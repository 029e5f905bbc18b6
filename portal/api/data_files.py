"""Files of records (codat contract, section 6): attachments, listed, looked at and downloaded, and documents as PDFs.

They are not cached: each request asks the platform, over a Linked connection, for a record that was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from ninja import Path

from portal.api.data_described import file
from portal.api.data_paths import RecordId, one_of, segment_for
from portal.api.data_reading import Reading, no_such_record, reading_of
from portal.api.errors import WireError, platform_error
from portal.api.schema import CompanyId, ConnectionId, Wire, WireRouter, wire_response
from syncengine.actions.files import RecordFiles
from syncengine.connectors.attachments import Attachment, File
from syncengine.exceptions import ConnectorError, NotLinked, SourceRefused
from syncengine.models import Connection
from syncengine.moments import stamp
from syncengine.queries.record_pages import stored_record

router = WireRouter(tag="Files of records")

WITH_ATTACHMENTS = frozenset(
    {"bills", "customers", "directCosts", "directIncomes", "invoices", "purchaseOrders", "suppliers"}
)
WITH_PDF = frozenset({"invoices", "purchaseOrders"})
OCTETS, PDF = "application/octet-stream", "application/pdf"

Attached = Annotated[str, Path(), one_of(*WITH_ATTACHMENTS, of="The data type of the record.")]
Printed = Annotated[str, Path(), one_of(*WITH_PDF, of="The data type of the document.")]

_TAIL = re.compile(
    r"(?P<record_id>.+?)/(?:(?P<pdf>pdf)|attachments(?:/(?P<attachment_id>[^/]+)(?P<download>/download)?)?)",
    re.IGNORECASE | re.DOTALL,
)


class AttachmentOut(Wire):
    id: str
    name: str | None = None
    content_type: str | None = None
    date_created: str | None = None
    file_size: int | None = None
    include_when_sent: bool | None = None
    source_modified_date: str | None = None


class AttachmentsOut(Wire):
    attachments: list[AttachmentOut]


_ONE = "/companies/{company_id}/connections/{connection_id}/data/{segment}/{record_id}/attachments"


class FilePath(NamedTuple):
    """What a path asks of a record: its PDF, its attachments, one of them, or that one's bytes."""

    record_id: str
    is_pdf: bool = False
    attachment_id: str = ""
    is_download: bool = False


@router.operation("GET", _ONE, "data.read", response=AttachmentsOut)
def list_attachments(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, segment: Attached, record_id: RecordId
) -> HttpResponse:
    """List the files attached to a record, as the platform has them now."""
    return _file_of(request, company_id, connection_id, segment, FilePath(record_id))


@router.operation("GET", _ONE + "/{attachment_id}", "data.read", response=AttachmentOut)
def get_attachment(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: Attached,
    record_id: RecordId,
    attachment_id: str,
) -> HttpResponse:
    """Get what is known of one attached file."""
    return _file_of(request, company_id, connection_id, segment, FilePath(record_id, attachment_id=attachment_id))


@router.operation("GET", _ONE + "/{attachment_id}/download", "data.read", openapi_extra=file(OCTETS))
def download_attachment(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: Attached,
    record_id: RecordId,
    attachment_id: str,
) -> HttpResponse:
    """Download one attached file, as bytes of no particular kind whatever the platform says it is."""
    asked = FilePath(record_id, attachment_id=attachment_id, is_download=True)
    return _file_of(request, company_id, connection_id, segment, asked)


@router.operation("GET", "/companies/{company_id}/data/{segment}/{record_id}/pdf", "data.read", openapi_extra=file(PDF))
def download_pdf(request: HttpRequest, company_id: CompanyId, segment: Printed, record_id: RecordId) -> HttpResponse:
    """Download an invoice or purchase order as the platform prints it."""
    return _file_of(request, company_id, None, segment, FilePath(record_id, is_pdf=True))


@router.operation(
    "GET",
    "/companies/{company_id}/connections/{connection_id}/data/{segment}/{record_id}/pdf",
    "data.read",
    openapi_extra=file(PDF),
)
def download_connection_pdf(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, segment: Printed, record_id: RecordId
) -> HttpResponse:
    """Download an invoice or purchase order of one connection as the platform prints it."""
    return _file_of(request, company_id, connection_id, segment, FilePath(record_id, is_pdf=True))


def file_behind(rest: str) -> FilePath | None:
    """Return the file that the end of a path asks for when the id before it holds slashes, else None."""
    found = _TAIL.fullmatch(rest)
    if found is None or "/" not in found["record_id"]:
        return None
    attachment_id = found["attachment_id"] or ""
    return FilePath(found["record_id"], bool(found["pdf"]), attachment_id, bool(found["download"]))


def file_response(request: HttpRequest, reading: Reading, asked: FilePath) -> HttpResponse:
    """Ask the platform for what the path asks for.

    Raises: WireError: 404 for a record, file or kind of file that there is not, 409 when the connection cannot be
            used, otherwise what the platform answered.
    """
    files = _files_of(request, reading, asked.record_id)
    with _told(files, _missing(asked, reading.data_type)):
        if asked.is_pdf:
            return _file(files.pdf(), PDF, f"{asked.record_id}.pdf")
        if asked.is_download:
            return _file(files.download(asked.attachment_id), OCTETS, asked.attachment_id)
        if asked.attachment_id:
            return wire_response(_shape(files.attachment(asked.attachment_id)))
        return wire_response({"attachments": [_shape(attachment) for attachment in files.attachments()]})


def _file_of(
    request: HttpRequest, company_id: str, connection_id: str | None, segment: str, asked: FilePath
) -> HttpResponse:
    among = WITH_PDF if asked.is_pdf else WITH_ATTACHMENTS
    data_type = segment_for(segment, connection_scoped=connection_id is not None, among=among).key
    return file_response(request, reading_of(request, company_id, connection_id, data_type), asked)


def _missing(asked: FilePath, data_type: str) -> WireError:
    if asked.is_pdf:
        kind = "Invoice" if data_type == "invoices" else "PurchaseOrder"
        return WireError(404, f"{kind}PdfNotFoundException: No PDF was found for ID {asked.record_id}")
    if asked.attachment_id:
        return no_such_record("attachments", asked.attachment_id)
    return no_such_record(data_type, asked.record_id)


def _files_of(request: HttpRequest, reading: Reading, record_id: str) -> RecordFiles:
    if stored_record(reading.connection_id, reading.data_type, record_id) is None:
        raise no_such_record(reading.data_type, record_id)
    connection = Connection.objects.select_related("integration").get(pk=reading.connection_id)
    actor: str = request.principal.actor  # type: ignore[attr-defined]
    return RecordFiles(connection, reading.data_type, record_id, actor)


@contextmanager
def _told(files: RecordFiles, missing: WireError) -> Iterator[None]:
    """Turn what the platform answers into what the contract knows. `missing` is told for what it does not have."""
    try:
        yield
    except NotLinked as error:
        raise WireError(409, error.message) from error
    except ConnectorError as error:
        is_missing = isinstance(error, SourceRefused) and error.status_code in (404, 410)
        raise (missing if is_missing else platform_error(error, files.connection.integration.name)) from error


def _shape(attachment: Attachment) -> dict[str, Any]:
    members = {
        "id": attachment.id,
        "name": attachment.name or None,
        "contentType": attachment.content_type or None,
        "dateCreated": attachment.date_created,
        "fileSize": attachment.file_size,
        "includeWhenSent": attachment.include_when_sent,
        "sourceModifiedDate": stamp(attachment.source_modified_at),
    }
    return {name: value for name, value in members.items() if value is not None}


def _file(file: File, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(file.content, content_type=content_type)
    disposition = content_disposition_header(as_attachment=True, filename=file.name or name)
    if disposition:
        response["Content-Disposition"] = disposition
    return response
