"""What is kept of a platform's record: the rows it holds, their key, their values, their date.

Usually a record is a row. When a path of keyBy goes through `[*]` inside the record (`$.lines[*].id`), each element of
that list is a row: paths that begin with the same steps are read from the element, all others from the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from customdata.configuration import Configuration
from customdata.exceptions import EvaluationFailed, ExpressionRefused
from customdata.path_terms import Index, Name, Segment
from customdata.paths import EVERY, MISSING, Path, compile_path, path_of
from syncengine.connectors.convert import WrongValue, iso_moment, ms_moment, unix_moment
from syncengine.connectors.endpoints import Wanted

type Json = Any
type Steps = tuple[Segment, ...]

MAX_KEY = 512
_MILLISECONDS_FROM = 100_000_000_000  # numbers from here on are milliseconds: as seconds they are after the year 5000


@dataclass(frozen=True, slots=True)
class Row:
    """One row read.

    key:       "" when it has none; then `fault` says why.
    content:   our name → value; null where nothing was found.
    found:     the names whose path leads somewhere, and `dates` when a date does.
    """

    key: str
    content: dict[str, Json]
    modified_at: datetime | None
    fault: str = ""
    fault_path: str = ""
    found: frozenset[str] = field(default_factory=frozenset)


DATES = "sourceModifiedDate"


@dataclass(frozen=True, slots=True)
class _Place:
    """A path as it is read: from the element at `level` (0 is the record), along `path`."""

    text: str
    level: int
    path: Path


class RowReader:
    """Reads rows from decoded records, after a configuration.

    records_at:  steps by which the configuration's paths may say where in the answer the records stand (`$[*]`,
                 `$.expenses[*]`); they are cut off.
    """

    def __init__(self, configuration: Configuration, records_at: Sequence[Steps] = (), zone: str = "UTC") -> None:
        self._zone = zone
        compiled = {text: _cut(path, records_at) for text, path in compiled_paths(configuration).items()}
        self._levels = row_levels([compiled[text] for text in configuration.key_by])
        self._key = [self._place(text, compiled[text]) for text in configuration.key_by]
        self._values = {name: self._place(text, compiled[text]) for name, text in configuration.required_data.items()}
        self._dates = [self._place(text, compiled[text]) for text in configuration.modified_dates]

    @property
    def is_line_level(self) -> bool:
        return bool(self._levels)

    def rows(self, record: Json) -> Iterator[Row]:
        """Yield the record's rows. A path that goes beyond its budget leaves a row with a fault."""
        try:
            for elements in self._expanded(record):
                yield self._row(elements)
        except EvaluationFailed as failure:
            yield Row(
                "", {}, None, fault=failure.reason, fault_path=path_of(self._levels[0]).text if self._levels else "$"
            )

    def key_only(self, record: Json) -> str:
        """Return the key of a record that is a row, "" when it has none: all that a tombstone holds."""
        return "" if self._levels else self._key_of((record,))[0]

    def _place(self, text: str, path: Path) -> _Place:
        level = steps = 0
        for number, beginning in enumerate(self._levels, start=1):
            whole = sum(map(len, self._levels[:number]))
            if path.segments[steps:whole] != beginning:
                break
            level, steps = number, whole
        return _Place(text, level, path.after(steps) if steps else path)

    def _expanded(self, record: Json) -> Iterator[tuple[Json, ...]]:
        """Yield the record with one element of each level of lists."""
        found: list[tuple[Json, ...]] = [(record,)]
        for steps in self._levels:
            path = path_of(steps)
            found = [(*outer, element) for outer in found for element in path.find(outer[-1])]
        yield from found

    def _row(self, elements: tuple[Json, ...]) -> Row:
        try:
            key, fault, fault_path = self._key_of(elements)
            values = {name: place.path.value(elements[place.level]) for name, place in self._values.items()}
            moments = list(self._moments(elements))
        except EvaluationFailed as failure:
            return Row("", {}, None, fault=failure.reason, fault_path="$")
        found = {name for name, value in values.items() if _is_there(value, self._values[name])}
        content = {name: None if value is MISSING else value for name, value in values.items()}
        return Row(
            key,
            content,
            max(moments, default=None),
            fault,
            fault_path,
            frozenset(found | {DATES} if moments else found),
        )

    def _key_of(self, elements: tuple[Json, ...]) -> tuple[str, str, str]:
        texts = []
        for place in self._key:
            found = place.path.find(elements[place.level])
            text = _key_text(found[0]) if len(found) == 1 else ""
            if not text:
                return "", _key_fault(found), place.text
            texts.append(text)
        key = texts[0] if len(texts) == 1 else ":".join(map(_escaped, texts))
        if len(key) > MAX_KEY:
            return "", f"The key has {len(key)} characters; {MAX_KEY} is the most we keep.", self._key[0].text
        return key, "", ""

    def _moments(self, elements: tuple[Json, ...]) -> Iterator[datetime]:
        for place in self._dates:
            for value in place.path.find(elements[place.level]):
                moment = moment_of(value, self._zone)
                if moment is not None:
                    yield moment


