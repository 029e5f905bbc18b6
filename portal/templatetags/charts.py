"""Charts in templates."""

from __future__ import annotations

from typing import Any

from django import template

from portal.charts import Chart

register = template.Library()


@register.inclusion_tag("components/bars.html")
def bars(chart: Chart, size: str = "") -> dict[str, Any]:
    """Draw the chart; small in a table, over the whole width with size "l"."""
    return {"chart": chart, "size": size}
