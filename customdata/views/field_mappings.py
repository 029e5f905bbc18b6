"""Mappings of a custom field: the picker, promoting, removing, and the history with what it brings back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customdata.actions.field_mappings import create_mapping, delete_mapping, promote_mapping, update_mapping
from customdata.actions.mapping_history import restore_before
from customdata.actions.raw_views import note_raw_view
from customdata.exceptions import NotFound
from customdata.expressions import MAX_LENGTH
from customdata.field_page import change_rows, changes_listed, model_of, target_words
from customdata.models import CustomField, FieldMapping
from customdata.picker_page import Impact, Looking, Target, impact_of, looking, target_of
from customdata.queries.custom_fields import find_mapping
from customdata.views.custom_fields import custom_field_or_404, trail_to
from portal.access import actor_of, connections_for, may
from portal.confirming import ask_first
from portal.htmx import go_and_say, render_page, wants_fragment
from portal.tables import page_of
from syncengine.exceptions import Refused
from syncengine.models import Connection, Integration

PICKER = "customdata/fields/picker.html"


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
@may("raw_data.view")
def field_map_integration(request: HttpRequest, field_id: UUID, platform_key: str) -> HttpResponse:
    """Say where the field stands in an integration's records; counts where a connection has no mapping of its own."""
    field = custom_field_or_404(field_id)
    integration = get_object_or_404(Integration, key=platform_key)
    return _picker(request, target_of(field, _data_type(field), integration))


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
@may("raw_data.view")
def field_map_connection(request: HttpRequest, field_id: UUID, connection_id: UUID) -> HttpResponse:
    """Say where the field stands in the records of one connection."""
    field = custom_field_or_404(field_id)
    connections = connections_for(request.user).select_related("company", "integration")
    connection = get_object_or_404(connections, pk=connection_id)
    return _picker(request, target_of(field, _data_type(field), connection.integration, connection))


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
def field_mapping_promote(request: HttpRequest, mapping_id: UUID) -> HttpResponse:
    """Make a connection's mapping its integration's, after saying what that changes."""
    mapping = _mapping(request, mapping_id)
    connection = mapping.connection
    if connection is None:
        raise Http404
    if request.method == "POST":
        promote_mapping(mapping, actor=actor_of(request))
        said = f"The mapping counts for all connections to {connection.integration.name} now."
        return go_and_say(request, said, "custom-field-detail", mapping.field.pk)
    target = target_of(mapping.field, _data_type(mapping.field), connection.integration)
    impact = impact_of(target, mapping.json_path)
    text = _promotion(connection, target, impact, mapping)
    return _confirm(request, mapping, f"Use it for all of {connection.integration.name}?", text, "Use it for all")


@require_http_methods(["GET", "POST"])
@may("custom_fields.edit")
def field_mapping_delete(request: HttpRequest, mapping_id: UUID) -> HttpResponse:
    mapping = _mapping(request, mapping_id)
    if request.method == "POST":
        delete_mapping(mapping, actor=actor_of(request))
        said = "The mapping is removed. The history can put it back."
        return go_and_say(request, said, "custom-field-detail", mapping.field.pk)
    text = f"{mapping.field.name} no longer reads {mapping.json_path} for {target_words(mapping)}. {_left(mapping)}"
    return _confirm(request, mapping, "Remove this mapping?", text, "Remove mapping")


@require_safe
@may("custom_fields.view")
def field_history(request: HttpRequest, field_id: UUID) -> HttpResponse:
    field = custom_field_or_404(field_id)
    page = page_of(request, changes_listed(field))
    context = {"field": field, "model": model_of(field), "page": page, "rows": change_rows(page.rows)}
    return render_page(request, "customdata/fields/history.html", context)


@require_POST
@may("custom_fields.edit")
def field_change_restore(request: HttpRequest, field_id: UUID, change_id: UUID) -> HttpResponse:
    field = custom_field_or_404(field_id)
    change = get_object_or_404(changes_listed(field).select_related("field"), pk=change_id)
    try:
        mapping = restore_before(change, actor=actor_of(request))
    except Refused as refusal:
        return go_and_say(request, refusal.message, "custom-field-history", field.pk, tone="warning")
    return go_and_say(request, f"It reads {mapping.json_path} again.", "custom-field-history", field.pk)


# --- the picker


def _picker(request: HttpRequest, target: Target) -> HttpResponse:
    if request.method == "POST":
        return _save(request, target)
    json_path = _text(request.GET.get("json_path", target.json_path))
    if _swaps(request, "preview"):
        context = {"target": target, "impact": impact_of(target, json_path)}
        return render_page(request, PICKER, context, fragment="preview")
    seen = _looked_at(request, target, json_path)
    if _swaps(request, "tree"):
        context = {"target": target, "looking": seen, "json_path": json_path, "query": _query(request)}
        return render_page(request, PICKER, context, fragment="tree")
    return _show(request, target, json_path, seen)


