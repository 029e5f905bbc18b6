"""Rows as the wire shows them (codat contract, sections 3 to 9), by the names of our models of the wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from portal.actors import user_names
from portal.api.progress import description_of, error_of, progress_of
from portal.links import customer_url
from syncengine.connectors import registry
from syncengine.models import Company, Connection, Dataset
from syncengine.moments import stamp
from syncengine.queries.connection_errors import ConnectionFault, connection_errors

type Shape = dict[str, Any]


def company_shapes(companies: Sequence[Company]) -> list[Shape]:
    """Return Companies with their connections; four queries at most, whatever their number."""
    connections = list(
        Connection.objects.filter(company__in=companies, deleted_at__isnull=True)
        .select_related("integration")
        .order_by("created_at", "id")
        if companies
        else ()
    )
    errors = connection_errors(connections)
    names = user_names(company.created_by for company in companies)
    by_company: dict[UUID, list[Connection]] = defaultdict(list)
    for connection in connections:
        by_company[connection.company_id].append(connection)
    return [
        _company_shape(company, by_company[company.pk], errors, names.get(company.created_by)) for company in companies
    ]


def company_shape(company: Company) -> Shape:
    return company_shapes([company])[0]


def connection_shapes(company: Company, connections: Sequence[Connection]) -> list[Shape]:
    """Return Connections of one company, whose integration is at hand; one query."""
    errors = connection_errors(connections)
    return [_connection_shape(company, connection, errors.get(connection.pk, ())) for connection in connections]


def connection_shape(company: Company, connection: Connection) -> Shape:
    return connection_shapes(company, [connection])[0]


def pull_operation_shape(dataset: Dataset) -> Shape:
    shape: Shape = {
        "id": str(dataset.pk),
        "company_id": str(dataset.company_id),
        "connection_id": str(dataset.connection_id),
        "data_type": dataset.data_type,
        "status": dataset.status,
        "status_description": description_of(dataset),
        "error_message": error_of(dataset),
        "requested": stamp(dataset.requested_at),
        "progress": progress_of(dataset),
        "is_completed": dataset.status == "Complete",
        "is_errored": dataset.is_errored,
    }
    if dataset.completed_at:
        shape["completed"] = stamp(dataset.completed_at)
    return shape


def _company_shape(
    company: Company,
    connections: Sequence[Connection],
    errors: Mapping[UUID, Sequence[ConnectionFault]],
    created_by: str | None,
) -> Shape:
    synced = [connection.last_sync_at for connection in connections if connection.last_sync_at]
    shape: Shape = {
        "id": str(company.pk),
        "name": company.name,
        "description": company.description or None,
        "platform": "",
        "redirect": customer_url(company),
        "created": stamp(company.created_at),
        "created_by_user_name": created_by,
        "data_connections": [
            _connection_shape(company, connection, errors.get(connection.pk, ())) for connection in connections
        ],
        "products": company.products,
        "tags": company.tags,
        # Neither owners nor a tree of companies are kept here: the members are the contract's.
        "owner_user_ids": [],
        "reference_parent_company": None,
        "reference_subsidiary_companies": [],
    }
    if synced:
        shape["last_sync"] = stamp(max(synced))
    return shape


def _connection_shape(company: Company, connection: Connection, errors: Sequence[ConnectionFault]) -> Shape:
    integration = connection.integration
    shape: Shape = {
        "id": str(connection.pk),
        "integration_id": str(integration.pk),
        "integration_key": integration.key,
        "source_id": str(connection.source_id),
        "source_type": integration.source_type,
        "platform_name": integration.name,
        "link_url": customer_url(company, connection),
        "status": connection.status,
        "created": stamp(connection.created_at),
        "data_connection_errors": [_error_shape(error) for error in errors],
        "connection_info": _info(connection),
    }
    if connection.last_sync_at:
        shape["last_sync"] = stamp(connection.last_sync_at)
    return shape


def _error_shape(error: ConnectionFault) -> Shape:
    known = {status.value: status.phrase for status in HTTPStatus}
    return {
        "status_code": str(error.status_code),
        "status_text": known.get(error.status_code, "Unknown"),
        "error_message": error.message,
        "errored_on_utc": stamp(error.errored_at),
        "status": "Resolved" if error.resolved_at else "Active",
        "resolved_on_utc": stamp(error.resolved_at),
    }


def _info(connection: Connection) -> dict[str, str] | None:
    """Return what the connection was told about its platform (address, tenant …), never a secret; None when nothing."""
    platform = registry.platforms().get(connection.integration.key)
    shown = {field.name for field in platform.connection_fields if field.kind != "password"} if platform else set()
    return {name: str(value) for name, value in connection.settings.items() if name in shown and value} or None
