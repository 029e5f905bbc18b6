"""Fields as closures: what can be decided once is decided when a manifest is loaded.

A reader takes the object it reads from, decoded, and returns None when there is nothing. What it refuses it names by
path. `compiled.py` does the same faster for what nearly all records hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncengine.connectors.base import RecordRefused
from syncengine.connectors.convert import CONVERTS, Convert, WrongValue, kind_of, to_date_in, to_decimal, to_word
from syncengine.connectors.fields import Field
from syncengine.connectors.paths import Path, path_text, value_at

type Reader = Callable[[Any], Any]


def object_builder(fields: Mapping[str, Field]) -> Reader:
    """Return a function from the platform's object to the standard model's."""
    readers = [(name, _READERS[field.how](field)) for name, field in fields.items()]

    def build(raw: Any) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for name, read in readers:
            value = read(raw)
            if value is not None:
                content[name] = value
        return content

    return build


def _path_reader(field: Field) -> Reader:
    if len(field.paths) == 1:
        find, convert = finder(field.paths[0]), value_reader(field, default=field.default)
        return lambda raw: convert(find(raw))
    readers = [(finder(path), value_reader(field, path, default=None, keeps_empty=False)) for path in field.paths]

    def read(raw: Any) -> Any:
        for find, convert in readers:
            value = convert(find(raw))
            if value is not None:
                return value
        return field.default

    return read


def value_reader(field: Field, path: Path | None = None, *, default: Any, keeps_empty: bool | None = None) -> Reader:
    """Return a function from what stands at the field's path to what the standard model has."""
    if keeps_empty is None:
        keeps_empty = field.convert == "text" and field.words is None and not field.allowed
    return converter(_convert_of(field), field.paths[0] if path is None else path, default, keeps_empty)


def converter(convert: Convert, path: Path, default: Any = None, keeps_empty: bool = False) -> Reader:
    """Name the path in what `convert` refuses. An empty text is no value, but for texts themselves."""
    text = path_text(path)

    def read(value: Any) -> Any:
        if value is None or (type(value) is str and not value and not keeps_empty):
            return default
        try:
            return convert(value)
        except WrongValue as wrong:
            raise RecordRefused(text, wrong.reason) from None

    return read


def one_path(path: Path, convert: Convert) -> Reader:
    find, read = finder(path), converter(convert, path)
    return lambda raw: read(find(raw))


def _convert_of(field: Field) -> Convert:
    if field.words is not None or field.allowed:
        return to_word(words_of(field), field.otherwise)
    convert = to_date_in(field.zone) if field.zone else CONVERTS[field.convert]
    return (lambda value: -convert(value)) if field.negate else convert


def words_of(field: Field) -> dict[str, Any]:
    return dict(field.words) if field.words is not None else {word: word for word in sorted(field.allowed)}


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
    terms = [one_path(path, to_decimal) for _, path in field.terms]
    signs = [sign for sign, _ in field.terms]
    turn = -1 if field.negate else 1
    return lambda raw: added(signs, [read(raw) for read in terms], turn)


def added(signs: Sequence[int], terms: Sequence[Any], turn: int) -> Any:
    """Return the sum of the terms that are there, None when none of them is."""
    given = [sign * term for sign, term in zip(signs, terms, strict=True) if term is not None]
    return turn * sum(given) if given else None


def _object_reader(field: Field) -> Reader:
    build = object_builder(field.members)
    constants = constants_in(field)
    if not field.paths:

        def read_here(raw: Any) -> Any:
            content = build(raw)
            return content if len(content) > constants else None

        return read_here
    path = field.paths[0]
    find, start = finder(path), path_text(path)

    def read(raw: Any) -> Any:
        value = find(raw)
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


def constants_in(field: Field) -> int:
    """Return how many of an object's members say nothing about the record: with these alone it is as good as empty."""
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
