"""How one page follows another, in each of the manifest's styles, and how a read that never ends is noticed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from urllib.parse import urljoin, urlsplit

from syncengine.connectors.base import Cursor, HttpAnswer
from syncengine.connectors.manifest_parts import Paging
from syncengine.connectors.paths import path_text, value_at
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import BadAnswer

SAME_PAGE = "The platform keeps sending the same page."
MAX_CURSOR = 8192
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s;,\"]+))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a read stands; JSON-able as a cursor.

    at:      page number, offset, cursor or address of the page to ask for; None for the first.
    seen:    records so far.
    last:    fingerprint of the page before; anchor, lap and step find longer circles (Brent's algorithm: the anchor is
             a page some way back, and is moved up each time a lap, twice as long as the one before, is over).
    """

    at: str | int | None = None
    seen: int = 0
    last: str = ""
    anchor: str = ""
    lap: int = 1
    step: int = 0

    @classmethod
    def of(cls, cursor: Cursor | None) -> Position:
        return cls() if cursor is None else cls(**cursor)

    def as_cursor(self) -> Cursor:
        return {name: getattr(self, name) for name in self.__slots__}

    def after(self, records: Sequence[bytes]) -> Position:
        """Return the position with this page counted in. Raises: BadAnswer when it was here before."""
        if not records:
            return self
        mark = _fingerprint(records)
        if mark in (self.last, self.anchor):
            raise BadAnswer(SAME_PAGE, upstream=records[0][:500].decode("utf-8", "replace"))
        seen, step = self.seen + len(records), self.step + 1
        if not self.anchor or step == self.lap:
            return replace(self, seen=seen, last=mark, anchor=mark, lap=self.lap * 2, step=0)
        return replace(self, seen=seen, last=mark, step=step)


def _fingerprint(records: Sequence[bytes]) -> str:
    digest = blake2b(digest_size=8)
    for record in records:
        digest.update(record)
        digest.update(b"\n")
    return digest.hexdigest()


def page_params(paging: Paging, position: Position, size: int | None) -> list[tuple[str, str]]:
    """Return the parameters that ask for this page. An address that the platform gave carries its own."""
    if paging.style == "none" or (paging.style == "link" and position.at is not None):
        return []
    params = []
    at = position.at
    if at is None and paging.style in ("page", "offset"):
        at = first_at(paging)
    if at is not None:
        params.append((paging.param, str(at)))
    if paging.size_param and size:
        params.append((paging.size_param, str(size)))
    return params


def first_at(paging: Paging) -> int:
    return paging.first if paging.style == "page" else 0


def page_size(paging: Paging, wanted: int | None) -> int | None:
    """Return how many records to ask for on a page."""
    size = wanted if wanted and paging.size_param else paging.size
    return min(size, paging.max_size) if size and paging.max_size else size


def total_of(paging: Paging, outside: Mapping[str, Any]) -> int | None:
    return _whole(_found(outside, paging.total))


def next_position(
    paging: Paging,
    asked: Position,
    counted: Position,
    records: Sequence[bytes],
    outside: Mapping[str, Any],
    answer: HttpAnswer,
    size: int | None,
) -> Position | None:
    """Return where the next page starts, or None when this was the last one.

    asked:    the position this page was asked for with.
    counted:  the same with this page counted in.
    Raises:   BadAnswer when the platform names this page as the next one, or an address elsewhere.
    """
    if paging.style == "none" or _found(outside, paging.more) is False:
        return None
    at: str | int | None
    if paging.style in ("page", "offset"):
        at = _next_number(paging, asked, counted, len(records), outside, size)
    elif paging.style == "cursor":
        at = _next_cursor(paging, records, outside, size)
    else:
        at = _next_link(paging, outside, answer)
    if at is None:
        return None
    if at == asked.at or (paging.style == "link" and at == answer.url):
        raise BadAnswer(SAME_PAGE, upstream=str(at))
    return replace(counted, at=at)


def _next_number(
    paging: Paging, asked: Position, counted: Position, count: int, outside: Mapping[str, Any], size: int | None
) -> int | None:
    if count == 0:
        return None
    at = int(asked.at) if asked.at is not None else first_at(paging)
    total, pages = total_of(paging, outside), _whole(_found(outside, paging.pages))
    if total is not None and counted.seen >= total:
        return None
    if pages is not None and paging.style == "page" and at - paging.first + 1 >= pages:
        return None
    if paging.stop == "short" and size and count < size:
        return None
    return at + (1 if paging.style == "page" else count)


def _next_cursor(
    paging: Paging, records: Sequence[bytes], outside: Mapping[str, Any], size: int | None
) -> str | int | None:
    if paging.last is not None:
        if not records or (paging.stop == "short" and size and len(records) < size):
            return None
        return _cursor_value(value_at(decode_record(records[-1]), paging.last), path_text(paging.last), required=True)
    assert paging.next is not None  # the manifest was checked
    return _cursor_value(_found(outside, paging.next), path_text(paging.next), required=False)


def _cursor_value(value: Any, path: str, *, required: bool) -> str | int | None:
    if (value is None or value is False or value == "") and not required:
        return None
    if type(value) is int or (type(value) is str and 0 < len(value) <= MAX_CURSOR):
        return value
    raise BadAnswer(f"The platform's answer should hold a cursor at {path}, but holds something else.")


def _next_link(paging: Paging, outside: Mapping[str, Any], answer: HttpAnswer) -> str | None:
    found = _header_link(answer) if paging.next is None else _found(outside, paging.next)
    if found is None or found is False or found == "":
        return None
    if type(found) is not str or len(found) > MAX_CURSOR:
        raise BadAnswer("The platform's answer should hold the next page's address, but holds something else.")
    try:
        url = urljoin(answer.url, found)
        same = _origin(url) == _origin(answer.url)
    except ValueError:
        same = False
    if not same:
        raise BadAnswer("The platform names a next page at another address than its own.", upstream=found)
    return url


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default


def _header_link(answer: HttpAnswer) -> str | None:
    for match in _LINK.finditer(answer.headers.get("link", "")):
        rel = _REL.search(match[2])
        if rel and "next" in (rel[1] or rel[2] or "").lower().split():
            return match[1]
    return None


def _found(outside: Mapping[str, Any], path: Any) -> Any:
    return None if path is None else value_at(outside, path)


def _whole(value: Any) -> int | None:
    """Return a count however the platform writes it, None when it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if isinstance(value, Decimal) and value.adjusted() < 19 and value == int(value):
        return int(value)
    return value if type(value) is int and value >= 0 else None
