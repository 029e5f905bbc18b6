"""How an operation's state looks where only the operation is at hand."""

from __future__ import annotations

from typing import Any

from django import template

from pushops.models import PushOperation
from pushops.push_page import standing

register = template.Library()


@register.inclusion_tag("pushops/operations/_badge.html")
def push_badge(operation: PushOperation) -> dict[str, Any]:
    return {"operation": operation, "standing": standing(operation)}
