"""The tree of a record: each expression it writes leads to the value it stands beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from customdata.expressions import compile_expression, value_kind
from customdata.json_tree import MAX_ELEMENTS, Node, tree_of

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def below(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from below(child)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_each_expression_leads_to_its_value(document: dict[str, Any]) -> None:
    for node in below(tree_of(document)):
        value = compile_expression(node.expression).value(document)
        assert (value_kind(value), len(value) if node.count else 0) == (node.kind, node.count)


def test_names_that_are_no_words_are_quoted():
    tree = tree_of({"cost-center": {'say "so"': [{"é": 1}]}})
    assert [node.expression for node in below(tree)] == [
        '"cost-center"',
        '"cost-center"."say \\"so\\""',
        '"cost-center"."say \\"so\\""[0]',
        '"cost-center"."say \\"so\\""[0]."é"',
    ]


def test_a_search_leaves_only_the_ways_to_what_is_found():
    document = {"a": {"b": "Needle", "c": 1}, "needles": [1, 2], "d": ["x"] * 50 + ["needle"]}
    assert [(node.expression, node.is_match) for node in below(tree_of(document, "NEEDLE"))] == [
        ("a", False),
        ("a.b", True),
        ("needles", True),
        ("needles[0]", False),
        ("needles[1]", False),
        ("d", False),
        ("d[50]", True),
    ]


def test_long_lists_are_cut_and_say_so():
    tree = tree_of({"lines": list(range(50))})
    assert (len(tree.children[0].children), tree.children[0].left_out) == (MAX_ELEMENTS, 40)
    assert len(list(below(tree_of({str(number): number for number in range(5000)})))) <= 600