def _save(request: HttpRequest, target: Target) -> HttpResponse:
    json_path = request.POST.get("json_path", "").strip()
    impact = impact_of(target, _text(json_path))
    refused = _reason_not_to_save(request, target, impact)
    if not refused:
        try:
            _write(target, json_path, actor_of(request))
        except Refused as refusal:
            refused = refusal.message
    if refused:
        return _show(request, target, _text(json_path), _looked_at(request, target, json_path), refused=refused)
    said = f"Saved. It counts for {impact.affected} connection{'' if impact.affected == 1 else 's'}, at once."
    return go_and_say(request, said, "custom-field-detail", target.field.pk)


def _reason_not_to_save(request: HttpRequest, target: Target, impact: Impact) -> str:
    if request.POST.get("seen", "") != target.own_path:
        return "This mapping was changed since you opened it. Look at what it is now, then save again."
    if not impact.compiles and impact.json_path and request.POST.get("do") != "save-anyway":
        return "This expression cannot be used; every record would show INVALID_JSON_PATH. Correct it first."
    return ""


def _write(target: Target, json_path: str, actor: str) -> None:
    if target.mapping is not None:
        update_mapping(target.mapping, json_path, actor=actor)
    elif target.connection is not None:
        create_mapping(target.field, json_path, actor=actor, connection=target.connection)
    else:
        create_mapping(target.field, json_path, actor=actor, integration=target.integration)


def _looked_at(request: HttpRequest, target: Target, json_path: str) -> Looking:
    """Return the record that is looked at, and note that it was."""
    asked = request.GET
    seen = looking(
        request.user,
        target,
        wanted_connection=asked.get("connection", ""),
        search=_text(asked.get("q", "")).strip()[:200],
        wanted=_text(asked.get("record", "")),
        pick=asked.get("pick", ""),
        json_path=json_path,
    )
    if seen.connection is not None and seen.records.opened is not None:
        note_raw_view(seen.connection, target.data_type, 1, actor=actor_of(request))
    return seen


def _show(request: HttpRequest, target: Target, json_path: str, seen: Looking, *, refused: str = "") -> HttpResponse:
    context: dict[str, Any] = {
        "target": target,
        "field": target.field,
        "json_path": json_path,
        "looking": seen,
        "impact": impact_of(target, json_path),
        "refused": refused,
        "query": _query(request),
        "max_length": MAX_LENGTH,
    }
    return render_page(request, PICKER, context, status=422 if refused else 200)


def _swaps(request: HttpRequest, place: str) -> bool:
    target = request.htmx.target  # type: ignore[attr-defined]
    return wants_fragment(request) and target == place


def _query(request: HttpRequest) -> str:
    """Return what the tree's links keep of the address: which record is open."""
    kept = request.GET.copy()
    for name in [name for name in kept if name not in ("connection", "record", "q")]:
        del kept[name]
    return kept.urlencode()


def _text(text: str) -> str:
    return text.replace("\0", "")


# --- shared


def _data_type(field: CustomField) -> str:
    model = model_of(field)
    if model is None:
        raise Http404
    return model.data_type


def _mapping(request: HttpRequest, mapping_id: UUID) -> FieldMapping:
    """Return a mapping that counts; one of a connection that this person may not see is none."""
    try:
        mapping = find_mapping(mapping_id)
    except NotFound:
        raise Http404 from None
    if mapping.connection_id is not None:
        connections = connections_for(request.user).select_related("company", "integration")
        mapping.connection = get_object_or_404(connections, pk=mapping.connection_id)
    return mapping


def _promotion(connection: Connection, target: Target, impact: Impact, mapping: FieldMapping) -> str:
    others = impact.affected
    now_reads = f"They read {target.own_path} now." if target.own_path else "They have no mapping now."
    words = f"{mapping.json_path} becomes the mapping of {connection.integration.name}, and {connection.company.name} "
    words += f"follows it, without a gap. This changes {others} other connection{'' if others == 1 else 's'}. "
    if not others:
        return words
    words += (
        f"{now_reads} Of {impact.looked_at} looked at, {impact.finding} would show a value, {impact.nothing} would not"
    )
    return words + (f", and of {impact.unknown} no record is kept." if impact.unknown else ".")


def _left(mapping: FieldMapping) -> str:
    if mapping.connection is None:
        return "Its connections show the field no more, save those with a mapping of their own."
    shared = FieldMapping.objects.filter(
        field=mapping.field, integration_id=mapping.connection.integration_id, deleted_at=None
    ).first()
    name = mapping.connection.integration.name
    return f"It follows {name} again: {shared.json_path}." if shared else "Its records show the field no more."


def _confirm(request: HttpRequest, mapping: FieldMapping, title: str, text: str, button: str) -> HttpResponse:
    trail = trail_to(mapping.field)
    return ask_first(request, title=title, text=text, button=button, here=title, trail=trail)
