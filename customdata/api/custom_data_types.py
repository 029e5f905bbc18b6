"""Custom data types: their configurations, a platform at a time, and reads asked for (codat contract, section 11).

Whatever is a configuration is saved. What will most likely fail when it is read is told as `warnings`, a key of ours;
with `?strict=true` it is refused instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from ninja import Query
from pydantic import Field

from customdata.actions.custom_data_types import delete_custom_data_type, put_custom_data_type
from customdata.api.described import CONFIGURATION, Identifier
from customdata.exceptions import ConfigurationWarning, NotStrict, UnknownCustomDataType
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import custom_data_types, find_custom_data_type
from portal.api.answers import PullOperationOut, nothing
from portal.api.errors import Issue, WireError
from portal.api.integrations import integration_for
from portal.api.lists import PageOut, listed, parameters
from portal.api.lookups import actor_of, connection_for
from portal.api.query_fields import TEXT, Fields, Property
from portal.api.schema import CompanyId, ConnectionId, Wire, WireParser, WireRouter
from portal.api.shapes import pull_operation_shape
from syncengine.actions.datasets import queue_dataset
from syncengine.states import Trigger

router = WireRouter(tag="Custom data type")

_CONFIGURATIONS = "/integrations/{platform_key}/dataTypes/custom"
_CONFIGURATION = _CONFIGURATIONS + "/{custom_data_identifier}"
_QUEUE = "/companies/{company_id}/connections/{connection_id}/data/queue/custom/{custom_data_identifier}"


class ConfigurationOut(Wire):
    data_source: str = Field(examples=["/expenses"])
    required_data: dict[str, str] = Field(examples=[{"myExpenseId": "$.expenseId"}])
    key_by: list[str] = Field(examples=[["$.expenseId", "$.accountId"]])
    source_modified_date: list[str] | None = Field(examples=[["$.modifiedDate", "$.createdDate"]])
    optional_data: list[str] | None = Field(
        None, description="Only where the configuration names some.", examples=[["myExpenseId"]]
    )


class WarningOut(Wire):
    """What will most likely go wrong when the configuration is read."""

    item_id: str = Field(description="The member's path, empty for the whole.", examples=["keyBy[1]"])
    message: str


class SavedConfigurationOut(ConfigurationOut):
    warnings: list[WarningOut] | None = Field(None, description="Only where there are some.")


class NamedConfigurationOut(ConfigurationOut):
    custom_data_identifier: str = Field(examples=["myExpenseData"])


class NamedConfigurationsOut(PageOut):
    results: list[NamedConfigurationOut]


class SaveQuery(Wire):
    strict: bool = Field(False, description="Refuse a configuration that there are warnings of.")


_FIELDS = Fields("CustomDataType", {"customDataIdentifier": Property(TEXT, F("identifier"))})


@router.operation(
    "PUT", _CONFIGURATION, "custom_data.edit", response=SavedConfigurationOut, openapi_extra=CONFIGURATION
)
def configure_custom_data_type(
    request: HttpRequest,
    platform_key: str,
    custom_data_identifier: Identifier,
    query: Query[SaveQuery],
) -> Any:
    """Create a custom data type, or replace its configuration. Its paths are not tried; see `warnings`."""
    body = WireParser().parse_body(request)  # looked through by the engine, which names the member at fault
    integration = integration_for(platform_key)
    actor = actor_of(request)
    try:
        saved = put_custom_data_type(integration, custom_data_identifier, body, actor=actor, strict=query.strict)
    except NotStrict as refusal:
        issues = tuple(Issue(warning.field, warning.message) for warning in refusal.warnings)
        raise WireError(400, refusal.message, issues=issues) from None
    shape = configuration_shape(saved.custom_data_type)
    return {**shape, "warnings": [_warning_shape(one) for one in saved.warnings]} if saved.warnings else shape


@router.operation("GET", _CONFIGURATION, "custom_data.read", response=ConfigurationOut)
def get_custom_data_type_configuration(
    request: HttpRequest, platform_key: str, custom_data_identifier: Identifier
) -> Any:
    """Get the configuration of one custom data type."""
    with unknown_is_not_found():
        return configuration_shape(find_custom_data_type(integration_for(platform_key), custom_data_identifier))


@router.operation("DELETE", _CONFIGURATION, "custom_data.edit", response={204: None})
def delete_custom_data_type_configuration(
    request: HttpRequest, platform_key: str, custom_data_identifier: Identifier
) -> Any:
    """Delete a configuration. It is read no more; what was read of it can still be listed."""
    with unknown_is_not_found():
        delete_custom_data_type(integration_for(platform_key), custom_data_identifier, actor=actor_of(request))
    return nothing(204)


@router.operation(
    "GET", _CONFIGURATIONS, "custom_data.read", response=NamedConfigurationsOut, openapi_extra=parameters()
)
def list_custom_data_type_configurations(request: HttpRequest, platform_key: str) -> Any:
    """List the custom data types of a platform by identifier."""
    rows = custom_data_types(integration_for(platform_key))
    return listed(request, rows, _FIELDS, lambda found: [_named_shape(row) for row in found])


@router.operation("POST", _QUEUE, "data.refresh", response=PullOperationOut)
def refresh_custom_data_type(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, custom_data_identifier: Identifier
) -> Any:
    """Queue a read of a custom data type over a connection to the platform that it is configured for."""
    connection = connection_for(request, company_id, connection_id)
    data_type = f"custom/{custom_data_identifier}"
    with unknown_is_not_found():
        dataset = queue_dataset(connection, data_type, actor=actor_of(request), trigger=Trigger.API)
    return pull_operation_shape(dataset)


@contextmanager
def unknown_is_not_found() -> Iterator[None]:
    try:
        yield
    except UnknownCustomDataType as refusal:
        raise WireError(404, refusal.message) from None


def configuration_shape(custom_data_type: CustomDataType) -> dict[str, Any]:
    shape: dict[str, Any] = custom_data_type.settings.as_wire()
    return shape


def _named_shape(custom_data_type: CustomDataType) -> dict[str, Any]:
    return {"custom_data_identifier": custom_data_type.identifier, **configuration_shape(custom_data_type)}


def _warning_shape(warning: ConfigurationWarning) -> dict[str, Any]:
    return {"item_id": warning.field, "message": warning.message}
