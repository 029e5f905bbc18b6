"""Where a request came from."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Return the caller's address. X-Forwarded-For is a claim: only what our own proxy wrote last is believed."""
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if settings.HEADRACE_BEHIND_PROXY:
        forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rsplit(",", 1)[-1].strip()
        return (forwarded or peer)[:64]
    return peer[:64]
