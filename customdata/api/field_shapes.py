"""What custom fields look like below `/v1`: members in snake_case, as the contract writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from customdata.actions.custom_fields import MODEL_PATTERN
from customdata.catalogue import CATEGORIES
from customdata.lints import Lint, lints
from customdata.models import CustomField, FieldMapping
from customdata.queries.custom_fields import FieldDetail
from customdata.queries.field_mappings import EffectiveField
from portal.api.schema import Wire, WireBody
from syncengine.moments import stamp

type Shape = dict[str, Any]

MAX_NAME, MAX_MODEL, MAX_PATH = 128, 64, 1024


def _known_category(text: str) -> str:
    if text not in CATEGORIES:
        *others, last = (f"'{category}'" for category in CATEGORIES)
        expected = f"{', '.join(others)} or {last}"
        raise PydanticCustomError("enum", "Input should be {expected}", {"expected": expected})
    return text


Category = Annotated[str, AfterValidator(_known_category), WithJsonSchema({"type": "string", "enum": list(CATEGORIES)})]
Model = Annotated[str, Field(max_length=MAX_MODEL, pattern=MODEL_PATTERN)]
JsonPath = Annotated[str, Field(max_length=MAX_PATH)]
When = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
ConnectorToken = Annotated[str, Field(description="A connection's id.")]
Slug = Annotated[str, Field(description="An integration's key.")]
type Source = Literal["API", "DASHBOARD"]
type Scope = Literal["connector", "organization"]
type ValueKind = Literal["string", "number", "boolean", "object", "array", "null"]
type RawDataSource = Literal["connector_sync", "integration_sample", "inline"]


class Snake(Wire):
    """Base of what is sent and of queries: members are named outside as here."""

    model_config = ConfigDict(alias_generator=None)


class SnakeBody(WireBody):
    model_config = ConfigDict(alias_generator=None)


# --- lookups


class LookupModelOut(Snake):
    slug: str = Field(examples=["customers"])
    display_name: str
    category: Category


class LookupModelsOut(Snake):
    models: list[LookupModelOut]


class LookupIntegrationOut(Snake):
    slug: Slug
    display_name: str
    categories: list[Category]


class LookupIntegrationsOut(Snake):
    integrations: list[LookupIntegrationOut]


# --- fields


class ExpressionWarningOut(Snake):
    """What may not be meant so. position: the character, counted from 0; null for the whole."""

    code: str
    message: str
    position: int | None


class CreatedFieldOut(Snake):
    id: str
    status: Literal["SUCCESS"]


class CreatedFieldMappingOut(CreatedFieldOut):
    warnings: list[ExpressionWarningOut] | None = Field(None, description="Only where there are some.")


class CustomFieldOut(Snake):
    id: str
    name: str = Field(examples=["vat_note"])
    description: str | None
    category: Category
    model: str = Field(examples=["customers"])
    source: Source
    created_at: When
    updated_at: When | None


class CustomFieldsOut(Snake):
    cursor: str | None = Field(description="Where the next page starts; null on the last one.")
    page_size: int = Field(description="Fields in this page.")
    items: list[CustomFieldOut]


class FieldMappingOut(Snake):
    id: str
    custom_field_id: str
    integration_slug: str | None
    connector_token: str | None
    json_path: str
    created_at: When
    updated_at: When | None


class SavedFieldMappingOut(FieldMappingOut):
    warnings: list[ExpressionWarningOut] | None = Field(None, description="Only where there are some.")


class MappingCountsOut(Snake):
    total: int
    organization: int
    connector: int


class CustomFieldDetailOut(CustomFieldOut):
    mappings: list[FieldMappingOut]
    mapping_counts: MappingCountsOut


def field_shape(field: CustomField) -> Shape:
    return {
        "id": str(field.pk),
        "name": field.name,
        "description": field.description,
        "category": field.category,
        "model": field.model,
        "source": field.source,
        "created_at": stamp(field.created_at),
        "updated_at": stamp(field.updated_at),
    }


def mapping_shape(mapping: FieldMapping) -> Shape:
    return {
        "id": str(mapping.pk),
        "custom_field_id": str(mapping.field_id),
        "integration_slug": mapping.integration.key if mapping.integration else None,
        "connector_token": str(mapping.connection_id) if mapping.connection_id else None,
        "json_path": mapping.json_path,
        "created_at": stamp(mapping.created_at),
        "updated_at": stamp(mapping.updated_at),
    }


def detail_shape(detail: FieldDetail) -> Shape:
    return {
        **field_shape(detail.field),
        "mappings": [mapping_shape(mapping) for mapping in detail.mappings],
        "mapping_counts": {
            "total": len(detail.mappings),
            "organization": detail.organization_count,
            "connector": detail.connector_count,
        },
    }


def warned(json_path: str) -> Shape:
    """Return the member `warnings`, or nothing when there is nothing to say about an expression."""
    found = lints(json_path)
    return {"warnings": [_warning_shape(lint) for lint in found]} if found else {}


def _warning_shape(lint: Lint) -> Shape:
    return {"code": lint.code, "message": lint.message, "position": lint.position}


# --- effective configuration


class EffectiveFieldOut(Snake):
    custom_field_id: str
    name: str
    description: str | None
    category: Category
    model: str
    json_path: str | None
    source: Scope | None = Field(description="Which mapping counts; null without one.")
    mapping_id: str | None


class EffectiveConfigurationOut(Snake):
    connector_token: str
    integration_slug: str
    category: Category
    model: str
    fields: list[EffectiveFieldOut]


def effective_shape(found: EffectiveField) -> Shape:
    return {
        "custom_field_id": str(found.field.pk),
        "name": found.field.name,
        "description": found.field.description,
        "category": found.field.category,
        "model": found.field.model,
        "json_path": found.json_path,
        "source": found.scope,
        "mapping_id": str(found.mapping.pk) if found.mapping else None,
    }
