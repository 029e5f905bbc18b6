"""What differs between the body that failed and the one it was tried again with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pushops.json_text import one_line

MOST_CHANGES = 200
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class BodyChange:
    """One member; a side that did not have it shows a dash."""

    path: str
    before: str
    after: str


def body_changes(before: Any, after: Any) -> list[BodyChange]:
    """Return the members that differ, in the order of the new body, then what was taken out."""
    found: list[BodyChange] = []
    for change in _changes(before, after, ""):
        if len(found) == MOST_CHANGES:
            break
        found.append(change)
    return found


def _changes(before: Any, after: Any, path: str) -> Iterator[BodyChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*after, *before)):
            yield from _changes(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            yield from _changes(_at(before, place), _at(after, place), f"{path}[{place}]")
    elif before is not after and (before != after or type(before) is not type(after)):
        yield BodyChange(path or "body", _text(before), _text(after))


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else _ABSENT


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "—"
    text = value if isinstance(value, str) and value else one_line(value)
    return text if len(text) <= 300 else f"{text[:299]}…"
