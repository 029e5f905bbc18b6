"""Objects named in a path, within what the principal may see. Foreign, deleted and never made look the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from portal.api.errors import company_not_found, connection_not_found
from portal.api.principals import Principal, companies_for
from syncengine.exceptions import Refused
from syncengine.ids import as_uuid
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
    return connection_of(company_for(request, company_id), connection_id)


def connection_of(company: Company, connection_id: str) -> Connection:
    """Return one connection of a company at hand; one query.

    Raises: WireError 404 with the contract's words.
    """
    key = as_uuid(connection_id)
    live = company.connections.filter(deleted_at__isnull=True).select_related("integration")
    found = live.filter(pk=key).first() if key else None
    if found is None:
        raise connection_not_found(connection_id)
    found.company = company
    return found


def principal_in(request: HttpRequest) -> Principal:
    """Return who asks; an operation is only reached by somebody the door knows."""
    return request.principal  # type: ignore[attr-defined,no-any-return]


def actor_of(request: HttpRequest) -> str:
    """Return how the engine names who acts, e.g. "api-key:0198c0de-…"."""
    return principal_in(request).actor


@contextmanager
def told_as(**names: str) -> Iterator[None]:
    """Have a refusal by the engine name the member of the request instead of the engine's own field."""
    try:
        yield
    except Refused as refusal:
        refusal.field = names.get(refusal.field, refusal.field)
        raise
