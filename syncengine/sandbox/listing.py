"""One page of a list, in the paging style of its type."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from syncengine.sandbox.books import encode
from syncengine.sandbox.faults import Fault
from syncengine.sandbox.messages import Answer, Refusal, Request, raw_answer
from syncengine.sandbox.order import BadCursor, Keep, Order, Position
from syncengine.sandbox.shelf import Shelf
from syncengine.sandbox.spoil import spoiled_rows

_ENDLESS = 1 << 40
_MOST_PER_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Window:
    """What was asked for: rows in this order, only those to keep, so many a page. `total` is None when unknown."""

    shelf: Shelf
    order: Order
    keep: Keep | None
    size: int
    total: int | None
    faults: Sequence[Fault]

    def has(self, fault: str) -> bool:
        return any(own.fault == fault for own in self.faults)


def list_page(request: Request, shelf: Shelf, faults: Sequence[Fault]) -> Answer:
    """Raises: Refusal for parameters that make no sense."""
    window = _window(request.query, shelf, faults)
    if shelf.kind.style == "page":
        return _numbered(request, window)
    if shelf.kind.style == "link":
        return _linked(request, window)
    return _cursored(request, window)


def _window(query: Mapping[str, str], shelf: Shelf, faults: Sequence[Fault]) -> Window:
    order = shelf.since(_moment(query["updated_since"])) if query.get("updated_since") else shelf.whole()
    keep = _from_date(shelf, query["date_from"]) if query.get("date_from") else None
    endless = any(fault.fault == "endless" for fault in faults)
    if endless:
        order = replace(order, high=_ENDLESS)
    size = min(_number(query, "per_page" if shelf.kind.style == "page" else "limit", 100, least=1), _MOST_PER_PAGE)
    return Window(shelf, order, keep, size, None if keep or endless else order.count(), faults)


def _numbered(request: Request, window: Window) -> Answer:
    page = _number(request.query, "page", 1, least=1)
    index = 0 if window.has("repeat-page") else (page - 1) * window.size
    if window.keep is None:
        records, _ = _rows(window, window.order.locate(index))
        total = 1_000_000 if window.total is None or window.has("repeat-page") else window.total
    else:  # a date filter: count by looking
        numbers, _ = window.order.take(window.order.start(), window.order.count(), window.keep)
        total = len(numbers)
        records = _encoded(window, numbers[index : index + window.size])
    meta = {"page": page, "per_page": window.size, "pages": -(-total // window.size), "total": total}
    return raw_answer(_body(window, records, meta=meta))


def _cursored(request: Request, window: Window) -> Answer:
    start = _position(request.query, window)
    records, after = _rows(window, start)
    following = None if after is None else _sealed(after)
    if window.has("repeat-page"):
        following = _sealed(window.order.start())
    rest: dict[str, Any] = {"next_cursor": following}
    if window.total is not None:
        rest["total"] = window.total
    return raw_answer(_body(window, records, **rest))


def _linked(request: Request, window: Window) -> Answer:
    """A bare list; the next page stands in the Link header."""
    records, after = _rows(window, _position(request.query, window))
    if window.has("repeat-page"):
        after = window.order.start()
    headers = {} if window.total is None else {"X-Total-Count": str(window.total)}
    if after is not None:
        query = urlencode({**request.query, "cursor": _sealed(after), "limit": str(window.size)})
        headers["Link"] = f'<{request.base_url}{request.path}?{query}>; rel="next"'
    body = b'{"records":"moved"}' if window.has("not-a-list") else b"[" + b",".join(records) + b"]"
    return raw_answer(body, 200, **headers)


def _position(query: Mapping[str, str], window: Window) -> Position:
    if not query.get("cursor") or window.has("repeat-page"):
        return window.order.start()
    try:
        return Position.parse(urlsafe_b64decode(query["cursor"]).decode("ascii"))
    except (BadCursor, binascii.Error, ValueError):
        raise Refusal(400, "bad_cursor", "cursor: take it from the answer before, unchanged.") from None


def _sealed(position: Position) -> str:
    return urlsafe_b64encode(str(position).encode()).decode()


def _rows(window: Window, start: Position) -> tuple[list[bytes], Position | None]:
    numbers, after = window.order.take(start, window.size, window.keep)
    return _encoded(window, numbers), after


def _encoded(window: Window, numbers: list[int]) -> list[bytes]:
    row = window.shelf.row
    return spoiled_rows(window.faults, window.shelf.kind, numbers, [row(n) for n in numbers])


def _body(window: Window, records: list[bytes], **rest: Any) -> bytes:
    listed = b'{"0":"moved"}' if window.has("not-a-list") else b"[" + b",".join(records) + b"]"
    return encode({window.shelf.kind.name: msgspec.Raw(listed), **rest})


def _from_date(shelf: Shelf, text: str) -> Keep:
    """Rows dated from this day on; deleted ones always, so that nobody misses a deletion."""
    kind = shelf.kind
    dated = kind.dated
    if dated is None:
        raise Refusal(400, "bad_parameter", f"date_from: {kind.name} have no date.")
    try:
        first = date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise Refusal(400, "bad_parameter", "date_from: give a date such as 2026-01-31.") from None

    def keep(n: int) -> bool:
        if n not in shelf.touched:
            return dated(shelf.books, n) >= first
        kept = shelf.touched[n]
        return kept is None or _date_in(msgspec.json.decode(kept), kind.date_path) >= first

    return keep


def _date_in(content: Any, path: Sequence[str]) -> str:
    for name in path:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, str) else "9"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(400, "bad_parameter", "updated_since: give a time such as 2026-01-31T08:00:00Z.") from None


def _number(query: Mapping[str, str], name: str, default: int, *, least: int) -> int:
    text = query.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
        raise Refusal(400, "bad_parameter", f"{name}: give a whole number from {least} on.")
    return int(text)
