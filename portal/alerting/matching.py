"""Who is told of an event: the consumers that subscribed to one of its types, for that company.

`event_happened` is the subscriber of the event stream. It runs inside the transaction that marks the event as told and
writes one message for each consumer and type, so there are either all of them or none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.utils.timezone import now

from portal.alerting.envelopes import Notice, notices, tags_of, types_of
from portal.models.webhook import MessageTrigger, WebhookConsumer, WebhookMessage
from syncengine.models import Event
from syncengine.outbound.posting import shown_address


def event_happened(event: Event) -> None:
    """Write what consumers are told of this event."""
    tell_consumers(event, _listening())


def tell_consumers(
    event: Event,
    consumers: Iterable[WebhookConsumer],
    *,
    trigger: MessageTrigger = MessageTrigger.EVENT,
    actor: str = "",
) -> int:
    """Write the messages by which these consumers learn of the event, once each. Return how many there are."""
    told_under = types_of(event)
    if not told_under:
        return 0
    listening = [consumer for consumer in consumers if set(told_under) & set(consumer.event_types)]
    if not listening:
        return 0
    tags = tags_of(event)
    hearing = [consumer for consumer in listening if is_for(consumer, tags)]
    wanted = {name for consumer in hearing for name in consumer.event_types}
    messages = [
        _message(event, notice, consumer, trigger, actor)
        for notice in notices(event, wanted)
        for consumer in hearing
        if notice.event_type in consumer.event_types
    ]
    # A consumer that was told already, by the stream or a replay, is not told twice.
    WebhookMessage.objects.bulk_create(messages, ignore_conflicts=True)
    return len(messages)


def is_for(consumer: WebhookConsumer, tags: Collection[str]) -> bool:
    """Say whether the consumer hears of a company with these tags: any of its own is enough, none means all."""
    return not consumer.company_tags or any(tag in tags for tag in consumer.company_tags)


def _listening() -> Iterable[WebhookConsumer]:
    return WebhookConsumer.objects.filter(disabled=False, deleted_at__isnull=True)


def _message(
    event: Event, notice: Notice, consumer: WebhookConsumer, trigger: MessageTrigger, actor: str
) -> WebhookMessage:
    return WebhookMessage(
        lane=consumer.lane,
        consumer=consumer,
        to=shown_address(consumer.url),
        event_id=event.pk,
        event_type=notice.event_type,
        company_id=event.company_id,
        payload=notice.body,
        trigger=trigger,
        created_by=actor,
        next_attempt_at=now(),
    )
