"""A body of the standard model turned into the platform's, and the platform's member paths turned back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

from syncengine.connectors.base import RecordRefused
from syncengine.connectors.fields import Field
from syncengine.connectors.paths import Path
from syncengine.connectors.readers import object_builder

_STEP = re.compile(r"[^.\[\]/]+")


class BodyMapper:
    """Pure; raises RecordRefused only, with the standard model's path of what does not fit."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._build = object_builder(fields)

    def map(self, body: Mapping[str, Any], *, clears: bool) -> dict[str, Any]:
        """Return the platform's body. `clears`: a member that is null in `body` is sent as null, not left out."""
        exact = _exact(dict(body), "")
        content: dict[str, Any] = self._build(exact)
        if clears:
            _put_nulls(self._fields, exact, content)
        return content

    def model_path(self, place: str) -> str:
        """Return the standard model's path for a place in the platform's body, as far as it can be told.

        lines[2].account.id, lines.2.account.id and /lines/2/account/id are all understood.
        """
        return _model_path(self._fields, [int(s) if s.isdecimal() else s for s in _STEP.findall(place)[:32]])


def _exact(value: Any, at: str) -> Any:
    """Floats as the decimals they were written as."""
    if isinstance(value, dict):
        return {name: _exact(inner, f"{at}.{name}" if at else str(name)) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(inner, f"{at}[{index}]") for index, inner in enumerate(value)]
    if isinstance(value, float):
        if not isfinite(value):
            raise RecordRefused(at, "is not a number")
        return Decimal(repr(value))
    return value


def _put_nulls(fields: Mapping[str, Field], raw: Any, content: dict[str, Any]) -> None:
    for name, own in fields.items():
        if own.how == "path" and name not in content and any(_is_null(raw, path) for path in own.paths):
            content[name] = None
        elif own.how == "object" and not own.paths:
            inner = content.get(name, {})
            _put_nulls(own.members, raw, inner)
            if inner:
                content[name] = inner


def _is_null(raw: Any, path: Path) -> bool:
    """Whether null is written at this path, rather than nothing."""
    for at, step in enumerate(path):
        if isinstance(step, int) or not isinstance(raw, dict) or step not in raw:
            return False
        raw = raw[step]
        if raw is None:
            return at == len(path) - 1
    return False


def _model_path(fields: Mapping[str, Field], steps: Sequence[str | int]) -> str:
    found: list[str] = []
    current: Mapping[str, Field] = fields
    last: Field | None = None
    for step in steps:
        if isinstance(step, int):
            if found and last is not None and last.how == "each":
                found[-1] += f"[{step}]"
            elif last is not None and last.how == "list" and step < len(last.items):
                last = last.items[step]
                current = last.members
            continue
        last = current.get(step)
        if last is None:
            break
        found += _texts(last.paths[0] if last.paths else ())
        current = last.members
    if last is not None and last.how == "object" and not last.paths:
        found += _texts(_first_taken(last))
    return ".".join(found)


def _first_taken(own: Field) -> Path:
    """What an object made of several members is best named by: what they have in common, else the first of them."""
    paths = [inner.paths[0] for inner in own.members.values() if inner.paths]
    if not paths:
        return ()
    common: list[str | int] = []
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        common.append(steps[0])
    return tuple(common) or paths[0]


def _texts(path: Path) -> list[str]:
    texts: list[str] = []
    for step in path:
        if isinstance(step, int) and texts:
            texts[-1] += f"[{step}]"
        else:
            texts.append(str(step))
    return texts
