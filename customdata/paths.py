"""JSONPath for custom data types: compiled once, evaluated within a budget, never running code.

The grammar is RFC 9535's without regular expressions; `docs/custom-data.md` lists what is accepted. jsonpath-ng's is no
sound ground for it: it refuses a third of the RFC's valid paths and takes two thirds of the invalid ones, and some of
what it adds (`sub()`, `=~`, `..` many times over) does not end. The tests use it as a second opinion.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from customdata.budget import MAX_RESULTS, Budget
from customdata.exceptions import OverBudget
from customdata.path_evaluation import MISSING, find_all, plain_finder
from customdata.path_grammar import parse_path
from customdata.path_terms import Index, Name, Query, Segment, Slice, Wildcard

__all__ = ["MISSING", "Path", "compile_path"]

type Json = Any


class Path:
    """One compiled path.

    is_singular:  names and indexes only, so that it finds one value at most.
    find:         a document → the values it selects, in order.
    value:        a document → the one value, MISSING where it is not there; a list of all values when the path is not
                  singular.
    Both raise OverBudget.
    """

    __slots__ = ("find", "is_singular", "query", "text", "value")

    def __init__(self, query: Query, text: str) -> None:
        self.query, self.text = query, text
        self.is_singular = query.is_singular
        self.find, self.value = _functions(query)

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.query.segments

    def steps_to_rows(self) -> tuple[Segment, ...]:
        """Return the leading steps up to and with the first `[*]`; () when there is none."""
        for number, segment in enumerate(self.segments):
            if segment == EVERY:
                return self.segments[: number + 1]
            if not segment.is_singular:
                return ()
        return ()

    def after(self, count: int) -> Path:
        """Return the path without its first steps."""
        return path_of(self.segments[count:])


EVERY = Segment((Wildcard(),))


def path_of(segments: tuple[Segment, ...]) -> Path:
    """Return the path of these steps; its text is written anew."""
    return Path(Query(segments), "$" + "".join(map(_segment_text, segments)))


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """Raises: ExpressionRefused with the character at fault."""
    return Path(parse_path(text), text)


def _functions(query: Query) -> tuple[Callable[[Json], list[Json]], Callable[[Json], Json]]:
    plain = plain_finder(query.segments)
    if plain is not None:
        return _listed(plain), plain
    each = _each_finder(query.segments)
    if each is not None:
        return each, each

    def find(document: Json) -> list[Json]:
        return find_all(query, document, Budget())

    return find, find


def _listed(plain: Callable[[Json], Json]) -> Callable[[Json], list[Json]]:
    def find(document: Json) -> list[Json]:
        value = plain(document)
        return [] if value is MISSING else [value]

    return find


def _each_finder(segments: tuple[Segment, ...]) -> Callable[[Json], list[Json]] | None:
    """Return the finder of a path with one `[*]` between plain steps, such as `$.lines[*].account.id`.

    It looks at each element once, so that the document itself bounds what it takes.
    """
    if sum(1 for segment in segments if segment == EVERY) != 1:
        return None
    place = segments.index(EVERY)
    before, after = plain_finder(segments[:place]), plain_finder(segments[place + 1 :])
    if before is None or after is None:
        return None
    whole = place == len(segments) - 1

    def find(document: Json) -> list[Json]:
        value = before(document)
        items = value if type(value) is list else list(value.values()) if type(value) is dict else []
        if len(items) > MAX_RESULTS:
            raise OverBudget(f"It finds {len(items)} values; {MAX_RESULTS} is the most one evaluation may.")
        if whole:
            return list(items)
        return [found for item in items if (found := after(item)) is not MISSING]

    return find


def _segment_text(segment: Segment) -> str:
    return (".." if segment.descends else "") + f"[{', '.join(map(_selector_text, segment.selectors))}]"


def _selector_text(selector: object) -> str:
    match selector:
        case Name(name):
            escaped = name.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped}'"
        case Index(index):
            return str(index)
        case Slice(start, stop, step):
            return f"{'' if start is None else start}:{'' if stop is None else stop}:{step}"
        case Wildcard():
            return "*"
        case _:
            return "?…"
