"""Mappings of custom fields: for an integration or for one connection (Bindbee contract, calls 8 to 11).

A key that is limited to companies maps over their connections; what holds for a whole integration is not for it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja import Query, Status

from customdata.actions.field_mappings import create_mapping, delete_mapping, update_mapping
from customdata.api.dialect import Unprocessable, fault
from customdata.api.field_lookups import connection_of_token, integration_of_slug
from customdata.api.field_shapes import (
    ConnectorToken,
    CreatedFieldMappingOut,
    FieldMappingOut,
    JsonPath,
    SavedFieldMappingOut,
    Slug,
    Snake,
    SnakeBody,
    mapping_shape,
    warned,
)
from customdata.lints import lints
from customdata.models import FieldMapping
from customdata.queries.custom_fields import find_custom_field, find_mapping, living_mappings
from portal.api.answers import nothing
from portal.api.lookups import actor_of, principal_in
from portal.api.schema import WireRouter
from syncengine.models import Connection, Integration

router = WireRouter(tag="Custom fields")

ONE_TARGET = "Exactly one of integration_slug and connector_token is needed."
_EDIT = "field_mappings.edit"
_EDIT_SHARED = "custom_fields.edit"


class FieldMappingIn(SnakeBody):
    """Exactly one of `integration_slug` and `connector_token`."""

    custom_field_id: UUID
    json_path: JsonPath
    integration_slug: Slug | None = None
    connector_token: ConnectorToken | None = None


class FieldMappingChangeIn(SnakeBody):
    json_path: JsonPath


class StrictQuery(Snake):
    strict: bool = False


class TargetQuery(Snake):
    """Exactly one of the two."""

    integration_slug: Slug | None = None
    connector_token: ConnectorToken | None = None


@router.operation("POST", "/v1/custom-fields/mapping", _EDIT, response={201: CreatedFieldMappingOut})
def create_field_mapping(request: HttpRequest, body: FieldMappingIn, query: Query[StrictQuery]) -> Any:
    """Say where a custom field is found, for one integration or one connection.

    The expression is not judged; what is odd about it comes back as `warnings`. `strict=true` refuses it instead.
    """
    field = find_custom_field(body.custom_field_id)
    integration, connection = target_of(request, body.integration_slug, body.connector_token, where="body")
    if integration is not None:
        _require_shared(request)
    if query.strict:
        require_sound(body.json_path)
    mapping = create_mapping(
        field, body.json_path, actor=actor_of(request), integration=integration, connection=connection
    )
    return Status(201, {"id": str(mapping.pk), "status": "SUCCESS", **warned(mapping.json_path)})


@router.operation("GET", "/v1/custom-fields/mapping", "custom_fields.read", response=list[FieldMappingOut])
def list_field_mappings(request: HttpRequest, query: Query[TargetQuery]) -> Any:
    """List the mappings of one integration, or those of one connection alone, oldest first."""
    integration, connection = target_of(request, query.integration_slug, query.connector_token, where="query")
    rows = living_mappings().filter(integration=integration, connection=connection)
    return [mapping_shape(mapping) for mapping in rows]


@router.operation("PATCH", "/v1/custom-fields/mapping/{custom_field_mapping_id}", _EDIT, response=SavedFieldMappingOut)
def update_field_mapping(
    request: HttpRequest, custom_field_mapping_id: UUID, body: FieldMappingChangeIn, query: Query[StrictQuery]
) -> Any:
    """Change a mapping's expression. To change what it holds for, delete it and make another."""
    mapping = _editable(request, custom_field_mapping_id)
    if query.strict:
        require_sound(body.json_path)
    update_mapping(mapping, body.json_path, actor=actor_of(request))
    return {**mapping_shape(mapping), **warned(mapping.json_path)}


@router.operation("DELETE", "/v1/custom-fields/mapping/{custom_field_mapping_id}", _EDIT, response={204: None})
def delete_field_mapping(request: HttpRequest, custom_field_mapping_id: UUID) -> Any:
    """Delete one mapping. The field stays."""
    delete_mapping(_editable(request, custom_field_mapping_id), actor=actor_of(request))
    return nothing(204)


def target_of(
    request: HttpRequest, integration_slug: str | None, connector_token: str | None, *, where: str
) -> tuple[Integration | None, Connection | None]:
    """Return the one that is named; one query.

    where:   "body" or "query".
    Raises:  Unprocessable for none, both or an unknown slug; NotFound for an unknown token.
    """
    if (integration_slug is None) == (connector_token is None):
        raise Unprocessable(fault((where,), ONE_TARGET))
    if integration_slug is not None:
        return integration_of_slug(integration_slug, where=where), None
    assert connector_token is not None
    return None, connection_of_token(request, connector_token)


def require_sound(json_path: str) -> None:
    """Raises: Unprocessable naming everything that is odd about an expression."""
    found = lints(json_path)
    if found:
        raise Unprocessable(
            *(
                fault(
                    ("body", "json_path"),
                    lint.message,
                    lint.code,
                    None if lint.position is None else {"position": lint.position},
                )
                for lint in found
            )
        )


def _editable(request: HttpRequest, pk: UUID) -> FieldMapping:
    """Raises: NotFound, PermissionDenied."""
    mapping = find_mapping(pk, principal_in(request).company_ids)
    if mapping.connection_id is None:
        _require_shared(request)
    return mapping


def _require_shared(request: HttpRequest) -> None:
    if not principal_in(request).may(_EDIT_SHARED):
        raise PermissionDenied
