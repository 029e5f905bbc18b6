"""What the webhook pages show: how endpoints do, and the delivery log's filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from uuid import UUID

import msgspec
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.timezone import now

from portal.access import Viewer, allows
from portal.address_values import PERIODS, Choice, choices, kept_query, period_choices
from portal.alerting.event_types import EventType, event_types
from portal.incident_page import endpoints_in_an_incident
from portal.models.webhook import (
    ACTIVE,
    DisabledBecause,
    MessageState,
    MessageTrigger,
    WebhookAttempt,
    WebhookConsumer,
    WebhookMessage,
)
from portal.registers import Attention
from syncengine.ids import as_uuid
from syncengine.models import Company
from syncengine.outbound.posting import shown_address
from syncengine.states import Responsible

STATS_DAYS = 28
SHOWN = 10
NAMES = ("q", "state", "type", "endpoint", "period", "since", "until", "event")


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint in the list, with what became of the messages of the last 24 hours."""

    consumer: WebhookConsumer
    succeeded: int
    failed: int
    waiting: int

    @property
    def share(self) -> int | None:
        """Return how many in a hundred arrived, None when nothing ended."""
        ended = self.succeeded + self.failed
        return round(100 * self.succeeded / ended) if ended else None


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of an endpoint's messages since `since`, and how long its answers of the last day took."""

    since: datetime
    succeeded: int
    failed: int
    waiting: int
    usual_ms: int | None
    slow_ms: int | None

    @property
    def share(self) -> int | None:
        ended = self.succeeded + self.failed
        return round(100 * self.succeeded / ended) if ended else None


def endpoint_rows(consumers: Sequence[WebhookConsumer]) -> list[EndpointRow]:
    """Return the endpoints with their last day; one query."""
    day = WebhookMessage.objects.filter(consumer__in=consumers, created_at__gte=now() - timedelta(days=1))
    counted = day.exclude(trigger=MessageTrigger.TEST).order_by().values_list("consumer_id", "state")
    counts: Counter[tuple[UUID | None, str]] = Counter()
    for consumer_id, state, count in counted.annotate(count=Count("pk")):
        counts[consumer_id, state] = count
    return [_row(consumer, counts) for consumer in consumers]


def _row(consumer: WebhookConsumer, counts: Counter[tuple[UUID | None, str]]) -> EndpointRow:
    waiting = sum(counts[consumer.pk, state] for state in ACTIVE)
    succeeded, failed = counts[consumer.pk, MessageState.SUCCESS], counts[consumer.pk, MessageState.FAILURE]
    return EndpointRow(consumer, succeeded, failed, waiting)


