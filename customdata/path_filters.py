"""Reads the filters of a JSONPath: `[?@.price < 10 && !@.sold]`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from customdata.path_terms import All, Call, Compare, Either, Exists, Literal, Not, Query, Test

if TYPE_CHECKING:
    from customdata.path_grammar import PathReader

MAX_NESTING = 16
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_FUNCTION = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)\(")
_WORDS = {"true": True, "false": False, "null": None}
FUNCTIONS = ("length", "count", "value")
_REGULAR = ("match", "search")
MAX_EXPONENT = 308


class FilterReader:
    """Reads one filter at the place where `reader` stands, and leaves the reader behind it."""

    def __init__(self, reader: PathReader, nesting: int = 0) -> None:
        self._reader, self._nesting = reader, nesting

    def test(self) -> Test:
        tests = [self._both()]
        while self._joined("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else Either(tuple(tests))

    def _both(self) -> Test:
        tests = [self._basic()]
        while self._joined("&&"):
            tests.append(self._basic())
        return tests[0] if len(tests) == 1 else All(tuple(tests))

    def _joined(self, sign: str) -> bool:
        reader = self._reader
        before = reader.at
        reader.blank()
        if reader.takes(sign):
            reader.blank()
            return True
        reader.at = before
        return False

    def _basic(self) -> Test:
        reader = self._reader
        begins = reader.at
        if reader.takes("!"):
            reader.blank()
            if reader.sees("("):
                return Not(self._parenthesised())
            return Not(self._tested(self._comparable(), begins))
        if reader.sees("("):
            return self._parenthesised()
        left = self._comparable()
        operator = self._operator()
        if operator:
            return self._compared(left, operator, begins)
        return self._tested(left, begins)

    def _parenthesised(self) -> Test:
        reader = self._reader
        if self._nesting >= MAX_NESTING:
            reader.refuse(f"A filter may nest {MAX_NESTING} levels at most.")
        reader.at += 1
        reader.blank()
        found = FilterReader(reader, self._nesting + 1).test()
        reader.blank()
        reader.needs(")", "A closing parenthesis is expected here.")
        return found

    def _operator(self) -> str:
        reader = self._reader
        before = reader.at
        reader.blank()
        if reader.text.startswith("=~", reader.at):
            reader.refuse("Regular expressions are not run.")
        found = next((sign for sign in _COMPARISONS if reader.takes(sign)), "")
        if not found:
            if reader.sees("="):
                reader.refuse("Equality is written ==.")
            reader.at = before
        return found

    def _compared(self, left: Any, operator: str, begins: int) -> Test:
        reader = self._reader
        reader.blank()
        self._require_one_value(left, begins)
        begins = reader.at
        right = self._comparable()
        self._require_one_value(right, begins)
        return Compare(left, operator, right)

    def _require_one_value(self, side: Any, at: int) -> None:
        if isinstance(side, Query) and not side.is_singular:
            self._reader.refuse("What is compared must be one value, so a path here has names and indexes only.", at)

    def _tested(self, found: Any, at: int) -> Test:
        if not isinstance(found, Query):
            self._reader.refuse("A value alone is no test; compare it with something.", at)
        return Exists(found)

    def _comparable(self) -> Query | Literal | Call:
        reader = self._reader
        if reader.sees("@$"):
            return self._query()
        if reader.sees("'\""):
            return Literal(reader.quoted())
        if reader.sees("-0123456789"):
            return Literal(self._number())
        function = _FUNCTION.match(reader.text, reader.at)
        if function is not None:
            return self._call(function)
        word = _WORD.match(reader.text, reader.at)
        if word is None or word.group() not in _WORDS:
            reader.refuse("A path (@ or $), a text in quotes, a number, true, false or null is expected here.")
        reader.at = word.end()
        return Literal(_WORDS[word.group()])

    def _query(self) -> Query:
        """Paths inside a filter count towards the whole path's steps, so filters cannot nest without end."""
        reader = self._reader
        relative = reader.takes("@")
        reader.at += 0 if relative else 1
        if self._nesting >= MAX_NESTING:
            reader.refuse(f"A filter may nest {MAX_NESTING} levels at most.")
        return Query(reader.segments(), relative)

    def _number(self) -> int | Decimal:
        reader = self._reader
        found = _NUMBER.match(reader.text, reader.at)
        if found is None or reader.text[found.end() : found.end() + 1].isalnum():
            reader.refuse("This is not a number as JSON writes it.")
        begins, reader.at = reader.at, found.end()
        text = found.group()
        if not found["rest"]:
            return int(text)
        exponent = re.split("[eE]", text)[1:]
        if exponent and (len(exponent[0]) > 5 or abs(int(exponent[0])) > MAX_EXPONENT):
            reader.refuse("This number is beyond reason.", begins)
        return Decimal(text)

    def _call(self, function: re.Match[str]) -> Call:
        reader = self._reader
        name, begins = function["name"], reader.at
        if name in _REGULAR:
            reader.refuse(f"{name}() takes a regular expression, and those are not run.", begins)
        if name not in FUNCTIONS:
            reader.refuse(f"{name}() is not a function here; there are {', '.join(FUNCTIONS)}.", begins)
        if self._nesting >= MAX_NESTING:
            reader.refuse(f"A filter may nest {MAX_NESTING} levels at most.", begins)
        reader.at = function.end()
        reader.blank()
        argument_at = reader.at
        argument = FilterReader(reader, self._nesting + 1)._comparable()
        reader.blank()
        reader.needs(")", f"{name}() takes one argument and a closing parenthesis.")
        if name == "length":
            self._require_one_value(argument, argument_at)
        elif not isinstance(argument, Query):
            reader.refuse(f"{name}() takes a path.", argument_at)
        return Call(name, argument)
