"""Webhook endpoints: made, changed, paused, switched off, enabled again, deleted; and their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from portal.alerting.event_types import canonical
from portal.alerting.receivers import checked_tag, checked_url, drop_waiting
from portal.alerting.signing import new_secret
from portal.models.deployment_settings import DeploymentSettings
from portal.models.webhook import ACTIVE, DisabledBecause, WebhookConsumer
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.outbound.posting import shown_address
from syncengine.secrets import seal, unseal

MAX_TAGS = 10
MAX_HEADERS = 20
MAX_HEADER_VALUE = 1000
MAX_RATE = 1000
MAX_DESCRIPTION = 200
MAX_OVERLAP_HOURS = 7 * 24

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
_OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "user-agent",
     "expect", "te", "trailer", "upgrade", "keep-alive", "proxy-authorization", "proxy-connection"}
)  # fmt: skip


class TooManyConsumers(Refused):
    def __init__(self) -> None:
        limit = settings.HEADRACE_MAX_WEBHOOK_CONSUMERS
        super().__init__(f"Maximum number of webhook consumers reached. There may be {limit}; delete one first.")


def live_consumers() -> Any:
    return WebhookConsumer.objects.filter(deleted_at__isnull=True)


@transaction.atomic
def create_consumer(
    *,
    url: str,
    event_types: Sequence[str],
    company_tags: Sequence[str] = (),
    disabled: bool = False,
    description: str = "",
    actor: str,
) -> WebhookConsumer:
    """Add an endpoint with a secret of its own.

    Raises: TooManyConsumers; Refused naming `url`, `eventTypes` or `companyTags`.
    """
    checked = _checked(url=url, event_types=event_types, company_tags=company_tags, description=description)
    DeploymentSettings.locked()  # whoever counts stands in line here
    if live_consumers().count() >= settings.HEADRACE_MAX_WEBHOOK_CONSUMERS:
        raise TooManyConsumers
    consumer = WebhookConsumer(created_by=actor, **checked)
    consumer.secret = seal(consumer, "secret", {"secret": new_secret()})
    if disabled:
        consumer.disabled, consumer.disabled_at = True, now()
        consumer.disabled_because, consumer.disabled_by = DisabledBecause.PAUSED, actor
    consumer.save(force_insert=True)
    _record("webhook.created", consumer, actor, event_types=consumer.event_types)
    return consumer


@transaction.atomic
def change_consumer(consumer: WebhookConsumer, *, actor: str, rate_limit: int | None = None, **given: Any) -> None:
    """Change what the endpoint is told and how fast.

    Raises: Refused naming the field.
    """
    consumer = _locked(consumer)
    if rate_limit is not None and not 1 <= rate_limit <= MAX_RATE:
        raise Refused(f"A rate limit is a number from 1 to {MAX_RATE}, or empty for none.", field="rate_limit")
    wanted = _checked(**given) | {"rate_limit": rate_limit}
    changed = sorted(name for name, value in wanted.items() if getattr(consumer, name) != value)
    if not changed:
        return
    for name, value in wanted.items():
        setattr(consumer, name, value)
    consumer.save(update_fields=[*wanted, "updated_at"])
    _record("webhook.changed", consumer, actor, changed=changed)


@transaction.atomic
def pause_consumer(consumer: WebhookConsumer, *, actor: str) -> None:
    """Stop telling the endpoint. What was planned waits; what happens meanwhile can be replayed."""
    consumer = _locked(consumer)
    if not consumer.disabled:
        disable(consumer, DisabledBecause.PAUSED, actor=actor)
        hold_messages(consumer)


@transaction.atomic
def enable_consumer(consumer: WebhookConsumer, *, actor: str) -> int:
    """Tell the endpoint again, and go on with what was planned. Return how many messages that is."""
    consumer = _locked(consumer)
    if not consumer.disabled:
        return 0
    consumer.disabled, consumer.disabled_at, consumer.disabled_because, consumer.disabled_by = False, None, "", ""
    consumer.failing_since, consumer.failing_told = None, False
    consumer.save()
    _record("webhook.enabled", consumer, actor)
    return int(consumer.messages.filter(state__in=ACTIVE, held=True).update(held=False))


@transaction.atomic
def delete_consumer(consumer: WebhookConsumer, *, actor: str) -> None:
    """Forget the endpoint and its secrets; what it was still to be told is not sent. The log keeps what was sent."""
    consumer = _locked(consumer)
    drop_waiting(consumer.messages.all(), "The endpoint was deleted.")
    consumer.deleted_at, consumer.disabled = now(), True
    consumer.secret = consumer.previous_secret = consumer.headers = b""
    consumer.save()
    _record("webhook.deleted", consumer, actor)


# --- switched off ---------------------------------------------------------------------------------------------------


def disable(consumer: WebhookConsumer, because: DisabledBecause, *, actor: str) -> None:
    """Switch the endpoint off and give notice, inside the caller's transaction, which holds its row."""
    consumer.disabled, consumer.disabled_at = True, now()
    consumer.disabled_because, consumer.disabled_by = because, actor
    consumer.save(update_fields=["disabled", "disabled_at", "disabled_because", "disabled_by"])
    since = consumer.failing_since.isoformat() if consumer.failing_since else None
    kind = "webhook.paused" if because == DisabledBecause.PAUSED else "webhook.disabled"
    _record(kind, consumer, actor, because=str(because), failing_since=since)


