"""The functions of JMESPath, each with what its arguments must be, within a budget.

Written anew because the library's own build whatever is asked for: `join` alone can make gigabytes of one short text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from customdata.budget import Budget, check_size, equal, is_number
from customdata.exceptions import EvaluationFailed, OverBudget

type Json = Any
type Key = Callable[[Json, Budget], Json]
type Body = Callable[..., Json]

MAX_TEXT = 1024 * 1024
MAX_EXPONENT = 308
_SORTING = 8  # steps that sorting takes for each value
_NUMBER = re.compile(r"-?[0-9]{1,400}(?P<rest>(?:\.[0-9]{1,400})?(?:[eE](?P<exponent>[+-]?[0-9]{1,400}))?)")
_BEYOND = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `takes` holds, for each argument, the kinds it may be; () is anything, `expression` is `&…`.

    variadic:  the last argument may be repeated.
    """

    name: str
    takes: tuple[tuple[str, ...], ...]
    body: Body
    variadic: bool = False

    def call(self, arguments: Sequence[Any], budget: Budget) -> Json:
        """Raises: EvaluationFailed for an argument of another kind."""
        for place, argument in enumerate(arguments):
            kinds = self.takes[min(place, len(self.takes) - 1)]
            if kinds and not any(_is(kind, argument, budget) for kind in kinds):
                raise EvaluationFailed(f"{self.name}() takes {_words(kinds)}, not {kind_word(argument)}.")
        return self.body(*arguments, budget)


