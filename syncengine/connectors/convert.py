"""Conversions of one value, pure and strict. Each raises WrongValue with a plain reason; null never gets here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from syncengine.connectors.zones import zone_named

type Convert = Callable[[Any], Any]

_DECIMAL = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<minute>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_MSDATE = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = {str: "a text", int: "a number", Decimal: "a number", bool: "true or false", dict: "an object", list: "a list"}


class WrongValue(Exception):
    """`reason` is a plain sentence without the member's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def kind_of(value: Any) -> str:
    return _KINDS.get(type(value), "null" if value is None else type(value).__name__)


def _wrong(value: Any, wanted: str) -> WrongValue:
    shown = repr(value if len(value) <= 60 else value[:57] + "…") if isinstance(value, str) else kind_of(value)
    return WrongValue(f"{shown} came where {wanted} was expected")


def to_text(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    if type(value) is Decimal:
        return format(value, "f")
    raise _wrong(value, "a text")


def to_decimal(value: Any) -> Decimal | int:
    if type(value) is Decimal or type(value) is int:
        return value
    if type(value) is str and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise _wrong(value, "an amount")


def to_integer(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is Decimal and value == value.to_integral_value():
        return int(value)
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    raise _wrong(value, "a whole number")


def to_boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _wrong(value, "true or false")


def to_any(value: Any) -> Any:
    return value


def to_date(value: Any) -> str:
    """An ISO date, or date and time: `2026-01-31` becomes `2026-01-31T00:00:00`, the rest keeps its zone."""
    if type(value) is not str:
        raise _wrong(value, "an ISO date")
    if len(value) == 10 and _DATE.fullmatch(value):
        _require_real(value, value)
        return value + "T00:00:00"
    return _time_text(value)


def to_day(value: Any) -> str:
    """The same with the time cut off, as the platform's own calendar has it."""
    return to_date(value)[:10] + "T00:00:00"


def _require_real(text: str, value: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(value, "an ISO date") from None


def _time_text(value: str) -> str:
    match = _TIME.fullmatch(value)
    if match is None:
        raise _wrong(value, "an ISO date")
    zone = (match["zone"] or "").upper()
    zone = f"{zone[:3]}:{zone[3:]}" if len(zone) == 5 else zone
    day, minute, second = match["day"], match["minute"], match["second"]
    text = f"{day}T{minute}{second or ':00'}{zone}"
    _require_real(text, value)
    return text


def to_date_in(zone: str) -> Convert:
    """Return a conversion that takes times without a zone as `zone`'s and gives UTC; dates alone stay as they are."""
    info = zone_named(zone)

    def convert(value: Any) -> str:
        text = to_date(value)
        if len(value) == 10:
            return text
        moment = datetime.fromisoformat(text)
        return _utc_text(moment if moment.tzinfo else moment.replace(tzinfo=info), value)

    return convert


def _utc_text(moment: datetime, value: Any) -> str:
    try:
        text = moment.astimezone(UTC).isoformat()
    except OverflowError:
        raise _wrong(value, "a date of our age") from None
    return text.removesuffix("+00:00") + "Z"


def unix_moment(value: Any, per_second: int = 1) -> datetime:
    number = to_decimal(value)
    try:
        return _EPOCH + timedelta(microseconds=int(number * 1_000_000 // per_second))
    except (OverflowError, ArithmeticError):
        raise _wrong(value, "a date of our age") from None


def ms_moment(value: Any) -> datetime:
    match = _MSDATE.fullmatch(value) if type(value) is str else None
    if match is None:
        raise _wrong(value, "a date like /Date(1700000000000)/")
    return unix_moment(int(match[1]), 1000)


def iso_moment(value: Any, zone: str = "UTC") -> datetime:
    """An ISO date (its first moment), or date and time; without a zone it is `zone`'s. Aware UTC."""
    if type(value) is str and value[10:11] == "T" and value[-1:] == "Z":
        # By far the most frequent form; what is wrong with it is found out below.
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    moment = datetime.fromisoformat(to_date(value))
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone_named(zone))).astimezone(UTC)
    except OverflowError:
        raise _wrong(value, "a date of our age") from None


def to_unix(value: Any) -> str:
    return _utc_text(unix_moment(value), value)


def to_unix_ms(value: Any) -> str:
    return _utc_text(unix_moment(value, 1000), value)


def to_msdate(value: Any) -> str:
    return _utc_text(ms_moment(value), value)


def to_word(words: dict[str, Any], otherwise: Any = None) -> Convert:
    """Return a conversion by table; `otherwise` None refuses other words."""
    known = ", ".join(words)

    def convert(value: Any) -> Any:
        key = value if type(value) is str else _word_text(value)
        found = words.get(key, otherwise)
        if found is None:
            raise WrongValue(f"{key[:60]!r} is not one of {known}")
        return found

    return convert


def _word_text(value: Any) -> str:
    return ("true" if value else "false") if type(value) is bool else to_text(value)


CONVERTS: dict[str, Convert] = {
    "text": to_text,
    "decimal": to_decimal,
    "integer": to_integer,
    "boolean": to_boolean,
    "any": to_any,
    "date": to_date,
    "day": to_day,
    "unix": to_unix,
    "unix-ms": to_unix_ms,
    "msdate": to_msdate,
}
MOMENTS: dict[str, Callable[[Any], datetime]] = {
    "unix": unix_moment,
    "unix-ms": lambda value: unix_moment(value, 1000),
    "msdate": ms_moment,
}


def moment_of(form: str, zone: str) -> Callable[[Any], datetime]:
    """Return the conversion of a platform's stamps."""
    return MOMENTS.get(form) or (lambda value: iso_moment(value, zone))
