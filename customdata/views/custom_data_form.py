"""Making and editing a custom data type: rows that come and go, a trial over a connection, warnings, then the save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from customdata.actions.custom_data_types import put_custom_data_type
from customdata.actions.trial import Trial, try_custom_data_type
from customdata.checks import warnings_of
from customdata.configuration import read_configuration
from customdata.custom_data_page import MAX_CHOICES, configurable, example_for, freshest, trial_choices
from customdata.exceptions import UnknownCustomDataType
from customdata.forms.custom_data_types import IDENTIFIER, CustomDataTypeForm, Row
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import find_custom_data_type
from customdata.views.custom_data_types import custom_data_type_or_404
from portal.access import actor_of, may
from portal.activity import actor_names
from portal.htmx import go_and_say, render_page, wants_fragment
from syncengine.connectors.registry import platforms
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Connection, Integration

FORM = "customdata/types/form.html"
FEW_PLATFORMS = 6


@dataclass(frozen=True, slots=True)
class Editing:
    """What is being made or changed. existing: None while it is new."""

    integration: Integration
    form: CustomDataTypeForm
    choices: list[Connection]
    connection: Connection | None
    existing: CustomDataType | None = None
    copied: CustomDataType | None = None


@require_http_methods(["GET", "POST"])
@may("custom_data.edit")
def custom_data_create(request: HttpRequest) -> HttpResponse:
    """First the platform, then the form: empty, as `?example=1` fills it, or as `?copy=platform/identifier` has it."""
    key = request.GET.get("platform", "")[:20].replace("\0", "")
    copied = _copied(request.GET.get("copy", ""))
    if not key:
        return _choose(request, copied)
    if key not in platforms():
        raise Http404
    integration = get_object_or_404(Integration, key=key)
    if request.method == "POST":
        return _answer(request, _editing(request, integration, CustomDataTypeForm.posted(request.POST)))
    form = CustomDataTypeForm(data=[Row(0)], key=[Row(0)], date=[Row(0)])
    if copied:
        form = CustomDataTypeForm.of(copied.settings, copied.identifier, is_new=True)
    elif request.GET.get("example") and (example := example_for(integration)):
        form = CustomDataTypeForm.of(example, is_new=True)
    return _show(request, _editing(request, integration, form, copied=copied))


@require_http_methods(["GET", "POST"])
@may("custom_data.edit")
def custom_data_edit(request: HttpRequest, platform_key: str, identifier: str) -> HttpResponse:
    existing = custom_data_type_or_404(platform_key, identifier)
    integration = existing.integration
    if request.method == "POST":
        form = CustomDataTypeForm.posted(request.POST)
        form.identifier = existing.identifier
        return _answer(request, _editing(request, integration, form, existing=existing))
    form = CustomDataTypeForm.of(existing.settings, existing.identifier)
    return _show(request, _editing(request, integration, form, existing=existing))


# --- what the buttons do


def _answer(request: HttpRequest, editing: Editing) -> HttpResponse:
    do = request.POST.get("do", "save")
    if editing.form.change_rows(do):
        return _show(request, editing, fragment="rows")
    if do == "try":
        return _try(request, editing)
    if do == "check":
        _warn(editing)
        return _show(request, editing, fragment="remarks")
    return _save(request, editing, is_sure=do == "save-anyway")


def _save(request: HttpRequest, editing: Editing, *, is_sure: bool) -> HttpResponse:
    form = editing.form
    if not form.check_rows() or not _may_be_saved(editing):
        return _show(request, editing, status=422)
    if not is_sure and _warn(editing):
        return _show(request, editing, status=422, asks=True)
    try:
        saved = put_custom_data_type(editing.integration, form.identifier, form.body, actor=actor_of(request))
    except Refused as refusal:
        form.refuse(refusal.field, refusal.message)
        return _show(request, editing, status=422)
    identifier = saved.custom_data_type.identifier
    said = f"{identifier} is saved. Read it over a connection next." if saved.created else f"{identifier} is saved."
    if not saved.created:
        said += " The next read of each connection is full."
    return go_and_say(request, said, "custom-data-detail", editing.integration.key, identifier)


def _may_be_saved(editing: Editing) -> bool:
    """A new one takes no other's place, and nobody's change is written over unseen."""
    form, existing = editing.form, editing.existing
    if existing is None:
        try:
            found = find_custom_data_type(editing.integration, form.identifier)
        except UnknownCustomDataType:
            return True
        words = (
            f"{editing.integration.name} has {found.identifier} already. Choose another identifier, or edit that one."
        )
        form.refuse(IDENTIFIER, words)
        return False
    if form.seen == existing.settings.fingerprint:
        return True
    who = actor_names([existing.changed_by])[existing.changed_by]
    form.refuse("", f"{who} has changed it since you opened it. What you wrote is kept here; save again to replace it.")
    form.seen = existing.settings.fingerprint
    return False


def _warn(editing: Editing) -> bool:
    """Put beside the rows what will most likely go wrong; what is no configuration yet is said as a refusal."""
    form = editing.form
    try:
        warnings = warnings_of(read_configuration(form.body), editing.integration.key)
    except Refused as refusal:
        form.refuse(refusal.field, refusal.message)
        return True
    form.warn(warnings)
    return bool(warnings)


def _try(request: HttpRequest, editing: Editing) -> HttpResponse:
    form, connection = editing.form, editing.connection
    if connection is None:
        form.refuse("", f"No connection to {editing.integration.name} is linked, so there is nothing to try it on.")
    if connection is None or not form.check_rows():
        return _show(request, editing, fragment="trial", status=422)
    try:
        trial = try_custom_data_type(connection, form.body)
    except Refused as refusal:
        form.refuse(refusal.field, refusal.message)
        return _show(request, editing, fragment="trial", status=422)
    form.warn(trial.warnings)
    record_event(
        "custom_data_type.tried",
        about=connection,
        actor=actor_of(request),
        platform=editing.integration.key,
        data_source=form.source,
    )
    return _show(request, editing, fragment="trial", trial=trial)


# --- what is shown


def _editing(request: HttpRequest, integration: Integration, form: CustomDataTypeForm, **more: Any) -> Editing:
    choices = trial_choices(request.user, integration)
    wanted = (request.POST or request.GET).get("connection", "")
    chosen = next((connection for connection in choices if str(connection.pk) == wanted), None)
    return Editing(integration, form, choices, chosen or freshest(choices), **more)


def _show(
    request: HttpRequest,
    editing: Editing,
    *,
    fragment: str = "",
    status: int = 200,
    trial: Trial | None = None,
    asks: bool = False,
) -> HttpResponse:
    context = {
        "editing": editing,
        "form": editing.form,
        "trial": trial,
        "asks": asks,
        "example": example_for(editing.integration),
        "is_fragment": bool(fragment) and wants_fragment(request),
        "is_cut": len(editing.choices) == MAX_CHOICES,
    }
    return render_page(request, FORM, context, fragment=fragment, status=status)


def _choose(request: HttpRequest, copied: CustomDataType | None) -> HttpResponse:
    search = request.GET.get("q", "").replace("\0", "").strip()[:100]
    choices = [one for one in configurable(search=search) if copied is None or one.pk != copied.integration_id]
    context = {
        "choices": choices,
        "copied": copied,
        "search": search,
        "show_search": bool(search) or len(choices) > FEW_PLATFORMS,
    }
    return render_page(request, "customdata/types/choose.html", context)


def _copied(words: str) -> CustomDataType | None:
    """Return what `platform/identifier` names, None without such words. Raises: Http404."""
    platform_key, _, identifier = words.replace("\0", "").partition("/")
    return custom_data_type_or_404(platform_key, identifier) if identifier else None
