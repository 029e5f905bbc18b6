"""Files that belong to a record: what is known of one, and one with its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Attachment:
    """
    date_created:        as the standard model writes dates, or None.
    source_modified_at:  the platform's own stamp, aware UTC, or None.
    """

    id: str
    name: str = ""
    content_type: str = ""
    file_size: int | None = None
    date_created: str | None = None
    include_when_sent: bool | None = None
    source_modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A whole file, within the size limit. `content_type` is what the platform said of it, never what it holds."""

    content: bytes
    content_type: str = "application/octet-stream"
    name: str = ""
