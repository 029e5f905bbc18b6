"""What all records of one business share: its days, its chance, and the pieces that many records repeat.

Nothing here is stored: record n of a type follows from (business, type, n, seed) alone, so books of any size cost
no memory. Only small repeated pieces are kept ready as encoded JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec

from syncengine.sandbox.businesses import Business

type Record = dict[str, Any]

DAYS = 548  # eighteen months
STAMP_STEP = timedelta(milliseconds=60)
_STRIDE = 379  # coprime to DAYS: any run of records spreads evenly over the eighteen months
_MASK = (1 << 64) - 1

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


def record_id(prefix: str, n: int) -> str:
    return f"{prefix}_{n:08d}"


class Books:
    """One business's books. `chance(salt, n)` is 64 bits that depend on nothing but the seed, the salt and n."""

    def __init__(self, business: Business, seed: int, as_of: date) -> None:
        self.business = business
        self.seed = seed
        self.as_of = as_of
        first = as_of - timedelta(days=DAYS - 1)
        self._iso = tuple((first + timedelta(days=day)).isoformat() for day in range(DAYS + 120))
        self._salts: dict[str, int] = {}
        self._first_stamp = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
        self.pieces: dict[Any, Any] = {}

    def chance(self, salt: str, n: int) -> int:
        key = self._salts.get(salt)
        if key is None:
            key = crc32(f"{self.seed}/{self.business.id}/{salt}".encode()) << 32
            self._salts[salt] = key
        mixed = (key + (n + 1) * 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def day(self, n: int) -> int:
        """The day of document n, counted from the first of the eighteen months."""
        return n * _STRIDE % DAYS

    def iso(self, day: int) -> str:
        return self._iso[day]

    def stamp(self, n: int) -> datetime:
        """When record n was last changed, before anybody touched it: later for every later record."""
        return self._first_stamp + n * STAMP_STEP


def money(cents: int) -> float:
    return cents / 100


@lru_cache(maxsize=1024)
def slug(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum())
