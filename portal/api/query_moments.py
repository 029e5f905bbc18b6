"""Instants as the filter language compares them: whole ticks of 100 ns since 1970, which is what the wire can write.

The three forms of a date (codat contract, section 1.1) are one instant each: with a zone as it says, without one as if
it were UTC, a date alone as its first moment in UTC. Digits past the seventh of a second are cut off.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

TICKS = 10_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,9}))?"
    # A "+" that nobody percent-encoded has become a space on the way.
    r"(?:([Zz])|([ +-])(0[0-9]|1[0-4]):?([0-5][0-9]))?)?"
)


def ticks_of(text: str) -> int | None:
    """Return the instant that this text names, or None when it names none."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    day, time, fraction, _, sign, hours, minutes = found.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=UTC)
    except ValueError:
        return None
    offset = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1) if sign else 0
    seconds = (local - _EPOCH) // timedelta(seconds=1) - offset
    return seconds * TICKS + int((fraction or "0")[:7].ljust(7, "0"))


def moment_of(ticks: int) -> datetime:
    """Return the last moment, in whole microseconds, that is not later; past the calendar's ends, the end itself."""
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if ticks < 0 else datetime.max.replace(tzinfo=UTC)
