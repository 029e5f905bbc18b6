"""The components of templates/components/ as tags, and the little that templates ask of the shell."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal import formats, registers
from portal.access import Viewer, allows
from portal.tables import TablePage

register = template.Library()
FIRST_STYLES = ("tokens", "reset", "base", "layout")


@lru_cache
def _component_styles() -> tuple[str, ...]:
    folder = settings.BASE_DIR / "static" / "css" / "components"
    return tuple(sorted(path.name for path in folder.glob("*.css")))


@register.simple_tag
def stylesheets() -> SafeString:
    """Link every style sheet; a new file in css/components/ is found by itself (after a restart)."""
    paths = [f"css/{name}.css" for name in FIRST_STYLES]
    paths += [f"css/components/{name}" for name in _component_styles()]
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(path),) for path in paths))


@register.simple_tag
def icon(name: str) -> SafeString:
    """Show a symbol of static/img/icons.svg. It is decoration: the word beside it carries the meaning."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def status_badge(status: str, detail: str = "", is_paused: bool = False) -> SafeString:
    """Show a state's icon, word and colour; `detail` becomes its tooltip. What is paused looks like waiting."""
    tone = "retry" if is_paused else formats.tone_of(status)
    return format_html(
        '<span class="status-badge" data-tone="{}" data-status="{}"{}>{}{}</span>',
        tone,
        status,
        format_html(' title="{}"', detail) if detail else "",
        icon(tone),
        status,
    )


@register.inclusion_tag("components/stage_bar.html")
def stage_bar(status: str, size: str = "") -> dict[str, Any]:
    return {"stages": formats.stages_of(status), "size": size}


@register.inclusion_tag("components/chip.html")
def chip(responsible: str) -> dict[str, Any]:
    """Say who must act; nothing when nobody must."""
    text, tone = formats.WHO_MUST_ACT.get(responsible, ("", ""))
    return {"text": text, "tone": tone}


@register.simple_tag(takes_context=True)
def time(context: Context, at: datetime | None, style: str = "relative") -> SafeString:
    """Show a moment. `style` is "relative" (exact on hover and tap), "exact" or "date"; None shows a dash."""
    if at is None:
        return format_html('<span class="faint">{}</span>', "—")
    zone = formats.zone_of(context["request"]) if "request" in context else UTC
    exact = formats.exact(at, zone)
    stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if style != "relative":
        text = exact if style == "exact" else formats.date_only(at, zone)
        return format_html('<time datetime="{}" title="{}">{}</time>', stamp, exact, text)
    return format_html(
        '<time datetime="{}" title="{}" data-relative="{}">{}</time>',
        stamp,
        exact,
        f"{at.astimezone(zone):%H:%M} {at.astimezone(zone).tzname()}",
        formats.relative(at, datetime.now(UTC), zone),
    )


@register.filter
def duration(seconds: float | None) -> str:
    return "—" if seconds is None else formats.duration(seconds)


@register.filter
def tone(status: str) -> str:
    return formats.tone_of(status)


@register.filter
def may(user: Viewer, right: str) -> bool:
    return allows(user, right)


@register.inclusion_tag("components/form.html")
def field(bound: BoundField) -> dict[str, Any]:
    """Show one form field with its label, help and error, tied together for screen readers."""
    return {"field": bound}


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: Context, page: TablePage, noun: str = "rows") -> dict[str, Any]:
    return {"request": context["request"], "page": page, "noun": noun}


@register.inclusion_tag("components/copy.html")
def copy(text: str, label: str = "Copy") -> dict[str, Any]:
    """Show a value to copy: a read-only field, and a button where scripts run."""
    return {"text": text, "label": label}


@register.inclusion_tag("components/breadcrumb.html")
def breadcrumb(*steps: str) -> dict[str, Any]:
    """Take label, url, label, url, …; the page itself may stand last without a url."""
    labels, urls = steps[::2], [*steps[1::2], ""]
    return {"steps": list(zip(labels, urls, strict=False))}


@register.inclusion_tag("components/nav.html", takes_context=True)
def nav(context: Context) -> dict[str, Any]:
    request: HttpRequest = context["request"]
    entries = [(entry, reverse(entry.url_name)) for entry in registers.navigation(request.user)]
    return {"request": request, "entries": [(entry, url, _is_here(request, url)) for entry, url in entries]}


@register.inclusion_tag("components/tabs.html", takes_context=True)
def company_tabs(context: Context, company: Any) -> dict[str, Any]:
    request: HttpRequest = context["request"]
    tabs = [
        (entry.label, reverse(entry.url_name, kwargs={"company_id": company.pk}))
        for entry in registers.company_tabs(request.user)
    ]
    return {"label": "Company", "tabs": [(label, url, request.path == url) for label, url in tabs]}


@register.simple_tag
def environment() -> str:
    return str(settings.HEADRACE_ENVIRONMENT)


@register.simple_tag
def version() -> str:
    return str(settings.HEADRACE_VERSION)


@register.simple_tag(takes_context=True)
def zone_name(context: Context) -> str:
    return str(formats.zone_of(context["request"]))


def _is_here(request: HttpRequest, url: str) -> bool:
    return request.path == url if url == "/" else request.path.startswith(url)
