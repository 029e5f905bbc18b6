"""How values and expressions of custom data are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from customdata.json_tree import Node

register = template.Library()

_encode = msgspec.json.Encoder(decimal_format="number").encode
_LONG = 120
OPEN_DEPTH = 2  # levels of a record that are open from the start


@register.filter
def json_of(value: Any) -> str:
    """Return indented JSON, numbers as the platform wrote them."""
    return msgspec.json.format(_encode(value), indent=2).decode()


@register.filter
def value_of(value: Any) -> str:
    """Return a value for a cell: text as it is, anything else as JSON on one line, cut where it is long."""
    text = value if isinstance(value, str) else _encode(value).decode()
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


@register.filter
def pairs(members: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return names and values. A template's own `.items` finds a member of that name first."""
    return list(members.items())


@register.filter
def percent(share: float) -> int:
    """Return a share of 0 to 1 in a hundred: 100 only when it is all, 0 only when it is nothing."""
    rounded = round(share * 100)
    return min(99, rounded) if share < 1 and rounded == 100 else max(1, rounded) if share > 0 else 0


@register.filter
def caret(position: int) -> str:
    """Return a mark that stands below the character at this place."""
    return f"{' ' * position}^"


@register.simple_tag
def json_tree(tree: Node, path: str, query: str) -> SafeString:
    """Show a record's tree: each value a link that picks its expression. `query` keeps what else is in the address."""
    kept = f"{query}&" if query else ""
    return format_html('<ul class="tree">{}</ul>', _nodes(tree.children, f"{path}?{kept}json_path=", 0))


def _nodes(nodes: Sequence[Node], href: str, depth: int) -> SafeString:
    shown = (_branch(node, href, depth) if node.count else _leaf(node, href) for node in nodes)
    return format_html_join("", "{}", ((one,) for one in shown))


def _leaf(node: Node, href: str) -> SafeString:
    return format_html(
        '<li>{}<span class="tree-value" data-kind="{}">{}</span></li>',
        _pick(node, href),
        node.kind,
        node.text or ("{}" if node.kind == "object" else "[]"),
    )


def _branch(node: Node, href: str, depth: int) -> SafeString:
    signs = "[{}]" if node.kind == "array" else "{{{}}}"
    more = format_html('<li class="faint small">… {} more</li>', node.left_out) if node.left_out else ""
    return format_html(
        '<li><details{}><summary>{}<span class="faint">{}</span></summary><ul>{}{}</ul></details></li>',
        " open" if depth < OPEN_DEPTH or any(child.is_match for child in node.children) else "",
        _pick(node, href),
        signs.format(node.count),
        _nodes(node.children, href, depth + 1),
        more,
    )


def _pick(node: Node, href: str) -> SafeString:
    return format_html(
        '<a class="tree-pick" href="{}{}" data-expression="{}"{}>{}</a> ',
        href,
        quote(node.expression),
        node.expression,
        " data-match" if node.is_match else "",
        node.label,
    )
