"""Custom fields: the list, one with its matrix, made, edited, deleted, brought back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customdata.actions.custom_fields import (
    UNDO_DAYS,
    create_custom_field,
    delete_custom_field,
    restore_custom_field,
    update_custom_field,
)
from customdata.exceptions import NotFound
from customdata.field_page import (
    field_rows,
    fields_listed,
    matrix_connections,
    model_of,
    restorable_fields,
    sections,
)
from customdata.forms.custom_fields import CustomFieldForm, model_choices
from customdata.models import CustomField
from customdata.queries.custom_fields import find_custom_field
from customdata.queries.field_coverage import figures_of
from portal.access import actor_of, allows, may
from portal.activity import actor_names
from portal.confirming import ask_first
from portal.htmx import go_and_say, render_page
from portal.tables import page_of
from syncengine.exceptions import Refused


@require_safe
@may("custom_fields.view")
def custom_field_list(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("q", "").replace("\0", "").strip()[:200]
    model = request.GET.get("model", "").replace("\0", "")[:100]
    show = request.GET.get("show", "")
    page = page_of(request, fields_listed(search=search, model=model, show=show))
    context = {
        "page": page,
        "rows": field_rows(page.rows),
        "search": search,
        "model": model,
        "show": show,
        "models": model_choices(),
        "is_filtered": bool(search or model or show),
        "deleted": restorable_fields() if allows(request.user, "custom_fields.edit") else [],
        "undo_days": UNDO_DAYS,
    }
    return render_page(request, "customdata/fields/list.html", context)


@require_safe
@may("custom_fields.view")
def custom_field_detail(request: HttpRequest, field_id: UUID) -> HttpResponse:
    """The matrix: what counts on each integration, and below it on its connections."""
    field = custom_field_or_404(field_id)
    platform = request.GET.get("platform", "")[:20].replace("\0", "")
    page = page_of(request, matrix_connections(request.user, field, platform=platform))
    people = actor_names([field.created_by, field.updated_by])
    context = {
        "field": field,
        "model": model_of(field),
        "figures": figures_of([field])[field.pk],
        "page": page,
        "sections": sections(request.user, field, page.rows, platform),
        "platform": platform,
        "created_by": people[field.created_by],
        "updated_by": people[field.updated_by],
    }
    return render_page(request, "customdata/fields/detail.html", context)


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
def custom_field_create(request: HttpRequest) -> HttpResponse:
    form = CustomFieldForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            field = create_custom_field(**form.values, source=CustomField.Source.DASHBOARD, actor=actor_of(request))
        except Refused as refusal:
            form.add_refusal(refusal.field, refusal.message)
        else:
            said = f"{field.name} is made. Say next where its value stands: for an integration, or for one connection."
            return go_and_say(request, said, "custom-field-detail", field.pk)
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
def custom_field_edit(request: HttpRequest, field_id: UUID) -> HttpResponse:
    field = custom_field_or_404(field_id)
    is_mapped = figures_of([field])[field.pk].is_mapped
    form = CustomFieldForm(request.POST if request.method == "POST" else None, field=field, is_mapped=is_mapped)
    if request.method == "POST" and form.is_valid():
        try:
            update_custom_field(field, **form.values, actor=actor_of(request))
        except Refused as refusal:
            form.add_refusal(refusal.field, refusal.message)
        else:
            return go_and_say(request, f"{field.name} is saved.", "custom-field-detail", field.pk)
    return _form(request, form, custom_field_or_404(field_id))


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
def custom_field_delete(request: HttpRequest, field_id: UUID) -> HttpResponse:
    field = custom_field_or_404(field_id)
    if request.method == "POST":
        delete_custom_field(field, actor=actor_of(request))
        said = f"{field.name} is deleted. It can be brought back here for {UNDO_DAYS} days."
        return go_and_say(request, said, "custom-field-list")
    figures = figures_of([field])[field.pk]
    mappings = figures.integration_count + figures.connection_count
    title = f"Delete {field.name}?"
    return ask_first(
        request,
        title=title,
        text=f"It is gone from every record at once, with its {mappings} mapping{'' if mappings == 1 else 's'}. "
        f"For {UNDO_DAYS} days it can be brought back as it is.",
        button="Delete custom field",
        here=title,
        trail=trail_to(field),
    )


@require_POST
@may("custom_fields.edit")
def custom_field_restore(request: HttpRequest, field_id: UUID) -> HttpResponse:
    field = get_object_or_404(CustomField, pk=field_id)
    try:
        restore_custom_field(field, actor=actor_of(request))
    except Refused as refusal:
        return go_and_say(request, refusal.message, "custom-field-list", tone="warning")
    return go_and_say(request, f"{field.name} is back, with its mappings.", "custom-field-detail", field.pk)


def trail_to(field: CustomField) -> list[tuple[str, str]]:
    """Return the pages above one that asks about a field."""
    here = reverse("custom-field-detail", args=[field.pk])
    return [("Custom fields", reverse("custom-field-list")), (field.name, here)]


def custom_field_or_404(field_id: UUID) -> CustomField:
    try:
        return find_custom_field(field_id)
    except NotFound:
        raise Http404 from None


def _form(request: HttpRequest, form: CustomFieldForm, field: CustomField | None) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "field": field}
    return render_page(request, "customdata/fields/form.html", context, status=422 if form.errors else 200)
