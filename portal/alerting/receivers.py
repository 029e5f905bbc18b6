"""What webhook endpoints and alerting rules have in common: where they tell, whom they are about, and their end."""

from __future__ import annotations

from django.db.models import F, QuerySet
from django.utils.timezone import now

from portal.models.webhook import ACTIVE, MessageState, WebhookMessage
from syncengine.exceptions import AddressRefused, Refused
from syncengine.outbound.posting import check_address

MAX_URL = 2048
MAX_TAG = 128


def checked_url(url: str, *, field: str) -> str:
    """Return the address without the blanks around it. Raises: Refused naming `field`."""
    url = url.strip()
    if len(url) > MAX_URL:
        raise Refused(f"An address has at most {MAX_URL} characters.", field=field)
    try:
        check_address(url)
    except AddressRefused as refusal:
        raise Refused(refusal.headline, field=field) from None
    return url


def checked_tag(tag: str, *, field: str) -> str:
    """Raises: Refused naming `field`."""
    if len(tag) > MAX_TAG:
        raise Refused(f"A company tag has at most {MAX_TAG} characters.", field=field)
    key, colon, value = tag.partition(":")
    if not (key and colon and value):
        raise Refused(f"{tag[:60]!r} is not a company tag; write key:value.", field=field)
    return tag


def drop_waiting(messages: QuerySet[WebhookMessage], because: str) -> None:
    """End what was still to be sent; whoever is sending one of them finds that it is not theirs any more."""
    messages.filter(state__in=ACTIVE).update(
        state=MessageState.FAILURE,
        completed_at=now(),
        next_attempt_at=None,
        last_error=because,
        fence=F("fence") + 1,
    )
