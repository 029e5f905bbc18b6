"""Plain advice about JMESPath expressions that are accepted and still may not mean what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from customdata.exceptions import ExpressionRefused
from customdata.expressions import compile_expression

type Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lint:
    """position: the character meant, counted from 0; None for the whole expression."""

    code: str
    message: str
    position: int | None = None


def lints(text: str) -> list[Lint]:
    """Return what to think about, in order; what cannot be used at all comes as one entry, `not-compiling`."""
    try:
        tree = compile_expression(text).tree
    except ExpressionRefused as refusal:
        return [Lint("not-compiling", refusal.message, refusal.position)]
    found = [*_quoting(text, tree), *_positions(text, tree), *_lists(text, tree)]
    return sorted(found, key=lambda lint: -1 if lint.position is None else lint.position)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node["children"]:
        if isinstance(child, Mapping):
            yield from _nodes(child)


def _quoting(text: str, tree: Node) -> Iterator[Lint]:
    """`[?name=="A"]` compares the member name with the member A, and finds nothing."""
    for node in _nodes(tree):
        if node["type"] != "comparator":
            continue
        for side in node["children"]:
            quoted = f'"{side.get("value")}"'
            if side["type"] == "field" and quoted in text:
                advice = f"{quoted} in double quotes is a member's name; the text is written '{side['value']}'."
                yield Lint("quotes-name-a-member", advice, text.index(quoted))


def _positions(text: str, tree: Node) -> Iterator[Lint]:
    for node in _nodes(tree):
        if node["type"] != "index_expression" or len(node["children"]) < 2 or node["children"][0]["type"] != "field":
            continue
        index = node["children"][-1]
        if index["type"] == "index":
            written = f"[{index['value']}]"
            advice = (
                f"{written} relies on the order of the list, which the platform may never have promised. "
                "A filter such as [?type=='home'] says which one is meant."
            )
            yield Lint("relies-on-order", advice, text.find(written) if written in text else None)


def _lists(text: str, tree: Node) -> Iterator[Lint]:
    """A filter gives a list even for one hit."""
    if _ends_in_filter(tree):
        advice = "A filter gives a list even when it finds one; add | [0] for the first."
        yield Lint("gives-a-list", advice, text.index("[?") if "[?" in text else None)


def _ends_in_filter(node: Node) -> bool:
    if node["type"] == "filter_projection":
        return True
    chained = node["type"] in ("subexpression", "index_expression", "pipe")
    return chained and _ends_in_filter(node["children"][-1])