def hold_messages(consumer: WebhookConsumer) -> None:
    consumer.messages.filter(state__in=ACTIVE, held=False).update(held=True)


# --- secrets --------------------------------------------------------------------------------------------------------


@transaction.atomic
def rotate_secret(consumer: WebhookConsumer, *, overlap_hours: int, actor: str) -> None:
    """Make a new secret. Messages are signed with both until the overlap ends, so that receivers can change over.

    Raises: Refused naming `overlap_hours`.
    """
    if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
        raise Refused(f"The overlap is from 0 to {MAX_OVERLAP_HOURS} hours.", field="overlap_hours")
    consumer = _locked(consumer)
    former = unseal(consumer, "secret")
    consumer.secret = seal(consumer, "secret", {"secret": new_secret()})
    consumer.previous_secret = seal(consumer, "previous_secret", former) if overlap_hours else b""
    consumer.previous_secret_until = now() + timedelta(hours=overlap_hours) if overlap_hours else None
    consumer.save(update_fields=["secret", "previous_secret", "previous_secret_until", "updated_at"])
    _record("webhook.secret_rotated", consumer, actor, overlap_hours=overlap_hours)


def reveal_secret(consumer: WebhookConsumer, *, actor: str) -> str:
    """Return the secret. Each look is recorded.

    Raises: SecretUnreadable.
    """
    secret = unseal(consumer, "secret")["secret"]
    _record("webhook.secret_revealed", consumer, actor)
    return secret


@transaction.atomic
def set_headers(consumer: WebhookConsumer, headers: Mapping[str, str], *, actor: str) -> None:
    """Set the headers that go with every message, values included; they are secrets from now on.

    Raises: Refused naming `headers`.
    """
    if len(headers) > MAX_HEADERS:
        raise Refused(f"There may be {MAX_HEADERS} headers.", field="headers")
    for name, value in headers.items():
        _check_header(name, value)
    consumer = _locked(consumer)
    consumer.headers = seal(consumer, "headers", dict(headers)) if headers else b""
    consumer.save(update_fields=["headers", "updated_at"])
    _record("webhook.headers_changed", consumer, actor, names=sorted(headers))


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise Refused(f"{name[:60]!r} cannot be the name of a header.", field="headers")
    if name.lower() in _OURS or name.lower().startswith("webhook-"):
        raise Refused(f"The header {name} is set by us.", field="headers")
    if len(value) > MAX_HEADER_VALUE or not _HEADER_VALUE.fullmatch(value):
        raise Refused(
            f"The value of {name} must be at most {MAX_HEADER_VALUE} printable ASCII characters, on one line.",
            field="headers",
        )


# --- checks ---------------------------------------------------------------------------------------------------------


def _checked(
    *, url: str, event_types: Sequence[str], company_tags: Sequence[str] = (), description: str = ""
) -> dict[str, Any]:
    if len(description) > MAX_DESCRIPTION:
        raise Refused(f"A description has at most {MAX_DESCRIPTION} characters.", field="description")
    return {
        "url": _checked_url(url),
        "event_types": _checked_types(event_types),
        "company_tags": _checked_tags(company_tags),
        "description": description.strip(),
    }


def _checked_url(url: str) -> str:
    if not url.strip():
        raise Refused("Enter the address that is to be told.", field="url")
    return checked_url(url, field="url")


def _checked_types(event_types: Sequence[str]) -> list[str]:
    if not event_types:
        raise Refused("Choose at least one event type.", field="eventTypes")
    found: dict[str, None] = {}
    for text in event_types:
        name = canonical(text)
        if name is None:
            raise Refused(f"{text[:120]!r} is not an event type.", field="eventTypes")
        found[name] = None
    return list(found)


def _checked_tags(company_tags: Sequence[str]) -> list[str]:
    if len(company_tags) > MAX_TAGS:
        raise Refused(f"There may be {MAX_TAGS} company tags.", field="companyTags")
    for tag in company_tags:
        checked_tag(tag, field="companyTags")
    return list(dict.fromkeys(company_tags))


def _locked(consumer: WebhookConsumer) -> WebhookConsumer:
    """Return the row, held until the transaction ends; changes are made on it and not on what was read before."""
    return WebhookConsumer.objects.select_for_update().get(pk=consumer.pk)


def _record(kind: str, consumer: WebhookConsumer, actor: str, **data: Any) -> None:
    record_event(kind, actor=actor, consumer_id=str(consumer.pk), url=shown_address(consumer.url), **data)
