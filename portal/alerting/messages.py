"""Sending again: one message, chosen ones, all that failed, all that was missed; and an example to try an endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from portal.alerting.channels import Done
from portal.alerting.consumer_channel import sender
from portal.alerting.delivery import lease_end, settle
from portal.alerting.envelopes import encode, types_of
from portal.alerting.event_types import event_types
from portal.alerting.matching import is_for, tell_consumers
from portal.models.alerting_rule import AlertingRule
from portal.models.webhook import (
    MessageState,
    MessageTrigger,
    WebhookConsumer,
    WebhookMessage,
)
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Company, Event
from syncengine.outbound.posting import shown_address
from syncengine.run.lease import worker_name
from syncengine.secrets import SecretUnreadable

RESEND_AT_MOST = 10_000
REPLAY_AT_MOST = 10_000


def resend(message: WebhookMessage, *, actor: str) -> None:
    """Send a message again now, with the same id, and with its whole plan of retries before it.

    Raises: Refused when its endpoint cannot be told now, or a test was asked to be sent again.
    """
    if message.trigger == MessageTrigger.TEST:
        raise Refused("This was a test. Send another example from the endpoint's page.")
    if message.rule_id:
        _require_live(message.rule_id)
    else:
        _require_enabled(message.consumer)
    resend_all(WebhookMessage.objects.filter(pk=message.pk), actor=actor)


@transaction.atomic
def resend_all(messages: QuerySet[WebhookMessage], *, actor: str) -> int:
    """Send these again, but for tests and those of endpoints that are disabled or deleted. Return how many."""
    wanted = messages.exclude(trigger=MessageTrigger.TEST).exclude(consumer__disabled=True)
    ids = list(wanted.values_list("pk", flat=True)[:RESEND_AT_MOST])
    # One that is being sent this moment is left alone: it is on its way as it is.
    resting = WebhookMessage.objects.filter(pk__in=ids, lease_owner="")
    count = resting.update(
        state=MessageState.ATTEMPTING,
        next_attempt_at=now(),
        completed_at=None,
        plan_step=0,
        held=False,
        fence=F("fence") + 1,
        options={"by_hand": True},
    )
    if count:
        record_event("webhook.resent", actor=actor, count=count, message_ids=ids[:20])
    return int(count)


def failed_since(consumer: WebhookConsumer, since: datetime) -> QuerySet[WebhookMessage]:
    """Return what the endpoint was not told because every attempt failed, from `since` on."""
    failed = WebhookMessage.objects.filter(consumer=consumer, state=MessageState.FAILURE, created_at__gte=since)
    return failed.exclude(trigger=MessageTrigger.TEST)


def recover(consumer: WebhookConsumer, since: datetime, *, actor: str) -> int:
    """Send again all that failed since then. Return how many.

    Raises: Refused when the endpoint is disabled.
    """
    _require_enabled(consumer)
    return resend_all(failed_since(consumer, since), actor=actor)


def missed(consumer: WebhookConsumer, since: datetime, until: datetime) -> Iterable[Event]:
    """Yield the events of that time which the endpoint subscribes to and was never told of, the oldest first."""
    wanted = set(consumer.event_types)
    told = set(
        WebhookMessage.objects.filter(consumer=consumer, event_id__isnull=False).values_list("event_id", "event_type")
    )
    tags: dict[Any, list[str]] = {}
    happened = Event.objects.filter(at__gte=since, at__lt=until, told_at__isnull=False).order_by("at", "pk")
    for event in happened.iterator(chunk_size=500):
        names = wanted & set(types_of(event))
        if names and any((event.pk, name) not in told for name in names) and is_for(consumer, _tags(event, tags)):
            yield event


def count_missed(consumer: WebhookConsumer, since: datetime, until: datetime) -> int:
    """Return of how many events, at most REPLAY_AT_MOST, a replay would tell."""
    count = 0
    for _ in missed(consumer, since, until):
        count += 1
        if count == REPLAY_AT_MOST:
            break
    return count


def replay(consumer: WebhookConsumer, since: datetime, until: datetime, *, actor: str) -> int:
    """Tell the endpoint what it missed in that time: while it was paused, absent or not subscribed. Return how many.

    Raises: Refused when the endpoint is disabled, or naming `until`.
    """
    _require_enabled(consumer)
    if until <= since:
        raise Refused("The end must be later than the beginning.", field="until")
    count = 0
    for event in missed(consumer, since, until):
        tell_consumers(event, [consumer], trigger=MessageTrigger.REPLAY, actor=actor)
        count += 1
        if count == REPLAY_AT_MOST:
            break
    if count:
        record_event(
            "webhook.replayed",
            actor=actor,
            consumer_id=str(consumer.pk),
            count=count,
            since=since.isoformat(),
            until=until.isoformat(),
        )
    return count


def send_example(consumer: WebhookConsumer, event_type: str, *, actor: str) -> WebhookMessage:
    """Send an example of this type now, wait for the answer, and return the message with its one attempt.

    It works for a disabled endpoint too, is never tried again, and counts neither for nor against the endpoint.
    Raises: Refused naming `event_type`, or when the secret cannot be read.
    """
    if event_type not in event_types():
        raise Refused(f"{event_type[:120]!r} is not an event type.", field="event_type")
    message = WebhookMessage(
        lane=f"{consumer.lane}:test",
        consumer=consumer,
        to=shown_address(consumer.url),
        event_type=event_type,
        payload=encode(event_types()[event_type].example),
        trigger=MessageTrigger.TEST,
        created_by=actor,
        attempt_count=1,
        fence=1,
        lease_owner=worker_name(),
        lease_until=lease_end() + timedelta(seconds=60),
        next_attempt_at=now(),
        last_attempt_at=now(),
    )
    try:
        send = sender(consumer, message)
    except SecretUnreadable:
        raise Refused("The secret cannot be read with this deployment's keys. Rotate it first.") from None
    with transaction.atomic():
        message.save(force_insert=True)
        record_event("webhook.example_sent", actor=actor, consumer_id=str(consumer.pk), event_type=event_type)
    receipt = send()
    settle([Done(message, receipt, now())])
    message.refresh_from_db()
    return message


def _tags(event: Event, known: dict[Any, list[str]]) -> list[str]:
    if event.company_id is None:
        return []
    if event.company_id not in known:
        tags = Company.objects.filter(pk=event.company_id).values_list("tags", flat=True).first() or {}
        known[event.company_id] = [f"{key}:{value}" for key, value in tags.items()]
    return known[event.company_id]


def _require_live(rule_id: UUID) -> None:
    if not AlertingRule.objects.filter(pk=rule_id, deleted_at=None).exists():
        raise Refused("The rule was deleted.")


def _require_enabled(consumer: WebhookConsumer | None) -> None:
    """Ask the database, and not the row that a page was made of."""
    found = WebhookConsumer.objects.filter(pk=consumer.pk).first() if consumer else None
    if found is None or found.deleted_at:
        raise Refused("The endpoint was deleted.")
    if found.disabled:
        raise Refused("The endpoint is disabled. Enable it first.")
