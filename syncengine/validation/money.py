"""Amounts of records: read, added up and compared with the tolerance that rounding each line asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

type Amount = Decimal | int

CENT = Decimal("0.01")
_KINDS = (Decimal, int)


def amount(content: Mapping[str, Any], name: str) -> Amount | None:
    """Return the amount, None when it is absent or none."""
    value: Amount | None = content.get(name)
    return value if type(value) in _KINDS else None


def or_zero(value: Amount | None) -> Amount:
    return 0 if value is None else value


def rows(content: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Return the objects of a list; none when it is absent or no list."""
    found = content.get(name)
    if type(found) is not list:
        return ()
    for row in found:
        if type(row) is not dict:
            return [row for row in found if type(row) is dict]
    return found


def total(items: Sequence[Mapping[str, Any]], name: str) -> Amount | None:
    """Return the sum of one member; None when there is no row or one of them lacks it."""
    added: Amount = 0
    for item in items:
        value: Any = item.get(name)
        if type(value) not in _KINDS:
            return None
        added += value
    return added if items else None


def near(left: Amount, right: Amount, line_count: int = 1) -> bool:
    """Whether two amounts agree: to the cent, or to a cent for each line that was rounded on its own."""
    return left == right or abs(Decimal(left) - right) <= CENT * max(line_count, 1)


def near_any(value: Amount, candidates: Iterable[Amount], line_count: int) -> bool:
    return any(near(value, candidate, line_count) for candidate in candidates)
