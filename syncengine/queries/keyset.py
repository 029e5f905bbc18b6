"""Cursors of lists: where a page ended, as one opaque word for the URL."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class KeysetPage[Row]:
    """One page of a list.

    rows:   in the list's order, at most the page's size.
    after:  the cursor that the next page starts behind, "" when this is the last one.
    """

    rows: tuple[Row, ...]
    after: str = ""


def pack_cursor(*parts: str) -> str:
    """Return the parts as one URL-safe word."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def unpack_cursor(cursor: str, length: int) -> tuple[str, ...] | None:
    """Return the cursor's parts, or None when it is not one of ours: the list then starts at its beginning."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if isinstance(parts, list) and len(parts) == length and all(isinstance(part, str) for part in parts):
        return tuple(parts)
    return None


def unpack_moment(cursor: str) -> tuple[datetime, UUID] | None:
    """Return the (moment, id) that a list ordered by time was left at, or None."""
    parts = unpack_cursor(cursor, 2)
    if parts is None:
        return None
    try:
        moment, row_id = datetime.fromisoformat(parts[0]), UUID(parts[1])
    except ValueError:
        return None
    return (moment, row_id) if moment.tzinfo else None
