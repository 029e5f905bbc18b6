"""Files of records over REST: listed, looked at, downloaded, and documents as PDFs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings as deployment

from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.base import Http, HttpAnswer, RecordRefused
from syncengine.connectors.keys import key_reader
from syncengine.connectors.manifest_files import AttachmentsManifest
from syncengine.connectors.mapping import modified_reader
from syncengine.connectors.readers import object_builder
from syncengine.connectors.wire import decode_record, split_object, split_records
from syncengine.exceptions import BadAnswer, SourceRefused

MAX_FILES = 1000
_PDF = "application/pdf"
_FILE_NAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"|filename=([^\s;"]+)', re.IGNORECASE)
_UNSHOWABLE = re.compile(r'[\x00-\x1f\x7f/\\"]+')


class Attachments:
    """Reads what one manifest section describes; `url` fills a path of the manifest into an address."""

    def __init__(self, found: AttachmentsManifest) -> None:
        self._found = found
        self._build = object_builder(found.fields)
        self._key = key_reader((found.key,), "attachments")
        self._modified = modified_reader(found.modified, "date", "UTC")

    def listed(self, answer: HttpAnswer) -> list[Attachment]:
        """Raises: BadAnswer."""
        if answer.status == 204:
            return []
        found = split_records(answer.body, self._found.records, MAX_FILES, deployment.HEADRACE_MAX_RECORD_BYTES)
        return [self._read(decode_record(raw)) for raw in found.records]

    def one(self, answer: HttpAnswer) -> Attachment:
        """Raises: BadAnswer."""
        [raw] = split_object(answer.body, (), deployment.HEADRACE_MAX_RECORD_BYTES).records
        return self._read(decode_record(raw))

    def _read(self, raw: Any) -> Attachment:
        try:
            if type(raw) is not dict:
                raise RecordRefused(".", "something else came where a file was expected")
            content = self._build(raw)
            return Attachment(
                id=self._key(raw),
                name=content.get("name", ""),
                content_type=content.get("contentType", ""),
                file_size=content.get("fileSize"),
                date_created=content.get("dateCreated"),
                include_when_sent=content.get("includeWhenSent"),
                source_modified_at=self._modified(raw),
            )
        except RecordRefused as refusal:
            raise BadAnswer(f"The platform describes a file that we cannot read: {refusal}.") from None


def download(http: Http, url: str, headers: Mapping[str, str]) -> File:
    """Raises: BadAnswer for a file that is too large, and what `http` raises."""
    most = deployment.HEADRACE_MAX_FILE_BYTES
    answer = http.request("GET", url, headers={**headers, "Accept": "*/*"}, max_bytes=most)
    kind = answer.headers.get("content-type", "").strip() or "application/octet-stream"
    return File(answer.body, kind, file_name(answer.headers.get("content-disposition", "")))


def download_pdf(http: Http, url: str, headers: Mapping[str, str]) -> File:
    """Raises: as `download`, and BadAnswer when what came is no PDF."""
    file = download(http, url, {**headers, "Accept": _PDF})
    if not file.content.startswith(b"%PDF-"):
        raise BadAnswer("The platform answered something that is not a PDF.")
    return File(file.content, _PDF, file.name)


def file_name(disposition: str) -> str:
    """Return the file's bare name, or "" when the platform gives none."""
    match = _FILE_NAME.search(disposition[:1000])
    text = (match[1] or match[2] or "") if match else ""
    return _UNSHOWABLE.sub("_", re.sub(r"\\(.)", r"\1", text)).strip(". ")[:255]


def picked(files: list[Attachment], attachment_id: str) -> Attachment:
    """Raises: SourceRefused with status 404."""
    for file in files:
        if file.id == attachment_id:
            return file
    raise SourceRefused("The platform does not know this attachment.", status_code=404)
