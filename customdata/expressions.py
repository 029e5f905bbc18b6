"""JMESPath for custom fields: parsed by jmespath, evaluated by our own functions within a budget."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from jmespath.exceptions import IncompleteExpressionError, JMESPathError
from jmespath.parser import Parser

from customdata.budget import Budget, check_size
from customdata.exceptions import EvaluationFailed, ExpressionRefused
from customdata.expression_compiling import Unsound, compiled
from customdata.path_evaluation import MISSING, plain_finder
from customdata.path_terms import Index, Name, Segment

type Json = Any
type Node = Mapping[str, Any]

MAX_LENGTH = 1024
MAX_NESTING = 40
MAX_TREE_DEPTH = 100
MAX_VALUE_BYTES = 64 * 1024
INVALID = "INVALID_JSON_PATH"  # what a record shows for an expression that gives no value
_TOO_DEEP = f"An expression may have {MAX_TREE_DEPTH} steps within each other at most."
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`""", re.DOTALL)
_HYPHENATED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)+")


class Outcome(StrEnum):
    """What became of an expression on one record."""

    RESOLVED = "resolved"
    NULL = "null"  # it is there, and null
    MISSING = "missing"  # it is not there, or nobody can tell it from null
    INVALID = "invalid"


class Resolution(NamedTuple):
    outcome: Outcome
    value: Json = None
    reason: str = ""


_NULL, _MISSING = Resolution(Outcome.NULL), Resolution(Outcome.MISSING)


