"""A platform's own record as a tree to pick from: each value with the JMESPath expression that leads to it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from customdata.expressions import value_kind

type Json = Any

MAX_ELEMENTS, MAX_MEMBERS = 10, 200  # shown of one list, of one object
MAX_NODES = 600
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONG = 200
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class Node:
    """One value of the record.

    label:       its name, or its place in a list as `[0]`; "" for the record itself.
    text:        the value as JSON, cut where it is long; "" for what has children.
    is_match:    the search is found in its name or its value.
    left_out:    how many children are not shown.
    """

    label: str
    expression: str
    kind: str
    text: str = ""
    count: int = 0
    is_match: bool = False
    left_out: int = 0
    children: list[Node] = field(default_factory=list)


def tree_of(document: Json, search: str = "") -> Node:
    """Return the record's tree; with a search only the ways to what is found by name or value, whatever the case."""
    budget = iter(range(MAX_NODES))
    found = _node("", "", document, search.lower(), budget)
    return found if found is not None else Node("", "", value_kind(document))


def holds(document: Json, search: str) -> bool:
    """Whether a name or value of the record contains the text, whatever its case."""
    return search.lower() in _encode(document).decode().lower() if search else True


def member(parent: str, name: str) -> str:
    """Return the expression of an object's member: quoted where JMESPath wants it."""
    written = name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)
    return f"{parent}.{written}" if parent else written


def element(parent: str, place: int) -> str:
    return f"{parent}[{place}]"


def _node(label: str, expression: str, value: Json, search: str, budget: Iterator[int]) -> Node | None:
    """Return None for what the search is not found in, and when there is no room for it."""
    if next(budget, None) is None:
        return None
    node = Node(label, expression, value_kind(value), is_match=bool(search) and search in label.lower())
    members = _members(expression, value)
    if members is None:
        node.text = _text(value)
        node.is_match = node.is_match or (bool(search) and search in _whole(value).lower())
        return node if node.is_match or not search else None
    node.count = len(members)
    wanted = "" if node.is_match else search
    for name, path, child in members:
        if len(node.children) >= (MAX_ELEMENTS if isinstance(value, list) else MAX_MEMBERS):
            break
        found = _node(name, path, child, wanted, budget)
        if found is not None:
            node.children.append(found)
    node.left_out = 0 if wanted else len(members) - len(node.children)
    return node if node.children or node.is_match or not search else None


def _members(expression: str, value: Json) -> list[tuple[str, str, Json]] | None:
    if isinstance(value, dict):
        return [(name, member(expression, name), child) for name, child in value.items()]
    if isinstance(value, list):
        return [(f"[{place}]", element(expression, place), child) for place, child in enumerate(value)]
    return None


def _whole(value: Json) -> str:
    return value if isinstance(value, str) else _encode(value).decode()


def _text(value: Json) -> str:
    text = _encode(value).decode()
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