def compiled_paths(configuration: Configuration) -> dict[str, Path]:
    """Return every path by its text. Raises: ExpressionRefused whose message begins with the member at fault."""
    compiled = {}
    for member, text in named_paths(configuration):
        try:
            compiled[text] = compile_path(text)
        except ExpressionRefused as refusal:
            reason = f"{member}: {refusal.reason}"
            raise ExpressionRefused(reason, expression=text, position=refusal.position) from None
    return compiled


def named_paths(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Yield each path with the dotted name of the member that holds it."""
    for place, text in enumerate(configuration.key_by):
        yield f"keyBy[{place}]", text
    for name, text in configuration.required_data.items():
        yield f"requiredData.{name}", text
    for place, text in enumerate(configuration.modified_dates):
        yield f"sourceModifiedDate[{place}]", text


def row_levels(keys: Sequence[Path]) -> tuple[Steps, ...]:
    """Return the steps from the record to its rows, one piece for each list on the way; () for a row a record.

    The key path that goes through the most lists says it.
    """
    deepest: tuple[Steps, ...] = ()
    for path in keys:
        levels = _levels_of(path)
        if len(levels) > len(deepest):
            deepest = levels
    return deepest


def _levels_of(path: Path) -> tuple[Steps, ...]:
    levels: list[Steps] = []
    begins = 0
    for place, segment in enumerate(path.segments):
        if segment == EVERY:
            levels.append(path.segments[begins : place + 1])
            begins = place + 1
        elif not segment.is_singular:
            break
    return tuple(levels)


def _cut(path: Path, records_at: Sequence[Steps]) -> Path:
    for steps in records_at:
        if path.segments[: len(steps)] == steps:
            return path.after(len(steps))
    return path


def _is_there(value: Json, place: _Place) -> bool:
    return value is not MISSING and (place.path.is_singular or bool(value))


def _key_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return format(value, "f") if isinstance(value, Decimal) else ""


def _key_fault(found: Sequence[Json]) -> str:
    if not found or found[0] is None or found[0] == "":
        return "Nothing is there that could be the record's key."
    return (
        "A key must be one text or number; here are several." if len(found) > 1 else "A key must be a text or a number."
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def moment_of(value: Json, zone: str = "UTC") -> datetime | None:
    """Return the point in time that a platform's value names, None when it is no date.

    An ISO date or date and time (without a zone it is `zone`'s), `/Date(1700000000000)/`, or seconds or milliseconds
    since 1970.
    """
    try:
        if isinstance(value, str):
            return ms_moment(value) if value.startswith("/Date(") else iso_moment(value, zone)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return None
        number = Decimal(value)
        return unix_moment(value, 1000 if abs(number) >= _MILLISECONDS_FROM else 1)
    except WrongValue:
        return None


def wanted_of(configuration: Configuration) -> Wanted:
    """Return what the paths ask of a record, as far as they are made of names; one that cannot be read asks nothing."""
    texts = dict.fromkeys(text for _, text in named_paths(configuration))
    paths = {text: path for text in texts if (path := _readable(text)) is not None}
    key = paths.get(configuration.key_by[0]) if len(configuration.key_by) == 1 else None
    whole = _names(key) if key is not None and key.is_singular else ()
    return Wanted(tuple(dict.fromkeys(filter(None, map(_names, paths.values())))), whole)


def _readable(text: str) -> Path | None:
    try:
        return compile_path(text)
    except ExpressionRefused:
        return None


def _names(path: Path) -> tuple[str, ...]:
    names = []
    for segment in path.segments:
        if segment == EVERY:
            continue
        selector = segment.selectors[0]
        if not segment.is_singular or not isinstance(selector, Name | Index):
            break
        names += [selector.name] if isinstance(selector, Name) else []
    return tuple(names)


def first_names(configuration: Configuration, texts: Iterable[str]) -> list[str]:
    """Return the first member that each path names, "" for paths that begin otherwise."""
    return [_first_name(compile_path(text)) for text in texts]


def _first_name(path: Path) -> str:
    if not path.segments or not path.segments[0].is_singular:
        return ""
    name = getattr(path.segments[0].selectors[0], "name", "")
    return name if isinstance(name, str) else ""


def as_json(row: Row, deleted: bool = False) -> Mapping[str, Json]:
    """Return the row as it travels to the Mapping stage."""
    return {
        "key": row.key,
        "content": row.content,
        "modified": row.modified_at and row.modified_at.isoformat(),
        "deleted": deleted,
        "fault": row.fault,
        "path": row.fault_path,
    }
