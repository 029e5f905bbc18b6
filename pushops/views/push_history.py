"""The push history, of everything and of one company."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from portal.access import companies_for, may
from portal.activity import actor_names
from portal.formats import zone_of
from portal.htmx import not_changed, render_page, wants_fragment
from pushops.models import PushOperation
from pushops.push_access import operations_for
from pushops.push_filters import filters_from, form_from, tabs_of
from pushops.push_page import PushRow, moves, push_row, version_of
from pushops.queries.push_history import cursor_of, newer_count, push_history, push_rows, tab_counts
from syncengine.models import Company

LIST = "pushops/operations/list.html"
PAGE_SIZE = 25


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
        return _moved_rows(request, company)
    after = request.GET.get("after", "")
    page = push_history(base, filters, after=after, size=PAGE_SIZE)
    context: dict[str, Any] = {
        "company": company,
        "rows": _rows(list(page.rows)),
        "after": page.after,
        "is_first_page": not after,
        "is_fragment": wants_fragment(request),
        "is_filtered": not filters.is_empty,
        "form": form_from(request.GET),
        "tabs": tabs_of(request.GET, tab_counts(base, filters)),
        "top": "" if after or not page.rows else cursor_of(page.rows[0]),
    }
    context |= _live(list(page.rows), 0)
    return render_page(request, LIST, context, fragment="results")


def _moved_rows(request: HttpRequest, company: Company | None) -> HttpResponse:
    base = operations_for(request.user)
    filters = filters_from(request.GET, zone_of(request), request.user.pk, company.pk if company else None)
    shown = push_rows(base, _ids(request.GET["rows"]))
    top = request.GET.get("top", "")
    newer = newer_count(base, filters, than=top) if top else 0
    live = _live(shown, newer)
    if live["version"] == request.GET.get("v"):
        return not_changed()
    context = {
        "company": company,
        "rows": _rows(shown),
        "form": form_from(request.GET),
        "tabs": tabs_of(request.GET, tab_counts(base, filters)),
        "top": top,
        **live,
    }
    return render_page(request, LIST, context, fragment="moved")


def _rows(operations: list[PushOperation]) -> list[PushRow]:
    names = actor_names(operation.requested_by for operation in operations)
    return [push_row(operation, names) for operation in operations]


def _live(shown: list[PushOperation], newer: int) -> dict[str, Any]:
    """What the poll needs: the rows that still move, and a version of them and of how many are newer than the top."""
    moving = [operation for operation in shown if moves(operation)]
    return {
        "moving": ",".join(str(operation.pk) for operation in moving),
        "newer": newer,
        "version": version_of(moving, newer),
    }


def _ids(text: str) -> list[UUID]:
    found = []
    for part in text.split(",")[:PAGE_SIZE]:
        try:
            found.append(UUID(part))
        except ValueError:
            continue
    return found
