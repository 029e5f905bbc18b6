from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.api.query_parsing import (
    DEPTH_LIMIT,
    MALFORMED,
    OPERATORS,
    And,
    Clause,
    Or,
    QueryRefused,
    parse_query,
    parse_tags,
    write_query,
)


def one(name: str, operator: str = "=", value: str = "1") -> Clause:
    return Clause(tuple(name.split(".")), operator, value)


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("amountDue>0", one("amountDue", ">", "0")),
        ("  amountDue  >=  0.5  ", one("amountDue", ">=", "0.5")),
        ("amountDue<=-3", one("amountDue", "<=", "-3")),
        ("amountDue!=5", one("amountDue", "!=", "5")),
        ("customerRef.companyName~Ltd", one("customerRef.companyName", "~", "Ltd")),
        ("customerRef . companyName ~ Ltd", one("customerRef.companyName", "~", "Ltd")),
        ("dueDate > 2021-01-28", one("dueDate", ">", "2021-01-28")),
        ("modifiedDate>2020-01-01T00:00:00Z", one("modifiedDate", ">", "2020-01-01T00:00:00Z")),
        ("name = Acme & Sons, (UK) Ltd. = best", one("name", "=", "Acme & Sons, (UK) Ltd. = best")),
        ("name=Størm | Čaj 株式会社", one("name", "=", "Størm | Čaj 株式会社")),
        ("name = 't Hof", one("name", "=", "'t Hof")),
        ('name = "a && b || c }"', one("name", "=", "a && b || c }")),
        ("name = ' it''s '", one("name", "=", " it's ")),
        ('name = "say ""hi"""', one("name", "=", 'say "hi"')),
        ('name = "quoted" and more', one("name", "=", '"quoted" and more')),
        ('name=""', one("name", "=", "")),
        ('name="null"', one("name", "=", "null")),
        ("name=nullable", one("name", "=", "nullable")),
        ("{a=1}", one("a")),
        ("{{ a = 1 }}", one("a")),
        ("a=1&b|c", one("a", "=", "1&b|c")),
        ("tags.cost-centre=7", one("tags.cost-centre", "=", "7")),
    ],
)
def test_one_clause(text: str, clause: Clause) -> None:
    assert parse_query(text) == clause


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1&&b=1", And((one("a"), one("b")))),
        ("a=1 || b=1 && c=1", Or((one("a"), And((one("b"), one("c")))))),
        ("a=1 && b=1 || c=1", Or((And((one("a"), one("b"))), one("c")))),
        ("{a=1 || b=1} && c=1", And((Or((one("a"), one("b"))), one("c")))),
        ("{a=1||b=1}&&{c=1||d=1}", And((Or((one("a"), one("b"))), Or((one("c"), one("d")))))),
        ("a=1&&b=1&&c=1", And((one("a"), one("b"), one("c")))),
        ("{a=1&&b=1}&&c=1", And((And((one("a"), one("b"))), one("c")))),
    ],
)
def test_and_binds_closer_than_or_and_braces_group(text: str, tree: object) -> None:
    assert parse_query(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a", "a=", "=1", "a=1&&", "&&a=1", "a=1 && && b=1", "a 1", "a b=1", "a..b=1", ".a=1", "a.=1",
        "{a=1", "a=1}", "{}", "{a=1}b=2", "{a=1}{b=2}", "a==1", "a=>1", "a = = 1", "a=null", "a!=null", "a=~x", "a={x",
        "a=1 || ", "a[0].b=1", "(a=1)", "a=x\x00y", "a=\ud800", "a!1",
        "{" * (DEPTH_LIMIT + 1) + "a=1" + "}" * (DEPTH_LIMIT + 1),
        "{" * 2000, "a=" + "x" * 2046,
    ],
)  # fmt: skip
def test_what_is_malformed(text: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        parse_query(text)
    assert refusal.value.message == MALFORMED == "Error parsing query - Malformed query."


def test_2047_characters_are_the_most() -> None:
    assert parse_query("a=" + "x" * 2045) == one("a", "=", "x" * 2045)


def test_the_deepest_group() -> None:
    assert parse_query("{" * DEPTH_LIMIT + "a=1" + "}" * DEPTH_LIMIT) == one("a")


def test_the_key_of_a_tag_may_hold_spaces_and_dots() -> None:
    assert parse_tags("region = uk && owning team.name = invoice-finance") == And(
        (Clause(("region",), "=", "uk"), Clause(("owning team.name",), "=", "invoice-finance"))
    )


names = st.from_regex(r"[\w-]{1,12}", fullmatch=True)
# Surrogates and NUL cannot be stored; everything else can be asked for.
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30) | st.text(
    " &|{}=~<>!\"'null", max_size=12
)
clauses = st.builds(Clause, st.lists(names, min_size=1, max_size=4).map(tuple), st.sampled_from(OPERATORS), values)
trees = st.recursive(
    clauses,
    lambda inner: st.builds(
        lambda kind, parts: kind(tuple(parts)), st.sampled_from([And, Or]), st.lists(inner, min_size=2, max_size=4)
    ),
    max_leaves=12,
)


@given(trees)
def test_a_tree_written_and_parsed_is_the_same_tree(tree: object) -> None:
    text = write_query(tree)
    if len(text) < 2048:
        assert parse_query(text) == tree


@given(st.text(max_size=300) | st.text("ab.=!~<>&|{}\"' 1", max_size=60))
def test_no_text_fails_otherwise_than_refused(text: str) -> None:
    for parse in (parse_query, parse_tags):
        try:
            parse(text)
        except QueryRefused:
            continue
