"""Objects named in a path, within what the principal may see. Foreign, deleted and never made look the same."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from portal.api.errors import company_not_found, connection_not_found
from portal.api.principals import companies_for
from syncengine.models import Company, Connection


def company_for(request: HttpRequest, company_id: str) -> Company:
    """Return the company; one query.

    Raises: WireError 404 with the contract's words.
    """
    key = as_uuid(company_id)
    company = companies_for(request.principal).filter(pk=key).first() if key else None  # type: ignore[attr-defined]
    if company is None:
        raise company_not_found(company_id)
    return company


def connection_for(request: HttpRequest, company_id: str, connection_id: str) -> Connection:
    """Return the company's connection, with company and integration at hand; two queries.

    Raises: WireError 404 with the contract's words.
    """
    company = company_for(request, company_id)
    key = as_uuid(connection_id)
    found = company.connections.filter(pk=key, deleted_at__isnull=True).select_related("integration").first()
    if key is None or found is None:
        raise connection_not_found(connection_id)
    found.company = company
    return found


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
