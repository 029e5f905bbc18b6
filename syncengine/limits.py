"""Shared request budgets: one bucket for all threads, processes and machines, in the database or in Redis.

The algorithm is GCRA, a token bucket that needs one number. A budget of N a minute lets a burst of N/6 through at once
(at least one) and spaces the rest evenly, such that no window of 60 seconds, wherever it begins, holds more than N.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest

from syncengine.models import RateBucket

# A minute and one per cent: requests granted evenly still arrive unevenly, and 0.6 s of that must not break the limit.
WINDOW_SECONDS = 60.6
SHORTEST_WAIT_SECONDS = 0.001
# Sums of Unix seconds are off by some microseconds, which must not cost the last one of a burst.
_ROUNDING_SECONDS = 0.001
REDIS_PREFIX = "headrace:budget:"


@dataclass(frozen=True, slots=True)
class Budget:
    """key: whom it is for, such as "connection:<id>"; per_minute: 0 is unlimited (it can still be shut)."""

    key: str
    per_minute: int

    @property
    def burst(self) -> int:
        return max(1, self.per_minute // 6)

    @property
    def interval(self) -> float:
        """Seconds between two grants once the burst is used: burst + 60/interval stays within per_minute."""
        return WINDOW_SECONDS / (self.per_minute - self.burst + 1) if self.per_minute > 0 else 0.0

    @property
    def tolerance(self) -> float:
        """How far, in seconds, the bucket may be ahead of the time and still grant."""
        return (self.burst - 1) * self.interval + _ROUNDING_SECONDS if self.per_minute > 0 else 0.0


def take(budgets: Sequence[Budget], now: float | None = None) -> float:
    """Take one from every budget, or from none.

    Return 0.0 when granted, else the seconds after which it is worth asking again.
    Not for the inside of a long transaction: in the database it locks the rows until that ends.
    """
    wanted = sorted({budget.key: budget for budget in budgets}.values(), key=lambda budget: budget.key)
    if not wanted:
        return 0.0
    if settings.REDIS_URL:
        return _take_in_redis(wanted, now)
    return _take_in_database(wanted, time.time() if now is None else now)


def shut(key: str, seconds: float, now: float | None = None) -> None:
    """Let nobody take from this key for so many seconds. Extends what is shut already, never shortens it."""
    if settings.REDIS_URL:
        _shut_in_redis(key, seconds, now)
        return
    until = (time.time() if now is None else now) + seconds
    _make_rows([key])
    RateBucket.objects.filter(pk=key, shut_until__lt=until).update(shut_until=until)


# --- database -------------------------------------------------------------------------------------------------------


class _NotGrantedError(Exception):
    """Rolls back what the budgets before the empty one gave."""


def _take_in_database(budgets: Sequence[Budget], now: float) -> float:
    if _grant(budgets, now):
        return 0.0
    rows = RateBucket.objects.in_bulk([budget.key for budget in budgets])
    if len(rows) == len(budgets):
        return _wait(budgets, rows, now)
    # A key is used for the first time.
    _make_rows([budget.key for budget in budgets])
    return _take_in_database(budgets, now)


def _grant(budgets: Sequence[Budget], now: float) -> bool:
    if len(budgets) == 1:
        return _grant_one(budgets[0], now)
    try:
        # Rows are locked in the order of their keys (take sorted them), so two takers cannot wait for each other.
        with transaction.atomic():
            if not all(_grant_one(budget, now) for budget in budgets):
                raise _NotGrantedError
    except _NotGrantedError:
        return False
    return True


def _grant_one(budget: Budget, now: float) -> bool:
    """Check and take in one statement, which is what makes it safe between processes."""
    row = RateBucket.objects.filter(pk=budget.key, shut_until__lte=now)
    if budget.per_minute <= 0:
        return row.exists()
    taken = row.filter(full_at__lte=now + budget.tolerance)
    return taken.update(full_at=Greatest(F("full_at"), Value(now)) + Value(budget.interval)) == 1


def _make_rows(keys: Sequence[str]) -> None:
    RateBucket.objects.bulk_create([RateBucket(key=key) for key in keys], ignore_conflicts=True)


def _wait(budgets: Sequence[Budget], rows: Mapping[str, RateBucket], now: float) -> float:
    waits = [SHORTEST_WAIT_SECONDS]
    for budget in budgets:
        row = rows[budget.key]
        waits.append(row.shut_until - now)
        if budget.per_minute > 0:
            waits.append(row.full_at - budget.tolerance - now)
    return max(waits)


# --- Redis ----------------------------------------------------------------------------------------------------------

# KEYS: one hash per budget. ARGV: now ("" for the server's clock), then interval and tolerance of each budget.
# Numbers travel as text: Redis cuts the fraction off a number that a script returns.
_TAKE = """
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME') now = t[1] + t[2] / 1000000 end
local wait, full = 0, {}
for i, key in ipairs(KEYS) do
  local row = redis.call('HMGET', key, 'full_at', 'shut_until')
  local interval, tolerance = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  full[i] = tonumber(row[1] or 0)
  wait = math.max(wait, tonumber(row[2] or 0) - now)
  if interval > 0 then wait = math.max(wait, full[i] - tolerance - now) end
end
if wait > 0 then return string.format('%.6f', math.max(wait, 0.001)) end
for i, key in ipairs(KEYS) do
  local interval = tonumber(ARGV[2 * i])
  if interval > 0 then
    local at = math.max(full[i], now) + interval
    redis.call('HSET', key, 'full_at', string.format('%.17g', at))
    redis.call('EXPIRE', key, math.max(redis.call('TTL', key), math.ceil(at - now) + 60))
  end
end
return '0'
"""
_SHUT = """
local now = tonumber(ARGV[1])
if not now then local t = redis.call('TIME') now = t[1] + t[2] / 1000000 end
local until_ = now + tonumber(ARGV[2])
if until_ > tonumber(redis.call('HGET', KEYS[1], 'shut_until') or 0) then
  redis.call('HSET', KEYS[1], 'shut_until', string.format('%.17g', until_))
  redis.call('EXPIRE', KEYS[1], math.max(redis.call('TTL', KEYS[1]), math.ceil(tonumber(ARGV[2])) + 60))
end
"""


@cache
def redis_scripts(url: str) -> tuple[Any, Any]:
    """Return the two scripts of a client that connects when one is first called."""
    # Not at the top: it takes longer to import than all the rest of the engine, and most deployments have none.
    from redis import Redis

    client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    return client.register_script(_TAKE), client.register_script(_SHUT)


def _take_in_redis(budgets: Sequence[Budget], now: float | None) -> float:
    take_script, _ = redis_scripts(settings.REDIS_URL)
    numbers = [str(number) for budget in budgets for number in (budget.interval, budget.tolerance)]
    keys = [REDIS_PREFIX + budget.key for budget in budgets]
    return float(take_script(keys=keys, args=["" if now is None else str(now), *numbers]))


def _shut_in_redis(key: str, seconds: float, now: float | None) -> None:
    _, shut_script = redis_scripts(settings.REDIS_URL)
    shut_script(keys=[REDIS_PREFIX + key], args=["" if now is None else str(now), str(seconds)])
