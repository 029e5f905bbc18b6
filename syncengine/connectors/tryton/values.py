"""The kinds of value in Tryton's rows, read exactly: decimals, days, times, references. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from syncengine.connectors.base import Json, RecordRefused

type Row = Mapping[str, Any]
type Content = dict[str, Json]


def decimal_of(row: Row, name: str) -> Decimal:
    """Return the member as a Decimal, exactly as Tryton wrote it; 0 where it is null."""
    value = row[name]
    if value is None:
        return Decimal(0)
    if isinstance(value, dict):
        value = value.get("decimal")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise RecordRefused(name, "It is not a number.") from None
    if not number.is_finite():
        raise RecordRefused(name, "It is not a finite number.")
    return number


def date_of(row: Row, name: str) -> str | None:
    """Return the member, a calendar day without zone, as ISO text at midnight."""
    value = row.get(name)
    if value is None:
        return None
    try:
        return datetime(value["year"], value["month"], value["day"]).isoformat()  # noqa: DTZ001 - the company's own day
    except (KeyError, TypeError, ValueError, OverflowError):
        raise RecordRefused(name, "It is not a date.") from None


def moment_of(row: Row, name: str) -> datetime | None:
    """Return the member as an aware UTC time; Tryton's own are UTC without saying so."""
    value = row.get(name)
    if value is None:
        return None
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    try:
        return datetime(*(value[part] for part in parts)).replace(tzinfo=UTC)  # noqa: DTZ001 - named UTC in the same breath
    except (KeyError, TypeError, ValueError, OverflowError):
        raise RecordRefused(name, "It is not a time.") from None


def latest(value: Json) -> datetime | None:
    """Return the latest date of the record and of all rows merged into it."""
    if isinstance(value, list):
        return max(filter(None, map(latest, value)), default=None)
    if not isinstance(value, dict) or "__class__" in value:
        return None
    own = [moment_of(value, name) for name in ("write_date", "create_date")]
    return max(filter(None, [*own, *(latest(member) for member in value.values())]), default=None)


def iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def known(content: Mapping[str, Json]) -> Content:
    """Return the members that say something."""
    return {name: value for name, value in content.items() if value is not None and value != ""}


def ref(value: int | None) -> Content | None:
    return {"id": str(value)} if value is not None else None


def only_ref(ids: Sequence[int] | None) -> Content | None:
    """Return the one reference, where there is exactly one: the standard model has room for no more."""
    return ref(ids[0]) if ids and len(ids) == 1 else None


def member(related: Row | None, name: str) -> Any:
    return related[name] if related else None


def in_sequence(children: Sequence[Row]) -> list[Row]:
    """Return the children as Tryton shows them: by sequence, those without one last, then by id."""
    return sorted(children, key=lambda row: (row["sequence"] is None, row["sequence"] or 0, row["id"]))
