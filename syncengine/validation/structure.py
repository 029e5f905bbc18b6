"""Required members and words of enumerations, checked against the model. Compiled once for each shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from syncengine.validation.model import Member, Shape

MAX_NESTING = 100

type Holds = Callable[[Any], bool]


def holds_for(shape: Shape) -> Holds:
    """Return a check that is quick to say yes; what exactly does not hold is then found by `faults`."""
    return _Writer().write(shape)


class _Writer:
    """Writes the check of one shape as a function without loops over members, which is twice as fast.

    A shape that holds itself is checked by the function that calls itself.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._outside: dict[str, Any] = {}
        self._functions: dict[str, Shape] = {}
        self._count = 0

    def write(self, shape: Shape) -> Holds:
        self._functions[shape.name] = shape
        for found in self._functions_to_write():
            self._lines.append(f"def {found.name}(value):")
            self._object(found, "value", " ", (found.name,))
            self._lines.append(" return True")
        exec(compile("\n".join(self._lines), "<structure>", "exec"), self._outside)  # noqa: S102 - the model's words alone
        holds: Holds = self._outside[shape.name]
        return holds

    def _functions_to_write(self) -> Iterator[Shape]:
        done: set[str] = set()
        while waiting := [shape for name, shape in self._functions.items() if name not in done]:
            for shape in waiting:
                done.add(shape.name)
                yield shape

    def _object(self, shape: Shape, value: str, indent: str, inside: tuple[str, ...]) -> None:
        self._lines.append(f"{indent}if {value}.__class__ is not dict: return False")
        for name, member in shape.members.items():
            inner = member.shape if member.shape is not None and _demands(member.shape) else None
            if not (member.required or member.words or inner):
                continue
            found = self._name()
            self._lines.append(f"{indent}{found} = {value}.get({name!r})")
            if member.required:
                self._lines.append(f"{indent}if {found} is None: return False")
            if member.words:
                self._outside[f"WORDS_{found}"] = frozenset(member.words)
                wrong = f"{found}.__class__ is not str or {found} not in WORDS_{found}"
                self._lines.append(f"{indent}if {found} is not None and ({wrong}): return False")
            if inner is not None:
                self._lines.append(f"{indent}if {found} is not None:")
                self._inner(inner, member.is_list, found, indent + " ", inside)

    def _inner(self, shape: Shape, is_list: bool, value: str, indent: str, inside: tuple[str, ...]) -> None:
        if is_list:
            self._lines.append(f"{indent}if {value}.__class__ is not list: return False")
            element = self._name()
            self._lines.append(f"{indent}for {element} in {value}:")
            value, indent = element, indent + " "
        if shape.name in inside:
            self._functions[shape.name] = shape
            self._lines.append(f"{indent}if not {shape.name}({value}): return False")
        else:
            self._object(shape, value, indent, (*inside, shape.name))

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"


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
