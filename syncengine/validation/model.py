"""The standard model as a value: shapes, members, enumerations. `model.toml` holds it, this module only reads it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PLAIN_KINDS = frozenset({"text", "decimal", "integer", "boolean", "date", "any"})


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a shape.

    kind:      a plain kind, "word" (see `words`) or "object" (see `shape`).
    is_list:   a list of such values.
    required:  the contract demands it.
    """

    kind: str
    is_list: bool = False
    required: bool = False
    words: tuple[str, ...] = ()
    shape: Shape | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of the standard model; `members` in the model's order. A shape may hold itself (report lines)."""

    name: str
    members: dict[str, Member] = field(default_factory=dict, repr=False)


def record_shape(data_type: str) -> Shape | None:
    """Return what a record of this type may hold; None where the standard model says nothing (custom types)."""
    return _model().get(data_type)


@cache
def _model() -> Mapping[str, Shape | None]:
    text = Path(__file__).with_name("model.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    shapes = {name: Shape(name) for name in raw["shapes"]}
    for name, members in raw["shapes"].items():
        shapes[name].members.update(_members(members, shapes, raw["words"]))
    return {data_type: shapes.get(name) for data_type, name in raw["types"].items()}


def _members(text: str, shapes: Mapping[str, Shape], words: Mapping[str, Any]) -> dict[str, Member]:
    pairs = (pair.split() for pair in text.split(","))
    return {name: _member(kind, shapes, words) for name, kind in pairs}


def _member(kind: str, shapes: Mapping[str, Shape], words: Mapping[str, Any]) -> Member:
    required = kind.endswith("!")
    bare = kind.rstrip("!")
    is_list = bare.startswith("[")
    bare = bare.strip("[]")
    if bare in PLAIN_KINDS:
        return Member(bare, is_list, required)
    if bare in words:
        return Member("word", is_list, required, words=tuple(words[bare]))
    return Member("object", is_list, required, shape=shapes[bare])
