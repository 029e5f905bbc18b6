"""Writing a record by hand: which one, its fields or its JSON, a look at what is sent, and the push itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from portal.access import actor_of, may
from portal.htmx import go_and_say, render_page, wants_fragment
from pushops.actions.pushing import BATCHES, edit_and_retry, request_push
from pushops.forms.asking import PushSettingsForm
from pushops.forms.entered import from_body
from pushops.forms.nodes import Node
from pushops.forms.reading import Unreadable, read_json
from pushops.forms.writing import Writing, told_by
from pushops.json_text import one_line, pretty
from pushops.models import PushOperation
from pushops.once import once
from pushops.push_filters import OPERATION_WORDS
from pushops.queries.fitting import Fitting, fit
from pushops.queries.push_models import model_name, push_model
from pushops.queries.retrying import live_try, may_be_retried
from pushops.queries.suggestions import suggestions
from pushops.views.push_detail import operation_of
from pushops.views.push_target import Target, target_of
from syncengine.connectors.changes import Operation
from syncengine.connectors.push_options import PushOption
from syncengine.exceptions import ConnectorError, Refused
from syncengine.ids import new_id
from syncengine.queries.data_status import label_of
from syncengine.states import ConnectionStatus

FORM = "pushops/write/form.html"
REVIEW = "pushops/write/review.html"


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_create(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    return _write(request, _target(request, connection_id, data_type, Operation.CREATE))


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_update(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    """Change the record `?record=`, starting from how it stands here."""
    return _write(request, _target(request, connection_id, data_type, Operation.UPDATE))


@require_http_methods(["GET", "POST"])
@may("push.write")
def push_edit(request: HttpRequest, push_key: UUID) -> HttpResponse:
    """Push again what failed, with another body."""
    operation = operation_of(request, push_key)
    if operation.body is None:
        raise Http404("This operation has no body.")
    kind = Operation(operation.operation)
    target = Target(operation.connection, operation.data_type, kind, operation.record_id, retry_of=operation)
    if not may_be_retried(operation):
        return go_and_say(
            request, "Only a push that failed or timed out can be retried.", "push-detail", operation.pk, tone="warning"
        )
    other = live_try(operation) if request.method == "GET" else None
    if other is not None:
        said = "It was tried again already. This is that try."
        return go_and_say(request, said, "push-detail", other.pk, tone="info")
    return _write(request, target)


def _target(request: HttpRequest, connection_id: UUID, data_type: str, operation: Operation) -> Target:
    target = target_of(request, connection_id, data_type, operation)
    if operation is Operation.UPDATE and not target.record_id:
        raise Http404("No record is named.")
    return target


# --- the steps ------------------------------------------------------------------------------------------------------


def _write(request: HttpRequest, target: Target) -> HttpResponse:
    """Show the form, take what was entered, show what would be sent, send it: which one, `step` says."""
    if target.connection.status != ConnectionStatus.LINKED:
        return _form(request, target, None, None, status=409)
    try:
        model = push_model(target.connection, target.data_type)
    except ConnectorError as error:
        return _form(request, target, None, None, problem=error, status=502)
    step = request.POST.get("step", "")
    if step in ("send", "back"):
        return _with_reviewed(request, target, model, step)
    writing = _started(request, target, model)
    form = _settings(request, target)
    if request.method != "POST":
        return _form(request, target, writing, form)
    writing.take(request.POST)
    if writing.change_rows(request.POST):
        return _form(request, target, writing, form)
    if step == "turn":
        writing.turn()
        return _form(request, target, writing, form, status=422 if writing.errors else 200)
    form = _settings(request, target, request.POST)
    fits, is_valid = writing.read(), form is None or form.is_valid()
    if not (fits and is_valid):
        return _form(request, target, writing, form, status=422)
    return _review(request, target, model, writing.body, form)


def _with_reviewed(request: HttpRequest, target: Target, model: PushOption, step: str) -> HttpResponse:
    """The page that showed the body came back: send it, or go on writing."""
    form = _settings(request, target, request.POST)
    try:
        body = read_json(request.POST.get("json", ""))
    except Unreadable:
        raise Http404("The body is missing.") from None
    if step == "back" or (form is not None and not form.is_valid()):
        writing = _started(request, target, model)
        writing.fill(body, as_json=request.POST.get("as") == "json")
        return _form(request, target, writing, form)
    return _send(request, target, model, body, form)


def _send(
    request: HttpRequest, target: Target, model: PushOption, body: dict[str, Any], form: PushSettingsForm | None
) -> HttpResponse:
    actor = actor_of(request)

    def make() -> PushOperation:
        if target.retry_of is not None:
            return edit_and_retry(target.retry_of, body, actor=actor)
        return request_push(
            target.connection,
            data_type=target.data_type,
            operation=target.operation,
            record_id=_record_id(target, body),
            body=body,
            actor=actor,
            **(form.values if form else {}),
        )

    try:
        key = once(actor, request.POST.get("nonce", ""), make)
    except Refused as refusal:
        return _review(request, target, model, body, form, refusal=refusal)
    return go_and_say(request, "It is on its way. This page shows what becomes of it.", "push-detail", key)


def _record_id(target: Target, body: dict[str, Any]) -> str:
    """A batch is addressed by the account that its body names."""
    if target.data_type in BATCHES and not target.record_id:
        return str(body.get("accountId") or "")
    return target.record_id


# --- what the pages show --------------------------------------------------------------------------------------------


def _started(request: HttpRequest, target: Target, model: PushOption) -> Writing:
    """Return the body to begin with: the failed one, the cached record, or nothing."""
    as_json = request.GET.get("as") == "json"
    if target.retry_of is not None:
        writing = Writing(model, {} if target.is_update else None, told_by(target.retry_of.validation))
        body = target.retry_of.body
        writing.fill(body if isinstance(body, dict) else {}, as_json=as_json)
        return writing
    content = target.record.content if target.record else {}
    if not target.is_update:
        writing = Writing(model)
        writing.fill({"accountId": target.record_id} if target.record_id else {}, as_json=as_json)
        writing.open_needed_lists()
        return writing
    known = {key: value for key, value in content.items() if key in model.properties}
    writing = Writing(model, before=from_body(model, known)[0])
    writing.fill(known, as_json=as_json)
    return writing


def _settings(request: HttpRequest, target: Target, data: Any = None) -> PushSettingsForm | None:
    """The settings of a retry are those of the try before."""
    return None if target.retry_of is not None else PushSettingsForm(data, is_update=target.is_update)


def _form(
    request: HttpRequest,
    target: Target,
    writing: Writing | None,
    form: PushSettingsForm | None,
    *,
    problem: ConnectorError | None = None,
    status: int = 200,
) -> HttpResponse:
    nodes = writing.nodes if writing and not writing.as_json else ()
    context = {
        **_about(target),
        "writing": writing,
        "nodes": nodes,
        "form": form,
        "problem": problem,
        "told_elsewhere": writing.told_elsewhere(nodes) if writing else [],
        "suggestions": suggestions(target.connection, _suggested(nodes)),
        "is_fragment": wants_fragment(request),
    }
    return render_page(request, FORM, context, fragment="fields", status=status)


def _review(
    request: HttpRequest,
    target: Target,
    model: PushOption,
    body: dict[str, Any],
    form: PushSettingsForm | None,
    *,
    refusal: Refused | None = None,
) -> HttpResponse:
    found: Fitting = fit(body, model, model_name(target.data_type), is_update=target.is_update)
    context = {
        **_about(target),
        "body_json": pretty(body),
        "body_line": one_line(body),
        "as": request.POST.get("as", ""),
        "fitting": found,
        "form": form,
        "settings": form.values if form else {},
        "nonce": request.POST.get("nonce") or str(new_id()),
        "refusal": refusal,
    }
    return render_page(request, REVIEW, context, status=409 if refusal else 200)


def _about(target: Target) -> dict[str, Any]:
    return {
        "target": target,
        "company": target.connection.company,
        "connection": target.connection,
        "platform": target.connection.integration.name,
        "label": label_of(target.data_type),
        "verb": OPERATION_WORDS[target.operation],
        "is_linked": target.connection.status == ConnectionStatus.LINKED,
    }


def _suggested(nodes: tuple[Node, ...]) -> set[str]:
    found = {node.suggestions for node in nodes if node.suggestions}
    for node in nodes:
        found |= _suggested(node.members)
        for row in node.rows:
            found |= _suggested(row.members)
    return found
