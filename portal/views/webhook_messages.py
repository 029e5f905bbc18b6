"""Monitor › Webhooks › Deliveries: every message and attempt, sending again, and trying an endpoint."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, allows, may
from portal.activity import actor_names
from portal.alerting.consumers import live_consumers
from portal.alerting.delivery import planned_attempts
from portal.alerting.envelopes import encode
from portal.alerting.event_types import event_types
from portal.alerting.messages import (
    REPLAY_AT_MOST,
    count_missed,
    failed_since,
    recover,
    replay,
    resend,
    resend_all,
    send_example,
)
from portal.formats import zone_of
from portal.forms.webhooks import ExampleForm, RangeForm, SinceForm
from portal.htmx import go_and_say, not_changed, render_page, wants_fragment
from portal.models import WebhookConsumer, WebhookMessage
from portal.tables import page_of
from portal.webhook_page import company_names, log_form, logged, pretty, version_of
from syncengine.exceptions import Refused
from syncengine.models import Company, Event

SELECT_AT_MOST = 200


@require_safe
@may("webhooks.view")
def webhook_message_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, logged(request.GET, zone_of(request)).defer("payload"))
    context = {
        "page": page,
        "form": log_form(request.GET, WebhookConsumer.objects.order_by("created_at")),
        "names": company_names(page),
        "may_edit": allows(request.user, "webhooks.edit"),
    }
    return render_page(request, "portal/webhooks/messages.html", context, fragment="results")


@require_safe
@may("webhooks.view")
def webhook_message_detail(request: HttpRequest, message_id: str) -> HttpResponse:
    """One message; a swap that sends `v` gets the live part, or 204 while that still holds."""
    message = _message(message_id)
    if wants_fragment(request) and request.GET.get("v") == version_of(message):
        return not_changed()
    return _show(request, message)


@require_POST
@may("webhooks.edit")
def webhook_message_resend(request: HttpRequest, message_id: str) -> HttpResponse:
    message = _message(message_id)
    try:
        resend(message, actor=actor_of(request))
    except Refused as refusal:
        return go_and_say(request, refusal.message, "webhook-message-detail", message.pk, tone="warning")
    return go_and_say(request, "It is sent again, with the same id.", "webhook-message-detail", message.pk)


@require_POST
@may("webhooks.edit")
def webhook_message_resend_selected(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.getlist("message")[:SELECT_AT_MOST]
    if not chosen:
        return go_and_say(request, "Choose the messages to send again.", "webhook-message-list", tone="info")
    count = resend_all(WebhookMessage.objects.filter(pk__in=chosen), actor=actor_of(request))
    left = len(set(chosen)) - count
    said = f"{count} message{'' if count == 1 else 's'} sent again."
    if left:
        said += f" {left} left alone: a test, under way just now, or of an endpoint that is disabled."
    return go_and_say(request, said, "webhook-message-list", tone="success" if count else "warning")


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_recover(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    """Send again all that failed: the count is shown first, and sent by a second step."""
    consumer = _consumer(consumer_id)
    form = SinceForm(request.POST or request.GET or None, zone=zone_of(request), start=consumer.failing_since)
    context: dict[str, Any] = {"consumer": consumer, "form": form}
    if form.is_valid():
        since = form.cleaned_data["since"]
        if request.method == "POST":
            return _done(request, consumer, lambda: recover(consumer, since, actor=actor_of(request)), "sent again")
        context["count"] = failed_since(consumer, since).count()
    return render_page(request, "portal/webhooks/recover.html", context, status=_status(request, form))


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_replay(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    """Tell what was missed: the count is shown first, and told by a second step."""
    consumer = _consumer(consumer_id)
    form = RangeForm(request.POST or request.GET or None, zone=zone_of(request), start=consumer.disabled_at)
    context: dict[str, Any] = {"consumer": consumer, "form": form, "at_most": REPLAY_AT_MOST}
    if form.is_valid():
        since, until = form.cleaned_data["since"], form.cleaned_data["until"]
        if request.method == "POST":
            act = lambda: replay(consumer, since, until, actor=actor_of(request))  # noqa: E731 - a name for one call
            return _done(request, consumer, act, "told")
        context["count"] = count_missed(consumer, since, until)
    return render_page(request, "portal/webhooks/replay.html", context, status=_status(request, form))


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_example(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    """Send an example and show the exact request and what the endpoint answered."""
    consumer = _consumer(consumer_id)
    form = ExampleForm(request.POST if request.method == "POST" else None, consumer=consumer)
    context: dict[str, Any] = {"consumer": consumer, "form": form}
    chosen = request.POST.get("event_type") or request.GET.get("event_type") or form.initial["event_type"]
    if chosen in event_types():
        context["preview"] = pretty(encode(event_types()[chosen].example))
    if request.method == "POST" and form.is_valid():
        try:
            message = send_example(consumer, form.cleaned_data["event_type"], actor=actor_of(request))
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            context |= {"message": message, "attempt": message.attempts.get(), "sent": bytes(message.payload).decode()}
    return render_page(request, "portal/webhooks/example.html", context, status=422 if form.errors else 200)


# --- shared ---------------------------------------------------------------------------------------------------------


def _show(request: HttpRequest, message: WebhookMessage) -> HttpResponse:
    event = Event.objects.filter(pk=message.event_id).first() if message.event_id else None
    company = Company.objects.filter(pk=message.company_id).first() if message.company_id else None
    planned = planned_attempts(message)
    context = {
        "message": message,
        "consumer": message.consumer,
        "attempts": list(message.attempts.order_by("-number")),
        "planned": list(enumerate(planned, message.attempt_count + 1)),
        "last_number": message.attempt_count + len(planned),
        "is_under_way": bool(message.lease_owner),
        "event": event,
        "company": company,
        "created_by": actor_names([message.created_by])[message.created_by] if message.created_by else "",
        "payload": pretty(bytes(message.payload)),
        "payload_bytes": len(bytes(message.payload)),
        "version": version_of(message),
        "may_edit": allows(request.user, "webhooks.edit"),
    }
    return render_page(request, "portal/webhooks/message.html", context, fragment="live")


def _message(message_id: str) -> WebhookMessage:
    return get_object_or_404(WebhookMessage.objects.select_related("consumer"), pk=message_id)


def _consumer(consumer_id: UUID) -> WebhookConsumer:
    found: WebhookConsumer = get_object_or_404(live_consumers(), pk=consumer_id)
    return found


def _done(request: HttpRequest, consumer: WebhookConsumer, act: Any, words: str) -> HttpResponse:
    try:
        count = act()
    except Refused as refusal:
        return go_and_say(request, refusal.message, "webhook-detail", consumer.pk, tone="warning")
    said = f"{count} message{'' if count == 1 else 's'} {words}."
    return go_and_say(request, said, "webhook-detail", consumer.pk, tone="success" if count else "info")


def _status(request: HttpRequest, form: SinceForm) -> int:
    return 422 if request.method == "POST" and form.errors else 200
