"""What a record shows of its custom fields, and how often mappings find their values. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from customdata.expressions import INVALID, Outcome, Resolution, resolve, value_kind

type Json = Any


class Unresolved(StrEnum):
    """What is shown where a sound expression finds nothing (setting `unresolved`).

    auto:  the sentinel when the path leads somewhere in no record of the connection, since then the mapping is wrong
           there; null when it does in some.
    """

    AUTO = "auto"
    SENTINEL = "sentinel"
    NULL = "null"


@dataclass(slots=True)
class Coverage:
    """How often an expression found its value."""

    resolved: int = 0
    null: int = 0
    missing: int = 0
    invalid: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reason: str = ""  # of the first that was invalid

    @property
    def evaluated(self) -> int:
        return self.resolved + self.null + self.missing + self.invalid

    @property
    def leads_somewhere(self) -> bool:
        """Whether the path exists in at least one record."""
        return self.resolved + self.null > 0

    @property
    def share(self) -> float:
        return self.resolved / self.evaluated if self.evaluated else 0.0

    def count(self, resolution: Resolution) -> None:
        match resolution.outcome:
            case Outcome.RESOLVED:
                self.resolved += 1
                self.kinds[value_kind(resolution.value)] += 1
            case Outcome.NULL:
                self.null += 1
            case Outcome.MISSING:
                self.missing += 1
            case Outcome.INVALID:
                self.invalid += 1
                self.reason = self.reason or resolution.reason


NO_RECORD: Json = object()  # stands for the platform's text of a record where none is kept


def measure(json_path: str, documents: Iterable[Json]) -> Coverage:
    """Return how an expression fares on the platform's own records."""
    coverage = Coverage()
    for document in documents:
        coverage.count(resolve(json_path, document))
    return coverage


def custom_fields_of(
    document: Json,
    mappings: Sequence[tuple[str, str]],
    leads_somewhere: Mapping[str, bool],
    unresolved: Unresolved = Unresolved.AUTO,
) -> dict[str, Json]:
    """Return a record's custom fields by name; a field without a mapping is absent.

    document:         the platform's own record, decoded; NO_RECORD when none is kept, which shows null.
    mappings:         (field's name, expression), those that count for the connection.
    leads_somewhere:  expression → whether its path exists in some record of the connection; True when not known.
    """
    if document is NO_RECORD:
        return {name: None for name, _ in mappings}
    return {
        name: shown(resolve(path, document), leads_somewhere.get(path, True), unresolved) for name, path in mappings
    }


def shown(resolution: Resolution, leads_somewhere: bool, unresolved: Unresolved) -> Json:
    """Return the value that a record shows for what became of an expression."""
    if resolution.outcome == Outcome.INVALID:
        return INVALID
    if resolution.outcome != Outcome.MISSING:
        return resolution.value
    if unresolved == Unresolved.AUTO:
        return None if leads_somewhere else INVALID
    return INVALID if unresolved == Unresolved.SENTINEL else None
