"""Rows as the wire shows them (codat contract, sections 3 to 9)."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from portal.api.schema import stamp
from portal.links import customer_url
from syncengine.models import Company, Connection


def company_shape(company: Company, connections: list[Connection]) -> dict[str, Any]:
    """Return the members of a Company; `connections` are its own, not deleted, with their integration at hand."""
    synced = [connection.last_sync_at for connection in connections if connection.last_sync_at]
    shape: dict[str, Any] = {
        "id": str(company.pk),
        "name": company.name,
        "description": company.description or None,
        "platform": "",
        "redirect": customer_url(company),
        "created": stamp(company.created_at),
        "created_by_user_name": company.created_by or None,
        "data_connections": [connection_shape(company, connection) for connection in connections],
        "products": [],
        "tags": company.tags,
    }
    if synced:
        shape["last_sync"] = stamp(max(synced))
    return shape


def connection_shape(company: Company, connection: Connection) -> dict[str, Any]:
    integration = connection.integration
    shape: dict[str, Any] = {
        "id": str(connection.pk),
        "integration_id": str(integration.pk),
        "integration_key": integration.key,
        "source_id": str(connection.source_id),
        "source_type": integration.source_type,
        "platform_name": integration.name,
        "link_url": customer_url(company, connection),
        "status": connection.status,
        "created": stamp(connection.created_at),
        "data_connection_errors": None,
        "connection_info": None,
    }
    if connection.last_sync_at:
        shape["last_sync"] = stamp(connection.last_sync_at)
    return shape


def portal_link(company: Company) -> str:
    return f"{settings.HEADRACE_PORTAL_URL}/companies/{company.pk}/"
