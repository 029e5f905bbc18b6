"""The model of a write, made from what its body mapping takes of the standard model, and from what is said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncengine.connectors.fields import Field
from syncengine.connectors.paths import Path
from syncengine.connectors.push_options import OptionChoice, OptionNote, PushOption, pascal, words_of
from syncengine.connectors.reading import Table, did_you_mean
from syncengine.validation.model import Member, Shape

_TYPES = {"decimal": "Number", "integer": "Number", "boolean": "Boolean", "date": "DateTime", "object": "Object"}
_FREE = Member("any")


@dataclass(slots=True)
class _Node:
    member: Member
    inner: dict[str, _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the manifest says of one member."""

    name: str = ""
    description: str = ""
    required: bool = False
    options: tuple[OptionChoice, ...] = ()
    warnings: tuple[str, ...] = ()
    information: tuple[str, ...] = ()


def read_option(
    table: Table, body_table: Table | None, body: Mapping[str, Field], shape: Shape | None, batch: str
) -> PushOption:
    """Return the tree. `table` is the type's writes: `name`, `description`, `members`.

    Raises: ManifestError for what the standard model lacks, and for members that the body does not take.
    """
    said = _said_of(table, body_table is not None)
    top = _Node(Member("object", shape=shape))
    if batch:
        top.inner["accountId"] = _Node(Member("text"))
    for path in _taken(body, ()):
        _grow(body_table or table, top, path)
    _require_known(table, said, top)
    name = table.text("name") or words_of(shape.name if shape else "record")
    return PushOption(
        "Object", name, table.text("description"), True, properties=_properties(top, said, "")
    )  # fmt: skip


def _said_of(table: Table, has_body: bool) -> dict[str, _Said]:
    inner = table.table("members")
    if inner is None:
        return {}
    if not has_body:
        raise table.fault("members", "needs a body")
    return {path: _read_said(inner.needed_table(path)) for path in inner.values}


def _read_said(table: Table) -> _Said:
    said = _Said(
        name=table.text("name"),
        description=table.text("description"),
        required=table.boolean("required", False),
        options=_choices(table),
        warnings=table.texts("warnings"),
        information=table.texts("information"),
    )
    table.done()
    return said


def _choices(table: Table) -> tuple[OptionChoice, ...]:
    """A list of values, or a table from values to how they are shown."""
    if type(table.raw("options")) is list:
        return tuple(OptionChoice(value, words_of(value)) for value in table.texts("options"))
    return tuple(OptionChoice(value, shown) for value, shown in table.text_table("options").items())


def _taken(fields: Mapping[str, Field], prefix: Path) -> Iterator[Path]:
    """Yield the path of each member of the standard model that a body takes, places in lists left out."""
    for own in fields.values():
        yield from _taken_by(own, prefix)


def _taken_by(own: Field, prefix: Path) -> Iterator[Path]:
    if own.how == "object":
        yield from _taken(own.members, prefix + (own.paths[0] if own.paths else ()))
    elif own.how == "each" and own.members:
        yield from _taken(own.members, prefix + own.paths[0])
    elif own.how == "list":
        for item in own.items:
            yield from _taken_by(item, prefix)
    elif own.how == "sum":
        yield from (prefix + path for _, path in own.terms)
    else:
        yield from (prefix + path for path in own.paths)


def _grow(table: Table, top: _Node, path: Path) -> None:
    node = top
    for step in path:
        if isinstance(step, int):
            continue
        if step not in node.inner:
            node.inner[step] = _Node(_member(table, node.member, step, path))
        node = node.inner[step]


def _member(table: Table, outer: Member, name: str, path: Path) -> Member:
    if outer.shape is None:
        if outer.kind != "any" and outer.kind != "object":
            raise table.fault("", f"{name} is taken from a plain value ({'.'.join(map(str, path))})")
        return _FREE
    found = outer.shape.members.get(name)
    if found is None:
        hint = did_you_mean(name, outer.shape.members)
        raise table.fault("", f"the standard model's {outer.shape.name} has no member {name}{hint}")
    return found


def _require_known(table: Table, said: Mapping[str, Any], top: _Node) -> None:
    known = set(_paths(top, ""))
    for path in said:
        if path not in known:
            members = Table(table.file, table.dotted("members"), {})
            raise members.fault(path, f"is not taken by the body{did_you_mean(path, known)}")


def _paths(node: _Node, prefix: str) -> Iterator[str]:
    for name, inner in node.inner.items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        yield from _paths(inner, path)


def _properties(node: _Node, said: Mapping[str, _Said], prefix: str) -> dict[str, PushOption]:
    return {name: _option(inner, said, f"{prefix}.{name}" if prefix else name) for name, inner in node.inner.items()}


def _option(node: _Node, said: Mapping[str, _Said], path: str) -> PushOption:
    own = said.get(path, _Said())
    member = node.member
    kind = "Array" if member.is_list else "Object" if node.inner else _TYPES.get(member.kind, "String")
    options = own.options or tuple(OptionChoice(word, words_of(word)) for word in member.words if word != "Unknown")
    return PushOption(
        kind,
        own.name or words_of(path.rpartition(".")[2]),
        own.description,
        own.required,
        properties=_properties(node, said, path),
        options=options,
        warnings=tuple(OptionNote(pascal(path), text) for text in own.warnings),
        information=tuple(OptionNote(pascal(path), text) for text in own.information),
    )
