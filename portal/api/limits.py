"""How often the API may be asked: a daily quota for each key, and a shield for each address (codat contract, 1.4)."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from portal.addresses import address_of
from portal.api.errors import WireError
from portal.api.quota import Allowance, Quota, first_refusal, resets_to_tell
from syncengine.events import record_event
from syncengine.models import Connection
from syncengine.states import ConnectionStatus

_COMPANIES_ARE_COUNTED_EVERY = 60.0

quota = Quota()
_companies: tuple[float, int] = (0.0, 0)
_day_ends: datetime | None = None


def check_address(request: HttpRequest) -> None:
    """Raise WireError 429 when this address asked too often within this minute, whatever key it sends."""
    _charge_minute(request, f"address:{address_of(request)}", settings.HEADRACE_API_ADDRESS_PER_MINUTE)


def charge_connector(request: HttpRequest, connection_id: UUID) -> None:
    """Count the request against its connection's budget of the minute (Bindbee contract, section 3).

    Raises: WireError 429 once that is used up.
    """
    _charge_minute(request, f"connector:{connection_id}", settings.HEADRACE_API_CONNECTOR_PER_MINUTE)


def _charge_minute(request: HttpRequest, bucket: str, per_minute: int) -> None:
    if per_minute:
        minute_ends = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        _grant(request, quota.take(bucket, per_minute, minute_ends))


def charge(request: HttpRequest) -> None:
    """Count the request against its key's quota of the day.

    Raises: WireError 429 once the quota is used up, until 00:00 UTC.
    """
    each = settings.HEADRACE_API_DAILY_QUOTA
    if not each:
        return
    bucket = f"key:{request.principal.key_id}"  # type: ignore[attr-defined]
    day_ends = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    _begin_day(day_ends)
    allowance = quota.take(bucket, each * (1 + connected_companies()), day_ends)
    if not allowance.granted:
        _tell_once(request, bucket, allowance)
    _grant(request, allowance)


def stamp(request: HttpRequest, response: HttpResponseBase) -> None:
    """Write the headers that tell the caller where it stands."""
    allowance: Allowance | None = getattr(request, "allowance", None)
    if allowance is not None:
        response["X-Rate-Limit-Limit"] = str(allowance.limit)
        response["X-Rate-Limit-Remaining"] = str(allowance.remaining)
        response["X-Rate-Limit-Reset"] = allowance.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def connected_companies() -> int:
    """Return how many companies have a linked connection; counted anew once a minute."""
    global _companies
    counted_at, count = _companies
    if counted_at and time.monotonic() - counted_at < _COMPANIES_ARE_COUNTED_EVERY:
        return count
    linked = Connection.objects.filter(status=ConnectionStatus.LINKED, deleted_at__isnull=True)
    count = linked.values("company_id").distinct().count()
    _companies = (time.monotonic(), count)
    return count


@transaction.atomic
def _tell_once(request: HttpRequest, bucket: str, allowance: Allowance) -> None:
    if first_refusal(bucket, allowance.ends_at):
        record_event(
            "client.rate_limit_reached",
            actor=request.principal.actor,  # type: ignore[attr-defined]
            daily_quota=allowance.limit,
            quota_remaining=0,
            expires_at=allowance.ends_at.isoformat(),
        )


def _begin_day(day_ends: datetime) -> None:
    """Record, once over all processes, which quotas that were used up hold again."""
    global _day_ends
    if _day_ends == day_ends:
        return
    _day_ends = day_ends
    with transaction.atomic():
        for bucket in resets_to_tell():
            actor = bucket.replace("key:", "api-key:", 1)
            record_event("client.rate_limit_reset", actor=actor, reset_reason="A new day began.")


def _grant(request: HttpRequest, allowance: Allowance) -> None:
    request.allowance = allowance  # type: ignore[attr-defined]
    if not allowance.granted:
        seconds = max(1, math.ceil((allowance.ends_at - datetime.now(UTC)).total_seconds()))
        raise WireError(
            429,
            f"Rate limit of {allowance.limit} requests reached. Try again in {seconds} s.",
            retry="True",
            extra=(("Retry-After", str(seconds)),),
        )
