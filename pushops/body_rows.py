"""A body beside the model it must fit, row by row: what is there, what is missing, what the model does not have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pushops.json_text import one_line
from pushops.queries.fitting import IGNORED
from syncengine.connectors.push_options import PushOption, pascal

MOST_ROWS = 500
MOST_DEPTH = 12
_TYPE_WORDS = {
    "Array": "list",
    "Object": "group",
    "String": "text",
    "Number": "number",
    "Boolean": "yes or no",
    "DateTime": "date",
}


@dataclass(frozen=True, slots=True)
class BodyRow:
    """One member of the body, or one that should be there.

    path:      as messages name it: `LineItems[0].Quantity`.
    depth:     how deep it stands, from 0.
    text:      its value; "" of a group or list, whose members follow.
    state:     "", "missing", "outside" the model, "ignored" (what a read adds), or "wrong".
    messages:  what the model or the platform says of it, each with whether it is an error.
    """

    path: str
    name: str
    depth: int
    text: str
    wanted: str
    required: bool
    state: str = ""
    messages: tuple[tuple[bool, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BodyTable:
    """
    general:  messages about the whole record, or about members that are neither in the body nor missing.
    is_cut:   there are more rows than are shown.
    """

    rows: tuple[BodyRow, ...]
    general: tuple[tuple[bool, str], ...]
    is_cut: bool = False

    @property
    def missing_count(self) -> int:
        return sum(row.state == "missing" for row in self.rows)

    @property
    def outside_count(self) -> int:
        return sum(row.state == "outside" for row in self.rows)

    @property
    def wrong_count(self) -> int:
        return sum(row.state == "wrong" for row in self.rows)


def body_table(body: Any, model: PushOption | None, validation: Mapping[str, Any], *, is_update: bool) -> BodyTable:
    """Hold a body against its model; without a model its members are shown as they are."""
    said = _by_path(validation)
    walker = _Walker(said, is_update, knows_model=model is not None)
    given = body if isinstance(body, Mapping) else {}
    rows: list[BodyRow] = []
    for row in walker.members(given, model, "", 0):
        if len(rows) == MOST_ROWS:
            return BodyTable(tuple(rows), tuple(walker.left()), is_cut=True)
        rows.append(row)
    return BodyTable(tuple(rows), tuple(walker.left()))


class _Walker:
    def __init__(self, said: dict[str, list[tuple[bool, str]]], is_update: bool, *, knows_model: bool) -> None:
        self._said, self._is_update, self._knows_model = said, is_update, knows_model

    def left(self) -> list[tuple[bool, str]]:
        """Return the messages that no row took."""
        return [message for messages in self._said.values() for message in messages]

    def members(self, body: Mapping[str, Any], model: PushOption | None, path: str, depth: int) -> Iterator[BodyRow]:
        """Yield the rows in the model's order, then what the model does not have."""
        known = model.properties if model else {}
        for key, inner in known.items():
            place = _joined(path, key)
            if key in body:
                yield from self._one(key, body[key], inner, place, depth, is_top=not path)
            elif inner.required and not self._is_update:
                yield self._row(place, key, depth, "", inner, "missing")
        for key, value in body.items():
            if key not in known:
                yield from self._one(key, value, None, _joined(path, key), depth, is_top=not path)

    def _one(
        self, key: str, value: Any, model: PushOption | None, path: str, depth: int, *, is_top: bool
    ) -> Iterator[BodyRow]:
        state = ""
        if model is None and self._knows_model:
            state = "ignored" if is_top and key in IGNORED else "outside"
        opens = not state and bool(value) and isinstance(value, dict | list) and self._has_inside(model, depth)
        yield self._row(path, key, depth, "" if opens else _text(value), model, state)
        if opens and isinstance(value, dict):
            yield from self.members(value, model, path, depth + 1)
        elif opens:
            for place, item in enumerate(value):
                yield from self._item(item, model, f"{path}[{place}]", place, depth + 1)

    def _has_inside(self, model: PushOption | None, depth: int) -> bool:
        """Whether there is a model to hold the members against; without any model all are shown."""
        return depth < MOST_DEPTH and (not self._knows_model or bool(model and model.properties))

    def _item(self, item: Any, model: PushOption | None, path: str, place: int, depth: int) -> Iterator[BodyRow]:
        if isinstance(item, Mapping) and depth < MOST_DEPTH:
            yield self._row(path, f"{place + 1}.", depth, "", None, "")
            yield from self.members(item, model, path, depth + 1)
        else:
            yield self._row(path, f"{place + 1}.", depth, _text(item), None, "")

    def _row(self, path: str, name: str, depth: int, text: str, model: PushOption | None, state: str) -> BodyRow:
        messages = tuple(self._said.pop(path.lower(), ()))
        if not state and any(is_error for is_error, _ in messages):
            state = "wrong"
        return BodyRow(
            path=path,
            name=name,
            depth=depth,
            text=text,
            wanted=_TYPE_WORDS.get(model.type, model.type) if model else "",
            required=bool(model and model.required),
            state=state,
            messages=messages,
        )


def _by_path(validation: Mapping[str, Any]) -> dict[str, list[tuple[bool, str]]]:
    found: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for kind, is_error in (("errors", True), ("warnings", False)):
        for issue in validation.get(kind) or ():
            found[str(issue.get("itemId") or "").lower()].append((is_error, str(issue.get("message") or "")))
    return found


def _joined(path: str, key: str) -> str:
    return f"{path}.{pascal(key)}" if path else pascal(key)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) and value else one_line(value)
    return text if len(text) <= 300 else f"{text[:299]}…"
