"""Data types: how often and how far back each is read, for this deployment and for one company."""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST

from portal.access import actor_of, allows, companies_for, may
from portal.forms.sync_settings import HOURLY_REFUSED, SettingsMatrix
from portal.htmx import go_and_say, render_page
from syncengine.actions.sync_settings import effective_settings, reset_sync_settings, save_sync_settings
from syncengine.connectors import registry
from syncengine.exceptions import Refused
from syncengine.models import Company
from syncengine.queries.sync_settings import override_counts

TEMPLATE = "portal/sync_settings/detail.html"


@require_http_methods(["GET", "POST"])
@may("sync_settings.view")
def sync_settings(request: HttpRequest) -> HttpResponse:
    """The defaults, which hold wherever a company has no settings of its own."""
    return _settings(request, None)


@require_http_methods(["GET", "POST"])
@may("sync_settings.view")
def company_sync_settings(request: HttpRequest, company_id: UUID) -> HttpResponse:
    return _settings(request, get_object_or_404(companies_for(request.user), pk=company_id))


@require_POST
@may("sync_settings.edit")
def company_sync_settings_reset(request: HttpRequest, company_id: UUID) -> HttpResponse:
    company = get_object_or_404(companies_for(request.user), pk=company_id)
    reset_sync_settings(company, actor=actor_of(request))
    text = f"{company.name} follows the defaults again."
    return go_and_say(request, text, "company-sync-settings", company.pk)


def _settings(request: HttpRequest, company: Company | None) -> HttpResponse:
    if request.method == "POST":
        return _save(request, company)
    return _show(request, company, SettingsMatrix(effective_settings(company)))


@may("sync_settings.edit")
def _save(request: HttpRequest, company: Company | None) -> HttpResponse:
    matrix = SettingsMatrix(effective_settings(company), request.POST)
    if not matrix.is_valid():
        return _show(request, company, matrix, status=422)
    changes = matrix.changes()
    try:
        save_sync_settings(company, changes, actor=actor_of(request))
    except Refused as refusal:
        refused = "" if matrix.add_refusal(refusal.field, refusal.message) else refusal.message
        return _show(request, company, matrix, status=422, refused=refused)
    text = _said(len(changes))
    tone = "success" if changes else "info"
    if company:
        return go_and_say(request, text, "company-sync-settings", company.pk, tone=tone)
    return go_and_say(request, text, "sync-settings", tone=tone)


def _said(count: int) -> str:
    if not count:
        return "Nothing was changed, so nothing was saved."
    return f"Saved for {count} data type{'' if count == 1 else 's'}."


def _show(
    request: HttpRequest, company: Company | None, matrix: SettingsMatrix, *, status: int = 200, refused: str = ""
) -> HttpResponse:
    search = request.GET.get("q", "")
    rows = sorted(matrix.matching(search), key=lambda row: row.kind.source_type)
    platforms = registry.platforms().values()
    context: dict[str, Any] = {
        "company": company,
        "groups": [(name, list(group)) for name, group in groupby(rows, key=lambda row: row.kind.source_type)],
        "search": search,
        "error_count": matrix.error_count,
        "refused": refused,
        "override_counts": {} if company else override_counts(),
        "override_count": sum(row.setting.overrides_default for row in matrix.rows),
        "supported": {key: sum(key in platform.types for platform in platforms) for key in _keys(matrix)},
        "platform_count": len(platforms),
        "may_edit": allows(request.user, "sync_settings.edit"),
        "hourly_refused": "" if settings.HEADRACE_ALLOW_HOURLY else HOURLY_REFUSED,
    }
    return render_page(request, TEMPLATE, context, fragment="matrix", status=status)


def _keys(matrix: SettingsMatrix) -> list[str]:
    return [row.setting.data_type for row in matrix.rows]
