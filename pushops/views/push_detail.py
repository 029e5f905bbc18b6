"""One push operation, and what an operator does with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, allows, may
from portal.htmx import go_and_say, not_changed, render_page, wants_fragment
from pushops.actions.handling import discard, extend_deadline, settle
from pushops.actions.pushing import edit_and_retry
from pushops.forms.asking import DiscardForm, ExtendForm, SettleForm
from pushops.models import PushOperation
from pushops.push_access import operations_for
from pushops.push_detail import detail_context, live_version
from pushops.queries.push_models import push_model
from pushops.queries.related import related_types
from pushops.queries.retrying import AT_MOST, cause_of, failed_alike
from syncengine.actions.datasets import queue_dataset
from syncengine.connectors.push_options import PushOption
from syncengine.exceptions import ConnectorError, Refused

DETAIL = "pushops/operations/detail.html"
ASK = "pushops/operations/ask.html"
COMPANIES_SHOWN = 5


@require_safe
@may("push.view")
def push_detail(request: HttpRequest, push_key: UUID) -> HttpResponse:
    """One operation; a swap that sends `v` gets the live part, or 204 while that still holds."""
    operation = operation_of(request, push_key)
    if wants_fragment(request) and request.GET.get("v") == live_version(operation):
        return not_changed()
    model, refusal = _asked_model(request, operation)
    context = detail_context(request, operation, model) | ({"refusal": refusal} if refusal else {})
    return render_page(request, DETAIL, context, fragment="live")


@require_POST
@may("push.write")
def push_retry(request: HttpRequest, push_key: UUID) -> HttpResponse:
    operation = operation_of(request, push_key)
    try:
        made = edit_and_retry(operation, operation.body, actor=actor_of(request))
    except Refused as refusal:
        return _refused(request, operation, refusal)
    return go_and_say(request, "It is pushed again. This is the new operation.", "push-detail", made.pk)


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_retry_all(request: HttpRequest, push_key: UUID) -> HttpResponse:
    """Push again all that failed for the same cause: how many is said first."""
    operation = operation_of(request, push_key)
    alike = failed_alike(operations_for(request.user), operation)
    found = list(alike.select_related("company", "connection__integration").order_by("requested_at")[:AT_MOST])
    if request.method == "POST":
        made = _try_all_again(found, actor_of(request))
        left = len(found) - made
        said = f"{made} push{'' if made == 1 else 'es'} tried again."
        said += f" {left} left alone: no longer possible over their connections." if left else ""
        return go_and_say(request, said, "push-list", tone="success" if made else "warning")
    return _ask(
        request,
        operation,
        title=f"Retry {len(found)} push{'' if len(found) == 1 else 'es'}?",
        text=f"Each of them is sent to its platform once more, as it was. The cause: {cause_of(operation) or 'unknown'}"
        + (f" More failed so; this takes the {AT_MOST} oldest." if len(found) == AT_MOST else ""),
        listed=_companies(found),
        button=f"Retry {len(found)}" if found else "",
    )


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_extend(request: HttpRequest, push_key: UUID) -> HttpResponse:
    operation = operation_of(request, push_key)
    form = ExtendForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        minutes = form.cleaned_data["minutes"]
        extend_deadline(operation, minutes, actor=actor_of(request))
        return f"It has {minutes:,} minute{'' if minutes == 1 else 's'} more."

    return _asked(
        request,
        operation,
        form,
        act,
        title="Extend the deadline?",
        text="The push stays Pending for longer before it becomes TimedOut.",
        button="Extend",
    )


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_discard(request: HttpRequest, push_key: UUID) -> HttpResponse:
    operation = operation_of(request, push_key)
    form = DiscardForm(request.POST if request.method == "POST" else None)

    def act() -> str:
        discard(operation, form.cleaned_data["reason"], actor=actor_of(request))
        return "Discarded. It stays in the history."

    return _asked(
        request,
        operation,
        form,
        act,
        title="Discard this push?",
        text="It needs nobody's attention any more and is not among those that are retried together. What still waits "
        "to be sent ends as Failed. Nothing changes on the platform.",
        button="Discard",
        kind="danger",
    )


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_settle(request: HttpRequest, push_key: UUID) -> HttpResponse:
    operation = operation_of(request, push_key)
    form = SettleForm(
        request.POST if request.method == "POST" else None,
        record_id=operation.result_record_id or operation.record_id,
    )

    def act() -> str:
        read = form.cleaned_data
        settle(operation, read["outcome"], read["record_id"], actor=actor_of(request))
        return "Noted. Read the data type again to see here what the platform has."

    return _asked(
        request,
        operation,
        form,
        act,
        title="What happened on the platform?",
        text=f"Look for the record on {operation.connection.integration.name}. What you say here ends the question, "
        "and cannot be taken back.",
        button="Settle",
    )


@require_POST
@may("data.refresh")
def push_refresh(request: HttpRequest, push_key: UUID) -> HttpResponse:
    """Read the chosen data types that the write may have changed at the platform."""
    operation = operation_of(request, push_key)
    offered = related_types(operation)
    chosen = [key for key in dict.fromkeys(request.POST.getlist("type")) if key in offered]
    if not chosen:
        return go_and_say(request, "Choose the data types to read.", "push-detail", operation.pk, tone="info")
    refused = []
    for key in chosen:
        try:
            queue_dataset(operation.connection, key, actor=actor_of(request))
        except Refused:
            refused.append(offered[key])
    queued = len(chosen) - len(refused)
    said = f"{queued} data type{' is' if queued == 1 else 's are'} queued."
    said += f" Left alone, since they are being read or cannot be read now: {', '.join(refused)}." if refused else ""
    return go_and_say(request, said, "push-detail", operation.pk, tone="success" if queued else "warning")


def operation_of(request: HttpRequest, push_key: UUID) -> PushOperation:
    operations = operations_for(request.user).select_related("company", "connection__integration")
    return get_object_or_404(operations, pk=push_key)


def _asked_model(request: HttpRequest, operation: PushOperation) -> tuple[PushOption | None, Refused | None]:
    """Ask the platform for its model when a person who may write wants it; a refusal is told on the page."""
    if request.GET.get("model") != "ask" or not allows(request.user, "push.write"):
        return None, None
    try:
        return push_model(operation.connection, operation.data_type), None
    except ConnectorError as error:
        return None, Refused(f"The model could not be had: {error.headline}")


def _asked(
    request: HttpRequest, operation: PushOperation, form: forms.Form, act: Callable[[], str], **words: Any
) -> HttpResponse:
    """Ask with a form; when it is sent and holds, act and go back, or show why it was refused."""
    if request.method != "POST":
        return _ask(request, operation, form=form, **words)
    if not form.is_valid():
        return _ask(request, operation, form=form, status=422, **words)
    try:
        said = act()
    except Refused as refusal:
        if refusal.field in form.fields:
            form.add_error(refusal.field, refusal.message)
            return _ask(request, operation, form=form, status=422, **words)
        return _ask(request, operation, form=form, status=409, refusal=refusal, **words)
    return go_and_say(request, said, "push-detail", operation.pk)


def _ask(
    request: HttpRequest, operation: PushOperation, *, status: int = 200, kind: str = "primary", **context: Any
) -> HttpResponse:
    whole = {
        "operation": operation,
        "action": request.path,
        "cancel": reverse("push-detail", args=[operation.pk]),
        "kind": kind,
        **context,
    }
    return render_page(request, ASK, whole, fragment="ask", status=status)


def _refused(request: HttpRequest, operation: PushOperation, refusal: Refused) -> HttpResponse:
    operation.refresh_from_db()
    return render_page(request, DETAIL, detail_context(request, operation) | {"refusal": refusal}, status=409)


def _try_all_again(operations: list[PushOperation], actor: str) -> int:
    """Return how many were asked for again, each in a transaction of its own."""
    made = 0
    for operation in operations:
        with suppress(Refused):
            edit_and_retry(operation, operation.body, actor=actor)
            made += 1
    return made


def _companies(operations: list[PushOperation]) -> list[str]:
    counts: dict[str, int] = {}
    for operation in operations:
        counts[operation.company.name] = counts.get(operation.company.name, 0) + 1
    shown = [f"{name}: {count}" for name, count in list(counts.items())[:COMPANIES_SHOWN]]
    more = len(counts) - COMPANIES_SHOWN
    return [*shown, f"and {more} more compan{'y' if more == 1 else 'ies'}"] if more > 0 else shown
