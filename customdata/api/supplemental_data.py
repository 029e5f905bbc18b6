"""Supplemental data: which extra members a standard type's records carry (codat contract, section 12)."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Query
from pydantic import Field, WithJsonSchema

from customdata.actions.supplemental_data import put_supplemental_data
from customdata.api.custom_data_types import SaveQuery, WarningOut
from customdata.exceptions import NotStrict
from customdata.queries.supplemental_data import supplemental_configuration
from customdata.supplemental import CONFIG, DATA_TYPES, SupplementalConfiguration
from portal.api.errors import Issue, WireError
from portal.api.integrations import integration_for
from portal.api.lookups import actor_of
from portal.api.schema import Wire, WireParser, WireRouter

router = WireRouter(tag="Supplemental data")

_PATH = "/integrations/{platform_key}/dataTypes/{data_type}/supplementalDataConfig"
_BY_NAME = {data_type.lower(): data_type for data_type in DATA_TYPES}
SupplementedType = Annotated[
    str, Path(), WithJsonSchema({"type": "string", "enum": list(DATA_TYPES), "description": "The data type."})
]
_MEMBERS = {"type": "object", "additionalProperties": {"type": "string"}}
_CONFIG: dict[str, Any] = {
    "title": "SupplementalDataConfiguration",
    "type": "object",
    "properties": {
        CONFIG: {
            "type": "object",
            "description": "Named objects. An empty one takes the members away again.",
            "additionalProperties": {
                "type": "object",
                "required": ["dataSource"],
                "properties": {
                    "dataSource": {"type": "string", "description": "The platform's endpoint of this data type."},
                    "pullData": {**_MEMBERS, "description": "Your names, and the platform's members."},
                    "pushData": {**_MEMBERS, "description": "The same for what is written."},
                },
            },
        }
    },
    "examples": [
        {CONFIG: {"contact-details": {"dataSource": "/customers", "pullData": {"city": "addresses.billing.city"}}}}
    ],
}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/json": {"schema": _CONFIG}}}}


class SupplementalSourceOut(Wire):
    data_source: str
    pull_data: dict[str, str] | None = None
    push_data: dict[str, str] | None = None


class SupplementalOut(Wire):
    supplemental_data_config: dict[str, SupplementalSourceOut] = Field(examples=[_CONFIG["examples"][0][CONFIG]])


class SavedSupplementalOut(SupplementalOut):
    warnings: list[WarningOut] | None = Field(None, description="Only where there are some.")


@router.operation("PUT", _PATH, "custom_data.edit", response=SavedSupplementalOut, openapi_extra=_BODY)
def configure_supplemental_data(
    request: HttpRequest, platform_key: str, data_type: SupplementedType, query: Query[SaveQuery]
) -> Any:
    """Configure extra members for the records of one data type. Its next read is full and brings them.

    They stand under `supplementalData.content`, by the objects' names; what a record lacks is null.
    """
    key = _known(data_type)
    body = WireParser().parse_body(request)  # looked through by the engine, which names the member at fault
    integration = integration_for(platform_key)
    try:
        saved = put_supplemental_data(integration, key, body, actor=actor_of(request), strict=query.strict)
    except NotStrict as refusal:
        issues = tuple(Issue(warning.field, warning.message) for warning in refusal.warnings)
        raise WireError(400, refusal.message, issues=issues) from None
    shape = _shape(saved.configuration)
    if saved.warnings:
        shape["warnings"] = [{"item_id": one.field, "message": one.message} for one in saved.warnings]
    return shape


@router.operation("GET", _PATH, "custom_data.read", response=SupplementalOut)
def get_supplemental_data_configuration(request: HttpRequest, platform_key: str, data_type: SupplementedType) -> Any:
    """Get the configuration, an empty one when there is none."""
    key = _known(data_type)
    return _shape(supplemental_configuration(integration_for(platform_key).pk, key))


def _known(data_type: str) -> str:
    """Raises: WireError 404."""
    found = _BY_NAME.get(data_type.lower())
    if found is None:
        raise WireError(404, f"Datatype {data_type} not supported")
    return found


def _shape(configuration: SupplementalConfiguration) -> dict[str, Any]:
    return {"supplemental_data_config": configuration.as_wire()}
