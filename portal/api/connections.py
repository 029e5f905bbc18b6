"""Connections: made, linked with credentials at hand, unlinked, deleted (codat contract, section 4)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Body
from pydantic import ConfigDict, Field

from portal.api.answers import ConnectionOut, nothing
from portal.api.errors import Issue, WireError
from portal.api.lists import PageOut, listed, parameters
from portal.api.lookups import actor_of, company_for, connection_for, told_as
from portal.api.query_fields import CONNECTION
from portal.api.schema import CompanyId, ConnectionId, StrictStr, WireBody, WireRouter
from portal.api.shapes import connection_shape, connection_shapes
from syncengine.actions.authorising import authorize_connection
from syncengine.actions.connections import create_connection, delete_connection, unlink_connection
from syncengine.states import ConnectionStatus

router = WireRouter(tag="Connections")

_ONLY_UNLINKED = 'Only "Unlinked" can be asked for.'


class ConnectionBody(WireBody):
    platform_key: StrictStr = Field(description="The key of an integration that is enabled.", examples=["mqjo"])
    settings: dict[StrictStr, StrictStr] | None = Field(
        None,
        description="What a connection to this platform asks for, such as its address. Without it, send it with the "
        "authorization.",
    )


class ConnectionStatusBody(WireBody):
    model_config = ConfigDict(extra="forbid")

    status: ConnectionStatus | None = Field(None, description=_ONLY_UNLINKED, examples=["Unlinked"])


class ConnectionsOut(PageOut):
    results: list[ConnectionOut]


@router.operation(
    "GET",
    "/companies/{company_id}/connections",
    "connections.read",
    response=ConnectionsOut,
    openapi_extra=parameters(),
)
def list_connections(request: HttpRequest, company_id: CompanyId) -> Any:
    """List a company's connections, oldest first."""
    company = company_for(request, company_id)
    connections = company.connections.filter(deleted_at__isnull=True).select_related("integration")
    ordered = connections.order_by("created_at", "id")
    return listed(request, ordered, CONNECTION, lambda rows: connection_shapes(company, rows))


@router.operation("POST", "/companies/{company_id}/connections", "connections.create", response=ConnectionOut)
def create_connection_(request: HttpRequest, company_id: CompanyId, body: ConnectionBody) -> Any:
    """Create a connection that waits for the customer's consent; its `linkUrl` leads there."""
    company = company_for(request, company_id)
    with told_as(platform_key="platformKey"):
        connection = create_connection(
            company,
            body.platform_key,
            settings=body.settings,
            settings_later=body.settings is None,
            actor=actor_of(request),
        )
    return connection_shape(company, connection)


@router.operation(
    "GET", "/companies/{company_id}/connections/{connection_id}", "connections.read", response=ConnectionOut
)
def get_connection(request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId) -> Any:
    """Get one connection."""
    connection = connection_for(request, company_id, connection_id)
    return connection_shape(connection.company, connection)


@router.operation(
    "PATCH",
    "/companies/{company_id}/connections/{connection_id}",
    "connections.unlink",
    response=ConnectionOut,
    speaks_to_platform=True,
)
def unlink_connection_(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, body: ConnectionStatusBody
) -> Any:
    """Unlink a linked connection: access ends, the data read so far stays readable."""
    connection = connection_for(request, company_id, connection_id)
    if body.status != ConnectionStatus.UNLINKED:
        raise WireError(400, _ONLY_UNLINKED, issues=(Issue("status", _ONLY_UNLINKED),))
    if connection.status != ConnectionStatus.LINKED:
        words = f"Only a linked connection can be unlinked; this one is {connection.status}."
        raise WireError(400, words, issues=(Issue("status", words),))
    unlink_connection(connection, actor=actor_of(request))
    return connection_shape(connection.company, connection)


@router.operation(
    "DELETE", "/companies/{company_id}/connections/{connection_id}", "connections.delete", response={200: None}
)
def delete_connection_(request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId) -> Any:
    """Revoke and delete a connection; the data read over it is gone. This cannot be undone. The answer is empty."""
    delete_connection(connection_for(request, company_id, connection_id), actor=actor_of(request))
    return nothing(200)


@router.operation(
    "PUT",
    "/companies/{company_id}/connections/{connection_id}/authorization",
    "connections.authorize",
    response=ConnectionOut,
)
def update_authorization(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, body: Body[dict[StrictStr, StrictStr]]
) -> Any:
    """Link with credentials you hold, such as `accessToken` and `refreshToken`. Nothing is read by that alone."""
    connection = connection_for(request, company_id, connection_id)
    authorize_connection(connection, body, actor=actor_of(request))
    return connection_shape(connection.company, connection)
