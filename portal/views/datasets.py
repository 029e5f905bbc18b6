"""The read history and one dataset in detail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from portal.access import actor_of, companies_for, datasets_for, may
from portal.address_values import as_uuids
from portal.dataset_detail import detail_context, live_version
from portal.dataset_page import history_row, version_of
from portal.formats import zone_of
from portal.history_filters import filters_from, form_from
from portal.htmx import go_and_say, not_changed, render_page, wants_fragment
from portal.live_rows import PAGE_SIZE, first_look, live, newer_than_top
from syncengine.actions.datasets import cancel_dataset, retry_dataset
from syncengine.exceptions import DatasetInProgress, Refused
from syncengine.models import Company, Dataset
from syncengine.queries.data_status import label_of
from syncengine.queries.read_history import HistoryFilters, filtered, history_rows, read_history
from syncengine.states import ReadMode

LIST = "portal/datasets/list.html"
DETAIL = "portal/datasets/detail.html"


@require_GET
@may("data.view")
def dataset_list(request: HttpRequest) -> HttpResponse:
    """All datasets; with `?rows=` the rows that moved since `?v=`."""
    return _history(request, None)


@require_GET
@may("data.view")
def company_dataset_list(request: HttpRequest, company_id: UUID) -> HttpResponse:
    return _history(request, get_object_or_404(companies_for(request.user), pk=company_id))


@require_GET
@may("data.view")
def dataset_detail(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """One dataset; a swap that sends `v` gets the live part, or 204 while that still holds."""
    dataset = _dataset(request, dataset_id)
    if wants_fragment(request) and request.GET.get("v") == live_version(dataset):
        return not_changed()
    return render_page(request, DETAIL, detail_context(request, dataset), fragment="live")


@require_POST
@may("data.refresh")
def dataset_cancel(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    dataset = _dataset(request, dataset_id)
    try:
        cancel_dataset(dataset, actor=actor_of(request))
    except Refused as refusal:
        return _refused(request, dataset, refusal)
    dataset.refresh_from_db()
    text = "Cancelling. The data of the last good read stays." if dataset.is_active else "Cancelled. The data stays."
    return go_and_say(request, text, "dataset-detail", dataset.pk)


@require_POST
@may("data.refresh")
def dataset_retry(request: HttpRequest, dataset_id: UUID) -> HttpResponse:
    """Queue the read again; `mode=full` reads everything."""
    dataset = _dataset(request, dataset_id)
    mode = ReadMode.FULL if request.POST.get("mode") == ReadMode.FULL else ""
    try:
        queued = retry_dataset(dataset, actor=actor_of(request), mode=mode)
    except Refused as refusal:
        return _refused(request, dataset, refusal)
    text = f"{label_of(queued.data_type)} is queued again{', as a full read' if mode else ''}."
    return go_and_say(request, text, "dataset-detail", queued.pk)


def _refused(request: HttpRequest, dataset: Dataset, refusal: Refused) -> HttpResponse:
    dataset.refresh_from_db()
    running = refusal.dataset if isinstance(refusal, DatasetInProgress) else None
    context = detail_context(request, dataset) | {"refusal": refusal, "running": running}
    return render_page(request, DETAIL, context, status=409)


def _dataset(request: HttpRequest, dataset_id: UUID) -> Dataset:
    datasets = datasets_for(request.user).select_related("company", "connection__integration")
    return get_object_or_404(datasets, pk=dataset_id)


def _history(request: HttpRequest, company: Company | None) -> HttpResponse:
    base = datasets_for(request.user)
    filters = filters_from(request.GET, zone_of(request), company.pk if company else None)
    if wants_fragment(request) and "rows" in request.GET:
        return _moved_rows(request, company, base, filters)
    page = read_history(base, filters, after=request.GET.get("after", ""), size=PAGE_SIZE)
    context: dict[str, Any] = {
        "company": company,
        "rows": [history_row(dataset) for dataset in page.rows],
        "is_fragment": wants_fragment(request),
        "is_filtered": not filters.is_empty,
        "form": form_from(request.GET),
        **first_look(request, page.rows, page.after),
        **_live(page.rows, 0),
    }
    return render_page(request, LIST, context, fragment="results")


def _moved_rows(
    request: HttpRequest, company: Company | None, base: QuerySet[Dataset], filters: HistoryFilters
) -> HttpResponse:
    shown = history_rows(base, as_uuids(request.GET["rows"].split(",")[:PAGE_SIZE]))
    found = _live(shown, newer_than_top(request, filtered(base, filters)))
    if found["version"] == request.GET.get("v"):
        return not_changed()
    context = {
        "company": company,
        "rows": [history_row(dataset) for dataset in shown],
        "form": form_from(request.GET),
        "top": request.GET.get("top", ""),
        **found,
    }
    return render_page(request, LIST, context, fragment="moved")


def _live(shown: Iterable[Dataset], newer: int) -> dict[str, Any]:
    return live(shown, newer, moves=lambda dataset: dataset.is_active, version_of=version_of)