class Expression:
    """One compiled expression.

    is_plain:  names and indexes only, so that a missing member can be told from a null one.
    """

    __slots__ = ("_evaluate", "_plain", "is_plain", "text", "tree")

    def __init__(self, text: str, tree: Node) -> None:
        self.text, self.tree = text, tree
        self._plain = _plain_finder(tree)
        self.is_plain = self._plain is not None
        self._evaluate = compiled(tree)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def value(self, document: Json) -> Json:
        """Return what the expression gives; null for what is not there.

        Raises: EvaluationFailed, OverBudget.
        """
        return self.resolve_or_raise(document).value

    def resolve_or_raise(self, document: Json) -> Resolution:
        if self._plain is not None:
            value, missing = self._plain(document), _NULL
            if value is MISSING:
                return _MISSING
        else:
            value, missing = self._evaluate(document, Budget()), _MISSING
        if value is None:
            return missing
        if type(value) not in (str, int, bool) or (type(value) is str and len(value) > MAX_VALUE_BYTES // 4):
            check_size(value, Budget(), MAX_VALUE_BYTES)
        return Resolution(Outcome.RESOLVED, value)

    def resolve(self, document: Json) -> Resolution:
        """The same without raising: what fails is INVALID, with the reason."""
        try:
            return self.resolve_or_raise(document)
        except EvaluationFailed as failure:
            return Resolution(Outcome.INVALID, reason=failure.reason)


def resolve(text: str, document: Json) -> Resolution:
    """Compile and evaluate; an expression that is refused is INVALID, with the reason."""
    try:
        return compile_expression(text).resolve(document)
    except ExpressionRefused as refusal:
        return Resolution(Outcome.INVALID, reason=refusal.message)


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Raises: ExpressionRefused, with the character at fault where there is one."""
    _check_text(text)
    tree = _parsed(text)
    try:
        return Expression(text, tree)
    except Unsound as error:
        place = text.find(error.word)
        raise ExpressionRefused(error.reason, expression=text, position=place if place >= 0 else None) from None


def value_kind(value: Json) -> str:
    """Return the wire's word: string, number, boolean, object, array or null."""
    if value is None:
        return "null"
    if isinstance(value, bool):  # before numbers: a bool is an int
        return "boolean"
    kinds = ((str, "string"), (dict, "object"), (list, "array"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "number")


# --- before parsing


def _check_text(text: str) -> None:
    if not text.strip():
        raise ExpressionRefused("An expression must not be empty.", expression=text)
    if len(text) > MAX_LENGTH:
        reason = f"An expression may have {MAX_LENGTH} characters at most; this one has {len(text)}."
        raise ExpressionRefused(reason, expression=text)
    _check_literals(text)
    _check_nesting(text)


def _check_literals(text: str) -> None:
    """The library takes `foo` for the text foo, which JMESPath has given up; JSON is asked for here."""
    for found in _QUOTED.finditer(text):
        if found.group()[0] != "`":
            continue
        try:
            _check_number_sizes(json.loads(found.group()[1:-1].replace("\\`", "`")))
        except RecursionError:
            reason = f"An expression may nest {MAX_NESTING} levels at most."
            raise ExpressionRefused(reason, expression=text, position=found.start()) from None
        except ValueError:
            reason = "What stands in backticks must be JSON; a text is written 'so'."
            raise ExpressionRefused(reason, expression=text, position=found.start()) from None


def _check_number_sizes(value: Json) -> None:
    """Python's JSON takes NaN and Infinity. Raises: ValueError."""
    try:
        check_size(value, Budget())
    except EvaluationFailed as failure:
        raise ValueError(failure.reason) from None


def _check_nesting(text: str) -> None:
    bare = _QUOTED.sub(lambda found: found.group() if found.group()[0] == "`" else " " * len(found.group()), text)
    depth = run = 0
    for place, sign in enumerate(bare):
        depth += (sign in "[{(") - (sign in "]})")
        run = run + 1 if sign in "!&" else run if sign.isspace() else 0
        if depth > MAX_NESTING or run > MAX_NESTING:
            reason = f"An expression may nest {MAX_NESTING} levels at most."
            raise ExpressionRefused(reason, expression=text, position=place)


def _parsed(text: str) -> Node:
    try:
        tree: Node = Parser().parse(text).parsed
    except JMESPathError as error:
        raise _refusal(text, error) from None
    except RecursionError:
        raise ExpressionRefused(_TOO_DEEP, expression=text) from None
    except ValueError:  # a number of thousands of digits, or an escape that is none
        raise ExpressionRefused("This is not a JMESPath expression.", expression=text) from None
    _check_depth(text, tree)
    return tree


# --- after parsing


def _check_depth(text: str, tree: Node) -> None:
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_TREE_DEPTH:
            raise ExpressionRefused(_TOO_DEEP, expression=text)
        level = [child for node in level for child in node["children"] if isinstance(child, dict)]


def _refusal(text: str, error: JMESPathError) -> ExpressionRefused:
    position = getattr(error, "lex_position", None)
    position = getattr(error, "lexer_position", None) if position is None else position
    if isinstance(error, IncompleteExpressionError):
        position = len(text)
    if isinstance(position, int) and text[position : position + 1] == "$":
        return ExpressionRefused(_dollar_advice(text), expression=text, position=position)
    hyphenated = next((found for found in _HYPHENATED.finditer(text) if position in _span(found)), None)
    if hyphenated is not None:
        name = hyphenated.group()
        advice = f'A name with a hyphen must stand in double quotes: "{name}".'
        return ExpressionRefused(advice, expression=text, position=hyphenated.start())
    return ExpressionRefused(_words(text, position), expression=text, position=position)


def _words(text: str, position: int | None) -> str:
    if position is None or position >= len(text.rstrip()):
        return "The expression ends too early."
    sign = text[position]
    if sign in "'\"`":
        return "This text is not as JMESPath writes one, or its quote is not closed."
    return f"{sign} is not expected here."


def _span(found: re.Match[str]) -> range:
    return range(found.start(), found.end() + 1)


def _dollar_advice(text: str) -> str:
    rest = text.strip().removeprefix("$").lstrip(".")
    return f"JMESPath has no $; write {rest}." if rest else "JMESPath has no $; the whole record is @."


def _plain_finder(tree: Node) -> Callable[[Json], Json] | None:
    segments = _plain_segments(tree)
    return None if segments is None else plain_finder(segments)


def _plain_segments(node: Node) -> tuple[Segment, ...] | None:
    match node["type"]:
        case "field":
            return (Segment((Name(node["value"]),)),)
        case "index":
            return (Segment((Index(node["value"]),)),)
        case "identity" | "current":
            return ()
        case "subexpression" | "index_expression":
            parts = [_plain_segments(child) for child in node["children"]]
            return None if None in parts else tuple(segment for part in parts for segment in part or ())
        case _:
            return None
