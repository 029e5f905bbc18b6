"""What one evaluation of an expression may use, and what comparing and measuring JSON costs."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from customdata.exceptions import EvaluationFailed, OverBudget

MAX_STEPS = 100_000
MAX_MILLISECONDS = 80  # of this thread's CPU; what is under way when it is noticed still ends below 100
MAX_RESULTS = 10_000
MAX_RESULT_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 200  # of a value that is built or compared
_LOOK_EVERY = 512
_CHARACTERS_A_STEP = 256


class Budget:
    """Steps are the nodes that an evaluation looks at; texts cost one for each 256 characters as well."""

    __slots__ = ("_deadline", "_left", "_look_at", "_milliseconds")

    def __init__(self, steps: int = MAX_STEPS, milliseconds: float = MAX_MILLISECONDS) -> None:
        self._left = steps
        self._look_at = steps - _LOOK_EVERY
        self._milliseconds = milliseconds
        self._deadline: float | None = None

    def spend(self, steps: int = 1) -> None:
        """Raises: OverBudget."""
        self._left -= steps
        if self._left > self._look_at:
            return
        if self._left < 0:
            raise OverBudget("It looks at more values than one evaluation may.")
        self._look_at = self._left - _LOOK_EVERY
        # First looked at after some steps: most evaluations end before, and asking the clock takes longer than they do.
        spent = time.thread_time()
        if self._deadline is None:
            self._deadline = spent + self._milliseconds / 1000
        if spent > self._deadline:
            raise OverBudget("It takes longer than one evaluation may.")

    def spend_text(self, characters: int) -> None:
        self.spend(1 + characters // _CHARACTERS_A_STEP)


def check_size(value: Any, budget: Budget, most: int = MAX_RESULT_BYTES) -> None:
    """Count what a value takes as JSON, roughly and never too little by much, every use of a shared part anew.

    Raises: OverBudget when that is more than `most` bytes, or nests deeper than a value may; EvaluationFailed for what
    is no JSON value.
    """
    size = 0
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        budget.spend()
        if isinstance(item, str):
            size += 2 + (len(item) if item.isascii() else len(item.encode("utf-8", "surrogatepass")))
        elif isinstance(item, (dict, list)):
            if depth >= MAX_DEPTH:
                raise OverBudget(f"The value nests deeper than {MAX_DEPTH} levels.")
            budget.spend(len(item))
            size += 2 + len(item)
            if isinstance(item, Mapping):
                size += sum(len(name) + 3 for name in item)
                pending.extend((inner, depth + 1) for inner in item.values())
            else:
                pending.extend((inner, depth + 1) for inner in item)
        else:
            size += _leaf_size(item)
        if size > most:
            raise OverBudget(f"The value is larger than {most} bytes.")


def _leaf_size(item: Any) -> int:
    if item is None or isinstance(item, bool):
        return 5
    if not is_number(item):
        raise EvaluationFailed(f"It gives a {type(item).__name__}, which is no JSON value.")
    if isinstance(item, int):
        return item.bit_length() // 3 + 2  # the text of a very long number would take long to make
    if not (item.is_finite() if isinstance(item, Decimal) else math.isfinite(item)):
        raise EvaluationFailed("It gives a number that JSON cannot hold (NaN or infinity).")
    return len(str(item))


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two numbers so that 1.1 equals 1.1 whichever of them was decoded exactly."""
    if isinstance(left, float) and isinstance(right, Decimal):
        return Decimal(str(left)), right
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, Decimal(str(right))
    return left, right


def equal(left: Any, right: Any, budget: Budget) -> bool:
    """Compare as JSON: true is not 1, the order of members does not count. Each pair costs a step."""
    pending = [(left, right)]
    while pending:
        one, other = pending.pop()
        budget.spend()
        if isinstance(one, dict):
            if not isinstance(other, dict) or one.keys() != other.keys():
                return False
            budget.spend(len(one))
            pending.extend((value, other[name]) for name, value in one.items())
        elif isinstance(one, list):
            if not isinstance(other, list) or len(one) != len(other):
                return False
            budget.spend(len(one))
            pending.extend(zip(one, other, strict=True))
        elif not _same_leaf(one, other, budget):
            return False
    return True


def _same_leaf(one: Any, other: Any, budget: Budget) -> bool:
    if is_number(one):
        if not is_number(other):
            return False
        one, other = alike(one, other)
        return bool(one == other)
    if isinstance(one, str):
        budget.spend_text(len(one))
    return type(one) is type(other) and bool(one == other)
