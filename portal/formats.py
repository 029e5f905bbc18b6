"""How the portal words times, states and who must act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest

from syncengine.states import DATASET_ACTIVE, ConnectionStatus, DatasetStatus, Responsible

S = DatasetStatus

# Status families: each has its own icon shape (static/img/icons.svg), word and colour.
TONES: dict[str, str] = {
    **dict.fromkeys(DATASET_ACTIVE, "working"),
    S.INITIAL: "waiting",
    S.QUEUED: "waiting",
    S.COMPLETE: "good",
    S.AUTH_ERROR: "customer",
    S.PERMISSIONS_ERROR: "customer",
    S.FETCH_ERROR: "retry",
    S.RATE_LIMIT_ERROR: "retry",
    S.PREREQUISITE_NOT_MET: "retry",
    S.MAP_ERROR: "ours",
    S.VALIDATION_ERROR: "ours",
    S.PROCESSING_ERROR: "ours",
    S.INTERNAL_ERROR: "ours",
    S.NOT_SUPPORTED: "ended",
    S.CANCELLED: "ended",
    ConnectionStatus.PENDING_AUTH: "invited",
    ConnectionStatus.LINKED: "good",
    ConnectionStatus.DEAUTHORIZED: "customer",
    ConnectionStatus.UNLINKED: "ended",
    # Webhook messages and endpoints.
    "Sending": "waiting",
    "Attempting": "working",
    "Success": "good",
    "Failure": "ours",
    "Enabled": "good",
    "Failing": "retry",
    "Paused": "ended",
    "Disabled": "ours",
    # Incidents, members of one, and alerts.
    "Open": "ours",
    "Acknowledged": "retry",
    "Resolved": "good",
    "Recovered": "good",
    # Alerting rules.
    "OK": "good",
    "Firing": "ours",
    "Snoozed": "ended",
}

WHO_MUST_ACT: dict[str, tuple[str, str]] = {
    Responsible.CUSTOMER: ("The customer must act", "warn"),
    Responsible.OPERATOR: ("You must act", "warn"),
    Responsible.PLATFORM: ("The platform must act", ""),
    Responsible.US: ("Ours to fix", "danger"),
}

STAGE_NAMES = ("Fetch", "Map", "Validate", "Store", "Done")
_STAGE_NOW: dict[str, int] = {
    S.FETCHING: 0,
    S.MAP_QUEUED: 1,
    S.MAPPING: 1,
    S.VALIDATION_QUEUED: 2,
    S.VALIDATING: 2,
    S.PROCESSING_QUEUED: 3,
    S.PROCESSING: 3,
    S.COMPLETE: 5,
}
_STAGE_FAILED: dict[str, int] = {
    S.FETCH_ERROR: 0,
    S.AUTH_ERROR: 0,
    S.PERMISSIONS_ERROR: 0,
    S.RATE_LIMIT_ERROR: 0,
    S.PREREQUISITE_NOT_MET: 0,
    S.MAP_ERROR: 1,
    S.VALIDATION_ERROR: 2,
    S.PROCESSING_ERROR: 3,
}


def tone_of(status: str) -> str:
    return TONES.get(status, "waiting")


def stages_of(status: str) -> list[tuple[str, str]]:
    """Return (name, state) of the five segments; state is "done", "now", "failed" or ""."""
    failed = _STAGE_FAILED.get(status)
    reached = failed if failed is not None else _STAGE_NOW.get(status, 0)
    here = "failed" if failed is not None else "now" if status in _STAGE_NOW else ""
    return [
        (name, "done" if place < reached else here if place == reached else "")
        for place, name in enumerate(STAGE_NAMES)
    ]


def zone_of(request: HttpRequest) -> tzinfo:
    """Return the time zone this person chose, UTC when none or when it is unknown here."""
    name = getattr(request.user, "time_zone", "") if hasattr(request, "user") else ""
    return zone_named(name) or UTC


def zone_named(name: str) -> tzinfo | None:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def exact(at: datetime, zone: tzinfo) -> str:
    """Return e.g. "22 Nov 2026, 16:24:36 UTC"."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"


def date_only(at: datetime, zone: tzinfo) -> str:
    """Return e.g. "22 Nov 2026 UTC": a date without its zone could be read a day off."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y} {local.tzname()}"


def relative(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return e.g. "4 min ago", "in 3 h (14:00 UTC)"; beyond thirty days the date. portal.js says the same."""
    gap = now - at
    span = _span(abs(gap))
    if span is None:
        return date_only(at, zone)
    if gap < timedelta(0):
        return f"in {span} ({at.astimezone(zone):%H:%M} {at.astimezone(zone).tzname()})"
    return f"{span} ago" if gap >= timedelta(seconds=5) else "just now"


def duration(seconds: float) -> str:
    """Return e.g. "340 ms", "12.4 s", "3 min 05 s", "2 h 10 min"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _span(gap: timedelta) -> str | None:
    seconds = int(gap.total_seconds())
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (30 * 86_400, 86_400, "d")):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    return None
