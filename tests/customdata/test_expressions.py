"""JMESPath: what an expression gives, what is refused and where, what is worth a hint."""

from __future__ import annotations

import json
from decimal import Decimal

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customdata.exceptions import EvaluationFailed, ExpressionRefused
from customdata.expressions import Outcome, Resolution, compile_expression, resolve, value_kind
from customdata.lints import Lint, lints

RECORD = {
    "id": "emp_1",
    "data": {"employee": {"guardian_mobile": "+1-555-123-4567", "cost-center": "C7", "manager": None}},
    "phones": [{"type": "work", "number": "1"}, {"type": "home", "number": "2"}],
    "pay": Decimal("1234567890.123456789"),
    "hours": [Decimal("7.5"), 8, Decimal("0.25")],
}


@pytest.mark.parametrize(
    ("text", "outcome", "value"),
    [
        ("data.employee.guardian_mobile", Outcome.RESOLVED, "+1-555-123-4567"),
        ('data.employee."cost-center"', Outcome.RESOLVED, "C7"),
        ("data.employee.manager", Outcome.NULL, None),
        ("data.employee.nobody", Outcome.MISSING, None),
        ("data.nothing.nobody", Outcome.MISSING, None),
        ("id.x", Outcome.MISSING, None),
        ("id[0]", Outcome.MISSING, None),
        ("phones[5].number", Outcome.MISSING, None),
        ("phones[1].number", Outcome.RESOLVED, "2"),
        ("phones[?type=='home'].number | [0]", Outcome.RESOLVED, "2"),
        ("phones[?type=='fax'].number | [0]", Outcome.MISSING, None),
        ("pay", Outcome.RESOLVED, Decimal("1234567890.123456789")),
        ("sum(hours)", Outcome.RESOLVED, Decimal("15.75")),
        ("max(hours)", Outcome.RESOLVED, 8),
        ("hours[?@ > `7.5`]", Outcome.RESOLVED, [8]),
        ("@", Outcome.RESOLVED, RECORD),
        ("to_number('12.50')", Outcome.RESOLVED, Decimal("12.50")),
        ("to_number('twelve')", Outcome.MISSING, None),
        ("contains(`[1]`, `true`)", Outcome.RESOLVED, False),
    ],
)
def test_what_an_expression_gives(text, outcome, value):
    assert resolve(text, RECORD) == Resolution(outcome, value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("to_number('nan')", "to_number() comes to a number that JSON cannot hold."),
        ("to_number('-Infinity')", "to_number() comes to a number that JSON cannot hold."),
        ("to_number('1e400')", "to_number() comes to a number that JSON cannot hold."),
        ("abs(id)", "abs() takes a number, not a string."),
        ("sum(phones)", "sum() takes an array of numbers, not an array."),
        ("sort_by(phones, &@)", "What is sorted by must be all numbers or all texts, not object."),
        ("keys(missing)", "keys() takes an object, not null."),
    ],
)
def test_what_fails_is_invalid_with_a_reason(text, reason):
    assert resolve(text, RECORD) == Resolution(Outcome.INVALID, reason=reason)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", None, "An expression must not be empty."),
        ("$.data.x", 0, "JMESPath has no $; write data.x."),
        ("$", 0, "JMESPath has no $; the whole record is @."),
        ("data.cost-center", 5, 'A name with a hyphen must stand in double quotes: "cost-center".'),
        ("a[", 2, "The expression ends too early."),
        ("a.", 2, "The expression ends too early."),
        ("a.'b", 2, "This text is not as JMESPath writes one, or its quote is not closed."),
        ("a]", 1, "] is not expected here."),
        ("a[::0]", 3, "A slice's step may not be 0."),
        (
            "&a",
            0,
            "An expression with & stands only as an argument of sort_by, min_by, max_by or map.",
        ),
        (
            "{x: &a}",
            4,
            "An expression with & stands only as an argument of sort_by, min_by, max_by or map.",
        ),
        ("length(a, b)", 0, "length() takes 1 argument, not 2."),
        ("merge()", 0, "merge() takes 1 or more arguments, not 0."),
        ("sort_by(a, b)", 0, "sort_by() takes an expression written with & as its argument 2."),
        ("length(&a)", 0, "length() takes a value, not an expression with & as its argument 1."),
        ("`foo`", 0, "What stands in backticks must be JSON; a text is written 'so'."),
        ("a == `NaN`", 5, "What stands in backticks must be JSON; a text is written 'so'."),
    ],
)
def test_a_refusal_names_the_character_and_the_reason(text, position, reason):
    with pytest.raises(ExpressionRefused) as refusal:
        compile_expression(text)
    assert (refusal.value.position, refusal.value.reason) == (position, reason)


