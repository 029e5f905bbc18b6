"""The fields of a form made from a model, as a tree that templates walk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pushops.forms.entered import TOP, Entered, kind_of, row_numbers
from pushops.forms.reading import holds
from syncengine.connectors.push_options import PushOption, words_of

_LONG = re.compile(r"(?:description|note|memo|comments?)$", re.IGNORECASE)
_DAY = re.compile(r"(?:\d{4}-\d\d-\d\d)?")
# Of an object with no more than this in it, the one member is shown in the object's place.
_ALONE = ("id", "code", "name")
# References by the name of their member: the data type whose ids they hold.
SUGGESTED = {
    "accountRef": "chartOfAccounts",
    "billRef": "bills",
    "customerRef": "customers",
    "invoiceRef": "invoices",
    "itemRef": "items",
    "journalRef": "journals",
    "paymentMethodRef": "paymentMethods",
    "purchaseTaxRateRef": "taxRates",
    "supplierRef": "suppliers",
    "taxRateRef": "taxRates",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list.

    value:   its number in the list's field.
    key:     names it in the button that removes it.
    number:  how people count it, from 1.
    """

    value: str
    key: str
    number: int
    members: tuple[Node, ...]

    @property
    def field_id(self) -> str:
        return self.key.replace(".", "-").replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Node:
    """One field, group or list.

    kind:         as `entered.kind_of` says; long text is "long".
    path:         as validation messages name the member: `LineItems[0].Quantity`.
    is_open:      something in it was entered, is needed or is wrong, so it is not folded.
    suggestions:  the data type whose records its value may name.
    """

    name: str
    path: str
    kind: str
    label: str
    help: str
    required: bool
    notes: tuple[str, ...] = ()
    value: str = ""
    input_type: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    errors: tuple[str, ...] = ()
    members: tuple[Node, ...] = ()
    rows: tuple[Row, ...] = ()
    is_open: bool = True
    suggestions: str = ""

    @property
    def field_id(self) -> str:
        return self.name.replace(".", "-")


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong: by field name as the form found it, by lower-case path as the platform told it."""

    by_name: Mapping[str, list[str]]
    by_path: Mapping[str, list[str]]

    def of(self, name: str, path: str) -> tuple[str, ...]:
        return (*self.by_name.get(name, ()), *self.by_path.get(path.lower(), ()))


NO_PROBLEMS = Problems({}, {})


def form_nodes(option: PushOption, entered: Entered, problems: Problems = NO_PROBLEMS) -> tuple[Node, ...]:
    """Return the fields of the whole form, in the model's order."""
    return _members(option, TOP, "", entered, problems)


def all_paths(nodes: Iterable[Node]) -> set[str]:
    """Return the lower-case path of every field, group and list that is shown."""
    found: set[str] = set()
    for node in nodes:
        found.add(node.path.lower())
        found |= all_paths(node.members)
        for row in node.rows:
            found |= all_paths(row.members)
    return found


def _members(option: PushOption, name: str, path: str, entered: Entered, problems: Problems) -> tuple[Node, ...]:
    return tuple(
        _node(inner, f"{name}.{key}", _joined(path, key), entered, problems)
        for key, inner in option.properties.items()
        if kind_of(inner) != "file"
    )


def _node(option: PushOption, name: str, path: str, entered: Entered, problems: Problems) -> Node:
    kind = kind_of(option)
    if kind == "object" and (alone := _alone(option)):
        return _in_its_place(option, *alone, name, path, entered, problems)
    if kind == "object":
        members = _members(option, name, path, entered, problems)
        return _group(option, kind, name, path, entered, problems, members=members)
    if kind == "rows":
        rows = _rows(option, name, path, entered, problems)
        return _group(option, kind, name, path, entered, problems, rows=rows)
    return _plain(option, kind, name, path, entered, problems)


def _group(
    option: PushOption,
    kind: str,
    name: str,
    path: str,
    entered: Entered,
    problems: Problems,
    *,
    members: tuple[Node, ...] = (),
    rows: tuple[Row, ...] = (),
) -> Node:
    errors = problems.of(name, path)
    return Node(
        name=name,
        path=path,
        kind=kind,
        label=_label(option, name),
        help=option.description,
        required=option.required,
        notes=_notes(option),
        errors=errors,
        members=members,
        rows=rows,
        is_open=option.required or bool(errors or rows) or holds(option, name, entered) or _any_wrong(members),
    )


def _rows(option: PushOption, name: str, path: str, entered: Entered, problems: Problems) -> tuple[Row, ...]:
    return tuple(
        Row(
            number,
            f"{name} {number}",
            place + 1,
            _members(option, f"{name}.{number}", f"{path}[{place}]", entered, problems),
        )
        for place, number in enumerate(row_numbers(entered, name))
    )


def _plain(option: PushOption, kind: str, name: str, path: str, entered: Entered, problems: Problems) -> Node:
    values = entered.get(name) or [""]
    value = values[-1]
    if kind == "text" and (_LONG.search(name) or "\n" in value or len(value) > 120):
        kind = "long"
    return Node(
        name=name,
        path=path,
        kind=kind,
        label=_label(option, name),
        help=option.description,
        required=option.required,
        notes=_notes(option),
        value=value,
        input_type="date" if kind == "moment" and _DAY.fullmatch(value) else "text",
        choices=_choices(option, kind, value),
        errors=problems.of(name, path),
    )


def _alone(option: PushOption) -> tuple[str, PushOption] | None:
    """The one member of an object that holds nothing else, such as the id of a reference."""
    if len(option.properties) != 1:
        return None
    key, inner = next(iter(option.properties.items()))
    return (key, inner) if key in _ALONE and kind_of(inner) in ("text", "choice") else None


def _in_its_place(
    option: PushOption, key: str, inner: PushOption, name: str, path: str, entered: Entered, problems: Problems
) -> Node:
    node = _plain(inner, kind_of(inner), f"{name}.{key}", f"{path}.{_pascal(key)}", entered, problems)
    return Node(
        name=node.name,
        path=node.path,
        kind=node.kind,
        label=_label(option, name),
        help=option.description or node.help,
        required=option.required,
        notes=(*_notes(option), *node.notes),
        value=node.value,
        choices=node.choices,
        errors=(*problems.of(name, path), *node.errors),
        suggestions=SUGGESTED.get(name.rpartition(".")[2], ""),
    )


def _choices(option: PushOption, kind: str, value: str) -> tuple[tuple[str, str], ...]:
    if kind == "yes-no":
        return (("true", "Yes"), ("false", "No"))
    if kind != "choice":
        return ()
    known = tuple((choice.value, choice.display_name or choice.value) for choice in option.options)
    return known if not value or value in dict(known) else (*known, (value, f"{value} (not in the list)"))


def _any_wrong(members: tuple[Node, ...]) -> bool:
    return any(node.errors or _any_wrong(node.members) for node in members)


def _label(option: PushOption, name: str) -> str:
    words = option.display_name or words_of(name.rpartition(".")[2])
    return words[:1].upper() + words[1:].lower() if words.istitle() else words


def _notes(option: PushOption) -> tuple[str, ...]:
    return tuple(note.details for note in (*option.warnings, *option.information))


def _joined(path: str, key: str) -> str:
    return f"{path}.{_pascal(key)}" if path else _pascal(key)


def _pascal(key: str) -> str:
    return key[:1].upper() + key[1:]
