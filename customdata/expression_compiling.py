"""Turns what jmespath parsed into functions of our own, which count what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from customdata.budget import Budget, alike, equal, is_number
from customdata.expression_functions import FUNCTIONS, Function

type Json = Any
type Node = Mapping[str, Any]
type Evaluate = Callable[[Json, Budget], Json]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


class Unsound(Exception):
    """What parses but can never be evaluated. `word` is what to look for in the text."""

    def __init__(self, reason: str, word: str) -> None:
        super().__init__(reason)
        self.reason, self.word = reason, word


def compiled(node: Node) -> Evaluate:
    """Raises: Unsound."""
    return _COMPILERS[node["type"]](node)


def is_false(value: Json) -> bool:
    return value is None or value is False or (isinstance(value, (str, list, dict)) and not value)


def _field(node: Node) -> Evaluate:
    name = node["value"]

    def field(value: Json, budget: Budget) -> Json:
        budget.spend()
        return value.get(name) if isinstance(value, dict) else None

    return field


def _index(node: Node) -> Evaluate:
    place = node["value"]

    def index(value: Json, budget: Budget) -> Json:
        budget.spend()
        return value[place] if isinstance(value, list) and -len(value) <= place < len(value) else None

    return index


def _slice(node: Node) -> Evaluate:
    part = slice(*node["children"])
    if part.step == 0:
        raise Unsound("A slice's step may not be 0.", ":0")

    def sliced(value: Json, budget: Budget) -> Json:
        if not isinstance(value, list):
            return None
        budget.spend(1 + len(value))
        return value[part]

    return sliced


def _chain(node: Node) -> Evaluate:
    """a.b, a[0] and a | b: what one gives is what the next looks at."""
    parts = [compiled(child) for child in node["children"]]

    def chain(value: Json, budget: Budget) -> Json:
        for part in parts:
            value = part(value, budget)
        return value

    return chain


def _same(node: Node) -> Evaluate:
    return lambda value, budget: value


def _literal(node: Node) -> Evaluate:
    given = node["value"]
    return lambda value, budget: given


def _projected(items: Callable[[Json], list[Json] | None], node: Node, wanted: Evaluate | None = None) -> Evaluate:
    base, each = compiled(node["children"][0]), compiled(node["children"][1])

    def project(value: Json, budget: Budget) -> Json:
        found = items(base(value, budget))
        if found is None:
            return None
        budget.spend(len(found))
        kept = found if wanted is None else [item for item in found if not is_false(wanted(item, budget))]
        return [result for item in kept if (result := each(item, budget)) is not None]

    return project


def _list_of(value: Json) -> list[Json] | None:
    return value if isinstance(value, list) else None


def _values_of(value: Json) -> list[Json] | None:
    return list(value.values()) if isinstance(value, dict) else None


def _flatten(node: Node) -> Evaluate:
    base = compiled(node["children"][0])

    def flatten(value: Json, budget: Budget) -> Json:
        outer = base(value, budget)
        if not isinstance(outer, list):
            return None
        merged: list[Json] = []
        for item in outer:
            budget.spend(1 + (len(item) if isinstance(item, list) else 0))
            merged.extend(item if isinstance(item, list) else (item,))
        return merged

    return flatten


def _comparator(node: Node) -> Evaluate:
    left_of, right_of = (compiled(child) for child in node["children"])
    word = node["value"]
    if word in ("eq", "ne"):
        return lambda value, budget: equal(left_of(value, budget), right_of(value, budget), budget) == (word == "eq")
    holds = _ORDERS[word]

    def compare(value: Json, budget: Budget) -> Json:
        left, right = left_of(value, budget), right_of(value, budget)
        budget.spend()
        if is_number(left) and is_number(right):
            return holds(*alike(left, right))
        if not (isinstance(left, str) and isinstance(right, str)):
            return None
        budget.spend_text(min(len(left), len(right)))
        return holds(left, right)

    return compare


def _or(node: Node) -> Evaluate:
    first, second = (compiled(child) for child in node["children"])

    def either(value: Json, budget: Budget) -> Json:
        found = first(value, budget)
        return second(value, budget) if is_false(found) else found

    return either


def _and(node: Node) -> Evaluate:
    first, second = (compiled(child) for child in node["children"])

    def both(value: Json, budget: Budget) -> Json:
        found = first(value, budget)
        return found if is_false(found) else second(value, budget)

    return both


def _not(node: Node) -> Evaluate:
    inner = compiled(node["children"][0])
    return lambda value, budget: is_false(inner(value, budget))


def _select_list(node: Node) -> Evaluate:
    parts = [compiled(child) for child in node["children"]]

    def select(value: Json, budget: Budget) -> Json:
        budget.spend(len(parts))
        return None if value is None else [part(value, budget) for part in parts]

    return select


def _select_object(node: Node) -> Evaluate:
    parts = [(child["value"], compiled(child["children"][0])) for child in node["children"]]

    def select(value: Json, budget: Budget) -> Json:
        budget.spend(len(parts))
        return None if value is None else {name: part(value, budget) for name, part in parts}

    return select


def _call(node: Node) -> Evaluate:
    name, children = node["value"], node["children"]
    function = FUNCTIONS.get(name)
    if function is None:
        raise Unsound(f"There is no function {name}(); there are {', '.join(FUNCTIONS)}.", name)
    _check_count(function, len(children))
    arguments = [_argument(function, place, child) for place, child in enumerate(children)]

    def call(value: Json, budget: Budget) -> Json:
        budget.spend()
        return function.call([argument(value, budget) for argument in arguments], budget)

    return call


def _check_count(function: Function, count: int) -> None:
    wanted = len(function.takes)
    if count < wanted or (count > wanted and not function.variadic):
        more = " or more" if function.variadic else ""
        arguments = "argument" if wanted == 1 and not more else "arguments"
        raise Unsound(f"{function.name}() takes {wanted}{more} {arguments}, not {count}.", function.name)


def _argument(function: Function, place: int, child: Node) -> Evaluate:
    kinds = function.takes[min(place, len(function.takes) - 1)]
    is_expression = child["type"] == "expref"
    if is_expression != (kinds == ("expression",)):
        wanted = "an expression written with &" if kinds == ("expression",) else "a value, not an expression with &"
        raise Unsound(f"{function.name}() takes {wanted} as its argument {place + 1}.", function.name)
    if not is_expression:
        return compiled(child)
    inner = compiled(child["children"][0])
    return lambda value, budget: inner


def _expression(node: Node) -> Evaluate:
    raise Unsound("An expression with & stands only as an argument of sort_by, min_by, max_by or map.", "&")


_COMPILERS: dict[str, Callable[[Node], Evaluate]] = {
    "field": _field,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "index": _index,
    "slice": _slice,
    "identity": _same,
    "current": _same,
    "literal": _literal,
    "projection": lambda node: _projected(_list_of, node),
    "value_projection": lambda node: _projected(_values_of, node),
    "filter_projection": lambda node: _projected(_list_of, node, compiled(node["children"][2])),
    "flatten": _flatten,
    "comparator": _comparator,
    "or_expression": _or,
    "and_expression": _and,
    "not_expression": _not,
    "multi_select_list": _select_list,
    "multi_select_dict": _select_object,
    "function_expression": _call,
    "expref": _expression,
}
