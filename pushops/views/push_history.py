"""The push history, of everything and of one company."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from portal.access import companies_for, may
from portal.activity import actor_names
from portal.address_values import as_uuids
from portal.formats import zone_of
from portal.htmx import not_changed, render_page, wants_fragment
from portal.live_rows import PAGE_SIZE, first_look, live, newer_than_top
from pushops.models import PushOperation
from pushops.push_access import operations_for
from pushops.push_filters import filters_from, form_from, tabs_of
from pushops.push_page import PushRow, moves, push_row, version_of
from pushops.queries.push_history import PushFilters, filtered, push_history, push_rows, tab_counts
from syncengine.models import Company

LIST = "pushops/operations/list.html"


@require_safe
@may("push.view")
def push_list(request: HttpRequest) -> HttpResponse:
    """All operations; with `?rows=` the rows that moved since `?v=`."""
    return _history(request, None)


@require_safe
@may("push.view")
def company_push_list(request: HttpRequest, company_id: UUID) -> HttpResponse:
    return _history(request, get_object_or_404(companies_for(request.user), pk=company_id))


def _history(request: HttpRequest, company: Company | None) -> HttpResponse:
    base = operations_for(request.user)
    filters = filters_from(request.GET, zone_of(request), request.user.pk, company.pk if company else None)
    if wants_fragment(request) and "rows" in request.GET:
        return _moved_rows(request, company, base, filters)
    page = push_history(base, filters, after=request.GET.get("after", ""), size=PAGE_SIZE)
    context: dict[str, Any] = {
        "company": company,
        "rows": _rows(page.rows),
        "is_fragment": wants_fragment(request),
        "is_filtered": not filters.is_empty,
        "form": form_from(request.GET),
        "tabs": tabs_of(request.GET, tab_counts(base, filters)),
        **first_look(request, page.rows, page.after),
        **live(page.rows, 0, moves=moves, version_of=version_of),
    }
    return render_page(request, LIST, context, fragment="results")


def _moved_rows(
    request: HttpRequest, company: Company | None, base: QuerySet[PushOperation], filters: PushFilters
) -> HttpResponse:
    shown = push_rows(base, as_uuids(request.GET["rows"].split(",")[:PAGE_SIZE]))
    newer = newer_than_top(request, filtered(base, filters))
    found = live(shown, newer, moves=moves, version_of=version_of)
    if found["version"] == request.GET.get("v"):
        return not_changed()
    context = {
        "company": company,
        "rows": _rows(shown),
        "form": form_from(request.GET),
        "tabs": tabs_of(request.GET, tab_counts(base, filters)),
        "top": request.GET.get("top", ""),
        **found,
    }
    return render_page(request, LIST, context, fragment="moved")


def _rows(operations: Sequence[PushOperation]) -> list[PushRow]:
    names = actor_names(operation.requested_by for operation in operations)
    return [push_row(operation, names) for operation in operations]
