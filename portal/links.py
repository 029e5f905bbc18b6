"""The customer's page: a signed address that needs no account and ends by itself."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import Http404
from django.urls import reverse

from syncengine.models import Company, Connection

_SALT = "portal.customer-page"
VALID_DAYS = 30


def customer_token(company: Company) -> str:
    return signing.dumps(str(company.pk), salt=_SALT)


def customer_url(company: Company, connection: Connection | None = None) -> str:
    """Return the whole address of the customer's page, at one connection if given. Good for VALID_DAYS."""
    path: str = reverse("customer-page", kwargs={"token": customer_token(company)})
    return f"{settings.HEADRACE_PORTAL_URL}{path}{f'#connection-{connection.pk}' if connection else ''}"


def company_of(token: str) -> Company:
    """Return the company a customer's address is for.

    Raises: Http404 when the address is not ours, too old, or its company is gone; the three look the same.
    """
    try:
        company_id = UUID(signing.loads(token, salt=_SALT, max_age=VALID_DAYS * 86_400))
        return Company.objects.get(pk=company_id, deleted_at__isnull=True)
    except (signing.BadSignature, ValueError, Company.DoesNotExist):
        raise Http404 from None


def callback_url() -> str:
    """Where platforms send people back to."""
    return f"{settings.HEADRACE_PORTAL_URL}{reverse('link-callback')}"