def kind_of(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds: tuple[tuple[type, str], ...] = ((str, "string"), (dict, "object"), (list, "array"), (type(None), "null"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "number")


def kind_word(value: Json) -> str:
    kind = kind_of(value)
    return "null" if kind == "null" else _with_article(kind)


def _words(kinds: Iterable[str]) -> str:
    words = [kind.replace("array-", "an array of ") + ("s" if "-" in kind else "") for kind in kinds]
    return " or ".join(word if word.startswith("an ") else _with_article(word) for word in words)


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeo' else 'a'} {word}"


def _is(kind: str, value: Any, budget: Budget) -> bool:
    if kind == "expression":
        return callable(value)
    outer, _, inner = kind.partition("-")
    if callable(value) or kind_of(value) != outer:
        return False
    if not inner:
        return True
    budget.spend(len(value))
    return all(kind_of(item) == inner for item in value)


# --- numbers


def _total(numbers: list[Json]) -> Json:
    if any(isinstance(number, Decimal) for number in numbers):
        numbers = [Decimal(str(number)) if isinstance(number, float) else number for number in numbers]
    return sum(numbers)


def _avg(numbers: list[Json], budget: Budget) -> Json:
    if not numbers:
        return None
    try:
        return _total(numbers) / len(numbers)
    except ArithmeticError:
        raise EvaluationFailed("avg() comes to a number that JSON cannot hold.") from None


def _whole(round_: Callable[[Any], int]) -> Body:
    def rounded(number: Json, budget: Budget) -> int:
        if isinstance(number, float) and not math.isfinite(number):
            raise EvaluationFailed("It gives a number that JSON cannot hold (NaN or infinity).")
        return round_(number)

    return rounded


def _to_number(value: Json, budget: Budget) -> Json:
    if is_number(value):
        return value
    if not isinstance(value, str):
        return None
    found = _NUMBER.fullmatch(value)
    if found is None:
        if _BEYOND.fullmatch(value):
            raise EvaluationFailed("to_number() comes to a number that JSON cannot hold.")
        return None
    if not found["rest"]:
        return int(value)
    exponent = found["exponent"]
    if exponent and (len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT):
        raise EvaluationFailed("to_number() comes to a number that JSON cannot hold.")
    return Decimal(value)


# --- texts


def _join(glue: str, texts: list[str], budget: Budget) -> str:
    length = sum(map(len, texts)) + len(glue) * len(texts)
    _require_room(length, budget)
    return glue.join(texts)


def _to_string(value: Json, budget: Budget) -> str:
    if isinstance(value, str):
        return value
    check_size(value, budget, MAX_TEXT)
    text: str = _encode(value).decode()
    return text


def _require_room(length: int, budget: Budget) -> None:
    budget.spend_text(length)
    if length > MAX_TEXT:
        raise OverBudget(f"It builds a text of more than {MAX_TEXT} characters.")


def _starts_with(text: str, start: str, budget: Budget) -> bool:
    budget.spend_text(len(start))
    return text.startswith(start)


def _ends_with(text: str, end: str, budget: Budget) -> bool:
    budget.spend_text(len(end))
    return text.endswith(end)


def _contains(subject: Json, wanted: Json, budget: Budget) -> bool:
    if isinstance(subject, str):
        budget.spend_text(len(subject))
        return isinstance(wanted, str) and wanted in subject
    return any(equal(item, wanted, budget) for item in subject)


def _reverse(value: Json, budget: Budget) -> Json:
    if isinstance(value, str):
        _require_room(len(value), budget)
    else:
        budget.spend(len(value))
    return value[::-1]


# --- lists and objects


def _listed(take: Callable[[Json], Iterable[Json]]) -> Body:
    def listed(value: Json, budget: Budget) -> list[Json]:
        budget.spend(len(value))
        return list(take(value))

    return listed


def _map(each: Key, values: list[Json], budget: Budget) -> list[Json]:
    return [each(value, budget) for value in values]


def _merge(*given: Any) -> dict[str, Json]:
    *objects, budget = given
    merged: dict[str, Json] = {}
    for one in objects:
        budget.spend(len(one))
        merged.update(one)
    return merged


def _not_null(*given: Any) -> Json:
    return next((value for value in given[:-1] if value is not None), None)


def _sortable(values: list[Json], budget: Budget) -> list[Json]:
    """Return what to sort these numbers or texts by, having paid for the sorting, which nothing can interrupt."""
    budget.spend(_SORTING * len(values))
    for value in values:
        if isinstance(value, str):
            budget.spend(_SORTING * (len(value) // 256))
    if any(isinstance(value, Decimal) for value in values):
        return [Decimal(str(value)) if isinstance(value, float) else value for value in values]
    return values


def _sort(values: list[Json], budget: Budget) -> list[Json]:
    return [value for _, value in sorted(zip(_sortable(values, budget), values, strict=True), key=lambda pair: pair[0])]


def _extreme(choose: Callable[..., Json]) -> Body:
    def extreme(values: list[Json], budget: Budget) -> Json:
        keys = _sortable(values, budget)
        return values[choose(range(len(values)), key=keys.__getitem__)] if values else None

    return extreme


def _by(choose: Callable[..., Json]) -> Body:
    """sort_by, max_by and min_by: the keys must be all numbers or all texts."""

    def chosen(values: list[Json], key: Key, budget: Budget) -> Json:
        keys = [key(value, budget) for value in values]
        kinds = {kind_of(found) for found in keys}
        if len(kinds) > 1 or not kinds <= {"number", "string"}:
            words = ", ".join(sorted(kinds))
            raise EvaluationFailed(f"What is sorted by must be all numbers or all texts, not {words}.")
        keys = _sortable(keys, budget)
        places = choose(range(len(values)), key=keys.__getitem__)
        return [values[place] for place in places] if isinstance(places, list) else values[places]

    def of_any(values: list[Json], key: Key, budget: Budget) -> Json:
        if not values:
            return [] if choose is sorted else None
        return chosen(values, key, budget)

    return of_any


_ANY: tuple[str, ...] = ()
_NUMBER_ = ("number",)
_TEXT = ("string",)
_LIST = ("array",)
_OBJECT = ("object",)
_EXPRESSION = ("expression",)
_SORTABLE = ("array-number", "array-string")

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function("abs", (_NUMBER_,), lambda number, budget: abs(number)),
        Function("avg", (("array-number",),), _avg),
        Function("ceil", (_NUMBER_,), _whole(math.ceil)),
        Function("contains", (("array", "string"), _ANY), _contains),
        Function("ends_with", (_TEXT, _TEXT), _ends_with),
        Function("floor", (_NUMBER_,), _whole(math.floor)),
        Function("join", (_TEXT, ("array-string",)), _join),
        Function("keys", (_OBJECT,), _listed(lambda value: value.keys())),
        Function("length", (("string", "array", "object"),), lambda value, budget: len(value)),
        Function("map", (_EXPRESSION, _LIST), _map),
        Function("max", (_SORTABLE,), _extreme(max)),
        Function("max_by", (_LIST, _EXPRESSION), _by(max)),
        Function("merge", (_OBJECT,), _merge, variadic=True),
        Function("min", (_SORTABLE,), _extreme(min)),
        Function("min_by", (_LIST, _EXPRESSION), _by(min)),
        Function("not_null", (_ANY,), _not_null, variadic=True),
        Function("reverse", (("array", "string"),), _reverse),
        Function("sort", (_SORTABLE,), _sort),
        Function("sort_by", (_LIST, _EXPRESSION), _by(sorted)),
        Function("starts_with", (_TEXT, _TEXT), _starts_with),
        Function("sum", (("array-number",),), lambda numbers, budget: _total(numbers)),
        Function("to_array", (_ANY,), lambda value, budget: value if isinstance(value, list) else [value]),
        Function("to_number", (_ANY,), _to_number),
        Function("to_string", (_ANY,), _to_string),
        Function("type", (_ANY,), lambda value, budget: kind_of(value)),
        Function("values", (_OBJECT,), _listed(lambda value: value.values())),
    )
}
