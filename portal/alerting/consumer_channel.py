"""Webhook consumers: signed posts, and what failures mean for the endpoint (contract, section 15.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from portal.alerting.channels import Channel, Done, Held, Later, Prepared, Ready, Refused
from portal.alerting.consumers import disable, hold_messages
from portal.alerting.plans import CONSUMER_PLAN, ONCE, RetryPlan
from portal.alerting.signing import signed_headers
from portal.models.webhook import DisabledBecause, MessageTrigger, WebhookConsumer, WebhookMessage
from syncengine.events import record_event
from syncengine.limits import Budget, take
from syncengine.outbound.posting import Receipt, post, shown_address
from syncengine.secrets import SecretUnreadable, unseal

GONE = 410


@dataclass(frozen=True, slots=True)
class PerSecond(Budget):
    """A budget of `per_minute` / 60 a second: no second, wherever it begins, holds more."""

    @property
    def burst(self) -> int:
        return max(1, self.per_minute // 360)

    @property
    def interval(self) -> float:
        return 1.01 / (self.per_minute // 60 - self.burst + 1)


class ConsumerChannel(Channel):
    plan = CONSUMER_PLAN

    def plan_for(self, message: WebhookMessage) -> RetryPlan:
        return ONCE if message.trigger == MessageTrigger.TEST else self.plan

    def prepare(self, messages: Sequence[WebhookMessage]) -> dict[str, Prepared]:
        consumers = WebhookConsumer.objects.in_bulk(_ids(messages))
        return {
            message.pk: self._prepare(message, consumers.get(message.consumer_id) if message.consumer_id else None)
            for message in messages
        }

    def _prepare(self, message: WebhookMessage, consumer: WebhookConsumer | None) -> Prepared:
        if consumer is None or consumer.deleted_at:
            return Refused("The endpoint was deleted.")
        if consumer.disabled:
            return Held()
        try:
            send = sender(consumer, message)
        except SecretUnreadable:
            return Refused("The endpoint's secret cannot be read with this deployment's keys. Rotate it.")
        if consumer.rate_limit and (wait := take([PerSecond(f"webhook:{consumer.pk}", consumer.rate_limit * 60)])):
            return Later(wait)
        return Ready(send)

    def is_final(self, message: WebhookMessage, receipt: Receipt) -> bool:
        return receipt.status_code == GONE

    def lock(self, messages: Sequence[WebhookMessage]) -> set[str]:
        locked = WebhookConsumer.objects.select_for_update().filter(pk__in=_ids(messages)).order_by("pk")
        disabled = {consumer.pk for consumer in locked if consumer.disabled}
        return {message.pk for message in messages if message.consumer_id in disabled}

    def after(self, done: Sequence[Done]) -> None:
        """Note how the endpoints stand: failing since when, well again, or to be switched off."""
        by_consumer: dict[UUID, list[Done]] = {}
        for one in done:
            if one.message.consumer_id and one.message.trigger != MessageTrigger.TEST:
                by_consumer.setdefault(one.message.consumer_id, []).append(one)
        for consumer in WebhookConsumer.objects.filter(pk__in=by_consumer):
            _judge_endpoint(consumer, by_consumer[consumer.pk])


def _ids(messages: Sequence[WebhookMessage]) -> set[UUID]:
    return {message.consumer_id for message in messages if message.consumer_id}


def sender(consumer: WebhookConsumer, message: WebhookMessage) -> partial[Receipt]:
    """Return the call that sends this message now, with everything read that it needs.

    Raises: SecretUnreadable.
    """
    keys = [unseal(consumer, "secret")["secret"]]
    if consumer.previous_secret and consumer.previous_secret_until and consumer.previous_secret_until > now():
        keys.append(unseal(consumer, "previous_secret")["secret"])
    custom = unseal(consumer, "headers")
    return partial(_send, consumer.url, message.pk, bytes(message.payload), keys, custom)


def _send(url: str, message_id: str, body: bytes, keys: list[str], custom: dict[str, str]) -> Receipt:
    headers = {**custom, **signed_headers(message_id, body, keys, now())}
    return post(url, body, headers, secret=tuple(custom), seconds=settings.HEADRACE_WEBHOOK_SECONDS)


def _judge_endpoint(consumer: WebhookConsumer, done: Sequence[Done]) -> None:
    for one in done:
        if one.receipt.is_success:
            _went_well(consumer, one.ended_at)
        else:
            consumer.last_failure_at = one.ended_at
            consumer.failing_since = consumer.failing_since or one.ended_at
    consumer.save(update_fields=["failing_since", "failing_told", "last_success_at", "last_failure_at"])
    if consumer.disabled or consumer.deleted_at:
        return
    if any(one.receipt.status_code == GONE for one in done):
        disable(consumer, DisabledBecause.GONE, actor="courier")
    elif _failing_for(consumer, done[-1].ended_at, timedelta(days=settings.HEADRACE_WEBHOOK_DISABLE_DAYS)):
        disable(consumer, DisabledBecause.FAILING, actor="courier")
    elif _failing_for(consumer, done[-1].ended_at, timedelta(minutes=settings.HEADRACE_WEBHOOK_FAILING_MINUTES)):
        _tell_failing(consumer, done[-1])
    if consumer.disabled:
        hold_messages(consumer)


def _went_well(consumer: WebhookConsumer, at: datetime) -> None:
    if consumer.failing_told:
        record_event(
            "webhook.recovered", actor="courier", consumer_id=str(consumer.pk), url=shown_address(consumer.url)
        )
    consumer.last_success_at, consumer.failing_since, consumer.failing_told = at, None, False


def _failing_for(consumer: WebhookConsumer, moment: datetime, span: timedelta) -> bool:
    return consumer.failing_since is not None and moment - consumer.failing_since >= span


def _tell_failing(consumer: WebhookConsumer, last: Done) -> None:
    if consumer.failing_told:
        return
    consumer.failing_told = True
    consumer.save(update_fields=["failing_told"])
    record_event(
        "webhook.failing",
        actor="courier",
        consumer_id=str(consumer.pk),
        url=shown_address(consumer.url),
        since=consumer.failing_since.isoformat() if consumer.failing_since else None,
        reason=reason_of(last.receipt),
    )


def reason_of(receipt: Receipt) -> str:
    """Return why an attempt failed, in one sentence; "" for a success."""
    if receipt.is_success:
        return ""
    code = receipt.status_code
    if code is None or receipt.error:
        return receipt.error
    if 300 <= code < 400:
        return f"The endpoint answered {code}, pointing elsewhere. Redirects are not followed."
    if code == GONE:
        return "The endpoint answered 410 Gone: it wants no more messages."
    return f"The endpoint answered {code}."
