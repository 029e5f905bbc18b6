"""The `fields` of a manifest: where each member of the standard model comes from, checked against that model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from syncengine.connectors.paths import Path
from syncengine.connectors.reading import Table, did_you_mean, type_word
from syncengine.connectors.zones import known_zone
from syncengine.validation.model import Member, Shape

DATE_FORMS = ("date", "day", "unix", "unix-ms", "msdate")
# What may become what; the first is the conversion taken when the manifest names none.
CONVERSIONS: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "decimal": ("decimal",),
    "integer": ("integer",),
    "boolean": ("boolean",),
    "date": DATE_FORMS,
    "word": ("text",),
    "any": ("any", "text", "decimal", "integer", "boolean", *DATE_FORMS),
}
_SOURCES = ("from", "constant", "sum", "object", "each", "list")
_FREE = Member("any")


@dataclass(frozen=True, slots=True)
class Field:
    """Where one value comes from.

    how:       "path", "constant", "sum", "object", "each" or "list".
    paths:     for "path" the alternatives; for "object" and "each" at most one, where it starts.
    terms:     for "sum": (sign, path).
    members:   for "object", and "each" of objects.
    repeat:    for "each" of objects: members that hold the same object again, and where its elements stand.
    items:     for "list".
    allowed:   the words of the model's enumeration, when the value is one.
    """

    how: str
    paths: tuple[Path, ...] = ()
    convert: str = "any"
    constant: Any = None
    default: Any = None
    zone: str = ""
    words: Mapping[str, Any] | None = None
    otherwise: Any = None
    allowed: frozenset[str] = frozenset()
    negate: bool = False
    terms: tuple[tuple[int, Path], ...] = ()
    members: Mapping[str, Field] = field(default_factory=dict)
    repeat: Mapping[str, Path] = field(default_factory=dict)
    items: tuple[Field, ...] = ()


def read_fields(table: Table, shape: Shape | None) -> dict[str, Field]:
    """Return the fields of one object. `shape` None: the model leaves its members free.

    Raises: ManifestError for members and words the model lacks, values of the wrong type and bad paths.
    """
    fields = {name: _read_member(table, name, shape) for name in table.values}
    if not fields:
        raise table.fault("", "must name at least one member")
    return fields


def _read_member(table: Table, name: str, shape: Shape | None) -> Field:
    if shape is None:
        return _read_field(table, name, table.raw(name), _FREE)
    member = shape.members.get(name)
    if member is None:
        hint = did_you_mean(name, shape.members)
        raise table.fault(name, f"the standard model's {shape.name} has no such member{hint}")
    return _read_field(table, name, table.raw(name), member)


def _read_field(table: Table, name: str, spec: Any, member: Member) -> Field:
    if type(spec) is str:
        _require_plain(table, name, member, "a path")
        return _plain_field(table, name, member, "path", paths=(table.parsed(name, spec),))
    if type(spec) is not dict:
        raise table.fault(name, f"must be a path or a table, not {type_word(spec)}")
    inner = Table(table.file, table.dotted(name), spec)
    how = _source_of(inner)
    found = _READERS[how](inner, member)
    inner.done()
    return found


def _source_of(table: Table) -> str:
    named = [source for source in _SOURCES if source in table]
    if "object" in named:
        named = [source for source in named if source != "from"]
        named = ["each"] if set(named) == {"each", "object"} else named
    if len(named) != 1:
        problem = f"has {' and '.join(named)}" if named else "says nothing of where the value comes from"
        raise table.fault("", f"{problem}; exactly one of {', '.join(_SOURCES)} is expected")
    return named[0]


def _require_plain(table: Table, name: str, member: Member, given: str) -> None:
    if member.is_list and member.kind != "any":
        raise table.fault(name, f"is a list in the standard model, so it needs each or list, not {given}")
    if member.kind == "object":
        raise table.fault(name, f"is an object in the standard model, so it needs object, not {given}")


def _read_from(table: Table, member: Member) -> Field:
    _require_plain(table, "", member, "from")
    paths = _paths(table, "from")
    return _options(table, member, "path", paths=paths)


def _paths(table: Table, name: str) -> tuple[Path, ...]:
    spec = table.raw(name)
    texts = table.texts(name) if type(spec) is list else (table.needed_text(name),)
    if not texts:
        raise table.fault(name, "must name at least one path")
    return tuple(table.parsed(name, text) for text in texts)


def _read_constant(table: Table, member: Member) -> Field:
    _require_plain(table, "", member, "constant")
    return Field("constant", constant=_value_for(table, "constant", member))


def _read_sum(table: Table, member: Member) -> Field:
    if member.kind not in ("decimal", "integer", "any") or member.is_list:
        raise table.fault("sum", "is for amounts only")
    terms = []
    for text in table.texts("sum"):
        sign, path = (-1, text[1:]) if text.startswith("-") else (1, text)
        terms.append((sign, table.parsed("sum", path)))
    if not terms:
        raise table.fault("sum", "must name at least one path")
    return Field("sum", convert="decimal", terms=tuple(terms), negate=table.boolean("negate", False))


def _read_object(table: Table, member: Member) -> Field:
    if member.is_list or member.kind not in ("object", "any"):
        raise table.fault("", "is not an object in the standard model")
    start = _paths(table, "from") if "from" in table else ()
    if len(start) > 1:
        raise table.fault("from", "an object starts at one path only")
    return Field("object", paths=start, members=read_fields(table.needed_table("object"), member.shape))


def _read_each(table: Table, member: Member) -> Field:
    if not member.is_list and member.kind != "any":
        raise table.fault("", "is not a list in the standard model")
    start = (table.parsed("each", table.needed_text("each")),)
    element = Member(member.kind, words=member.words, shape=member.shape)
    if "object" not in table:
        if member.kind == "object":
            raise table.fault("object", "is missing: the list holds objects in the standard model")
        return Field("each", paths=start, items=(_options(table, element, "path", paths=((),)),))
    if member.kind not in ("object", "any"):
        raise table.fault("object", "the list does not hold objects in the standard model")
    members = read_fields(table.needed_table("object"), member.shape)
    return Field("each", paths=start, members=members, repeat=_read_repeat(table, member, members))


def _read_repeat(table: Table, member: Member, members: Mapping[str, Field]) -> dict[str, Path]:
    inner = table.table("repeat")
    if inner is None:
        return {}
    for name in inner.values:
        known = member.shape.members.get(name) if member.shape else Member("object", is_list=True)
        if known is None or not known.is_list or known.shape is not member.shape or name in members:
            raise inner.fault(name, "must be a member that holds a list of the same object, and not be mapped twice")
    return {name: inner.parsed(name, inner.needed_text(name)) for name in inner.values}


def _read_list(table: Table, member: Member) -> Field:
    if not member.is_list and member.kind != "any":
        raise table.fault("", "is not a list in the standard model")
    element = Member(member.kind, words=member.words, shape=member.shape)
    items = table.value("list", list) or []
    if not items:
        raise table.fault("list", "must hold at least one field")
    return Field("list", items=tuple(_read_field(table, f"list[{i}]", item, element) for i, item in enumerate(items)))


_READERS = {
    "from": _read_from,
    "constant": _read_constant,
    "sum": _read_sum,
    "object": _read_object,
    "each": _read_each,
    "list": _read_list,
}


def _options(table: Table, member: Member, how: str, *, paths: tuple[Path, ...]) -> Field:
    choices = CONVERSIONS[member.kind]
    convert = table.choice("as", choices, choices[0])
    zone = _zone(table, convert)
    words = _words(table, member)
    otherwise = _value_for(table, "otherwise", member) if "otherwise" in table else None
    if otherwise is not None and words is None:
        raise table.fault("otherwise", "needs words")
    negate = table.boolean("negate", False)
    if negate and convert not in ("decimal", "integer"):
        raise table.fault("negate", "is for amounts only")
    default = _value_for(table, "default", member) if "default" in table else None
    return _plain_field(
        table, "", member, how, paths=paths, convert=convert, zone=zone, words=words, otherwise=otherwise,
        negate=negate, default=default,
    )  # fmt: skip


def _plain_field(table: Table, name: str, member: Member, how: str, **options: Any) -> Field:
    options.setdefault("convert", CONVERSIONS[member.kind][0])
    return Field(how, allowed=frozenset(member.words), **options)


def _zone(table: Table, convert: str) -> str:
    zone = table.text("zone")
    if zone and convert != "date":
        raise table.fault("zone", "is for dates with times only")
    if zone and not known_zone(zone):
        raise table.fault("zone", f"{zone!r} is not a time zone")
    return zone


def _words(table: Table, member: Member) -> dict[str, Any] | None:
    inner = table.table("words")
    if inner is None:
        return None
    if member.kind not in ("word", "text", "boolean", "any"):
        raise table.fault("words", "is for words, texts and booleans only")
    return {word: _value_for(inner, word, member) for word in inner.values}


def _value_for(table: Table, name: str, member: Member) -> Any:
    """Return a value written in the manifest itself, when it fits the member."""
    found = table.raw(name)
    fits = {"text": str, "word": str, "date": str, "boolean": bool, "integer": int}.get(member.kind)
    if fits is not None and type(found) is not fits:
        raise table.fault(name, f"must be {type_word(fits())}, not {type_word(found)}")
    if member.kind == "decimal" or type(found) is float:
        return _decimal(table, name, found)
    if type(found) not in (str, bool, int):
        raise table.fault(name, f"must be a text, a number or a boolean, not {type_word(found)}")
    if member.words and found not in member.words:
        hint = did_you_mean(found, member.words)
        raise table.fault(name, f"{found!r} is not one of {', '.join(member.words)}{hint}")
    return found


def _decimal(table: Table, name: str, found: Any) -> Decimal | int:
    if type(found) not in (int, float):
        raise table.fault(name, f"must be a number, not {type_word(found)}")
    return found if isinstance(found, int) else Decimal(str(found))
