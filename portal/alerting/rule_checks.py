"""What may stand in a rule. Everything that is refused names its field and says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings as configured
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from portal.alerting.rule_types import RuleType, rule_type_named
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import Refused

MAX_EMAILS = 50
MAX_EMAIL = 254

_CUSTOM = re.compile(r"custom/[a-z0-9][a-z0-9-]{0,80}")


def checked_type(text: str) -> tuple[RuleType, str]:
    """Return the type and how it is spelled on the wire. Raises: Refused naming `type`."""
    found = rule_type_named(text)
    if found is None:
        raise Refused(f"{text[:120]!r} is not a rule type.", field="type")
    return found


def checked_emails(emails: Sequence[str]) -> list[str]:
    """Return the addresses, once each. Raises: Refused naming `emails`."""
    if len(emails) > MAX_EMAILS:
        raise Refused(
            f"A rule may have {MAX_EMAILS} e-mail addresses; these are {len(emails):,}. Use a mailing list instead.",
            field="emails",
        )
    found: dict[str, str] = {}
    for text in emails:
        address = text.strip(" \t")
        if not is_address(address):
            raise Refused(f"{address[:100]!r} is not an e-mail address.", field="emails")
        found.setdefault(address.lower(), address)
    return list(found.values())


def is_address(address: str) -> bool:
    if len(address) > MAX_EMAIL or not address.isascii() or not address.isprintable():
        return False
    try:
        validate_email(address)
    except ValidationError:
        return False
    return True


def checked_settings(kind: RuleType, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings this type has, with its defaults. Raises: Refused naming the setting."""
    known = {setting.name for setting in kind.settings}
    if stray := sorted(name for name, value in given.items() if name not in known and value not in (None, "")):
        raise Refused(f"A rule of type {kind.wire} has no setting {stray[0][:60]!r}.", field=stray[0][:60])
    found: dict[str, Any] = {}
    for setting in kind.settings:
        value = given.get(setting.name)
        if value in (None, ""):
            if setting.needed:
                found[setting.name] = setting.default
        elif setting.unit:
            found[setting.name] = _number(setting.name, setting.label, value, setting.least, setting.most)
        else:
            found[setting.name] = _data_type(value)
    if "points" in found:
        _check_points(found["points"])
    return found


def _check_points(points: int) -> None:
    least = configured.HEADRACE_COVERAGE_DROP_POINTS
    if least <= 0:
        raise Refused("This deployment notices no drops: HEADRACE_COVERAGE_DROP_POINTS is 0.", field="points")
    if points < least:
        raise Refused(f"This deployment notices drops of {least:g} percentage points and more.", field="points")


def _number(name: str, label: str, value: Any, least: int, most: int) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise Refused(f"{label}: a whole number from {least} to {most}.", field=name)
    return int(text)


def _data_type(value: Any) -> str:
    key = str(value).strip()
    for known in DATA_TYPES:
        if known.lower() == key.lower():
            return known
    if not _CUSTOM.fullmatch(key):
        raise Refused(f"{key[:60]!r} is not a data type.", field="data_type")
    return key


def checked_quiet_hours(begin: time | None, end: time | None, zone: str) -> tuple[time | None, time | None, str]:
    """Raises: Refused naming `quiet_until` or `time_zone`."""
    if (begin is None) != (end is None):
        raise Refused("Quiet hours need a beginning and an end, or neither.", field="quiet_until")
    if begin is not None and begin == end:
        raise Refused("Quiet hours must end at another time than they begin.", field="quiet_until")
    zone = zone.strip() or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"{zone[:60]!r} is no time zone; write one such as Europe/Berlin.", field="time_zone") from None
    return begin, end, zone
