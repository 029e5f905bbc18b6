"""Files of Tryton's records: rows of ir.attachment, which hold the bytes themselves. Links elsewhere are left out."""

from __future__ import annotations

import mimetypes
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

from django.conf import settings as deployment

from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.tryton.protocol import Row, Server, rows
from syncengine.connectors.tryton.sources import DATES, SOURCES
from syncengine.connectors.tryton.values import iso, latest, moment_of
from syncengine.exceptions import BadAnswer, NotSupported, SourceRefused

WITH_FILES = frozenset(
    {"bills", "billCreditNotes", "creditNotes", "customers", "invoices", "items", "journalEntries", "suppliers"}
)
_MODEL, _FIELDS = "ir.attachment", ("name", "type", "data_size", "resource", *DATES)
_UNKNOWN_KIND = "application/octet-stream"


def resource_of(data_type: str, record_id: str) -> str:
    """Return the record as Tryton refers to it: `account.invoice,7`. Raises: NotSupported, SourceRefused."""
    if data_type not in WITH_FILES:
        raise NotSupported(f"Tryton is not asked for attachments of {data_type}.")
    return f"{SOURCES[data_type].model},{number_of(record_id)}"


def number_of(record_id: str) -> int:
    """Raises: SourceRefused with status 404 for what is no id of Tryton's."""
    if not record_id.isascii() or not record_id.isdigit() or len(record_id) > 18:
        raise SourceRefused("Tryton has no such record.", status_code=404)
    return int(record_id)


def listed(server: Server, resource: str) -> list[Attachment]:
    model, _, number = resource.partition(",")
    if not rows(server, model, ("id",), domain=[["id", "=", int(number)]], limit=1):
        raise SourceRefused("Tryton has no such record.", status_code=404)
    found = rows(server, _MODEL, _FIELDS, domain=[["resource", "=", resource], ["type", "=", "data"]])
    return [_attachment(row) for row in found]


def one(server: Server, resource: str, attachment_id: str) -> Attachment:
    return _attachment(_row(server, resource, attachment_id, _FIELDS))


def download(server: Server, resource: str, attachment_id: str) -> File:
    """Raises: BadAnswer for a file that is too large; its size is known before it is asked for."""
    known = one(server, resource, attachment_id)
    most = deployment.HEADRACE_MAX_FILE_BYTES
    if known.file_size is not None and known.file_size > most:
        raise BadAnswer(f"The file has {known.file_size} bytes; {most} is the most we take.")
    data = _row(server, resource, attachment_id, ("data",))["data"]
    try:
        content = b64decode(data["base64"]) if isinstance(data, dict) else b""
    except (KeyError, TypeError, ValueError, NotBase64):
        raise BadAnswer("Tryton's file is not written as it documents.") from None
    return File(content, known.content_type, known.name)


def as_row(resource: str, file: File) -> Row:
    """Return the row that keeps an uploaded file."""
    data = {"__class__": "bytes", "base64": b64encode(file.content).decode()}
    return {"name": file.name or "file", "resource": resource, "type": "data", "data": data}


def _row(server: Server, resource: str, attachment_id: str, fields: tuple[str, ...]) -> Row:
    domain = [["id", "=", number_of(attachment_id)], ["resource", "=", resource], ["type", "=", "data"]]
    found = rows(server, _MODEL, fields, domain=domain, limit=1)
    if not found:
        raise SourceRefused("Tryton has no such attachment.", status_code=404)
    return found[0]


def _attachment(row: Row) -> Attachment:
    """Tryton keeps no kind of file, so it is told from the name."""
    return Attachment(
        id=str(row["id"]),
        name=row["name"] or "",
        content_type=mimetypes.guess_type(row["name"] or "")[0] or _UNKNOWN_KIND,
        file_size=row["data_size"],
        date_created=iso(moment_of(row, "create_date")),
        source_modified_at=latest(row),
    )
