"""The filter language in plain Python, written from its description and not from the code it judges."""

from __future__ import annotations

import operator as op
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.api.query_parsing import And, Clause, Node

_ORDERED = {">": op.gt, "<": op.lt, ">=": op.ge, "<=": op.le}


def holds(tree: Node, record: dict[str, Any], kinds: dict[str, str]) -> bool:
    """Say whether a record, as the wire shows it, matches."""
    if not isinstance(tree, Clause):
        return (all if isinstance(tree, And) else any)(holds(part, record, kinds) for part in tree.parts)
    path = ".".join(tree.path)
    found, kind = _member(record, path), kinds[path]
    if tree.operator == "!=":
        return not _equal(found, tree.value, kind)
    if found is None:
        return False
    if tree.operator == "=":
        return _equal(found, tree.value, kind)
    if tree.operator == "~":
        return _any_case(tree.value) in _any_case(found)
    return _ORDERED[tree.operator](_read(found, kind), _read(tree.value, kind))


def sort_key(record: dict[str, Any], path: str, kind: str) -> Any:
    """Return what a record is sorted by, None when it has nothing there."""
    found = _member(record, path)
    if found is None:
        return None
    return _lower(found) if kind == "text" else _read(found, kind)


def _member(record: dict[str, Any], path: str) -> Any:
    found: Any = record
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _equal(found: Any, value: str, kind: str) -> bool:
    return found is not None and _read(found, kind) == _read(value, kind)


def _read(value: Any, kind: str) -> Any:
    if kind == "number":
        return Decimal(str(value))
    if kind == "boolean":
        return value if isinstance(value, bool) else value == "true"
    return instant(value) if kind == "date" else value


def instant(text: str) -> int:
    """Return 100-nanosecond ticks since 1970."""
    whole, _, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :] if rest else ""
    moment = datetime.fromisoformat(whole + zone)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    # Aware datetimes refuse to leave their calendar, differences of them do not.
    ticks = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    return ticks + int(digits[:7].ljust(7, "0"))


def _any_case(text: str) -> str:
    # The smallest of a letter's forms stands for all of them.
    return "".join(min(form for form in (sign, sign.lower(), sign.upper()) if len(form) == 1) for sign in text)


def _lower(text: str) -> bytes:
    return bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in text.encode())
