"""Claiming what is due, and writing down what came of it. A message's row is the truth; nothing is remembered here.

Two couriers never send the same message at the same time: a claim is one conditional UPDATE that raises the fence and
sets a lease. Of a courier that died, the lease lapses, and another one tries again, with the same id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils.timezone import now

from portal.alerting.channels import Channel, Done, Held, Later, Prepared, Ready, Refused, channel_of
from portal.alerting.consumer_channel import reason_of
from portal.models.webhook import ACTIVE, MessageState, MessageTrigger, WebhookAttempt, WebhookMessage
from syncengine.failpoints import reach

WORKER_LOST = "The process that sent this died before it knew the answer. It may have arrived; it is sent again."


@dataclass(frozen=True, slots=True)
class Flight:
    """A message that is ours to send, and how."""

    message: WebhookMessage
    ready: Ready


@dataclass(frozen=True, slots=True)
class Taken:
    """What a look at the lanes brought.

    waits:  lanes whose rate limit is used up, and for how many seconds.
    """

    flights: tuple[Flight, ...] = ()
    waits: dict[str, float] = field(default_factory=dict)


def due(moment: datetime) -> QuerySet[WebhookMessage]:
    """Messages whose time has come and which nobody holds."""
    waiting = WebhookMessage.objects.filter(state__in=ACTIVE, held=False, next_attempt_at__lte=moment)
    return waiting.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=moment))


def due_lanes(without: Collection[str]) -> list[str]:
    """Return the lanes that have something due, the longest waiting first; those in `without` are full."""
    lanes = due(now()).exclude(lane__in=list(without)).order_by().values("lane").annotate(first=Min("next_attempt_at"))
    return [row["lane"] for row in sorted(lanes, key=lambda row: (row["first"], row["lane"]))]


def take(room: Mapping[str, int], owner: str) -> Taken:
    """Claim of each lane up to so many messages, the oldest first."""
    moment = now()
    messages = [
        message
        for lane, count in room.items()
        for message in due(moment).filter(lane=lane).order_by("next_attempt_at", "pk")[:count]
    ]
    if not messages:
        return Taken()
    prepared = _prepared(messages)
    waits = {m.lane: what.seconds for m in messages if isinstance(what := prepared[m.pk], Later)}
    with transaction.atomic():
        claimed = _claim([message for message in messages if isinstance(prepared[message.pk], Ready)], owner)
        _set_aside(messages, prepared)
    reach("after_claim")
    flights = [Flight(message, what) for message in claimed if isinstance(what := prepared[message.pk], Ready)]
    return Taken(tuple(flights), waits)


def _prepared(messages: Sequence[WebhookMessage]) -> dict[str, Prepared]:
    by_channel: dict[str, list[WebhookMessage]] = {}
    for message in messages:
        by_channel.setdefault(message.channel, []).append(message)
    found: dict[str, Prepared] = {}
    for name, group in by_channel.items():
        found |= channel_of(name).prepare(group)
    return found


def _claim(messages: Sequence[WebhookMessage], owner: str) -> list[WebhookMessage]:
    """Take hold of these in one statement, and return those of them that nobody else took first."""
    moment, ids = now(), [message.pk for message in messages]
    due(moment).filter(pk__in=ids).update(
        fence=F("fence") + 1,
        lease_owner=owner,
        lease_until=lease_end(),
        attempt_count=F("attempt_count") + 1,
        last_attempt_at=moment,
    )
    fences = dict(WebhookMessage.objects.filter(pk__in=ids, lease_owner=owner).values_list("pk", "fence"))
    claimed = [message for message in messages if fences.get(message.pk) == message.fence + 1]
    _note_lost_attempts(claimed)
    for message in claimed:
        message.fence, message.attempt_count = message.fence + 1, message.attempt_count + 1
        message.lease_owner, message.last_attempt_at = owner, moment
    return claimed


def _note_lost_attempts(claimed: Iterable[WebhookMessage]) -> None:
    """Write down the attempts of those who held these before and never said what came of it."""
    lost = [
        WebhookAttempt(
            message=message,
            number=message.attempt_count,
            by_hand=bool(message.options.get("by_hand")),
            planned_at=message.next_attempt_at,
            started_at=message.last_attempt_at or message.created_at,
            ended_at=now(),
            error=WORKER_LOST,
        )
        for message in claimed
        if message.lease_owner
    ]
    WebhookAttempt.objects.bulk_create(lost, ignore_conflicts=True)


def _set_aside(messages: Iterable[WebhookMessage], prepared: Mapping[str, Prepared]) -> None:
    for message in messages:
        ours = WebhookMessage.objects.filter(pk=message.pk, fence=message.fence, state__in=ACTIVE)
        what = prepared[message.pk]
        if isinstance(what, Held):
            ours.update(held=True)
        elif isinstance(what, Refused):
            ours.update(state=MessageState.FAILURE, completed_at=now(), next_attempt_at=None, last_error=what.why)


def renew(flights: Collection[Flight], owner: str) -> None:
    """Keep what is still under way from being taken over."""
    ids = [flight.message.pk for flight in flights]
    WebhookMessage.objects.filter(pk__in=ids, lease_owner=owner).update(lease_until=lease_end())


def lease_end() -> datetime:
    return now() + timedelta(seconds=settings.HEADRACE_LEASE_SECONDS)


# --- what came of it ------------------------------------------------------------------------------------------------


def settle(done: Sequence[Done]) -> None:
    """Write down what came of these attempts, and plan what follows, in one transaction."""
    with transaction.atomic():
        ordered = sorted(done, key=lambda one: one.message.channel)
        for name, group in groupby(ordered, key=lambda one: one.message.channel):
            _settle(channel_of(name), list(group))
        reach("before_settled")


def _settle(channel: Channel, done: list[Done]) -> None:
    held = channel.lock([one.message for one in done])
    ours = [one for one in done if _write(channel, one, held=one.message.pk in held)]
    WebhookAttempt.objects.bulk_create([_attempt(one) for one in ours], ignore_conflicts=True)
    channel.after(ours)


def _write(channel: Channel, one: Done, *, held: bool) -> bool:
    """Write where the message stands now. False when it was taken over, deleted or resent meanwhile."""
    message = one.message
    mine = WebhookMessage.objects.filter(pk=message.pk, fence=message.fence, lease_owner=message.lease_owner)
    return bool(
        mine.update(
            lease_owner="",
            lease_until=None,
            last_status_code=one.receipt.status_code,
            last_duration_ms=one.receipt.duration_ms,
            last_error=reason_of(one.receipt),
            held=held,
            **_standing(channel, one),
        )
    )


def _standing(channel: Channel, one: Done) -> dict[str, Any]:
    message, receipt = one.message, one.receipt
    end = {"completed_at": one.ended_at, "next_attempt_at": None}
    if receipt.is_success:
        return {"state": MessageState.SUCCESS, **end}
    delay = channel.plan_for(message).delay(message.plan_step, receipt.retry_seconds)
    if delay is None or channel.is_final(message, receipt):
        return {"state": MessageState.FAILURE, **end}
    return {
        "state": MessageState.ATTEMPTING,
        "next_attempt_at": one.ended_at + timedelta(seconds=delay),
        "plan_step": message.plan_step + 1,
    }


def _attempt(one: Done) -> WebhookAttempt:
    message, receipt = one.message, one.receipt
    return WebhookAttempt(
        message=message,
        number=message.attempt_count,
        by_hand=bool(message.options.get("by_hand")) or message.trigger == MessageTrigger.TEST,
        planned_at=message.next_attempt_at,
        started_at=message.last_attempt_at or one.ended_at,
        ended_at=one.ended_at,
        status_code=receipt.status_code,
        duration_ms=receipt.duration_ms,
        error=reason_of(receipt),
        request_headers=receipt.request_headers,
        response_headers=receipt.response_headers,
        response_bytes=receipt.response_bytes,
        response_excerpt=receipt.excerpt,
    )


def planned_attempts(message: WebhookMessage) -> list[datetime]:
    """Return when the message will be tried, as long as each attempt fails; [] when nothing more is planned."""
    if not message.is_active or message.next_attempt_at is None:
        return []
    return channel_of(message.channel).plan_for(message).ahead(message.plan_step, message.next_attempt_at)


def purge_messages(limit: int = 500) -> None:
    """Remove, a piece at a time, what ended longer ago than history is kept."""
    ends = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS)
    old = WebhookMessage.objects.filter(created_at__lt=ends).exclude(state__in=ACTIVE).order_by("created_at")
    WebhookMessage.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()
