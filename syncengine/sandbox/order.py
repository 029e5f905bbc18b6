"""The order of a list that is never built: a run of numbers with holes, then some extra ones."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

type Keep = Callable[[int], bool]


class BadCursor(ValueError):
    """Text that is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class Position:
    """The next row: a number of the run, or (with `key`) the first extra that is not before (key, n)."""

    n: int
    key: int | None = None

    def __str__(self) -> str:
        return f"n{self.n}" if self.key is None else f"x{self.key}.{self.n}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Raises: BadCursor."""
        key, dot, n = text[1:].partition(".")
        if len(text) > 40 or not text.isascii() or not (key + n).isdigit():
            raise BadCursor(text)
        if text[0] == "n" and not dot:
            return cls(int(key))
        if text[0] == "x" and key and n:
            return cls(int(n), int(key))
        raise BadCursor(text)


@dataclass(frozen=True, slots=True)
class Order:
    """Numbers from `low` to before `high` without the `holes`, then `extras` by key. Holes and extras are sorted."""

    low: int
    high: int
    holes: tuple[int, ...] = ()
    extras: tuple[tuple[int, int], ...] = ()

    def count(self) -> int:
        return self._run_length() + len(self.extras)

    def start(self) -> Position:
        return Position(self.low)

    def locate(self, index: int) -> Position:
        """Where the row stands that comes after `index` others."""
        run = self._run_length()
        if index >= run:
            rest = self.extras[index - run :]
            return Position(rest[0][1], rest[0][0]) if rest else Position(0, 1 << 62)
        skipped = bisect_left(self.holes, self.low)
        n = self.low + index
        while (moved := self.low + index + bisect_right(self.holes, n) - skipped) != n:
            n = moved
        return Position(n)

    def take(self, position: Position, count: int, keep: Keep | None = None) -> tuple[list[int], Position | None]:
        """Return up to `count` numbers from `position` on, and where the next one stands; None at the end."""
        found = list(islice(self._walk(position, keep), count + 1))
        after = found[count] if len(found) > count else None
        return [place.n for place in found[:count]], after

    def _run_length(self) -> int:
        inside = bisect_left(self.holes, self.high) - bisect_left(self.holes, self.low)
        return max(0, self.high - self.low - inside)

    def _walk(self, position: Position, keep: Keep | None) -> Iterator[Position]:
        if position.key is None:
            holes = set(self.holes)
            for n in range(max(position.n, self.low), self.high):
                if n not in holes and (keep is None or keep(n)):
                    yield Position(n)
        first = 0 if position.key is None else bisect_left(self.extras, (position.key, position.n))
        for key, n in self.extras[first:]:
            if keep is None or keep(n):
                yield Position(n, key)
