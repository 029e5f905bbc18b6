"""What a written record must hold: rules for its members, and what is wrong with one that breaks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

type Fault = tuple[str, str]  # where, and what is wrong
type Exists = Callable[[str, str], bool]  # a type and an id: is there such a record

_MOST_LINES = 200
_WORD_OF = {"text": "a text", "number": "a number", "flag": "true or false", "day": "a date", "object": "an object",
            "list": "a list"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """
    kind:     text, number, flag, day, object or list (of objects).
    most:     characters of a text.
    words:    the only texts allowed.
    of:       the type of the record whose id stands here.
    members:  of an object, or of each object of a list.
    """

    kind: str
    required: bool = False
    most: int = 255
    words: tuple[str, ...] = ()
    of: str = ""
    members: Mapping[str, Rule] = field(default_factory=dict)


def text(most: int = 255, *, required: bool = False, words: tuple[str, ...] = ()) -> Rule:
    return Rule("text", required, most, words)


def number(*, required: bool = False) -> Rule:
    return Rule("number", required)


def day(*, required: bool = False) -> Rule:
    return Rule("day", required)


def flag() -> Rule:
    return Rule("flag")


def ref(of: str, *, required: bool = False) -> Rule:
    """An object `{"id": …}` that names a record of type `of`."""
    return Rule("object", required, members={"id": Rule("text", True, of=of)})


def record(*, required: bool = False, **members: Rule) -> Rule:
    return Rule("object", required, members=members)


def many(*, required: bool = False, **members: Rule) -> Rule:
    return Rule("list", required, members=members)


def known(content: Any, members: Mapping[str, Rule]) -> dict[str, Any]:
    """Return only what the rules know of; the rest this platform ignores. An empty text clears a member."""
    kept: dict[str, Any] = {}
    for name, rule in members.items():
        if name not in content:
            continue
        value = None if content[name] == "" else content[name]
        if rule.kind == "day" and isinstance(value, str):
            value = value[:10]
        if rule.kind == "object" and isinstance(value, dict):
            value = known(value, rule.members)
        elif rule.kind == "list" and isinstance(value, list):
            value = [known(one, rule.members) if isinstance(one, dict) else one for one in value]
        kept[name] = value
    return kept


def faults(content: Mapping[str, Any], members: Mapping[str, Rule], exists: Exists, at: str = "") -> Iterator[Fault]:
    for name, rule in members.items():
        place = f"{at}.{name}" if at else name
        value = content.get(name)
        if value is None or value == "":
            if rule.required:
                yield place, "must be provided."
            continue
        yield from _faults_of(value, rule, exists, place)


def _faults_of(value: Any, rule: Rule, exists: Exists, place: str) -> Iterator[Fault]:
    if not _fits(value, rule.kind):
        yield place, f"must be {_WORD_OF[rule.kind]}."
    elif rule.kind == "object":
        yield from faults(value, rule.members, exists, place)
    elif rule.kind == "list":
        yield from _list_faults(value, rule, exists, place)
    elif rule.kind == "text":
        yield from _text_faults(value, rule, exists, place)


def _list_faults(value: list[Any], rule: Rule, exists: Exists, place: str) -> Iterator[Fault]:
    if rule.required and not value:
        yield place, "must hold at least one line."
    if len(value) > _MOST_LINES:
        yield place, f"must not hold more than {_MOST_LINES} lines."
        return
    for index, one in enumerate(value):
        if isinstance(one, dict):
            yield from faults(one, rule.members, exists, f"{place}[{index}]")
        else:
            yield f"{place}[{index}]", "must be an object."


def _text_faults(value: str, rule: Rule, exists: Exists, place: str) -> Iterator[Fault]:
    if len(value) > rule.most:
        yield place, f"must not be longer than {rule.most} characters long."
    elif rule.words and value not in rule.words:
        yield place, f"must be one of {', '.join(rule.words)}."
    elif rule.of and not exists(rule.of, value):
        yield place, "must match the ID of an existing record."


def _fits(value: Any, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e13
        case "flag":
            return isinstance(value, bool)
        case "object":
            return isinstance(value, dict)
        case "list":
            return isinstance(value, list)
    return isinstance(value, str) and _is_day(value)


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
