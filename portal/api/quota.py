"""Budgets counted over all processes, without asking the database or Redis at each request.

A process takes a lot of a window's budget and spends it by itself. Lots shrink as the budget does, down to one, so
that the last request of a window is granted exactly once whichever process it reaches; never is more granted.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from portal.models import ApiUsage

LARGEST_LOT = 50
# A lot is at most this part of what is left: sixteen processes never hold more than the budget between them.
_LOT_SHARE = 16
_REDIS_PREFIX = "headrace:quota:"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller is told about the budget of its window.

    granted:    whether this request fits.
    remaining:  how many more, as far as this process knows.
    """

    granted: bool
    limit: int
    remaining: int
    ends_at: datetime


@dataclass(slots=True)
class _Lot:
    ends_at: datetime
    unspent: int = 0
    left_in_store: int = 0


class Quota:
    """One process's share of all budgets."""

    def __init__(self) -> None:
        self._lots: dict[str, _Lot] = {}
        self._lock = threading.Lock()

    def take(self, bucket: str, limit: int, ends_at: datetime) -> Allowance:
        """Take one from the bucket's budget of `limit` for the window that ends at `ends_at`."""
        with self._lock:
            lot = self._lots.get(bucket)
            if lot is None or lot.ends_at != ends_at:
                self._forget_ended(ends_at)
                lot = self._lots[bucket] = _Lot(ends_at, left_in_store=limit)
            if not lot.unspent:
                size = max(1, min(LARGEST_LOT, lot.left_in_store // _LOT_SHARE))
                used = _store().hand_out(bucket, ends_at, size, limit)
                if used is None and size > 1:
                    size, used = 1, _store().hand_out(bucket, ends_at, 1, limit)
                if used is None:
                    lot.left_in_store = 0
                    return Allowance(False, limit, 0, ends_at)
                lot.unspent, lot.left_in_store = size, max(0, limit - used)
            lot.unspent -= 1
            return Allowance(True, limit, lot.unspent + lot.left_in_store, ends_at)

    def _forget_ended(self, now_or_later: datetime) -> None:
        if len(self._lots) > 10_000:
            present = datetime.now(UTC)
            self._lots = {bucket: lot for bucket, lot in self._lots.items() if lot.ends_at > present}


def first_refusal(bucket: str, ends_at: datetime) -> bool:
    """Note that the window's budget is used up, and return whether nobody had noted it before."""
    noted = ApiUsage.objects.filter(bucket=bucket, window_ends_at=ends_at, refused_at__isnull=True)
    if noted.update(refused_at=datetime.now(UTC)):
        return True
    if ApiUsage.objects.filter(bucket=bucket, window_ends_at=ends_at).exists():
        return False
    # Counted in Redis: the row only keeps the note.
    _, made = ApiUsage.objects.update_or_create(
        bucket=bucket, defaults={"window_ends_at": ends_at, "refused_at": datetime.now(UTC)}
    )
    return made


def resets_to_tell() -> list[str]:
    """Return the buckets of keys whose used-up window has ended, each to one caller only."""
    ended = ApiUsage.objects.filter(
        window_ends_at__lte=datetime.now(UTC), refused_at__isnull=False, bucket__startswith="key:"
    )
    return [bucket for bucket in ended.values_list("bucket", flat=True) if ended.filter(bucket=bucket).delete()[0]]


class InDatabase:
    def hand_out(self, bucket: str, ends_at: datetime, size: int, limit: int) -> int | None:
        """Add `size` to what was handed out and return the sum, or None when the budget does not hold it."""
        for _ in range(3):
            with transaction.atomic():
                rows = ApiUsage.objects.filter(bucket=bucket)
                current = rows.filter(window_ends_at=ends_at)
                if current.filter(handed_out__lte=limit - size).update(handed_out=F("handed_out") + size):
                    return int(current.values_list("handed_out", flat=True).get())
                if size <= limit and rows.filter(window_ends_at__lt=ends_at).update(  # a new window
                    window_ends_at=ends_at, handed_out=size, refused_at=None
                ):
                    return size
                if rows.exists():
                    return None
            try:
                with transaction.atomic():
                    ApiUsage.objects.filter(window_ends_at__lt=datetime.now(UTC), refused_at__isnull=True).delete()
                    ApiUsage.objects.create(bucket=bucket, window_ends_at=ends_at, handed_out=0)
            except IntegrityError:
                continue  # another process made it first
        return None


class InRedis:
    _SCRIPT = """
        local used = tonumber(redis.call('GET', KEYS[1]) or '0')
        if used + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return -1 end
        used = redis.call('INCRBY', KEYS[1], ARGV[1])
        redis.call('EXPIRE', KEYS[1], ARGV[3])
        return used
    """

    def __init__(self, url: str) -> None:
        from redis import Redis

        self._run: Any = Redis.from_url(url).register_script(self._SCRIPT)

    def hand_out(self, bucket: str, ends_at: datetime, size: int, limit: int) -> int | None:
        key = f"{_REDIS_PREFIX}{bucket}:{int(ends_at.timestamp())}"
        seconds = int((ends_at - datetime.now(UTC)).total_seconds()) + 60
        used = int(self._run(keys=[key], args=[size, limit, seconds]))
        return None if used < 0 else used


@cache
def _store() -> InDatabase | InRedis:
    return InRedis(settings.REDIS_URL) if settings.REDIS_URL else InDatabase()
