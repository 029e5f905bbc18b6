"""From the fields of a form to the body that is pushed, and what is wrong with each field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pushops.forms.entered import TOP, Entered, kind_of, row_numbers
from syncengine.connectors.push_options import PushOption

_PLAIN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN_MINUTE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_IN_A_ROW = re.compile(r"\.[0-9]+\.")
_NOTHING = object()


class Unreadable(Exception):
    """What was entered is no value of its kind; the text says what to enter."""


@dataclass(slots=True)
class ReadBody:
    """
    body:     what would be pushed; members without an entry are left out.
    errors:   sentences by field name; only without any may the body be sent.
    missing:  the names among them that merely lack an entry.
    """

    body: dict[str, Any]
    errors: dict[str, list[str]]
    missing: set[str]


def read_body(option: PushOption, entered: Entered, *, before: Entered | None = None) -> ReadBody:
    """Read the whole form. A group in which nothing was entered is left out with all that it requires.

    before:  of an update, the fields as the record filled them. What is required may then be left out, since the
             platform has it; a member that was emptied is sent as null, a list without rows as an empty one.
    """
    reader = _Reader(before)
    return ReadBody(reader.members(option, TOP, entered), reader.errors, reader.missing)


def read_json(text: str) -> dict[str, Any]:
    """Return a body that was written as JSON. Raises: Unreadable."""
    try:
        body = _decode(text)
    except RecursionError:
        raise Unreadable("This is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except ValueError as error:
        raise Unreadable(f"This is not JSON: {error}.") from None
    if not isinstance(body, dict):
        raise Unreadable("Enter one JSON object, such as {“name”: “…”}.")
    _refuse_what_cannot_be_stored(body)
    return body


def _decode(text: str) -> Any:
    """Numbers keep all their digits."""
    return json.loads(text, parse_float=Decimal, parse_constant=_no_constant)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")


def _refuse_what_cannot_be_stored(value: Any) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
        text.encode()
    except (UnicodeEncodeError, RecursionError):
        raise Unreadable("This holds half of a character (a lone surrogate). Write the character itself.") from None
    if "\\u0000" in text:
        raise Unreadable("This holds the character NUL, which cannot be stored.")


class _Reader:
    def __init__(self, before: Entered | None) -> None:
        self._is_update, self._before = before is not None, before or {}
        self.errors: dict[str, list[str]] = {}
        self.missing: set[str] = set()

    def members(self, option: PushOption, name: str, entered: Entered) -> dict[str, Any]:
        found = {}
        for key, inner in option.properties.items():
            value = self._one(inner, f"{name}.{key}", entered)
            if value is not _NOTHING:
                found[key] = value
        return found

    def _one(self, option: PushOption, name: str, entered: Entered) -> Any:
        kind = kind_of(option)
        if kind == "file":
            return _NOTHING
        if kind == "object":
            return self._object(option, name, entered)
        if kind == "rows":
            return self._rows(option, name, entered)
        return self._plain(option, kind, name, entered)

    def _object(self, option: PushOption, name: str, entered: Entered) -> Any:
        needed = option.required and not self._is_update
        if not needed and not holds(option, name, entered) and not holds(option, name, self._before):
            return _NOTHING
        problems = len(self.errors)
        found = self.members(option, name, entered)
        if not found and needed and len(self.errors) == problems:
            self._lacks(name, "This is needed.")
        return found or _NOTHING

    def _rows(self, option: PushOption, name: str, entered: Entered) -> Any:
        rows = [f"{name}.{number}" for number in row_numbers(entered, name)]
        filled = [row for row in rows if _holds_members(option, row, entered)]
        if filled:
            return [self.members(option, row, entered) for row in filled]
        if holds(option, name, self._before):
            return []
        if option.required and not self._is_update:
            self._lacks(name, "Fill in at least one row.")
        return _NOTHING

    def _plain(self, option: PushOption, kind: str, name: str, entered: Entered) -> Any:
        text = _entry(entered, name)
        if not text.strip():
            if option.required and not self._is_update:
                self._lacks(name, "This is needed.")
            return None if self._was_emptied(name) else _NOTHING
        try:
            return _READERS[kind](option, text)
        except Unreadable as problem:
            self.errors[name] = [str(problem)]
            return _NOTHING

    def _lacks(self, name: str, words: str) -> None:
        self.errors[name] = [words]
        self.missing.add(name)

    def _was_emptied(self, name: str) -> bool:
        """Inside a list nothing is emptied: lists are sent as a whole."""
        return bool(_entry(self._before, name).strip()) and not _IN_A_ROW.search(name)


def _entry(entered: Entered, name: str) -> str:
    values = entered.get(name)
    return values[-1] if values else ""


def holds(option: PushOption, name: str, entered: Entered) -> bool:
    """Whether anything was entered for a member or below it; rows without an entry count for nothing."""
    kind = kind_of(option)
    if kind == "object":
        return _holds_members(option, name, entered)
    if kind == "rows":
        return any(_holds_members(option, f"{name}.{number}", entered) for number in row_numbers(entered, name))
    return bool(_entry(entered, name).strip())


def _holds_members(option: PushOption, name: str, entered: Entered) -> bool:
    return any(holds(inner, f"{name}.{key}", entered) for key, inner in option.properties.items())


def _text(option: PushOption, text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _choice(option: PushOption, text: str) -> str:
    if text not in {choice.value for choice in option.options}:
        raise Unreadable(f"The platform does not know “{text[:60]}” here. Choose one of the list.")
    return text


def _yes_no(option: PushOption, text: str) -> bool:
    if text not in ("true", "false"):
        raise Unreadable("Choose yes or no.")
    return text == "true"


def _number(option: PushOption, text: str) -> int | Decimal:
    text = text.strip()
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise Unreadable("Enter a number with digits and at most one point, such as 1234.50.")
    return int(text) if text.lstrip("+-").isdigit() else Decimal(text)


def _moment(option: PushOption, text: str) -> str:
    text = text.strip()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable("Enter a day as 2026-03-31, or a day and time as 2026-03-31T14:30:00.") from None
    if _PLAIN_DAY.fullmatch(text):
        return f"{text}T00:00:00"
    return f"{text}:00" if _PLAIN_MINUTE.fullmatch(text) else text


def _json(option: PushOption, text: str) -> Any:
    try:
        value = _decode(text)
    except (ValueError, RecursionError):
        value = None
    wanted: type = list if option.type == "Array" else dict
    if not isinstance(value, wanted):
        example = 'a JSON list, such as ["a", "b"]' if wanted is list else 'a JSON object, such as {"name": "a"}'
        raise Unreadable(f"Enter {example}.")
    _refuse_what_cannot_be_stored(value)
    return value


_READERS: dict[str, Callable[[PushOption, str], Any]] = {
    "text": _text,
    "choice": _choice,
    "yes-no": _yes_no,
    "number": _number,
    "moment": _moment,
    "json": _json,
}
