"""What stands in the fields of a form made from a model, by field name, whether it was typed or taken from a body.

A member's field is called by its path: `body.customerRef.id`. A list's field holds the numbers of its rows, and a row's
members are called by list and number: `body.lineItems.2.quantity`. Numbers need not be without gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from pushops.json_text import pretty
from syncengine.connectors.push_options import PushOption

type Entered = dict[str, list[str]]

TOP = "body"
MAX_ROWS = 100
_KINDS = {"Number": "number", "Boolean": "yes-no", "DateTime": "moment", "File": "file", "MultiPart": "file"}


def kind_of(option: PushOption) -> str:
    """Return how a member is entered: object, rows, json, choice, number, yes-no, moment, file or text."""
    if option.type == "Array":
        return "rows" if option.properties else "json"
    if option.type == "Object":
        return "object" if option.properties else "json"
    return _KINDS.get(option.type) or ("choice" if option.options else "text")


def from_post(post: QueryDict) -> Entered:
    """Return the fields that belong to the body; what names a row that cannot be one is left out."""
    own = (name for name in post if name == TOP or name.startswith(f"{TOP}."))
    return {name: [value.replace("\0", "") for value in post.getlist(name)] for name in own}


def row_numbers(entered: Entered, name: str) -> list[str]:
    """Return the rows of a list, in their order, each once, at most MAX_ROWS."""
    numbers = dict.fromkeys(value for value in entered.get(name, ()) if _is_number(value))
    return list(numbers)[:MAX_ROWS]


def with_row(entered: Entered, name: str) -> Entered:
    """Return the same with one more, empty row at the end of the list `name`."""
    numbers = row_numbers(entered, name)
    following = str(max(map(int, numbers), default=-1) + 1)
    return {**entered, name: [*numbers, following]}


def without_row(entered: Entered, name: str, number: str) -> Entered:
    """Return the same without a row of the list `name` and without everything in it."""
    inside = f"{name}.{number}."
    kept = {key: values for key, values in entered.items() if not key.startswith(inside)}
    return {**kept, name: [own for own in row_numbers(entered, name) if own != number]}


def from_body(option: PushOption, body: Mapping[str, Any]) -> tuple[Entered, list[str]]:
    """Return the fields filled from a body, and the paths of what the form has no field for."""
    entered: Entered = {}
    left_out: list[str] = []
    _put_members(option, TOP, body, entered, left_out)
    return entered, [path.removeprefix(f"{TOP}.") for path in left_out]


def _put_members(option: PushOption, name: str, body: Mapping[str, Any], into: Entered, left_out: list[str]) -> None:
    for key, value in body.items():
        inner = option.properties.get(key)
        if inner is None:
            left_out.append(f"{name}.{key}")
        elif value is not None:
            _put(inner, f"{name}.{key}", value, into, left_out)


def _put(option: PushOption, name: str, value: Any, into: Entered, left_out: list[str]) -> None:
    kind = kind_of(option)
    if kind == "object" and isinstance(value, Mapping):
        _put_members(option, name, value, into, left_out)
    elif kind == "rows" and isinstance(value, list) and all(isinstance(row, Mapping) for row in value[:MAX_ROWS]):
        into[name] = [str(number) for number in range(len(value[:MAX_ROWS]))]
        for number, row in enumerate(value[:MAX_ROWS]):
            _put_members(option, f"{name}.{number}", row, into, left_out)
        if len(value) > MAX_ROWS:
            left_out.append(f"{name}[{MAX_ROWS}…]")
    elif kind == "json":
        into[name] = [pretty(value)]
    elif kind in ("object", "rows", "file") or isinstance(value, dict | list):
        left_out.append(name)
    else:
        into[name] = [_text(value, kind)]


def _text(value: Any, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "moment":
        return str(value).removesuffix("T00:00:00")
    if kind == "number" and isinstance(value, Decimal | float):
        return format(Decimal(str(value)), "f")
    return str(value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
