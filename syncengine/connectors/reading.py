"""Reads a TOML document strictly: every key is asked for by name and type, and what nobody asked for is a fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any

from syncengine.connectors.paths import Path, parse_path
from syncengine.exceptions import ManifestError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TYPE_WORDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number with a fraction",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    datetime: "a date",
    date: "a date",
    time: "a time",
}


def type_word(value: Any) -> str:
    return _TYPE_WORDS.get(type(value), type(value).__name__)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean x?)`, or nothing when no known word is close."""
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


@dataclass(slots=True)
class Table:
    """One table of a manifest, and where it stands. Every method raises ManifestError naming file and dotted key."""

    file: str
    key: str
    values: Mapping[str, Any]
    _known: set[str] = field(default_factory=set)

    def dotted(self, name: str) -> str:
        quoted = name if _BARE_KEY.fullmatch(name) else f'"{name}"'
        return f"{self.key}.{quoted}" if self.key else quoted

    def fault(self, name: str, problem: str) -> ManifestError:
        return ManifestError(self.file, self.dotted(name) if name else self.key or "(whole file)", problem)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def value[T](self, name: str, wanted: type[T], *, required: bool = False) -> T | None:
        """Return the value when it has exactly the type `wanted`; None when it is absent."""
        self._known.add(name)
        found = self.values.get(name)
        if found is None:
            if required:
                raise self.fault(name, "is missing")
            return None
        if type(found) is not wanted:
            raise self.fault(name, f"must be {_TYPE_WORDS[wanted]}, not {type_word(found)}")
        return found

    def raw(self, name: str) -> Any:
        """Return the value whatever its type; None when it is absent."""
        self._known.add(name)
        return self.values.get(name)

    def text(self, name: str, default: str = "") -> str:
        return self.value(name, str) or default

    def needed_text(self, name: str) -> str:
        found = self.value(name, str, required=True)
        if not found or not found.strip():
            raise self.fault(name, "must not be empty")
        return found

    def boolean(self, name: str, default: bool) -> bool:
        found = self.value(name, bool)
        return default if found is None else found

    def number(self, name: str, *, least: int = 0, most: int = 2**31 - 1) -> int | None:
        found = self.value(name, int)
        if found is not None and not least <= found <= most:
            raise self.fault(name, f"must be between {least} and {most}")
        return found

    def choice(self, name: str, words: Iterable[str], default: str = "") -> str:
        """Return one of `words`; the first asked for is not the default, so a choice without one is required."""
        known = list(words)
        found = self.text(name, default) if default else self.needed_text(name)
        if found not in known:
            raise self.fault(name, f"{found!r} is not one of {', '.join(known)}{did_you_mean(found, known)}")
        return found

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        found = self.value(name, list)
        if found is None:
            return default
        for index, item in enumerate(found):
            if type(item) is not str or not item:
                raise self.fault(name, f"item {index + 1} must be a text that is not empty")
        return tuple(found)

    def text_table(self, name: str) -> dict[str, str]:
        """Return a table of texts; whole numbers and booleans are taken as their text."""
        found = self.value(name, dict)
        return {} if found is None else {key: self._plain(name, key, value) for key, value in found.items()}

    def _plain(self, name: str, key: str, value: Any) -> str:
        if type(value) is bool:
            return "true" if value else "false"
        if type(value) not in (str, int):
            raise Table(self.file, self.dotted(name), {}).fault(key, f"must be a text, not {type_word(value)}")
        return str(value)

    def path(self, name: str) -> Path | None:
        found = self.value(name, str)
        return None if found is None else self.parsed(name, found)

    def parsed(self, name: str, text: str) -> Path:
        try:
            return parse_path(text)
        except ValueError as error:
            raise self.fault(name, str(error)) from None

    def member_path(self, name: str) -> tuple[str, ...] | None:
        """Return a path made of names only."""
        found = self.path(name)
        if found is None:
            return None
        if not all(isinstance(step, str) for step in found):
            raise self.fault(name, "may only hold members' names, not places in a list")
        return tuple(str(step) for step in found)

    def table(self, name: str) -> Table | None:
        found = self.value(name, dict)
        return None if found is None else Table(self.file, self.dotted(name), found)

    def needed_table(self, name: str) -> Table:
        found = self.table(name)
        if found is None:
            raise self.fault(name, "is missing")
        return found

    def tables(self, name: str) -> Iterator[Table]:
        """Yield each table of a list of tables (`[[name]]`)."""
        for index, item in enumerate(self.value(name, list) or []):
            if type(item) is not dict:
                raise self.fault(name, f"item {index + 1} must be a table, not {type_word(item)}")
            yield Table(self.file, f"{self.dotted(name)}[{index}]", item)

    def done(self) -> None:
        """Refuse the keys that nobody asked for."""
        for name in self.values:
            if name not in self._known:
                raise self.fault(name, f"is not a known key{did_you_mean(name, self._known)}")
