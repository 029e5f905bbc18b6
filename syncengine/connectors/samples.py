"""A record as a platform would send it, made up from what its manifest reads: for looking at before anything was read.

Every value stands where the mapping looks for it and maps without complaint; none was ever anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from syncengine.connectors.fields import Field
from syncengine.connectors.manifest_parts import TypeManifest
from syncengine.connectors.paths import Path

_DAY = "2026-01-31"
_VALUES: dict[str, Any] = {
    "decimal": 12.5,
    "integer": 2,
    "boolean": True,
    "date": f"{_DAY}T09:30:00Z",
    "day": _DAY,
    "unix": 1769851800,
    "unix-ms": 1769851800000,
    "msdate": "/Date(1769851800000)/",
}


def sample_record(found: TypeManifest) -> dict[str, Any]:
    """Return one record of the type, decoded, with everything that the manifest reads of it."""
    record: dict[str, Any] = {}
    for place, path in enumerate(found.key, start=1):
        _put(record, path, f"sample-{place}")
    _fill(record, found.fields)
    if found.modified:
        _put(record, found.modified, _VALUES[found.modified_as])
    return record


def _fill(record: dict[str, Any], fields: Mapping[str, Field]) -> None:
    for field in fields.values():
        _FILLERS.get(field.how, _fill_nothing)(record, field)


def _fill_nothing(record: dict[str, Any], field: Field) -> None:
    """A constant is in no record."""


def _fill_path(record: dict[str, Any], field: Field) -> None:
    for path in field.paths:
        _put(record, path, _value(field, path))


def _fill_sum(record: dict[str, Any], field: Field) -> None:
    for _, path in field.terms:
        _put(record, path, _VALUES["decimal"])


def _fill_object(record: dict[str, Any], field: Field) -> None:
    inner: dict[str, Any] = {}
    _fill(inner, field.members)
    if not field.paths or not field.paths[0]:
        _merge(record, inner)
    else:
        _put(record, field.paths[0], inner)


def _fill_each(record: dict[str, Any], field: Field) -> None:
    inner: dict[str, Any] = {}
    _fill(inner, field.members)
    item: Any = inner if field.members else _value(field.items[0], field.paths[0])
    _put(record, field.paths[0], [item])


def _fill_list(record: dict[str, Any], field: Field) -> None:
    for item in field.items:
        _fill(record, {"": item})


_FILLERS = {
    "path": _fill_path,
    "sum": _fill_sum,
    "object": _fill_object,
    "each": _fill_each,
    "list": _fill_list,
}


def _value(field: Field, path: Path) -> Any:
    if field.words:
        return next(iter(field.words))
    if field.allowed:
        return min(field.allowed)
    if field.convert in _VALUES:
        return _VALUES[field.convert]
    name = next((step for step in reversed(path) if isinstance(step, str)), "value")
    return f"Sample {name.replace('_', ' ')}"


def _put(record: dict[str, Any], path: Path, value: Any) -> None:
    """Set a value at a path; what stands there already is kept, and objects grow together."""
    here: Any = record
    for step, after in pairwise(path):
        here = _step(here, step, [] if isinstance(after, int) else {})
    if path:
        found = _step(here, path[-1], value)
        if isinstance(found, dict) and isinstance(value, dict):
            _merge(found, value)


def _step(here: Any, step: str | int, new: Any) -> Any:
    """Return what stands one step on, made when nothing does."""
    if isinstance(step, str):
        return here.setdefault(step, new) if isinstance(here, dict) else new
    if not isinstance(here, list):
        return new
    while len(here) <= step:
        here.append(type(new)() if isinstance(new, (dict, list)) else new)
    return here[step]


def _merge(record: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        found = record.setdefault(name, value)
        if isinstance(found, dict) and isinstance(value, dict) and found is not value:
            _merge(found, value)
