"""A custom data type as its page asks for it: rows that come and go. What is wrong with it, the actions say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from customdata.configuration import MAX_NAMES, MAX_PATHS, Configuration
from customdata.exceptions import ConfigurationWarning

DATA, KEY, DATE = "data", "key", "date"
IDENTIFIER = "customDataIdentifier"
MEMBERS = {KEY: "keyBy", DATE: "sourceModifiedDate"}
MOST = {DATA: MAX_NAMES, KEY: MAX_PATHS, DATE: MAX_PATHS}
_CHANGE = re.compile(r"add-(data|key|date)|remove-(data|key|date)-(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Remark:
    """What is said beside a row: an error keeps it from being saved, a warning does not."""

    message: str
    is_error: bool = False


@dataclass(slots=True)
class Row:
    """One row of the form: of required data with a name, of a key or a date without.

    number:    its place in the form, counted from 0; empty rows count as well.
    is_fresh:  was added just now, so that the cursor goes there.
    """

    number: int
    path: str = ""
    name: str = ""
    is_optional: bool = False
    is_fresh: bool = False
    remarks: list[Remark] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.path and not self.name

    @property
    def has_error(self) -> bool:
        return any(remark.is_error for remark in self.remarks)


@dataclass(slots=True)
class CustomDataTypeForm:
    """What stands in the form, and what is said of it.

    seen:     the fingerprint of the configuration that the person began with, "" when it is new.
    remarks:  what belongs to the identifier (`customDataIdentifier`), the source (`dataSource`) or the whole (``).
    """

    identifier: str = ""
    source: str = ""
    data: list[Row] = field(default_factory=list)
    key: list[Row] = field(default_factory=list)
    date: list[Row] = field(default_factory=list)
    seen: str = ""
    remarks: dict[str, list[Remark]] = field(default_factory=dict)

    # --- made from

    @classmethod
    def posted(cls, data: QueryDict) -> CustomDataTypeForm:
        optional = set(data.getlist("optional"))
        pairs = zip(data.getlist("name"), data.getlist("path"), strict=False)
        rows = [
            Row(number, path.strip(), name.strip(), str(number) in optional)
            for number, (name, path) in enumerate(list(pairs)[: MAX_NAMES + 1])
        ]
        return cls(
            identifier=data.get("identifier", "").strip(),
            source=data.get("source", "").strip(),
            data=rows or [Row(0)],
            key=_path_rows(data.getlist("key")),
            date=_path_rows(data.getlist("date")),
            seen=data.get("seen", ""),
        )

    @classmethod
    def of(cls, configuration: Configuration, identifier: str = "", *, is_new: bool = False) -> CustomDataTypeForm:
        optional = set(configuration.optional)
        named = enumerate(configuration.required_data.items())
        return cls(
            identifier=identifier,
            source=configuration.data_source,
            data=[Row(number, path, name, name in optional) for number, (name, path) in named] or [Row(0)],
            key=_path_rows(configuration.key_by),
            date=_path_rows(configuration.modified_dates),
            seen="" if is_new else configuration.fingerprint,
        )

    # --- read as

    @property
    def body(self) -> dict[str, Any]:
        """The configuration as the wire writes it; empty rows are left out."""
        optional = [row.name for row in self.data if row.is_optional and row.name]
        body: dict[str, Any] = {
            "dataSource": self.source,
            "requiredData": {row.name: row.path for row in self.data if not row.is_empty},
            "keyBy": [row.path for row in self.key if row.path],
            "sourceModifiedDate": [row.path for row in self.date if row.path],
        }
        return {**body, "optionalData": optional} if optional else body

    @property
    def rows(self) -> dict[str, list[Row]]:
        return {DATA: self.data, KEY: self.key, DATE: self.date}

    @property
    def has_errors(self) -> bool:
        said = [remark for remarks in self.remarks.values() for remark in remarks]
        said += [remark for rows in self.rows.values() for row in rows for remark in row.remarks]
        return any(remark.is_error for remark in said)

    # --- changed

    def change_rows(self, word: str) -> bool:
        """Do what a row's button says (`add-data`, `remove-key-2`); False when the word is none of a row."""
        found = _CHANGE.fullmatch(word)
        if found is None:
            return False
        kind = found[1] or found[2]
        rows = self.rows[kind]
        if found[1] and len(rows) < MOST[kind]:
            rows.append(Row(len(rows), is_fresh=True))
        elif found[2]:
            rows[:] = [row for row in rows if row.number != int(found[3])]
        if not rows and kind != DATE:
            rows.append(Row(0))
        for number, row in enumerate(rows):
            row.number = number
        return True

    def check_rows(self) -> bool:
        """Say what only a form can hold: a name twice, half a row. True when there is nothing of it."""
        names: set[str] = set()
        for row in self.data:
            if row.is_empty:
                continue
            if not row.name or not row.path:
                missing = "a name" if not row.name else "a path"
                row.remarks.append(Remark(f"This row needs {missing}, or goes when it is removed.", is_error=True))
            elif row.name in names:
                row.remarks.append(Remark(f"{row.name} stands there twice; each name is given once.", is_error=True))
            names.add(row.name)
        return not self.has_errors

    def refuse(self, member: str, message: str) -> None:
        """Put a refusal beside what it is about. `member` is the wire's dotted name, "" for the whole."""
        self._say(member, Remark(message, is_error=True))

    def warn(self, warnings: Iterable[ConfigurationWarning]) -> None:
        for warning in warnings:
            self._say(warning.field, Remark(warning.message))

    def _say(self, member: str, remark: Remark) -> None:
        row = self._row_of(member)
        place = row.remarks if row is not None else self.remarks.setdefault(_place_of(member), [])
        if remark not in place:
            place.append(remark)

    def _row_of(self, member: str) -> Row | None:
        if member.startswith("requiredData."):
            name = member.removeprefix("requiredData.")
            return next((row for row in self.data if row.name == name), None)
        for kind, named in MEMBERS.items():
            rows = [row for row in self.rows[kind] if row.path]
            for place, row in enumerate(rows):
                if member == f"{named}[{place}]":
                    return row
        return None


def _path_rows(paths: Iterable[str]) -> list[Row]:
    return [Row(number, path.strip()) for number, path in enumerate(list(paths)[: MAX_PATHS + 1])] or [Row(0)]


def _place_of(member: str) -> str:
    """Return where in the form it is said: beside that member, or above everything."""
    return member if member in (IDENTIFIER, "dataSource", "requiredData", *MEMBERS.values()) else ""
