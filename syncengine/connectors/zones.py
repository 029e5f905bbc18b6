"""Time zones by name, asked once each."""

from __future__ import annotations

from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@cache
def zone_named(name: str) -> ZoneInfo:
    """Raises: ZoneInfoNotFoundError or ValueError for a name that is no zone."""
    return ZoneInfo(name)


def known_zone(name: str) -> bool:
    try:
        zone_named(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
