"""Deleting a record on its platform, and giving it a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.access import actor_of, may
from portal.forms.companies import ConfirmForm
from portal.htmx import go_and_say, render_page
from pushops.actions.pushing import request_push
from pushops.forms.asking import UploadForm
from pushops.models import PushOperation
from pushops.once import once
from pushops.views.push_target import Target, target_of
from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Operation
from syncengine.exceptions import Refused
from syncengine.ids import new_id
from syncengine.queries.data_status import label_of


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_delete(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    """Delete the record `?record=` on its platform, once its id was typed."""
    target = _target(request, connection_id, data_type, Operation.DELETE)
    form = ConfirmForm(request.POST if request.method == "POST" else None, name=target.record_id)
    if request.method == "POST" and form.is_valid():
        try:
            return _push(request, target)
        except Refused as refusal:
            form.add_error(None, refusal.message)
    platform = target.connection.integration.name
    context = {
        **_about(request, target),
        "form": form,
        "title": f"Delete {target.record_id} on {platform}?",
        "text": f"The record is deleted on {platform} itself, in the customer's books. It cannot be brought back from "
        "here.",
        "button": f"Delete on {platform}",
    }
    return _show(request, "pushops/write/delete.html", context, form.is_bound)


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_upload(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    """Give the record `?record=` a file."""
    target = _target(request, connection_id, data_type, Operation.UPLOAD)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["file"]
        file = File(sent.read(), sent.content_type or "application/octet-stream", sent.name or "")
        try:
            return _push(request, target, file=file, timeout_minutes=form.cleaned_data["timeout_minutes"])
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
    return _show(request, "pushops/write/upload.html", {**_about(request, target), "form": form}, form.is_bound)


def _target(request: HttpRequest, connection_id: UUID, data_type: str, operation: Operation) -> Target:
    target = target_of(request, connection_id, data_type, operation)
    if not target.record_id:
        raise Http404("No record is named.")
    return target


def _push(request: HttpRequest, target: Target, **given: Any) -> HttpResponse:
    actor = actor_of(request)

    def make() -> PushOperation:
        return request_push(
            target.connection,
            data_type=target.data_type,
            operation=target.operation,
            record_id=target.record_id,
            actor=actor,
            **given,
        )

    key = once(actor, request.POST.get("nonce", "") or str(new_id()), make)
    return go_and_say(request, "It is on its way. This page shows what becomes of it.", "push-detail", key)


def _about(request: HttpRequest, target: Target) -> dict[str, Any]:
    records = reverse("record-list", args=[target.connection.pk, target.data_type])
    return {
        "target": target,
        "company": target.connection.company,
        "platform": target.connection.integration.name,
        "label": label_of(target.data_type),
        "action": request.get_full_path(),
        "cancel": records,
        "nonce": request.POST.get("nonce") or str(new_id()),
    }


def _show(request: HttpRequest, template: str, context: dict[str, Any], is_bound: bool) -> HttpResponse:
    return render_page(request, template, context, fragment="confirm", status=422 if is_bound else 200)
