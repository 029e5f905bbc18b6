"""JSONPath: what is accepted by the rules of RFC 9535, what is refused and where, and what other readers find."""

from __future__ import annotations

from decimal import Decimal

import jsonpath_ng
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customdata.exceptions import ExpressionRefused
from customdata.paths import MISSING, compile_path
from tests.customdata.rfc9535 import INVALID, REFUSED_ON_PURPOSE, VALID


def test_every_rule_of_the_rfc_that_is_accepted_is_followed(capsys):
    wrong = [(path, found) for path, document, wanted in VALID if (found := _found(path, document)) != wanted]
    taken = [path for path in INVALID if not isinstance(_found(path, {}), ExpressionRefused)]
    refused = [path for path, _ in REFUSED_ON_PURPOSE if isinstance(_found(path, {}), ExpressionRefused)]
    with capsys.disabled():
        print(
            f"\nRFC 9535: {len(VALID) - len(wrong)} of {len(VALID)} valid paths right, "
            f"{len(INVALID) - len(taken)} of {len(INVALID)} invalid ones refused, "
            f"{len(refused)} of {len(REFUSED_ON_PURPOSE)} valid ones refused on purpose"
        )
    assert (wrong, taken, len(refused)) == ([], [], len(REFUSED_ON_PURPOSE))


def _found(path, document):
    try:
        return compile_path(path).find(document)
    except ExpressionRefused as refusal:
        return refusal


@pytest.mark.parametrize(("path", "reason"), REFUSED_ON_PURPOSE)
def test_what_is_left_out_on_purpose_is_refused_by_its_reason(path, reason):
    assert str(_found(path, {})) == reason


@pytest.mark.parametrize(
    ("path", "position", "reason"),
    [
        ("id", 0, "A path begins with $, as in $.name."),
        ("", 0, "A path begins with $, as in $.name."),
        ("$.a b", 3, "A dot, a bracket or the end is expected here."),
        ("$.a ", 3, "A path may not end in a blank."),
        ("$.cost-center", 6, "A name with a hyphen must stand in quotes: $['cost-center']."),
        ("$.1", 2, "A name after a dot may not begin with a digit; write ['1'] or, in a list, [1]."),
        ("$[01]", 2, "A number in a path has no leading zero, and -0 is none."),
        ("$['a", 2, "This quote is not closed."),
        ("$['a'", 5, "A comma or a closing bracket is expected here."),
        ("$.a[(@.length-1)]", 4, "Scripts in a path are not run."),
        ("$.length()", 2, "A path holds no functions; they may stand inside a filter only."),
        ("$[?@.a = 1]", 7, "Equality is written ==."),
        ("$[?@.* == 1]", 3, "What is compared must be one value, so a path here has names and indexes only."),
        ("$[9007199254740992]", 2, "A number in a path may not be beyond 9007199254740991."),
    ],
)
def test_a_refusal_names_the_character_and_the_reason(path, position, reason):
    with pytest.raises(ExpressionRefused) as refusal:
        compile_path(path)
    assert (refusal.value.position, refusal.value.reason) == (position, reason)
    assert refusal.value.message == f"{reason} (at character {position + 1})"


def test_a_plain_path_gives_one_value_and_tells_missing_from_null():
    record = {"a": {"b": None, "list": [{"x": 1}, {"x": 2}, {}]}, "text": "abc"}
    assert compile_path("$.a.b").value(record) is None
    assert compile_path("$.a.c").value(record) is MISSING
    assert compile_path("$.a.b.c").value(record) is MISSING
    assert compile_path("$.text[0]").value(record) is MISSING
    assert compile_path("$.a.list[-2].x").value(record) == 2
    assert compile_path("$.a.list[*].x").value(record) == [1, 2]
    assert compile_path("$").value(record) is record


def test_numbers_are_compared_by_value_however_they_were_decoded():
    alike = [1.1, Decimal("1.1"), Decimal("1.10")]
    assert compile_path("$[?@ == 1.1]").find([*alike, "1.1"]) == alike
    assert compile_path("$[?@ == 1]").find([1, True, 1.0, Decimal(1)]) == [1, 1.0, Decimal(1)]
    assert compile_path("$[?@ < 2.5]").find([Decimal("2.4"), 2.4, 3, "2"]) == [Decimal("2.4"), 2.4]


def test_a_path_is_compiled_once():
    assert compile_path("$.once.only") is compile_path("$.once.only")


def test_rows_and_what_comes_after_them():
    path = compile_path("$.expense.lines[*].account.id")
    steps = path.steps_to_rows()
    assert (len(steps), path.after(len(steps)).text) == (3, "$['account']['id']")
    assert compile_path("$.a.b").steps_to_rows() == ()
    assert compile_path("$.a[1:2][*].b").steps_to_rows() == ()


# --- beside other readers

_names = st.sampled_from(["a", "b", "id", "lineItems", "x1"])
_leaves = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("ab", max_size=2))
_documents = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_names, inner, max_size=4)),
    max_leaves=20,
)
_rows = st.fixed_dictionaries({"id": st.integers()}, optional={"a": st.integers(), "b": st.lists(st.integers())})
_tables = st.fixed_dictionaries({"lineItems": st.lists(st.fixed_dictionaries({"a": _rows, "b": st.lists(_rows)}))})
_table_steps = st.sampled_from([".a", ".a.id", ".b", ".b[*]", ".b[*].id", ".b[0].a", ".b[1:].id", ".x1", "['a', 'b']"])


@settings(max_examples=400, deadline=None)
@given(steps=_table_steps, document=_tables)
def test_tables_read_as_jsonpath_ng_reads_them(steps, document):
    path = f"$.lineItems[*]{steps}"
    assert compile_path(path).find(document) == [match.value for match in jsonpath_ng.parse(path).find(document)]


@settings(max_examples=400, deadline=None)
@given(
    steps=st.lists(st.one_of(_names, st.integers(-4, 4), st.just("*"), st.just("..")), max_size=5), document=_documents
)
def test_paths_find_what_a_plain_walk_finds(steps, document):
    steps = [step for place, step in enumerate(steps) if step != ".." or ".." not in steps[:place]]
    if steps[-1:] == [".."]:
        steps.append("*")
    path = "$" + "".join(map(_written, steps))
    assert compile_path(path).find(document) == _walk([document], steps)


def _written(step):
    if step == "..":
        return ".."
    return f"[{step}]" if isinstance(step, int) or step == "*" else f"['{step}']"


def _walk(values, steps):
    if not steps:
        return values
    step, *rest = steps
    if step == "..":
        return _walk([inner for value in values for inner in _all_within(value)], rest)
    return _walk([inner for value in values for inner in _selected(value, step)], rest)


def _selected(value, step):
    if step == "*":
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and -len(value) <= step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []


def _all_within(value):
    return [value, *(deep for inner in _selected(value, "*") for deep in _all_within(inner))]


@settings(max_examples=500, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.text("$.[]*?@'\"()=!<>&|:,-01ab \\u", max_size=60).map("${}".format)))
def test_whatever_is_given_is_a_path_or_refused_by_name(text):
    found = _found(text, {"a": [1, {"b": "x"}]})
    assert isinstance(found, list) or found.position is None or 0 <= found.position <= len(text)
