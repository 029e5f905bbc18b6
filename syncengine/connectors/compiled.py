"""Mapping compiled: for each type a function is written that maps a record straight from its text.

It has no loop over fields and looks nothing up, and its decoder skips what no field reads. It knows the way that nearly
all records go. Of one that goes another way (a value of an unusual kind, a tombstone, whatever must be refused) it
says nothing, and the readers map that record from the start: they alone say what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec

from syncengine.connectors.base import MappedRecord, RecordRefused
from syncengine.connectors.convert import Convert, WrongValue, moment_of, to_decimal
from syncengine.connectors.fields import Field
from syncengine.connectors.keys import MAX_KEY, key_of_values
from syncengine.connectors.manifest_parts import Deleted, TypeManifest
from syncengine.connectors.paths import Path
from syncengine.connectors.readers import added, constants_in, converter, value_reader, words_of
from syncengine.connectors.wanted import Unplannable, Wanted, decoder_of

type Swift = Callable[[bytes], MappedRecord | None]

_TAKEN_AS_THEY_ARE: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "decimal": (Decimal, int),
    "integer": (int,),
    "boolean": (bool,),
}
_GIVES_UP = (msgspec.DecodeError, WrongValue, RecordRefused, TypeError, ArithmeticError, RecursionError)


def compiled(found: TypeManifest, *, sets_id: bool, zone: str) -> Swift | None:
    """Return a function from a record's text to the record, or to None where the readers must look.

    sets_id:  the key is a member of the standard model, too. Returns None when the readers must look at all records.
    """
    try:
        return _Writer().write(found, sets_id, zone)
    except Unplannable:
        return None


class Remembered(dict[Any, Any]):
    """Values already converted. The same words and dates come again and again; the rest is not worth keeping."""

    MOST = 4096

    def __init__(self, convert: Convert, known: Mapping[str, Any] | None = None) -> None:
        super().__init__(known or {})
        self._convert = convert

    def __missing__(self, value: Any) -> Any:
        converted = self._convert(value)
        if type(value) is str and len(self) < self.MOST:
            self[value] = converted
        return converted


class _Writer:
    """Writes one function. Names in it are ours alone; whatever a manifest says stands beside it as a value."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._depth = 2
        self._count = 0
        self._outside: dict[str, Any] = {"Decimal": Decimal, "MappedRecord": MappedRecord}
        self._empty: dict[str, Wanted] = {}  # what stands in for an object that is not there
        self._held: dict[tuple[str, str | int], str] = {}  # variables of inner objects, by outer one and member

    def write(self, found: TypeManifest, sets_id: bool, zone: str) -> Swift:
        root = Wanted()
        key = self._key(root, found)
        if found.deleted is not None:
            self._leave_deleted(root, found.deleted)
        content = self._object(found.fields, root, "record")
        if sets_id:
            self._line(f"{content}['id'] = {key}")
        stamp = "None"
        if found.modified is not None:
            stamp = self._taken(root, "record", found.modified)
            moment = converter(moment_of(found.modified_as, zone), found.modified)
            self._line(f"if {stamp} is not None: {stamp} = {self._value(moment)}({stamp})")
        self._line(f"return MappedRecord({key}, {content}, {stamp})")
        return self._compiled(root)

    def _compiled(self, root: Wanted) -> Swift:
        for name, wanted in self._empty.items():
            self._outside[name] = wanted.object_type()()
        self._outside["decode"] = decoder_of(root).decode
        self._outside["GIVES_UP"] = _GIVES_UP
        opening = ["def map_text(text):", "  try:", "    record = decode(text)"]
        text = "\n".join([*opening, *self._lines, "  except GIVES_UP:", "    return None"])
        exec(compile(text, "<mapping>", "exec"), self._outside)  # noqa: S102 - every word of it is written here
        swift: Swift = self._outside["map_text"]
        return swift

    # --- the head of a record

    def _key(self, root: Wanted, found: TypeManifest) -> str:
        if not found.key:
            return self._value(found.data_type)
        parts = [self._taken(root, "record", path) for path in found.key]
        key = parts[0] if len(parts) == 1 else self._name("key")
        plain = f"{key}.__class__ is str and 0 < len({key}) <= {MAX_KEY}"
        unless = f"if not ({plain}): " if len(parts) == 1 else ""
        self._line(f"{unless}{key} = {self._value(key_of_values(found.key))}({', '.join(parts)})")
        return key

    def _leave_deleted(self, root: Wanted, deleted: Deleted) -> None:
        mark = self._taken(root, "record", deleted.path)
        marks = f"str({mark}) in {self._value(deleted.equals)}" if deleted.equals else f"{mark} in (True, 'true', 1)"
        self._line(f"if {marks}: return None")

    # --- objects and lists

    def _object(self, fields: Mapping[str, Field], wanted: Wanted, source: str) -> str:
        """Write how an object of the standard model is made of `source`; return the variable that holds it."""
        content = self._name("content")
        self._line(f"{content} = {{}}")
        for name, field in fields.items():
            member = repr(name).replace("{", "{{").replace("}", "}}")
            self._field(field, wanted, source, f"{content}[{member}] = {{}}")
        return content

    def _field(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        """Write how the field is read, and `put`, with the value in the place of {}, for when there is one."""
        _WRITERS[field.how](self, field, wanted, source, put)

    def _inner_object(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        if not field.paths:
            self._unless_empty(field, self._object(field.members, wanted, source), put)
            return
        inner = self._taken(wanted, source, field.paths[0], whole=False)
        with self._block(f"if {inner} is not None:"):
            self._unless_empty(field, self._object(field.members, wanted.at(field.paths[0]), inner), put)

    def _unless_empty(self, field: Field, content: str, put: str) -> None:
        constants = constants_in(field)
        self._line(f"if {f'len({content}) > {constants}' if constants else content}: {put.format(content)}")

    def _each(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        if field.repeat:
            raise Unplannable
        elements = wanted.at(field.paths[0]).element()
        given = self._taken(wanted, source, field.paths[0], whole=False)
        with self._block(f"if {given} is not None:"):
            if field.members:
                value, element = self._name("value"), self._name("element")
                self._line(f"{value} = []")
                with self._block(f"for {element} in {given}:"):
                    self._line(f"{value}.append({self._object(field.members, elements, element)})")
            else:
                elements.whole()
                read = self._value(value_reader(field.items[0], default=field.items[0].default))
                value = f"[{read}(element) for element in {given}]"
            self._line(put.format(value))

    def _list(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        value = self._name("value")
        self._line(f"{value} = []")
        for item in field.items:
            self._field(item, wanted, source, f"{value}.append({{}})")
        self._line(f"if {value}: {put.format(value)}")

    # --- plain values

    def _constant(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        self._line(put.format(self._value(field.constant)))

    def _path(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        if len(field.paths) == 1:
            self._converted(field, self._taken(wanted, source, field.paths[0]), put)
            return
        read, value = self._value(value_reader(field, default=None, keeps_empty=False)), self._name("value")
        self._line(f"{value} = None")
        for path in field.paths:
            with self._block(f"if {value} is None:"):
                self._line(f"{value} = {read}({self._taken(wanted, source, path)})")
        self._line(f"if {value} is None: {value} = {self._value(field.default)}")
        self._line(f"if {value} is not None: {put.format(value)}")

    def _sum(self, field: Field, wanted: Wanted, source: str, put: str) -> None:
        read, value = self._value(converter(to_decimal, ())), self._name("value")
        terms = ", ".join(f"{read}({self._taken(wanted, source, path)})" for _, path in field.terms)
        signs = self._value([sign for sign, _ in field.terms])
        self._line(f"{value} = {self._value(added)}({signs}, [{terms}], {-1 if field.negate else 1})")
        self._line(f"if {value} is not None: {put.format(value)}")

    def _converted(self, field: Field, value: str, put: str) -> None:
        """Write how a value taken from the record becomes one of the standard model."""
        read = value_reader(field, default=field.default)
        types: tuple[type, ...] = ()
        if field.words is not None or field.allowed:
            known = {word: meaning for word, meaning in words_of(field).items() if word}
            change = f"{self._value(Remembered(read, known))}[{value}]"
        elif field.convert in ("date", "day") and not field.zone:
            change = f"{self._value(Remembered(read))}[{value}]"
        else:
            types = () if field.negate or field.zone else _TAKEN_AS_THEY_ARE.get(field.convert, ())
            change = f"{self._value(read)}({value})"
        if types:
            plain = " or ".join(f"{value}.__class__ is {kind.__name__}" for kind in types)
            self._line(f"if {plain}: {put.format(value)}")
        other = "else:" if field.default is not None else f"elif {value} is not None:"
        with self._block(other if types else f"{'if True:' if other == 'else:' else other[2:]}"):
            self._line(f"{value} = {change}")
            self._line(f"if {value} is not None: {put.format(value)}")

    def _taken(self, wanted: Wanted, source: str, path: Path, *, whole: bool = True) -> str:
        """Write how the value at `path` is reached; return the variable that holds it, or None."""
        if not path:
            raise Unplannable
        for step in path[:-1]:
            source, wanted = self._inside(wanted, source, step), wanted.member(step)
        found = wanted.member(path[-1])
        if whole:
            found.whole()
        value = self._name("value")
        self._line(f"{value} = {source}.{wanted.name_of(path[-1])}")
        return value

    def _inside(self, wanted: Wanted, source: str, step: str | int) -> str:
        if (source, step) not in self._held:
            inner, empty = self._name("inner"), self._name("EMPTY")
            self._empty[empty] = wanted.member(step)
            self._line(f"{inner} = {source}.{wanted.name_of(step)} or {empty}")
            self._held[source, step] = inner
        return self._held[source, step]

    # --- lines and names

    def _line(self, text: str) -> None:
        self._lines.append("  " * self._depth + text)

    @contextmanager
    def _block(self, opening: str) -> Iterator[None]:
        """What is held by variables set in the block is not held behind it."""
        self._line(opening)
        held, self._held = self._held, dict(self._held)
        self._depth += 1
        yield
        self._depth -= 1
        self._held = held

    def _name(self, word: str) -> str:
        self._count += 1
        return f"{word}{self._count}"

    def _value(self, value: Any) -> str:
        """Return a name for a value, or the value itself where it is a plain text."""
        if type(value) is str:
            return repr(value)
        name = self._name("GIVEN")
        self._outside[name] = value
        return name


_WRITERS: dict[str, Callable[[_Writer, Field, Wanted, str, str], None]] = {
    "path": _Writer._path,
    "constant": _Writer._constant,
    "sum": _Writer._sum,
    "object": _Writer._inner_object,
    "each": _Writer._each,
    "list": _Writer._list,
}
