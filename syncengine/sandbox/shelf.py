"""The records of one type of one business: invented ones by number, and the few that somebody touched."""

from __future__ import annotations

from bisect import bisect_left, insort
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

import msgspec

from syncengine.sandbox.books import Books, encode, record_id
from syncengine.sandbox.kinds import Kind
from syncengine.sandbox.order import Order

CREATED_FROM = 10_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
type Content = dict[str, Any]


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


class NoSuchRecord(LookupError):
    """There is no living record of this number."""


class Shelf:
    """`touched` holds the changed, created and deleted records as JSON by number; None is a deleted one.

    `grown` are the steps in which the size was raised: (first number, stamp); records added by a step bear its stamp.
    """

    def __init__(self, books: Books, kind: Kind, size: int) -> None:
        self.books, self.kind, self.size = books, kind, size
        self.touched: dict[int, bytes | None] = {}
        self.stamps: dict[int, int] = {}
        self.grown: list[tuple[int, datetime]] = []
        self.lock = RLock()
        self._first_size = size
        self._next_created = CREATED_FROM
        self._overlaid: list[int] = []
        self._deleted: list[int] = []
        self._created: list[tuple[int, int]] = []
        self._by_stamp: list[tuple[int, int]] = []

    # --- reading ----------------------------------------------------------------------------------------------------

    def record(self, n: int) -> bytes:
        """The record as JSON. Raises: NoSuchRecord."""
        if n in self.touched:
            kept = self.touched[n]
            if kept is None:
                raise NoSuchRecord(n)
            return kept
        content = self.kind.make(self.books, n)
        content["updated_at"] = self.stamp(n)
        return encode(content)

    def row(self, n: int) -> bytes:
        """The record, or what is told of a deleted one."""
        if n in self.touched and self.touched[n] is None:
            gone = {"id": record_id(self.kind.prefix, n), "deleted": True, "updated_at": self.stamp(n)}
            return encode(gone)
        return self.record(n)

    def stamp(self, n: int) -> datetime:
        if n in self.stamps:
            return _EPOCH + self.stamps[n] * _MICROSECOND
        for first, stamp in reversed(self.grown):
            if n >= first:
                return stamp
        return self.books.stamp(n)

    def number(self, wanted: str) -> int:
        """The number of the living record with this id. Raises: NoSuchRecord."""
        prefix, _, digits = wanted.partition("_")
        if self.kind.style == "single" and prefix == self.kind.prefix:
            return 0
        if prefix != self.kind.prefix or not digits.isascii() or not digits.isdigit() or len(digits) > 12:
            raise NoSuchRecord(wanted)
        if record_id(prefix, int(digits)) != wanted:
            raise NoSuchRecord(wanted)
        return self._living(int(digits))

    def whole(self) -> Order:
        """All living records, in the order of their numbers."""
        with self.lock:
            return Order(0, self.size, tuple(self._deleted), tuple(self._created))

    def since(self, moment: datetime) -> Order:
        """What was changed, created or deleted from `moment` on, the longest unchanged first."""
        with self.lock:
            first = bisect_left(range(self.size), micros(moment), key=lambda n: micros(self._born(n)))
            extras = self._by_stamp[bisect_left(self._by_stamp, (micros(moment), 0)) :]
            return Order(first, self.size, tuple(self._overlaid), tuple(extras))

    # --- changing ---------------------------------------------------------------------------------------------------

    def change(self, n: int, patch: Content, now: datetime) -> bytes:
        """Merge `patch` into the record, members that are null in it taken out. Raises: NoSuchRecord."""
        with self.lock:
            content = msgspec.json.decode(self.record(self._living(n)))
            return self._put(n, merged(content, patch), patch, now)

    def create(self, patch: Content, now: datetime) -> bytes:
        with self.lock:
            n = self._next_created
            self._next_created += 1
            content = msgspec.json.decode(encode(self.kind.make(self.books, n)))
            insort(self._created, (n, n))
            return self._put(n, merged(content, patch), patch, now)

    def next_id(self) -> str:
        """The id that the next record gets from `add`."""
        return record_id(self.kind.prefix, self._next_created)

    def add(self, content: Content, now: datetime) -> bytes:
        """Keep a record that somebody wrote, as it is; its id is `next_id()`."""
        with self.lock:
            n = self._next_created
            self._next_created += 1
            insort(self._created, (n, n))
            return self._put(n, content, {}, now)

    def replace(self, n: int, content: Content, now: datetime) -> bytes:
        """Raises: NoSuchRecord."""
        with self.lock:
            return self._put(self._living(n), content, {}, now)

    def added(self) -> list[bytes]:
        """The living records that were created or added, in that order."""
        with self.lock:
            return [kept for n, _ in self._created if (kept := self.touched[n]) is not None]

    def delete(self, n: int, now: datetime) -> None:
        """Raises: NoSuchRecord."""
        with self.lock:
            self._living(n)
            self._remember(n, None, micros(now))
            if n < CREATED_FROM:
                insort(self._deleted, n)
            else:
                self._created.remove((n, n))

    def resize(self, size: int, now: datetime) -> None:
        """Growing stamps the new records with `now`; shrinking makes records vanish without a word."""
        with self.lock:
            if size > self.size:
                self.grown.append((self.size, now))
            self.size = size

    # --- keeping ----------------------------------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        return bool(self.touched or self.grown or self.size != self._first_size)

    def dump(self) -> Content:
        with self.lock:
            return {
                "size": self.size,
                "next_created": self._next_created,
                "grown": self.grown,
                "touched": [
                    [n, self.stamps[n], msgspec.Raw(kept) if kept is not None else None]
                    for n, kept in self.touched.items()
                ],
            }

    def load(self, kept: Content) -> None:
        self.size, self._next_created = kept["size"], kept["next_created"]
        self.grown = [(first, datetime.fromisoformat(stamp)) for first, stamp in kept["grown"]]
        for n, stamp, content in kept["touched"]:
            self._remember(n, None if content is None else encode(content), stamp)
            if content is not None and n >= CREATED_FROM:
                insort(self._created, (n, n))
            elif content is None and n < CREATED_FROM:
                insort(self._deleted, n)

    def _living(self, n: int) -> int:
        is_alive = self.touched[n] is not None if n in self.touched else 0 <= n < self.size
        if not is_alive:
            raise NoSuchRecord(n)
        return n

    def _born(self, n: int) -> datetime:
        for first, stamp in reversed(self.grown):
            if n >= first:
                return stamp
        return self.books.stamp(n)

    def _put(self, n: int, content: Content, patch: Content, now: datetime) -> bytes:
        moment = datetime.fromisoformat(patch["updated_at"]) if "updated_at" in patch else now
        content["updated_at"] = moment
        encoded = encode(content)
        self._remember(n, encoded, micros(moment))
        return encoded

    def _remember(self, n: int, content: bytes | None, stamp: int) -> None:
        if n in self.touched:
            self._by_stamp.remove((self.stamps[n], n))
        elif n < CREATED_FROM:
            insort(self._overlaid, n)
        self.touched[n] = content
        self.stamps[n] = stamp
        insort(self._by_stamp, (stamp, n))


def merged(content: Content, patch: Content) -> Content:
    """JSON merge patch (RFC 7396)."""
    whole = dict(content)
    for name, value in patch.items():
        if value is None:
            whole.pop(name, None)
        elif isinstance(value, dict):
            inner = whole.get(name)
            whole[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            whole[name] = value
    return whole