def stats_of(consumer: WebhookConsumer) -> Stats:
    """Return an endpoint's figures; two queries."""
    since = now() - timedelta(days=STATS_DAYS)
    messages = consumer.messages.filter(created_at__gte=since).exclude(trigger=MessageTrigger.TEST)
    states = dict(messages.order_by().values_list("state").annotate(count=Count("pk")))
    day = WebhookAttempt.objects.filter(message__consumer=consumer, started_at__gte=now() - timedelta(days=1))
    answered = day.filter(status_code__isnull=False).order_by("-started_at").values_list("duration_ms", flat=True)
    times = sorted(ms for ms in answered[:1000] if ms is not None)
    return Stats(
        since=since,
        succeeded=states.get(MessageState.SUCCESS, 0),
        failed=states.get(MessageState.FAILURE, 0),
        waiting=sum(states.get(state, 0) for state in ACTIVE),
        usual_ms=times[len(times) // 2] if times else None,
        slow_ms=times[int(len(times) * 0.95)] if times else None,
    )


def endpoints_off(user: Viewer) -> Iterator[Attention]:
    """Endpoints that were switched off because they failed or said that they are gone."""
    if not allows(user, "webhooks.view"):
        return
    off = WebhookConsumer.objects.filter(deleted_at__isnull=True, disabled=True)
    off = off.exclude(pk__in=endpoints_in_an_incident())
    for consumer in off.exclude(disabled_because=DisabledBecause.PAUSED).order_by("-disabled_at")[:SHOWN]:
        yield Attention(
            headline=f"Webhook endpoint switched off: {consumer.description or shown_address(consumer.url)[:80]}",
            detail=consumer.get_disabled_because_display(),
            url=reverse("webhook-detail", args=[consumer.pk]),
            responsible=Responsible.OPERATOR,
            at=consumer.disabled_at,
        )


# --- the log --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LogForm:
    """The log's filters as the address has them. `query` keeps them in links."""

    search: str
    states: list[Choice]
    types: list[Choice]
    endpoints: list[Choice]
    periods: list[Choice]
    since: str
    until: str
    event: str
    query: str

    @property
    def is_set(self) -> bool:
        return bool(self.query)


def log_form(query: QueryDict, consumers: Iterable[WebhookConsumer]) -> LogForm:
    states = {"waiting": "Waiting"} | {str(state): str(state) for state in MessageState.values}
    endpoints = {str(consumer.pk): consumer.description or consumer.url for consumer in consumers}
    return LogForm(
        search=query.get("q", ""),
        states=choices(states, query.get("state", "")),
        types=choices({name: name for name in event_types()}, query.get("type", "")),
        endpoints=choices(endpoints, query.get("endpoint", "")),
        periods=period_choices(query.get("period", "")),
        since=query.get("since", ""),
        until=query.get("until", ""),
        event=query.get("event", ""),
        query=kept_query(query, NAMES).urlencode(),
    )


def logged(query: QueryDict, zone: tzinfo) -> QuerySet[WebhookMessage]:
    """Return the messages an address asks for, newest first; what cannot be read in it does not filter."""
    messages = WebhookMessage.objects.select_related("consumer").order_by("-created_at", "-pk")
    messages = _by_state(messages, query.get("state", ""))
    if query.get("type", "") in event_types():
        messages = messages.filter(event_type=query["type"])
    if key := as_uuid(query.get("endpoint", "")):
        messages = messages.filter(consumer=key)
    if key := as_uuid(query.get("event", "")):
        messages = messages.filter(event_id=key)
    return _in_period(_searched(messages, query.get("q", "").replace("\0", "").strip()[:200]), query, zone)


def _by_state(messages: QuerySet[WebhookMessage], word: str) -> QuerySet[WebhookMessage]:
    if word == "waiting":
        return messages.filter(state__in=ACTIVE)
    return messages.filter(state=word) if word in MessageState.values else messages


def _searched(messages: QuerySet[WebhookMessage], text: str) -> QuerySet[WebhookMessage]:
    """Find by a message's id, by a company's id, or by words of its name."""
    if not text:
        return messages
    if text.startswith("msg_"):
        return messages.filter(pk=text)
    if key := as_uuid(text):
        return messages.filter(Q(company_id=key) | Q(event_id=key))
    named = Company.objects.filter(name__icontains=text).values_list("pk", flat=True)[:1000]
    return messages.filter(company_id__in=list(named))


def _in_period(messages: QuerySet[WebhookMessage], query: QueryDict, zone: tzinfo) -> QuerySet[WebhookMessage]:
    if period := PERIODS.get(query.get("period", "")):
        return messages.filter(created_at__gte=now() - period[1])
    if since := moment_of(query.get("since", ""), zone):
        messages = messages.filter(created_at__gte=since)
    if until := moment_of(query.get("until", ""), zone):
        messages = messages.filter(created_at__lt=until)
    return messages


def moment_of(text: str, zone: tzinfo) -> datetime | None:
    """Read what a datetime-local field sends, as a moment in this zone."""
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(now().tzinfo)
    except (ValueError, OverflowError):
        return None


def pretty(payload: bytes) -> str:
    """Return JSON as people read it; the bytes themselves are what is signed."""
    return msgspec.json.format(payload, indent=2).decode("utf-8", "replace")


def company_names(messages: Iterable[WebhookMessage]) -> dict[UUID, str]:
    """Return the names of the companies these tell of; one query, none when they tell of no company."""
    wanted = {message.company_id for message in messages if message.company_id}
    return dict(Company.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}


def version_of(message: WebhookMessage) -> str:
    """Return what changes whenever the message's page does."""
    return f"{message.state}-{message.fence}-{message.attempt_count}-{message.lease_owner != ''}-{message.held}"


def groups_of_types(chosen: Iterable[str] = ()) -> list[tuple[str, list[tuple[EventType, bool]]]]:
    """Return the catalogue by group, each type with whether it is chosen."""
    wanted, groups = set(chosen), dict[str, list[tuple[EventType, bool]]]()
    for kind in event_types().values():
        groups.setdefault(kind.group, []).append((kind, kind.name in wanted))
    return list(groups.items())
