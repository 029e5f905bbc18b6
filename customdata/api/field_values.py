"""The platform's own records, an expression tried on one, and what counts on a connection (calls 12 to 14)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query
from pydantic import Field

from customdata.actions.custom_fields import require_model
from customdata.actions.raw_views import note_raw_view
from customdata.api.dialect import Unprocessable, expression_fault, fault
from customdata.api.field_lookups import connection_of_token
from customdata.api.field_mappings import TargetQuery, target_of
from customdata.api.field_shapes import (
    Category,
    ConnectorToken,
    EffectiveConfigurationOut,
    JsonPath,
    Model,
    RawDataSource,
    Snake,
    SnakeBody,
    ValueKind,
    effective_shape,
)
from customdata.catalogue import CatalogueModel
from customdata.exceptions import EvaluationFailed, ExpressionRefused
from customdata.expressions import compile_expression, value_kind
from customdata.queries.field_mappings import effective_fields
from customdata.queries.raw_samples import RawSource, connection_sample, integration_sample
from portal.api.lookups import actor_of
from portal.api.schema import WireRouter, wire_response
from syncengine.exceptions import Refused
from syncengine.models import Connection

router = WireRouter(tag="Custom fields")

_RAW = {
    "responses": {
        200: {
            "description": "The record as the platform sent it, or null.",
            "headers": {
                "X-Raw-Data-Source": {
                    "schema": {"type": "string", "enum": ["connector_sync", "integration_sample"]},
                    "description": "Whether it was read over the connection, or is the integration's sample.",
                }
            },
            "content": {"application/json": {"schema": {"type": ["object", "null"]}}},
        }
    }
}


class RawDataQuery(TargetQuery):
    category: Category
    model: Model


class FieldPreviewIn(SnakeBody):
    connector_token: ConnectorToken
    category: Category
    model: Model
    json_path: JsonPath
    raw_data: dict[str, Any] | None = Field(None, description="Tried on this instead of what was read.")


class FieldPreviewOut(Snake):
    connector_token: str
    json_path: str
    resolved_value: Any
    resolved_value_type: ValueKind
    raw_data_source: RawDataSource


class ConfigurationQuery(Snake):
    connector_token: ConnectorToken
    category: Category
    model: Model


@router.operation("GET", "/v1/custom-fields/raw-data", "raw_data.read", openapi_extra=_RAW)
def get_raw_data(request: HttpRequest, query: Query[RawDataQuery]) -> HttpResponse:
    """Get the newest record as the platform sent it over a connection, or a sample that is nobody's.

    The sample is what an integration's records look like; it is also the answer for a connection before its first read.
    """
    model = _model(query.category, query.model, "query")
    integration, connection = target_of(request, query.integration_slug, query.connector_token, where="query")
    if connection is not None:
        found, source = _sample(request, connection, model)
    else:
        assert integration is not None
        found, source = integration_sample(integration.key, model.data_type), RawSource.INTEGRATION_SAMPLE
    response = wire_response(found)
    response["X-Raw-Data-Source"] = source.value
    return response


@router.operation("POST", "/v1/custom-fields/preview", "raw_data.read", response=FieldPreviewOut)
def preview_custom_field(request: HttpRequest, body: FieldPreviewIn) -> Any:
    """Try an expression on the newest record of a connection, or on a record that is sent. Nothing is stored."""
    connection = connection_of_token(request, body.connector_token)
    model = _model(body.category, body.model, "body")
    try:
        expression = compile_expression(body.json_path)
        if body.raw_data is not None:
            document, source = body.raw_data, RawSource.INLINE
        else:
            document, source = _sample(request, connection, model)
        value = expression.value(document)
    except ExpressionRefused as refusal:
        raise Unprocessable(expression_fault(refusal)) from None
    except EvaluationFailed as failure:
        ctx = {"error": failure.reason}
        raise Unprocessable(fault(("body", "json_path"), failure.reason, "json_path_failed", ctx)) from None
    return {
        "connector_token": body.connector_token,
        "json_path": body.json_path,
        "resolved_value": value,
        "resolved_value_type": value_kind(value),
        "raw_data_source": source,
    }


@router.operation("GET", "/v1/custom-fields/configuration", "custom_fields.read", response=EffectiveConfigurationOut)
def get_effective_configuration(request: HttpRequest, query: Query[ConfigurationQuery]) -> Any:
    """Get every custom field of a model with the mapping that counts on a connection, by name."""
    model = _model(query.category, query.model, "query")
    connection = connection_of_token(request, query.connector_token)
    return {
        "connector_token": query.connector_token,
        "integration_slug": connection.integration.key,
        "category": model.category,
        "model": model.slug,
        "fields": [effective_shape(found) for found in effective_fields(connection, model.category, model.slug)],
    }


def _model(category: str, slug: str, where: str) -> CatalogueModel:
    """Raises: Unprocessable."""
    try:
        return require_model(category, slug)
    except Refused as refusal:
        raise Unprocessable(fault((where, refusal.field), refusal.message)) from None


def _sample(request: HttpRequest, connection: Connection, model: CatalogueModel) -> tuple[Any, RawSource]:
    found, source = connection_sample(connection, model.data_type)
    if source == RawSource.CONNECTOR_SYNC:
        note_raw_view(connection, model.data_type, 1, actor=actor_of(request))
    return found, source
