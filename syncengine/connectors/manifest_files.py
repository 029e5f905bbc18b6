"""How a manifest says where the files of a record are, and where a document is had as a PDF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncengine.connectors.fields import Field, read_fields
from syncengine.connectors.paths import Path
from syncengine.connectors.reading import Table
from syncengine.connectors.templates import placeholders
from syncengine.exceptions import ManifestError
from syncengine.validation.model import Member, Shape

RECORD, FILE, TYPE_ENDPOINT = "record_id", "attachment_id", "{endpoint}"
_SHAPE = Shape(
    "Attachment",
    {
        "name": Member("text"),
        "contentType": Member("text"),
        "fileSize": Member("integer"),
        "dateCreated": Member("date"),
        "includeWhenSent": Member("boolean"),
    },
)


@dataclass(frozen=True, slots=True)
class AttachmentsManifest:
    """
    endpoint:  lists the files of a record.
    download:  answers the bytes of one.
    one:       answers what is known of one; "" where it has to be picked from the list.
    records:   where the list stands in the answer.
    """

    endpoint: str
    download: str
    key: Path
    fields: Mapping[str, Field] = field(default_factory=dict)
    one: str = ""
    records: tuple[str, ...] = ()
    modified: Path | None = None


def read_attachments(table: Table, endpoint: str, default: Table | None) -> AttachmentsManifest | None:
    """Return the section of a type: a table over the manifest's own `[attachments]`, or `true` for that as it is."""
    if table.raw("attachments") is True:
        if default is None:
            raise table.fault("attachments", "is true, but the manifest has no [attachments]")
        own = default
    else:
        given = table.table("attachments")
        if given is None:
            return None
        own = Table(given.file, given.key, {**(default.values if default else {}), **given.values})
    return read_attachments_table(own, endpoint)


def read_attachments_table(table: Table, endpoint: str) -> AttachmentsManifest:
    fields = table.table("fields")
    found = AttachmentsManifest(
        endpoint=place(table, "endpoint", endpoint, (RECORD,)),
        download=place(table, "download", endpoint, (RECORD, FILE), needs=FILE),
        key=table.parsed("key", table.needed_text("key")),
        fields={} if fields is None else read_fields(fields, _SHAPE),
        one=place(table, "one", endpoint, (RECORD, FILE), needs=FILE) if "one" in table else "",
        records=table.member_path("records") or (),
        modified=table.path("modified"),
    )
    table.done()
    return found


def read_pdf(table: Table, endpoint: str) -> str:
    return place(table, "pdf", endpoint, (RECORD,), needs=RECORD) if "pdf" in table else ""


def place(table: Table, name: str, endpoint: str, own: tuple[str, ...], needs: str = "") -> str:
    """Return a path with the type's own endpoint put in. Settings in it are checked with all others.

    Raises: ManifestError when it is no path, or lacks the placeholder it cannot do without.
    """
    text = table.needed_text(name).replace(TYPE_ENDPOINT, endpoint)
    if not text.startswith("/") or text.startswith("//") or any(sign in text for sign in "?# \\"):
        raise table.fault(name, "must begin with one / and hold no query, fragment, blank or backslash")
    try:
        found = placeholders(text)
    except ValueError as error:
        raise ManifestError(table.file, table.dotted(name), str(error)) from None
    if needs and needs not in found:
        raise table.fault(name, f"must hold {{{needs}}}")
    if wrong := [one for one in (RECORD, FILE) if one in found and one not in own]:
        raise table.fault(name, f"cannot hold {{{wrong[0]}}}, which is not known here")
    return text
