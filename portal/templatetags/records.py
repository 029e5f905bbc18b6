"""How values of records are shown."""

from __future__ import annotations

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def json_text(value: Any) -> str:
    """Show a member's value: text as it is, anything else as JSON, nothing as a dash."""
    if value is None or value == "":
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


@register.filter
def of(counts: dict[str, Any], key: str) -> Any:
    """Look a key up that stands in a variable; None when it is not there."""
    return counts.get(key)
