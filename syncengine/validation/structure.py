"""Required members and words of enumerations, checked against the model. Compiled once for each shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from syncengine.validation.model import Member, Shape

MAX_NESTING = 100

type Holds = Callable[[Any], bool]
_COMPILED: dict[str, Holds] = {}


def holds_for(shape: Shape) -> Holds:
    """Return a check that is quick to say yes; what exactly does not hold is then found by `faults`."""
    if shape.name not in _COMPILED:
        # A shape may hold itself, so the entry must exist before its members are looked at.
        _COMPILED[shape.name] = lambda value: _COMPILED[shape.name](value)
        _COMPILED[shape.name] = _compile(shape)
    return _COMPILED[shape.name]


def _compile(shape: Shape) -> Holds:
    required = [name for name, member in shape.members.items() if member.required]
    words = [(name, frozenset(member.words)) for name, member in shape.members.items() if member.words]
    inner = [
        (name, member.is_list, holds_for(member.shape))
        for name, member in shape.members.items()
        if member.shape is not None and _demands(member.shape)
    ]

    def holds(value: Any) -> bool:
        if type(value) is not dict:
            return False
        get = value.get
        for name in required:
            if get(name) is None:
                return False
        for name, known in words:
            word = get(name)
            if word is not None and (type(word) is not str or word not in known):
                return False
        for name, is_list, check in inner:
            found = get(name)
            if found is not None and not (_all_hold(check, found) if is_list else check(found)):
                return False
        return True

    return holds


def _all_hold(check: Holds, value: Any) -> bool:
    if type(value) is not list:
        return False
    for item in value:  # noqa: SIM110 - a generator for each list of each record costs more than the checks
        if not check(item):
            return False
    return True


def _demands(shape: Shape, seen: frozenset[str] = frozenset()) -> bool:
    """Whether anything inside the shape is required or an enumeration."""
    if shape.name in seen:
        return False
    seen |= {shape.name}
    return any(
        member.required or member.words or (member.shape is not None and _demands(member.shape, seen))
        for member in shape.members.values()
    )


def faults(shape: Shape, value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) for every member that does not hold."""
    if not isinstance(value, dict):
        yield path or ".", "An object is expected here."
        return
    if depth > MAX_NESTING:
        return
    for name, member in shape.members.items():
        at = f"{path}.{name}" if path else name
        if value.get(name) is not None:
            yield from _member_faults(member, value[name], at, depth)
        elif member.required:
            yield at, f"{name} is missing."


def _member_faults(member: Member, value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if not member.is_list:
        yield from _value_faults(member, value, path, depth)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _value_faults(member, item, f"{path}.{index}", depth)
    else:
        yield path, "A list is expected here."


def _value_faults(member: Member, value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if member.words and value not in member.words:
        yield path, f"{str(value)[:60]!r} is not one of {', '.join(member.words)}."
    if member.shape is not None:
        yield from faults(member.shape, value, path, depth + 1)
