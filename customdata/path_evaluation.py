"""Finds what a JSONPath selects in a decoded document, within a budget (RFC 9535, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from customdata.budget import MAX_RESULTS, Budget, alike, check_size, equal, is_number
from customdata.exceptions import OverBudget
from customdata.path_terms import (
    All,
    Call,
    Compare,
    Either,
    Exists,
    Filter,
    Index,
    Literal,
    Name,
    Not,
    Query,
    Segment,
    Selector,
    Slice,
    Test,
)

type Json = Any


class Missing:
    """What stands where nothing was found; null is a value."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


def find_all(query: Query, document: Json, budget: Budget) -> list[Json]:
    """Return the values selected, in document order.

    Raises: OverBudget.
    """
    found = Evaluation(document, budget).nodes(query, document)
    if len(found) > MAX_RESULTS:
        raise OverBudget(f"It finds {len(found)} values; {MAX_RESULTS} is the most one evaluation may.")
    check_size(found, budget)
    return found


class Evaluation:
    """One document being searched."""

    def __init__(self, root: Json, budget: Budget) -> None:
        self._root, self._budget = root, budget

    def nodes(self, query: Query, current: Json) -> list[Json]:
        found = [current if query.relative else self._root]
        for segment in query.segments:
            found = self._step(segment, found)
        return found

    def _step(self, segment: Segment, values: list[Json]) -> list[Json]:
        found: list[Json] = []
        for value in values:
            for inner in self._within(value) if segment.descends else (value,):
                for selector in segment.selectors:
                    self._select(selector, inner, found)
        return found

    def _within(self, value: Json) -> Iterator[Json]:
        """Yield a value and all that is in it, parents first, without recursion."""
        pending = [value]
        while pending:
            value = pending.pop()
            self._budget.spend()
            yield value
            if isinstance(value, dict):
                pending.extend(reversed(value.values()))
            elif isinstance(value, list):
                pending.extend(reversed(value))

    def _select(self, selector: Selector, value: Json, found: list[Json]) -> None:
        self._budget.spend()
        match selector:
            case Name(name):
                if isinstance(value, dict) and name in value:
                    found.append(value[name])
            case Index(index):
                if isinstance(value, list) and -len(value) <= index < len(value):
                    found.append(value[index])
            case Slice():
                if isinstance(value, list):
                    self._add(_sliced(selector, value), found)
            case Filter(test):
                found.extend(item for item in self._children(value) if self._holds(test, item))
            case _:
                self._add(self._children(value), found)

    def _add(self, values: list[Json], found: list[Json]) -> None:
        self._budget.spend(len(values))
        found.extend(values)

    def _children(self, value: Json) -> list[Json]:
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else []

    # --- filters

    def _holds(self, test: Test, current: Json) -> bool:
        self._budget.spend()
        match test:
            case Exists(query):
                return bool(self.nodes(query, current))
            case Not(inner):
                return not self._holds(inner, current)
            case All(tests):
                return all(self._holds(inner, current) for inner in tests)
            case Either(tests):
                return any(self._holds(inner, current) for inner in tests)
            case Compare(left, operator, right):
                return self._compare(self._value(left, current), operator, self._value(right, current))

    def _value(self, side: Query | Literal | Call, current: Json) -> Json:
        match side:
            case Literal(value):
                return value
            case Query():
                found = self.nodes(side, current)
                return found[0] if found else MISSING
            case Call(name, argument):
                return self._called(name, argument, current)

    def _called(self, name: str, argument: Query | Literal | Call, current: Json) -> Json:
        if name == "length":
            value = self._value(argument, current)
            return len(value) if isinstance(value, (str, list, dict)) else MISSING
        assert isinstance(argument, Query)  # the grammar saw to it
        found = self.nodes(argument, current)
        if name == "count":
            return len(found)
        return found[0] if len(found) == 1 else MISSING

    def _compare(self, left: Json, operator: str, right: Json) -> bool:
        if operator in ("==", "!="):
            return self._equal(left, right) == (operator == "==")
        if operator in ("<=", ">=") and self._equal(left, right):
            return True
        if is_number(left) and is_number(right):
            left, right = alike(left, right)
        elif not (isinstance(left, str) and isinstance(right, str)):
            return False
        else:
            self._budget.spend_text(min(len(left), len(right)))
        return bool(left < right) if operator[0] == "<" else bool(left > right)

    def _equal(self, left: Json, right: Json) -> bool:
        if left is MISSING or right is MISSING:
            return left is right
        return equal(left, right, self._budget)


def _sliced(selector: Slice, value: list[Json]) -> list[Json]:
    return [] if selector.step == 0 else value[selector.start : selector.stop : selector.step]


# --- plain paths: names, indexes and whole lists


def plain_finder(segments: tuple[Segment, ...]) -> Callable[[Json], Json] | None:
    """Return a function from a document to the one value at these names and indexes, MISSING when it is not there.

    None when the steps are not all names and indexes.
    """
    steps: list[str | int] = []
    for segment in segments:
        if not segment.is_singular:
            return None
        match segment.selectors[0]:
            case Name(name):
                steps.append(name)
            case Index(index):
                steps.append(index)
    names = tuple(step for step in steps if isinstance(step, str))
    if steps and len(names) == len(steps):
        return _named(names)
    return lambda document: _walk(document, steps)


def _named(names: tuple[str, ...]) -> Callable[[Json], Json]:
    *way, last = names

    def one(document: Json) -> Json:
        return document.get(last, MISSING) if type(document) is dict else MISSING

    def several(document: Json) -> Json:
        for name in way:
            if type(document) is not dict:
                return MISSING
            document = document.get(name)
        return document.get(last, MISSING) if type(document) is dict else MISSING

    return several if way else one


def _walk(document: Json, steps: list[str | int]) -> Json:
    for step in steps:
        if isinstance(step, str):
            if type(document) is not dict or step not in document:
                return MISSING
        elif type(document) is not list or not -len(document) <= step < len(document):
            return MISSING
        document = document[step]
    return document
