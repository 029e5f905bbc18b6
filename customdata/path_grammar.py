"""Reads a JSONPath by the grammar of RFC 9535, with a limit on everything, and says where it goes wrong.

Left out on purpose: `match` and `search`, which take a regular expression.
"""

from __future__ import annotations

import re
from typing import NoReturn

from customdata.exceptions import ExpressionRefused
from customdata.path_filters import FilterReader
from customdata.path_terms import Filter, Index, Name, Query, Segment, Selector, Slice, Wildcard

MAX_LENGTH = 512
MAX_SEGMENTS = 32
MAX_DESCENTS = 1
MAX_INTEGER = 2**53 - 1

_BLANK = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r"[A-Za-z_\u0080-\ud7ff\ue000-\U0010ffff][A-Za-z0-9_\u0080-\ud7ff\ue000-\U0010ffff]*")
_INTEGER = re.compile(r"-?[0-9]+")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\"}
_HEX = re.compile(r"[0-9A-Fa-f]{4}")


def parse_path(text: str) -> Query:
    """Raises: ExpressionRefused with the character at fault."""
    if len(text) > MAX_LENGTH:
        raise ExpressionRefused(
            f"A path may have {MAX_LENGTH} characters at most; this one has {len(text)}.", expression=text
        )
    reader = PathReader(text)
    if not reader.takes("$"):
        reader.refuse("A path begins with $, as in $.name.")
    query = Query(reader.segments())
    if reader.at < len(text):
        reader.refuse(_after_segment(text[reader.at :]))
    return query


def _after_segment(rest: str) -> str:
    if rest.isspace():
        return "A path may not end in a blank."
    if rest.startswith("-"):
        return "A name with a hyphen must stand in quotes: $['cost-center']."
    return "A dot, a bracket or the end is expected here."


class PathReader:
    """One path and the place where reading it stands."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.segment_count = self.descent_count = 0

    # --- signs

    def refuse(self, reason: str, at: int | None = None) -> NoReturn:
        raise ExpressionRefused(reason, expression=self.text, position=self.at if at is None else at)

    def takes(self, sign: str) -> bool:
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        return False

    def sees(self, signs: str) -> bool:
        return self.at < len(self.text) and self.text[self.at] in signs

    def blank(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def needs(self, sign: str, reason: str) -> None:
        if not self.takes(sign):
            self.refuse(reason)

    # --- segments

    def segments(self) -> tuple[Segment, ...]:
        found: list[Segment] = []
        while True:
            before = self.at
            self.blank()
            if not self.sees(".["):
                self.at = before
                return tuple(found)
            found.append(self._segment())

    def _segment(self) -> Segment:
        self.segment_count += 1
        if self.segment_count > MAX_SEGMENTS:
            self.refuse(f"A path may have {MAX_SEGMENTS} steps at most.")
        descends = self.takes("..")
        if descends:
            self.descent_count += 1
            if self.descent_count > MAX_DESCENTS:
                self.refuse("A path may look at all levels (..) once only.", self.at - 2)
        if self.sees("["):
            return Segment(self._brackets(), descends)
        if not descends:
            self.at += 1  # the dot
        if self.takes("*"):
            return Segment((Wildcard(),), descends)
        return Segment((Name(self._shorthand()),), descends)

    def _shorthand(self) -> str:
        found = _NAME.match(self.text, self.at)
        if found is None:
            if self.sees("0123456789"):
                self.refuse("A name after a dot may not begin with a digit; write ['1'] or, in a list, [1].")
            self.refuse("A member's name is expected here.")
        self.at = found.end()
        if self.sees("("):
            self.refuse("A path holds no functions; they may stand inside a filter only.", found.start())
        return found.group()

    def _brackets(self) -> tuple[Selector, ...]:
        self.at += 1
        selectors = []
        while True:
            self.blank()
            selectors.append(self._selector())
            self.blank()
            if self.takes("]"):
                return tuple(selectors)
            self.needs(",", "A comma or a closing bracket is expected here.")

    def _selector(self) -> Selector:
        if self.takes("*"):
            return Wildcard()
        if self.sees("'\""):
            return Name(self.quoted())
        if self.takes("?"):
            self.blank()
            return Filter(FilterReader(self).test())
        if self.sees("("):
            self.refuse("Scripts in a path are not run.")
        return self._index_or_slice()

    def _index_or_slice(self) -> Selector:
        start = self.integer() if self.sees("-0123456789") else None
        before = self.at
        self.blank()
        if not self.takes(":"):
            self.at = before
            if start is None:
                self.refuse("A name in quotes, a number, a slice, * or a filter is expected here.")
            return Index(start)
        self.blank()
        stop = self.integer() if self.sees("-0123456789") else None
        before = self.at
        self.blank()
        if not self.takes(":"):
            self.at = before
            return Slice(start, stop, 1)
        self.blank()
        return Slice(start, stop, self.integer() if self.sees("-0123456789") else 1)

    # --- literals

    def integer(self) -> int:
        found = _INTEGER.match(self.text, self.at)
        if found is None:
            self.refuse("A number is expected here.", self.at + 1)
        digits = found.group()
        if digits.startswith(("-0", "0")) and digits != "0":
            self.refuse("A number in a path has no leading zero, and -0 is none.")
        if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
            self.refuse("A number in a path may not be beyond 9007199254740991.")
        self.at = found.end()
        return int(digits)

    def quoted(self) -> str:
        quote, begins = self.text[self.at], self.at
        self.at += 1
        signs: list[str] = []
        while True:
            if self.at >= len(self.text):
                self.refuse("This quote is not closed.", begins)
            sign = self.text[self.at]
            if sign == quote:
                self.at += 1
                return "".join(signs)
            if sign < " " or "\ud800" <= sign <= "\udfff":
                self.refuse("A control character must be written as an escape, such as \\n.")
            self.at += 1
            signs.append(self._escape(quote) if sign == "\\" else sign)

    def _escape(self, quote: str) -> str:
        sign = self.text[self.at : self.at + 1]
        self.at += 1
        if sign == quote:
            return quote
        if sign in _ESCAPES and sign:
            return _ESCAPES[sign]
        if sign != "u":
            self.refuse("This is not an escape that JSON knows.", self.at - 2)
        return self._unicode_escape()

    def _unicode_escape(self) -> str:
        begins = self.at - 2
        first = self._hex(begins)
        if 0xDC00 <= first <= 0xDFFF:
            self.refuse("The second half of a surrogate pair stands alone.", begins)
        if not 0xD800 <= first <= 0xDBFF:
            return chr(first)
        second = self._hex(begins) if self.takes("\\u") else 0
        if not 0xDC00 <= second <= 0xDFFF:
            self.refuse("The first half of a surrogate pair stands alone.", begins)
        return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))

    def _hex(self, begins: int) -> int:
        found = _HEX.match(self.text, self.at)
        if found is None:
            self.refuse("\\u needs four hexadecimal digits.", begins)
        self.at = found.end()
        return int(found.group(), 16)
