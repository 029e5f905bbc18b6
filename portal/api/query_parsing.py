"""The filter language of `query` and `tags` (codat contract, section 1.7): text in, a tree out.

    clause := path op value            path := name("." name)*
    op     := = | != | ~ | > | < | >= | <=
    expr   := clause | expr && expr | expr || expr | { expr }

`&&` binds closer than `||`. Spaces may stand around every token. A value ends before the next `&&`, `||` or `}` or with
the text, without the spaces around it; it may hold anything else. One that needs those signs, or spaces at its ends, or
is empty, stands in double or single quotes, a quote inside written twice; quotes count only when the closing one ends
the value, so that `name = 't Hof` needs none. What a value means is decided by the property it is compared with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from syncengine.exceptions import Refused

LENGTH_LIMIT = 2048
DEPTH_LIMIT = 64
MALFORMED = "Error parsing query - Malformed query."


class QueryRefused(Refused):
    """The contract's words about a query that cannot be answered."""

    def __init__(self, message: str = MALFORMED, *, field: str = "query") -> None:
        super().__init__(message, field=field)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison. `operator` is one of OPERATORS; `value` is the text as it was meant, without quotes."""

    path: tuple[str, ...]
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]


type Node = Clause | And | Or

OPERATORS = ("!=", ">=", "<=", "=", "~", ">", "<")

_SPACE = re.compile(r"\s*")
_NAME = r"[\w-]+"
_PATH = re.compile(rf"{_NAME}(?:\s*\.\s*{_NAME})*")
_TAG = re.compile(r"[^=!~<>{}&|\"\\]+")
_OPERATOR = re.compile("|".join(OPERATORS))
_QUOTED = re.compile(r"""(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)')\s*(?=&&|\|\||\}|\Z)""")
_END = re.compile(r"&&|\|\||\}")
_NOT_A_START = tuple("=~<>{")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def parse_query(text: str) -> Node:
    """Return the tree of a `query`.

    Raises: QueryRefused.
    """
    return _Parser(text, _PATH).parse()


def parse_tags(text: str) -> Node:
    """Return the tree of a `tags` filter: each path is one tag's key, which may hold spaces and dots.

    Raises: QueryRefused.
    """
    return _Parser(text, _TAG).parse()


def parse_path(text: str) -> tuple[str, ...]:
    """Return the names of a dotted path that stands alone.

    Raises: QueryRefused.
    """
    if len(text) >= LENGTH_LIMIT or _PATH.fullmatch(text.strip()) is None:
        raise QueryRefused
    return tuple(name.strip() for name in text.split("."))


def write_query(node: Node) -> str:
    """Return the tree as text that is parsed to the same tree."""
    if isinstance(node, Clause):
        return f"{'.'.join(node.path)} {node.operator} {_written(node.value)}"
    joint = " && " if isinstance(node, And) else " || "
    return joint.join(
        write_query(part) if isinstance(part, Clause) else f"{{{write_query(part)}}}" for part in node.parts
    )


def _written(value: str) -> str:
    plain = value and value == value.strip() and not _END.search(value) and not value.startswith(_NOT_A_START)
    if plain and value[0] not in "\"'" and value != "null" and not value.endswith(("&", "|")):
        return value
    return '"' + value.replace('"', '""') + '"'


class _Parser:
    def __init__(self, text: str, path: re.Pattern[str]) -> None:
        if len(text) >= LENGTH_LIMIT or _UNSTORABLE.search(text):
            raise QueryRefused
        self.text = text
        self.path = path
        self.place = 0

    def parse(self) -> Node:
        tree = self._any(0)
        if self.place < len(self.text):
            raise QueryRefused
        return tree

    def _any(self, depth: int) -> Node:
        parts = [self._all(depth)]
        while self._takes("||"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self, depth: int) -> Node:
        parts = [self._one(depth)]
        while self._takes("&&"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self, depth: int) -> Node:
        if not self._takes("{"):
            return self._clause()
        if depth == DEPTH_LIMIT:
            raise QueryRefused
        inner = self._any(depth + 1)
        if not self._takes("}"):
            raise QueryRefused
        return inner

    def _clause(self) -> Clause:
        path = self._needs(self.path).group()
        operator = self._needs(_OPERATOR).group()
        return Clause(self._names(path), operator, self._value())

    def _names(self, path: str) -> tuple[str, ...]:
        return (path.strip(),) if self.path is _TAG else tuple(name.strip() for name in path.split("."))

    def _value(self) -> str:
        quoted = _QUOTED.match(self.text, self.place)
        if quoted is not None:
            self._go_to(quoted.end())
            double, single = quoted.groups()
            return single.replace("''", "'") if double is None else double.replace('""', '"')
        end = _END.search(self.text, self.place)
        start, self.place = self.place, end.start() if end else len(self.text)
        value = self.text[start : self.place].strip()
        if not value or value == "null" or value.startswith(_NOT_A_START):
            raise QueryRefused
        return value

    def _takes(self, token: str) -> bool:
        self._go_to(self.place)
        if not self.text.startswith(token, self.place):
            return False
        self._go_to(self.place + len(token))
        return True

    def _needs(self, pattern: re.Pattern[str]) -> re.Match[str]:
        self._go_to(self.place)
        found = pattern.match(self.text, self.place)
        if found is None or not found.group().strip():
            raise QueryRefused
        self._go_to(found.end())
        return found

    def _go_to(self, place: int) -> None:
        """Go on there, behind the spaces."""
        spaces: Any = _SPACE.match(self.text, place)
        self.place = spaces.end()
