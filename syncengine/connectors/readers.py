"""Fields compiled to closures: what can be decided once is decided when a manifest is loaded.

The readers run for every member of every record, so they make no look-ups of their own; each takes the object it reads
from and returns None when there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from syncengine.connectors.base import RecordRefused
from syncengine.connectors.convert import CONVERTS, Convert, WrongValue, kind_of, to_date_in, to_decimal, to_word
from syncengine.connectors.fields import Field
from syncengine.connectors.paths import Path, path_text, value_at

type Reader = Callable[[Any], Any]
# name, key, types, table, default, reader: when the member `key` has exactly one of these types it is taken as is, or
# by `table` when there is one and it knows the value. In all other cases the reader is asked, with the whole object;
# `types` None asks it at once.
type Step = tuple[str, str, tuple[type, ...] | None, Mapping[Any, Any] | None, Any, Reader]
# outer, steps, defaults: steps that stand next to each other and read members of the same inner object (None: of the
# object itself), and what they give when there is no such object.
type Group = tuple[str | None, list[Step], dict[str, Any]]

_AS_IT_IS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "decimal": (Decimal, int),
    "integer": (int,),
    "boolean": (bool,),
}
_TAKEN_BY: dict[Convert, tuple[type, ...]] = {CONVERTS[name]: types for name, types in _AS_IT_IS.items()}


def object_builder(fields: Mapping[str, Field]) -> Callable[[Any], dict[str, Any]]:
    groups = _groups(fields)

    def build(raw: Any) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for outer, steps, defaults in groups:
            source = raw if outer is None else raw.get(outer)
            if type(source) is not dict:
                content.update(defaults)
                continue
            for name, key, types, table, default, read in steps:
                if types is None:
                    value = read(raw)
                else:
                    value = source.get(key)
                    if value is None:
                        value = default
                    elif type(value) not in types:
                        value = read(raw)
                    elif table is not None:
                        value = table.get(value) or read(raw)
                if value is not None:
                    content[name] = value
        return content

    return build


def _groups(fields: Mapping[str, Field]) -> list[Group]:
    groups: list[Group] = []
    for name, field in fields.items():
        outer = _outer(field)
        if not groups or groups[-1][0] != outer:
            groups.append((outer, [], {}))
        groups[-1][1].append(_step(name, field))
        if field.default is not None:
            groups[-1][2][name] = field.default
    return groups


def _outer(field: Field) -> str | None:
    """Return the name of the inner object that a plain field reads from; None when it is the object itself."""
    return str(field.paths[0][0]) if _is_plain(field) and len(field.paths[0]) == 2 else None


def _is_plain(field: Field) -> bool:
    """Whether the field is one member, of the object or of one inside it."""
    if field.how != "path" or field.negate or field.zone or len(field.paths) != 1:
        return False
    return len(field.paths[0]) in (1, 2) and all(isinstance(step, str) for step in field.paths[0])


def _step(name: str, field: Field) -> Step:
    if not _is_plain(field):
        return name, "", None, None, None, _READERS[field.how](field)
    path, default = field.paths[0], field.default
    key = str(path[-1])
    if field.words is not None or field.allowed:
        return name, key, (str,), _words_of(field), default, _path_reader(field)
    if field.convert in ("date", "day"):
        seen = Remembered(CONVERTS[field.convert])
        return name, key, (str,), seen, default, one_path(path, seen.convert, default, False)
    return name, key, _AS_IT_IS.get(field.convert, ()), None, default, _path_reader(field)


def _words_of(field: Field) -> dict[str, Any]:
    return dict(field.words) if field.words is not None else {word: word for word in sorted(field.allowed)}


class Remembered(dict[str, str]):
    """Texts already converted. The same dates come again and again; the rest is not worth keeping."""

    MOST = 4096

    def __init__(self, convert: Convert) -> None:
        super().__init__()
        self._convert = convert

    def convert(self, value: Any) -> Any:
        converted = self._convert(value)
        if len(self) < self.MOST:
            self[value] = converted
        return converted


def _path_reader(field: Field) -> Reader:
    convert = _converter(field)
    if len(field.paths) == 1:
        keeps_empty = field.convert == "text" and field.words is None and not field.allowed
        return one_path(field.paths[0], convert, field.default, keeps_empty)
    readers = [one_path(path, convert, None, False) for path in field.paths]

    def read(raw: Any) -> Any:
        for reader in readers:
            value = reader(raw)
            if value is not None:
                return value
        return field.default

    return read


def _converter(field: Field) -> Convert:
    if field.words is not None or field.allowed:
        return to_word(_words_of(field), field.otherwise)
    convert = to_date_in(field.zone) if field.zone else CONVERTS[field.convert]
    return (lambda value: -convert(value)) if field.negate else convert


def one_path(path: Path, convert: Convert, default: Any, keeps_empty: bool) -> Reader:
    """An empty text is no value, but for texts themselves."""
    find = finder(path)
    text = path_text(path)
    types = _TAKEN_BY.get(convert, ())
    types = types if keeps_empty or str not in types else ()

    def read(raw: Any) -> Any:
        value = find(raw)
        if type(value) in types:
            return value
        if value is None or (type(value) is str and not value and not keeps_empty):
            return default
        try:
            return convert(value)
        except WrongValue as wrong:
            raise RecordRefused(text, wrong.reason) from None

    return read


def finder(path: Path) -> Reader:
    """Return a look-up: one and two names, which are nearly all there are, without a loop."""
    if len(path) == 1 and isinstance(path[0], str):
        key = path[0]
        return lambda raw: raw.get(key) if type(raw) is dict else None
    if len(path) == 2 and isinstance(path[0], str) and isinstance(path[1], str):
        first, second = path

        def find(raw: Any) -> Any:
            inner = raw.get(first) if type(raw) is dict else None
            return inner.get(second) if type(inner) is dict else None

        return find
    return lambda raw: value_at(raw, path)


def _constant_reader(field: Field) -> Reader:
    return lambda raw: field.constant


def _sum_reader(field: Field) -> Reader:
    terms = [(sign, one_path(path, to_decimal, None, False)) for sign, path in field.terms]
    turn = -1 if field.negate else 1

    def read(raw: Any) -> Any:
        values = [(sign, reader(raw)) for sign, reader in terms]
        given = [sign * value for sign, value in values if value is not None]
        return turn * sum(given) if given else None

    return read


def _object_reader(field: Field) -> Reader:
    build = object_builder(field.members)
    constants = _constants(field)
    if not field.paths:

        def read_here(raw: Any) -> Any:
            content = build(raw)
            return content if len(content) > constants else None

        return read_here
    path = field.paths[0]
    find, start = finder(path), path_text(path)
    key = path[0] if len(path) == 1 and isinstance(path[0], str) else None

    def read(raw: Any) -> Any:
        value = raw.get(key) if key is not None else find(raw)
        if value is None:
            return None
        if type(value) is not dict:
            raise RecordRefused(start, f"{kind_of(value)} came where an object was expected")
        try:
            content = build(value)
        except RecordRefused as refusal:
            raise RecordRefused(f"{start}.{refusal.path}", refusal.reason) from None
        return content if len(content) > constants else None

    return read


def _constants(field: Field) -> int:
    """Return how many members say nothing about the record: an object of constants alone is as good as empty."""
    count = sum(1 for member in field.members.values() if member.how == "constant")
    return 0 if count == len(field.members) else count


def _each_reader(field: Field) -> Reader:
    return _elements_reader(field.paths[0], _element_reader(field))


def _element_reader(field: Field) -> Reader:
    if not field.members:
        return _READERS[field.items[0].how](field.items[0])
    build = object_builder(field.members)
    inner: list[tuple[str, Reader]] = []

    def element(raw: Any) -> Any:
        if type(raw) is not dict:
            raise RecordRefused(".", f"{kind_of(raw)} came where an object was expected")
        content = build(raw)
        for name, read in inner:
            found = read(raw)
            if found is not None:
                content[name] = found
        return content

    inner.extend((name, _elements_reader(path, element)) for name, path in field.repeat.items())
    return element


def _elements_reader(path: Path, element: Reader) -> Reader:
    find, start = finder(path), path_text(path)

    def read(raw: Any) -> Any:
        values = find(raw)
        if values is None:
            return None
        if type(values) is not list:
            raise RecordRefused(start, f"{kind_of(values)} came where a list was expected")
        found: list[Any] = []
        try:
            for value in values:
                found.append(element(value))
        except RecordRefused as refusal:
            at = f"{start}.{len(found)}"
            raise RecordRefused(at if refusal.path == "." else f"{at}.{refusal.path}", refusal.reason) from None
        return found

    return read


def _list_reader(field: Field) -> Reader:
    readers = [_READERS[item.how](item) for item in field.items]

    def read(raw: Any) -> Any:
        found = [value for value in (reader(raw) for reader in readers) if value is not None]
        return found or None

    return read


_READERS: dict[str, Callable[[Field], Reader]] = {
    "path": _path_reader,
    "constant": _constant_reader,
    "sum": _sum_reader,
    "object": _object_reader,
    "each": _each_reader,
    "list": _list_reader,
}
