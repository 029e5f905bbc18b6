"""A body held against the model of its type: what is wrong, what is missing, what will be ignored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from syncengine.connectors.push_options import PushOption, pascal
from syncengine.exceptions import PushIssue

MAX_ISSUES = 100
IGNORED = frozenset({"id", "modifiedDate", "sourceModifiedDate"})  # what a read adds to a record

_PLAIN: dict[str, tuple[type | tuple[type, ...], str]] = {
    "String": (str, "must be a text."),
    "Number": ((int, float, Decimal), "must be a number."),
    "Boolean": (bool, "must be true or false."),
    "DateTime": (str, "must be a date or a time such as 2026-01-31 or 2026-01-31T08:00:00Z."),
}


@dataclass(slots=True)
class Fitting:
    """
    errors:    what makes the write impossible; `item_id` is the member's path in PascalCase, "" for the whole body.
    warnings:  what will be ignored, and values that are not among those offered.
    missing:   paths (camelCase) of required members that are not there.
    extra:     paths (camelCase) of members that the model does not have.
    sent:      the body as it is sent: without what is ignored.
    """

    errors: list[PushIssue] = field(default_factory=list)
    warnings: list[PushIssue] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    sent: dict[str, Any] = field(default_factory=dict)


def fit(body: Any, model: PushOption, name: str, *, is_update: bool = False) -> Fitting:
    """Hold a body against its model. Pure.

    name:       the standard model's class, as messages name it: `Account`.
    is_update:  required members may then be left out, since the platform has them; they may not be null.
    """
    return _Fit(name, is_update).of(body, model)


class _Fit:
    def __init__(self, name: str, is_update: bool) -> None:
        self._name, self._is_update = name, is_update
        self._found = Fitting()

    def of(self, body: Any, model: PushOption) -> Fitting:
        if not isinstance(body, Mapping):
            self._wrong("", "The body must be a JSON object.")
            return self._found
        given = {key: value for key, value in body.items() if key not in IGNORED or key in model.properties}
        found = self._found
        found.sent = self._object(given, model, "")
        # Databases keep the members of an object in an order of their own; what is said of a body is always the same.
        for issues in (found.errors, found.warnings):
            issues.sort(key=lambda issue: issue.item_id)
        for paths in (found.missing, found.extra):
            paths.sort()
        return found

    def _object(self, body: Mapping[str, Any], model: PushOption, path: str) -> dict[str, Any]:
        sent = {}
        for key, value in body.items():
            place = f"{path}.{key}" if path else key
            inner = model.properties.get(key)
            if inner is None:
                self._ignored(place)
            else:
                sent[key] = self._value(value, inner, place)
        for key, inner in model.properties.items():
            place = f"{path}.{key}" if path else key
            left_out = key not in body
            if inner.required and body.get(key) in (None, "") and not (left_out and self._is_update):
                self._found.missing.append(place)
                self._wrong(place, "must be provided.")
        return sent

    def _value(self, value: Any, model: PushOption, path: str) -> Any:
        if value is None:
            return None
        if model.type == "Object":
            return self._inner(value, model, path)
        if model.type == "Array":
            return self._list(value, model, path)
        self._plain(value, model, path)
        return value

    def _inner(self, value: Any, model: PushOption, path: str) -> Any:
        if not isinstance(value, Mapping):
            self._wrong(path, "must be an object.")
            return value
        return self._object(value, model, path) if model.properties else value

    def _list(self, value: Any, model: PushOption, path: str) -> Any:
        if not isinstance(value, list):
            self._wrong(path, "must be a list.")
            return value
        if not model.properties:
            return value
        return [self._inner(item, model, f"{path}[{at}]") for at, item in enumerate(value)]

    def _plain(self, value: Any, model: PushOption, path: str) -> None:
        if model.type not in _PLAIN:
            return
        wanted, words = _PLAIN[model.type]
        is_one = isinstance(value, wanted) and (model.type == "Boolean" or not isinstance(value, bool))
        if not is_one or (model.type == "DateTime" and not _is_time(value)):
            self._wrong(path, words)
        elif value and model.options and value not in [choice.value for choice in model.options]:
            self._warn(path, "is not among the values that the model offers.")

    def _wrong(self, path: str, words: str) -> None:
        if len(self._found.errors) < MAX_ISSUES:
            item_id = pascal(path) if path else ""
            message = f"Failed to push to {self._name} as {item_id} {words}" if path else words
            self._found.errors.append(PushIssue(item_id, message, self._name))

    def _ignored(self, path: str) -> None:
        self._found.extra.append(path)
        self._warn(path, "is not supported, and will be ignored.")

    def _warn(self, path: str, words: str) -> None:
        if len(self._found.warnings) < MAX_ISSUES:
            item_id = pascal(path)[:500]
            self._found.warnings.append(PushIssue(item_id, f"{item_id} {words}", self._name))


def _is_time(text: str) -> bool:
    for read in (datetime.fromisoformat, date.fromisoformat):
        try:
            read(text.strip())
        except ValueError:
            continue
        return True
    return False
