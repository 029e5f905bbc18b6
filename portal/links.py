"""The customer's page: a signed address that needs no account and ends by itself.

It is dated by the day and not by the second, so that what shows it reads the same all day long: the API's answers are
compared by their bytes. It counts from that day's beginning, so it may end up to a day early, and never late.
"""

from __future__ import annotations

import time
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import Http404
from django.urls import reverse

from syncengine.models import Company, Connection

_SALT = "portal.customer-page"
VALID_DAYS = 30
_DAY = 86_400


class _DatedByDay(signing.TimestampSigner):
    """Signs with the beginning of the day (UTC) instead of this second."""

    def timestamp(self) -> str:
        return str(signing.b62_encode(int(time.time()) // _DAY * _DAY))


def customer_token(company: Company) -> str:
    return str(_DatedByDay(salt=_SALT).sign_object(str(company.pk)))


def customer_url(company: Company, connection: Connection | None = None) -> str:
    """Return the whole address of the customer's page, at one connection if given.

    Good for VALID_DAYS from this day's beginning.
    """
    path: str = reverse("customer-page", kwargs={"token": customer_token(company)})
    return f"{settings.HEADRACE_PORTAL_URL}{path}{f'#connection-{connection.pk}' if connection else ''}"


def company_of(token: str) -> Company:
    """Return the company a customer's address is for.

    Raises: Http404 when the address is not ours, too old, or its company is gone; the three look the same.
    """
    try:
        company_id = UUID(signing.loads(token, salt=_SALT, max_age=VALID_DAYS * _DAY))
        return Company.objects.get(pk=company_id, deleted_at__isnull=True)
    except (signing.BadSignature, ValueError, Company.DoesNotExist):
        raise Http404 from None


def callback_url() -> str:
    """Where platforms send people back to."""
    return f"{settings.HEADRACE_PORTAL_URL}{reverse('link-callback')}"
