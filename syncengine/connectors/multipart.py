"""One file as a multipart form. The same file gives the same bytes, so that a repeated request is told as one."""

from __future__ import annotations

import re
from hashlib import sha256

from syncengine.connectors.attachments import File

_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")


def as_form(part: str, file: File) -> tuple[str, bytes]:
    """Return the content type and the body."""
    boundary = f"headrace-{sha256(file.content + file.name.encode()).hexdigest()[:40]}"
    name = _UNSAFE.sub("_", file.name)[:255] or "file"
    kind = file.content_type if _TYPE.fullmatch(file.content_type) else "application/octet-stream"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return (
        f"multipart/form-data; boundary={boundary}",
        head.encode() + file.content + f"\r\n--{boundary}--\r\n".encode(),
    )
