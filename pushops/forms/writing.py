"""What a person is about to push: the fields of the model, or the body as JSON, and how far they have got with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from pushops.forms.entered import (
    TOP,
    Entered,
    from_body,
    from_post,
    kind_of,
    row_numbers,
    with_row,
    without_row,
)
from pushops.forms.nodes import Node, Problems, all_paths, form_nodes
from pushops.forms.reading import Unreadable, read_body, read_json
from pushops.json_text import pretty
from syncengine.connectors.push_options import PushOption

MOST_FIELDS = 700  # what a request may carry, less what else is in it


@dataclass(slots=True)
class Writing:
    """One body on its way through the form.

    before:      of an update, the record's own fields.
    told:        what the platform said of an earlier try, by the member's lower-case path.
    as_json:     it is written as JSON; `text` is what stands there.
    left_out:    members that the form has no field for.
    """

    model: PushOption
    before: Entered | None = None
    told: Mapping[str, list[str]] = field(default_factory=dict)
    as_json: bool = False
    entered: Entered = field(default_factory=dict)
    text: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)

    def fill(self, body: Mapping[str, Any], *, as_json: bool = False) -> None:
        """Start from a body: as fields, or as JSON where it is asked for, and where it has too many fields."""
        self.body = dict(body)
        self.entered, self.left_out = from_body(self.model, body)
        self.as_json = as_json or len(self.entered) > MOST_FIELDS
        self.text = pretty(self.body)

    def open_needed_lists(self) -> None:
        """Begin each list that must not be empty with a row to fill in."""
        for key, option in self.model.properties.items():
            name = f"{TOP}.{key}"
            if option.required and kind_of(option) == "rows" and not row_numbers(self.entered, name):
                self.entered = with_row(self.entered, name)

    def take(self, post: QueryDict) -> None:
        """Take what was sent: the fields, or the JSON when the page showed that."""
        self.as_json = post.get("as") == "json"
        if self.as_json:
            self.text = post.get("json", "")
        else:
            self.entered = from_post(post)

    def change_rows(self, post: QueryDict) -> bool:
        """Do what a button beside a list asks for; False when none was pressed."""
        if name := post.get("add", ""):
            self.entered = with_row(self.entered, name)
        elif key := post.get("remove", ""):
            name, _, number = key.rpartition(" ")
            self.entered = without_row(self.entered, name, number)
        else:
            return False
        return True

    def read(self) -> bool:
        """Make the body of what stands there; True when nothing is wrong with it."""
        try:
            if self.as_json:
                self.body, self.errors = read_json(self.text), {}
            else:
                found = read_body(self.model, self.entered, before=self.before)
                self.body, self.errors, self.missing = found.body, found.errors, found.missing
        except Unreadable as problem:
            self.errors = {"json": [str(problem)]}
        return not self.errors

    def turn(self) -> None:
        """Show the other way of writing, with what stands there now. What cannot be read keeps the way it has."""
        if not self.read() and self.errors.keys() - self.missing:
            return
        self.errors = {}
        self.fill(self.body, as_json=not self.as_json)

    @property
    def nodes(self) -> tuple[Node, ...]:
        return form_nodes(self.model, self.entered, Problems(self.errors, self.told))

    @property
    def json_errors(self) -> list[str]:
        return self.errors.get("json", [])

    def told_elsewhere(self, nodes: tuple[Node, ...]) -> list[str]:
        """Return what the platform said of members that have no field here."""
        shown = all_paths(nodes)
        return [message for path, messages in self.told.items() if path not in shown for message in messages]


def told_by(validation: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return an operation's validation errors by lower-case path."""
    found: dict[str, list[str]] = {}
    for issue in validation.get("errors") or ():
        found.setdefault(str(issue.get("itemId") or "").lower(), []).append(str(issue.get("message") or ""))
    return found
