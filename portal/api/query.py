"""`query`, `tags` and `orderBy` of the JSON API: what a client writes becomes conditions and orders of the database.

What holds for both kinds of rows, those in columns and records in JSON:

- `=` compares texts exactly; words of an enumeration, UUIDs and the names in a path in any case.
- `~` finds a text anywhere, whatever the case of its letters, the same letters on both databases.
- Dates are compared as instants (query_moments), numbers as numbers (query_sql).
- A property that is absent or null holds for `!=` only: `!=` is always the opposite of `=`.
- An operator that a property's kind does not know (contract, section 1.7), and a value that is none of its kind, is a
  malformed query.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    UUIDField,
    Value,
)

from portal.api.query_fields import BOOLEAN, DATE, NUMBER, OBJECT, TEXT, TICKS, UUID, AnyOf, Fields, Property, tag
from portal.api.query_moments import TICKS as TICKS_A_SECOND
from portal.api.query_moments import moment_of, ticks_of
from portal.api.query_parsing import (
    Clause,
    Node,
    Or,
    QueryRefused,
    parse_path,
    parse_query,
    parse_tags,
)
from portal.api.query_sql import Compared, DashedUuid, DateCompared, InOrder, Number, pattern_of

__all__ = ["QueryRefused", "order_for", "query_filter", "tags_filter"]

_EQUAL, _LIKE, _ORDERED = {"=", "!="}, {"~"}, {">", "<", ">=", "<="}
_ALLOWED = {
    TEXT: _EQUAL | _LIKE,
    UUID: _EQUAL | _LIKE,
    NUMBER: _EQUAL | _ORDERED,
    DATE: _EQUAL | _ORDERED,
    TICKS: _EQUAL | _ORDERED,
    BOOLEAN: _EQUAL,
    OBJECT: set[str](),
}
_NOTHING = Q(pk__in=[])


def query_filter(text: str | None, fields: Fields) -> Q | None:
    """Return the condition that a `query` means, None when it is absent or blank.

    Raises: QueryRefused.
    """
    if text is None or not text.strip():
        return None
    return _condition(parse_query(text), lambda clause: _clause(clause, _found(clause.path, fields)))


def tags_filter(text: str | None) -> Q | None:
    """Return the condition on companies that a `tags` filter means, None when it is absent or blank.

    Raises: QueryRefused.
    """
    if text is None or not text.strip():
        return None
    try:
        return _condition(parse_tags(text), lambda clause: _clause(clause, tag(clause.path[0])))
    except QueryRefused as refusal:
        raise QueryRefused(refusal.message, field="tags") from None


def order_for(text: str | None, fields: Fields) -> tuple[Any, ...]:
    """Return what to order by, empty when `orderBy` is absent, blank or the order that rows have anyway.

    Rows without the property come last in either direction, equal ones by the tie-breaker.
    Raises: QueryRefused.
    """
    if text is None or not text.strip():
        return ()
    try:
        return _order(text.strip(), fields)
    except QueryRefused as refusal:
        raise QueryRefused(refusal.message, field="orderBy") from None


def _order(text: str, fields: Fields) -> tuple[Any, ...]:
    path = parse_path(text.removeprefix("-"))
    found = _found(path, fields)
    if isinstance(found, AnyOf):
        raise _unresolved(path, fields)
    if found.kind == OBJECT:
        raise QueryRefused
    if ".".join(path).lower() == fields.natural.lower():
        return (F(fields.tie_breaker).desc(),) if text.startswith("-") else ()
    expression = InOrder(found.expression) if found.kind == TEXT else found.expression
    ordered = expression.desc(nulls_last=True) if text.startswith("-") else expression.asc(nulls_last=True)
    return (ordered, fields.tie_breaker)


def _condition(node: Node, clause: Callable[[Clause], Q]) -> Q:
    if isinstance(node, Clause):
        return clause(node)
    parts = [_condition(part, clause) for part in node.parts]
    return Q(*parts, _connector=Q.OR if isinstance(node, Or) else Q.AND)


def _found(path: tuple[str, ...], fields: Fields) -> Property | AnyOf:
    found = fields.find(path)
    if found is None:
        raise _unresolved(path, fields)
    return found


def _unresolved(path: tuple[str, ...], fields: Fields) -> QueryRefused:
    return QueryRefused(f"Error parsing query - Could not resolve property {'.'.join(path)} on {fields.type_name}")


def _clause(clause: Clause, found: Property | AnyOf) -> Q:
    if isinstance(found, AnyOf):
        return _any_of(clause, found)
    if clause.operator not in _ALLOWED[found.kind]:
        raise QueryRefused
    return _COMPILE[found.kind](found, clause.operator, clause.value)


def _any_of(clause: Clause, found: AnyOf) -> Q:
    none_has_it = clause.operator == "!="
    asked = Clause(clause.path, "=", clause.value) if none_has_it else clause
    has_it = Q(Exists(found.rows().filter(_clause(asked, found.member), **{found.link: OuterRef("pk")})))
    return ~has_it if none_has_it else has_it


# --- one clause, by kind --------------------------------------------------------------------------------------------


def _text(found: Property, operator: str, value: str) -> Q:
    if operator == "~":
        return Q(Compared(found.expression, "~", Value(pattern_of(value), CharField())))
    meant = next((word for word in found.words if word.lower() == value.lower()), value)
    return Q(Compared(found.expression, operator, Value(meant, CharField())))


def _uuid(found: Property, operator: str, value: str) -> Q:
    if operator == "~":
        return Q(Compared(DashedUuid(found.expression), "~", Value(pattern_of(value), CharField())))
    try:
        meant = uuid.UUID(value)
    except ValueError:
        return _always(operator)
    return Q(Compared(found.expression, operator, Value(meant, UUIDField())))


def _number(found: Property, operator: str, value: str) -> Q:
    if not _is_number(value):
        raise QueryRefused
    return Q(Compared(found.expression, operator, Number(value)))


def _is_number(value: str) -> bool:
    whole, dot, fraction = value.removeprefix("-").partition(".")
    return value.isascii() and whole.isdigit() and (fraction.isdigit() or not dot)


def _boolean(found: Property, operator: str, value: str) -> Q:
    if value.lower() not in ("true", "false"):
        raise QueryRefused
    return Q(Compared(found.expression, operator, Value(value.lower() == "true", BooleanField())))


def _ticks(found: Property, operator: str, value: str) -> Q:
    ticks = _asked(value)
    furthest = 15 * 3600 * TICKS_A_SECOND  # no zone is further from UTC
    days = (moment_of(ticks + shift).date().isoformat() for shift in (-furthest, furthest))
    return Q(DateCompared(found.expression, operator, Value(ticks, BigIntegerField()), *days))


def _date(found: Property, operator: str, value: str) -> Q:
    """A column holds whole microseconds, so an instant between two of them is compared by the one before it."""
    ticks = _asked(value)
    moment: datetime = moment_of(ticks)
    if ticks % 10 and operator in _EQUAL:
        return _always(operator)
    shifted = {">=": ">", "<": "<="}.get(operator, operator) if ticks % 10 else operator
    return Q(Compared(found.expression, shifted, Value(moment, DateTimeField())))


def _asked(value: str) -> int:
    ticks = ticks_of(value)
    if ticks is None:
        raise QueryRefused
    return ticks


def _always(operator: str) -> Q:
    """Nothing equals a value that no row can have; everything differs from it."""
    return ~_NOTHING if operator == "!=" else _NOTHING


_COMPILE: dict[str, Callable[[Property, str, str], Q]] = {
    TEXT: _text,
    UUID: _uuid,
    NUMBER: _number,
    BOOLEAN: _boolean,
    TICKS: _ticks,
    DATE: _date,
}
