"""What a JSONPath is made of (RFC 9535, section 2), as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    index: int


@dataclass(frozen=True, slots=True)
class Slice:
    start: int | None
    stop: int | None
    step: int


@dataclass(frozen=True, slots=True)
class Wildcard:
    pass


@dataclass(frozen=True, slots=True)
class Filter:
    test: Test


type Selector = Name | Index | Slice | Wildcard | Filter


@dataclass(frozen=True, slots=True)
class Segment:
    """One step: what is selected of each value; `descends` means of each value within it as well."""

    selectors: tuple[Selector, ...]
    descends: bool = False

    @property
    def is_singular(self) -> bool:
        return not self.descends and len(self.selectors) == 1 and isinstance(self.selectors[0], (Name, Index))


@dataclass(frozen=True, slots=True)
class Query:
    """Segments from the root, or (inside a filter) from the value in hand."""

    segments: tuple[Segment, ...]
    relative: bool = False

    @property
    def is_singular(self) -> bool:
        return all(segment.is_singular for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Call:
    """length(value), count(nodes), value(nodes)."""

    name: str
    argument: Query | Literal | Call


@dataclass(frozen=True, slots=True)
class Compare:
    left: Query | Literal | Call
    operator: str
    right: Query | Literal | Call


@dataclass(frozen=True, slots=True)
class Exists:
    query: Query


@dataclass(frozen=True, slots=True)
class Not:
    test: Test


@dataclass(frozen=True, slots=True)
class All:
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Either:
    tests: tuple[Test, ...]


type Test = Compare | Exists | Not | All | Either
