"""Webhook consumers (codat contract, section 15.1). Headers, rate limits and secrets are the portal's."""

from __future__ import annotations

from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Status
from pydantic import Field, WithJsonSchema

from portal.alerting.consumers import create_consumer, delete_consumer, live_consumers
from portal.alerting.zapier import rotate_zapier_key
from portal.api.answers import nothing
from portal.api.errors import WireError
from portal.api.lookups import actor_of
from portal.api.schema import StrictBool, StrictStr, Wire, WireRouter
from portal.models import WebhookConsumer
from syncengine.ids import as_uuid

router = WireRouter(tag="Webhooks")

WebhookId = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]

_TYPES = "Names of event types; at least one."
_TAGS = "Up to 10 of `key:value`. Only companies that have one of them are told of; none means all companies."


class WebhookConsumerBody(Wire):
    url: StrictStr = Field(description="Where events are posted.", examples=["https://example.com/hooks"])
    event_types: list[StrictStr] = Field(description=_TYPES, examples=[["read.completed", "connection.connected"]])
    disabled: StrictBool | None = None
    company_tags: list[StrictStr] | None = Field(None, description=_TAGS, examples=[["region:us"]])


class WebhookConsumerOut(Wire):
    id: str
    url: str
    disabled: bool
    event_types: list[str]
    company_tags: list[str]


class WebhookConsumersOut(Wire):
    results: list[WebhookConsumerOut]


class ZapierKeyOut(Wire):
    key: str


@router.operation("GET", "/webhooks", "webhooks.read", response=WebhookConsumersOut)
def list_webhook_consumers(request: HttpRequest) -> Any:
    """List the webhook consumers, oldest first."""
    consumers = live_consumers().order_by("created_at", "pk")[: settings.HEADRACE_MAX_WEBHOOK_CONSUMERS]
    return {"results": [_shape(consumer) for consumer in consumers]}


@router.operation("POST", "/webhooks", "webhooks.edit", response={201: WebhookConsumerOut})
def create_webhook_consumer(request: HttpRequest, body: WebhookConsumerBody) -> Any:
    """Create a webhook consumer. Its signing secret is shown in the portal."""
    consumer = create_consumer(
        url=body.url,
        event_types=body.event_types,
        company_tags=body.company_tags or (),
        disabled=bool(body.disabled),
        actor=actor_of(request),
    )
    return Status(201, _shape(consumer))


@router.operation("DELETE", "/webhooks/{webhook_id}", "webhooks.edit", response={204: None})
def delete_webhook_consumer(request: HttpRequest, webhook_id: WebhookId) -> Any:
    """Delete a webhook consumer; what it was still to be told is not sent."""
    key = as_uuid(webhook_id)
    consumer = live_consumers().filter(pk=key).first() if key else None
    if consumer is None:
        raise WireError(404, f"No webhook consumer was found with ID {webhook_id}")
    delete_consumer(consumer, actor=actor_of(request))
    return nothing(204)


@router.operation("POST", "/webhooks/integrationKeys/zapier", "webhooks.edit", response={201: ZapierKeyOut})
def rotate_zapier_key_(request: HttpRequest) -> Any:
    """Make a new key for Zapier and revoke the one before."""
    return Status(201, {"key": rotate_zapier_key(actor=actor_of(request))})


def _shape(consumer: WebhookConsumer) -> dict[str, Any]:
    return {
        "id": str(consumer.pk),
        "url": consumer.url,
        "disabled": consumer.disabled,
        "event_types": consumer.event_types,
        "company_tags": consumer.company_tags,
    }