def test_an_unknown_function_is_refused_with_those_there_are():
    with pytest.raises(ExpressionRefused, match=r"^There is no function upper\(\); there are abs, avg, ceil"):
        compile_expression("upper(id)")


def test_a_value_larger_than_64_kib_is_invalid():
    assert resolve("text", {"text": "x" * 65_000}).outcome == Outcome.RESOLVED
    assert resolve("text", {"text": "x" * 66_000}) == Resolution(
        Outcome.INVALID, reason="The value is larger than 65536 bytes."
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "null"),
        (True, "boolean"),
        (1, "number"),
        (1.5, "number"),
        (Decimal(1), "number"),
        ("", "string"),
        ([], "array"),
        ({}, "object"),
    ],
)
def test_the_wires_word_for_a_value(value, word):
    assert value_kind(value) == word


def test_hints():
    quotes = "\"A\" in double quotes is a member's name; the text is written 'A'."
    a_list = "A filter gives a list even when it finds one; add | [0] for the first."
    order = (
        "[0] relies on the order of the list, which the platform may never have promised. "
        "A filter such as [?type=='home'] says which one is meant."
    )
    assert lints('items[?name=="A"]') == [Lint("gives-a-list", a_list, 5), Lint("quotes-name-a-member", quotes, 13)]
    assert lints("items[?name=='A'].value") == [Lint("gives-a-list", a_list, 5)]
    assert lints("items[?name=='A'].value | [0]") == []
    assert lints("items[0].phone") == [Lint("relies-on-order", order, 5)]
    assert lints("data.employee.x") == []
    assert lints("$.a") == [Lint("not-compiling", "JMESPath has no $; write a. (at character 1)", 0)]


# --- beside the library

_NAMES = ["a", "b", "c", '"x-y"']
_leaves = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.just(1.5), st.text("ab1", max_size=2))
_documents = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["a", "b", "c", "x-y"]), inner, max_size=4)
    ),
    max_leaves=20,
)
_UNARY = ["avg", "ceil", "floor", "keys", "length", "max", "min", "not_null", "reverse", "sort", "sum", "to_array"]
_UNARY += ["to_number", "type", "values", "abs"]
_SIGNS = ["||", "&&", "|", "==", "!=", "<", ">="]


def _grow(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from([f".{name}" for name in [*_NAMES, "*", "[a,b]", "{x:a}"]])).map("".join),
        st.tuples(inner, st.sampled_from(["[0]", "[-1]", "[*]", "[]", "[1:]", "[::-1]", "[:2]"])).map("".join),
        st.tuples(inner, inner).map(lambda two: f"{two[0]}[?{two[1]}]"),
        st.tuples(inner, st.sampled_from(_SIGNS), inner).map("({0[0]}{0[1]}{0[2]})".format),
        inner.map("!{}".format),
        st.tuples(inner, inner).map("[{0[0]},{0[1]}]".format),
        st.tuples(st.sampled_from(_UNARY), inner).map("{0[0]}({0[1]})".format),
        st.tuples(st.sampled_from(["sort_by", "max_by", "min_by"]), inner, inner).map("{0[0]}({0[1]},&{0[2]})".format),
        st.tuples(inner, inner).map("map(&{0[0]},{0[1]})".format),
        st.tuples(st.sampled_from(["join", "merge", "starts_with", "ends_with"]), inner, inner).map(
            "{0[0]}({0[1]},{0[2]})".format
        ),
    )


_expressions = st.recursive(st.sampled_from([*_NAMES, "@", "`1`", "'a'", "`null`"]), _grow, max_leaves=8)


@settings(max_examples=800, deadline=None)
@given(text=_expressions, document=_documents)
def test_expressions_give_what_jmespath_gives(text, document):
    """Where the library answers, the answer is the same; where it raises, ours is a refusal by name, or null."""
    try:
        wanted = jmespath.search(text, document)
    except (jmespath.exceptions.JMESPathError, ValueError, TypeError):
        assert resolve(text, document).outcome in (Outcome.INVALID, Outcome.MISSING, Outcome.RESOLVED)
        return
    assert _as_json(_value(text, document)) == _as_json(wanted)


def _value(text, document):
    try:
        return compile_expression(text).value(document)
    except EvaluationFailed as failure:
        return {"failed": failure.reason}


def _as_json(value):
    return json.dumps(value, default=float)


@settings(max_examples=500, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.text("ab.[]*?@'\"`()=!<>&|:,{}-01 \\u", max_size=60)))
def test_whatever_is_given_ends_in_an_outcome(text):
    assert resolve(text, {"a": [1, {"b": "x"}]}).outcome in Outcome
