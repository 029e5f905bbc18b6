"""What is sent with a write: one record, a JSON object, or one file in a form."""

from __future__ import annotations

from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from portal.api.errors import INVALID_REQUEST, Issue, WireError
from portal.api.schema import WireParser
from syncengine.connectors.attachments import File
from syncengine.connectors.wire import MAX_DEPTH, decode_record
from syncengine.exceptions import BadAnswer

MAX_RECORD_BYTES = 2 * 1024 * 1024
FILE = "file"
_PARTS = (FILE, "fileName")  # the second is how the official accounting SDK calls it
_AROUND_FILE = 64 * 1024  # the form around the file
_FORM = "multipart/form-data"


class _ExactParser(WireParser):
    """Numbers with a fraction keep all their digits."""

    def decoded(self, text: bytes) -> Any:
        try:
            return decode_record(text)
        except BadAnswer:
            msgspec.json.decode(text)  # says itself what is wrong with text that is not JSON
        raise msgspec.DecodeError(f"it nests deeper than {MAX_DEPTH} levels, or a number has too many digits")


def record_in(request: HttpRequest) -> dict[str, Any]:
    """Return the record that the body holds.

    Raises: WireError 413 for a body above MAX_RECORD_BYTES, 400 for one that is not a JSON object.
    """
    if _length(request) > MAX_RECORD_BYTES or len(request.body) > MAX_RECORD_BYTES:
        raise WireError(413, f"A record may have at most {MAX_RECORD_BYTES >> 20} MiB.")
    body = _ExactParser().parse_body(request)
    if not isinstance(body, dict):
        words = "The body must be a JSON object."
        raise WireError(400, f"{INVALID_REQUEST} {words}", issues=(Issue("body", words),))
    return body


def transactions_in(request: HttpRequest) -> dict[str, Any]:
    """Return the transactions that the body holds. The contract's `date` of writes is the `clearedOnDate` of reads.

    Raises: WireError, as `record_in`.
    """
    body = record_in(request)
    rows = body.get("transactions")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and "date" in row:
            row.setdefault("clearedOnDate", row.pop("date"))
    return body


def file_in(request: HttpRequest) -> File:
    """Return the one file of the form.

    Raises: WireError 413 for a file above HEADRACE_MAX_FILE_BYTES, 400 for anything else than one file.
    """
    if request.content_type != _FORM:
        raise _no_file(f"must come in a form of the type {_FORM}.")
    if _length(request) > settings.HEADRACE_MAX_FILE_BYTES + _AROUND_FILE:
        raise _too_large()
    found = _files(request)
    if len(found) != 1 or found[0][0] not in _PARTS:
        raise _no_file(f"must be the one file of the form, in a part named {FILE}.")
    upload = found[0][1]
    if (upload.size or 0) > settings.HEADRACE_MAX_FILE_BYTES:
        raise _too_large()
    if not upload.size:
        raise _no_file("is empty.")
    return File(upload.read(), upload.content_type or "application/octet-stream", upload.name or FILE)


def _files(request: HttpRequest) -> list[tuple[str, UploadedFile[Any]]]:
    try:
        return [(name, upload) for name, uploads in request.FILES.lists() for upload in uploads]
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise _no_file(f"cannot be read: {error}") from None


def _length(request: HttpRequest) -> int:
    given = request.META.get("CONTENT_LENGTH") or "0"
    return int(given) if given.isdecimal() else 0


def _no_file(words: str) -> WireError:
    return WireError(400, f"{INVALID_REQUEST} The file {words}", issues=(Issue(FILE, words),))


def _too_large() -> WireError:
    return WireError(413, f"A file may have at most {settings.HEADRACE_MAX_FILE_BYTES >> 20} MiB.")
