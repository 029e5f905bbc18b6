"""Monitor › Webhooks: endpoints, and what can be done with each."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, may
from portal.activity import actor_names
from portal.alerting.consumers import (
    change_consumer,
    create_consumer,
    delete_consumer,
    enable_consumer,
    live_consumers,
    pause_consumer,
    reveal_secret,
    rotate_secret,
    set_headers,
)
from portal.alerting.envelopes import encode
from portal.alerting.event_types import event_types
from portal.confirming import ask_first
from portal.forms.webhooks import HeadersForm, RotateSecretForm, WebhookForm
from portal.htmx import go_and_say, render_page
from portal.models import WebhookConsumer
from portal.models.webhook import MessageState
from portal.webhook_page import company_names, endpoint_rows, groups_of_types, pretty, stats_of
from syncengine.exceptions import Refused
from syncengine.secrets import SecretUnreadable, unseal

UNREADABLE = "The stored secret cannot be read with this deployment's encryption keys. Rotate it."


@require_safe
@may("webhooks.view")
def webhook_list(request: HttpRequest) -> HttpResponse:
    consumers = list(live_consumers().order_by("created_at", "pk"))
    limit = settings.HEADRACE_MAX_WEBHOOK_CONSUMERS
    context = {"rows": endpoint_rows(consumers), "limit": limit, "is_full": len(consumers) >= limit}
    return render_page(request, "portal/webhooks/list.html", context)


@require_safe
@may("webhooks.view")
def webhook_catalogue(request: HttpRequest) -> HttpResponse:
    return render_page(request, "portal/webhooks/catalogue.html", {"groups": groups_of_types()})


@require_safe
@may("webhooks.view")
def webhook_catalogue_type(request: HttpRequest, name: str) -> HttpResponse:
    kind = event_types().get(name)
    if kind is None:
        return go_and_say(request, f"There is no event type {name[:120]}.", "webhook-catalogue", tone="warning")
    context = {"kind": kind, "example": pretty(encode(kind.example)), "schema": pretty(encode(kind.schema))}
    return render_page(request, "portal/webhooks/catalogue_type.html", context)


@require_safe
@may("webhooks.view")
def webhook_detail(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    return _show(request, _consumer(consumer_id))


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_create(request: HttpRequest) -> HttpResponse:
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            consumer = create_consumer(**form.values, actor=actor_of(request))
            if form.cleaned_data["rate_limit"]:
                _change(consumer, form, request)
        except Refused as refusal:
            form.add_refusal(refusal.field, refusal.message)
        else:
            said = "The endpoint is created. Send it an example to see that it verifies our signature."
            return go_and_say(request, said, "webhook-detail", consumer.pk)
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_edit(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    consumer = _consumer(consumer_id)
    form = WebhookForm(request.POST if request.method == "POST" else None, consumer=consumer)
    if request.method == "POST" and form.is_valid():
        try:
            _change(consumer, form, request)
        except Refused as refusal:
            form.add_refusal(refusal.field, refusal.message)
        else:
            return go_and_say(request, "The endpoint is saved.", "webhook-detail", consumer.pk)
    return _form(request, form, consumer)


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_headers(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    consumer = _consumer(consumer_id)
    try:
        stored = unseal(consumer, "headers")
    except SecretUnreadable:
        stored = {}
    form = HeadersForm(request.POST if request.method == "POST" else None, stored=stored)
    if request.method == "POST" and form.is_valid():
        try:
            set_headers(consumer, form.cleaned_data["headers"], actor=actor_of(request))
        except Refused as refusal:
            form.add_error("headers", refusal.message)
        else:
            return go_and_say(request, "The headers are saved.", "webhook-detail", consumer.pk)
    context = {"consumer": consumer, "form": form}
    return render_page(request, "portal/webhooks/headers.html", context, status=422 if form.errors else 200)


@require_POST
@may("webhooks.edit")
def webhook_secret(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    """Show the secret in this one answer; each look is recorded."""
    consumer = _consumer(consumer_id)
    try:
        secret = reveal_secret(consumer, actor=actor_of(request))
    except SecretUnreadable:
        return go_and_say(request, UNREADABLE, "webhook-detail", consumer.pk, tone="error")
    return render_page(request, "portal/webhooks/secret.html", {"consumer": consumer, "secret": secret})


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_rotate(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    consumer = _consumer(consumer_id)
    form = RotateSecretForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        hours = form.cleaned_data["overlap_hours"]
        try:
            rotate_secret(consumer, overlap_hours=hours, actor=actor_of(request))
        except SecretUnreadable:
            rotate_secret(_without_secret(consumer), overlap_hours=0, actor=actor_of(request))
        return go_and_say(
            request, "The endpoint has a new secret. Reveal it to copy it.", "webhook-detail", consumer.pk
        )
    context = {"consumer": consumer, "form": form}
    return render_page(request, "portal/webhooks/rotate.html", context, status=422 if form.errors else 200)


@require_POST
@may("webhooks.edit")
def webhook_pause(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    consumer = _consumer(consumer_id)
    pause_consumer(consumer, actor=actor_of(request))
    said = "Paused. What was planned waits; what happens meanwhile can be replayed."
    return go_and_say(request, said, "webhook-detail", consumer.pk)


@require_POST
@may("webhooks.edit")
def webhook_enable(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    consumer = _consumer(consumer_id)
    waiting = enable_consumer(consumer, actor=actor_of(request))
    said = f"Enabled. {waiting} message{'' if waiting == 1 else 's'} go on as planned." if waiting else "Enabled."
    return go_and_say(request, said, "webhook-detail", consumer.pk)


@require_http_methods(["GET", "POST"])
@may("webhooks.edit")
def webhook_delete(request: HttpRequest, consumer_id: UUID) -> HttpResponse:
    consumer = _consumer(consumer_id)
    if request.method == "POST":
        delete_consumer(consumer, actor=actor_of(request))
        return go_and_say(request, "The endpoint is deleted.", "webhook-list")
    return ask_first(
        request,
        title="Delete this endpoint?",
        text=f"{consumer.url} is told nothing more, and its secret is forgotten. The log of what was sent stays.",
        button="Delete endpoint",
        trail=[
            ("Webhooks", reverse("webhook-list")),
            (Truncator(consumer.url).chars(40), reverse("webhook-detail", args=[consumer.pk])),
        ],
    )


# --- shared ---------------------------------------------------------------------------------------------------------


def _consumer(consumer_id: UUID) -> WebhookConsumer:
    found: WebhookConsumer = get_object_or_404(live_consumers(), pk=consumer_id)
    return found


def _change(consumer: WebhookConsumer, form: WebhookForm, request: HttpRequest) -> None:
    change_consumer(consumer, **form.values, rate_limit=form.cleaned_data["rate_limit"], actor=actor_of(request))


def _without_secret(consumer: WebhookConsumer) -> WebhookConsumer:
    """Drop what cannot be read any more, so that a new secret can take its place."""
    WebhookConsumer.objects.filter(pk=consumer.pk).update(secret=b"", previous_secret=b"", headers=b"")
    return consumer


def _form(request: HttpRequest, form: WebhookForm, consumer: WebhookConsumer | None) -> HttpResponse:
    context = {"form": form, "consumer": consumer, "groups": groups_of_types(form["event_types"].value() or ())}
    return render_page(request, "portal/webhooks/form.html", context, status=422 if form.errors else 200)


def _show(request: HttpRequest, consumer: WebhookConsumer) -> HttpResponse:
    latest = list(consumer.messages.order_by("-created_at", "-pk")[:10])
    people = actor_names([consumer.created_by, consumer.disabled_by])
    context: dict[str, Any] = {
        "consumer": consumer,
        "stats": stats_of(consumer),
        "messages_": latest,
        "names": company_names(latest),
        "header_names": _header_names(consumer),
        "created_by": people[consumer.created_by],
        "disabled_by": people[consumer.disabled_by],
        "failed_count": consumer.messages.filter(state=MessageState.FAILURE).count(),
        "disable_days": settings.HEADRACE_WEBHOOK_DISABLE_DAYS,
        "old_types": [name for name in consumer.event_types if name in event_types() and event_types()[name].is_old],
    }
    return render_page(request, "portal/webhooks/detail.html", context)


def _header_names(consumer: WebhookConsumer) -> list[str]:
    try:
        return sorted(unseal(consumer, "headers"))
    except SecretUnreadable:
        return []
