"""Which mapping counts: a connection's own before its integration's, each field for itself, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from customdata.catalogue import BY_DATA_TYPE
from customdata.models import CustomField, FieldMapping
from syncengine.models import Connection

CONNECTOR, ORGANIZATION = "connector", "organization"


@dataclass(frozen=True, slots=True)
class EffectiveField:
    """A custom field as one connection sees it. scope: `connector`, `organization`, or None without a mapping."""

    field: CustomField
    mapping: FieldMapping | None = None

    @property
    def scope(self) -> str | None:
        if self.mapping is None:
            return None
        return ORGANIZATION if self.mapping.connection_id is None else CONNECTOR

    @property
    def json_path(self) -> str | None:
        return self.mapping.json_path if self.mapping else None


def effective_fields(connection: Connection, category: str, model: str) -> list[EffectiveField]:
    """Return every field of the model by name, mapped or not; two queries."""
    fields = list(CustomField.objects.filter(category=category, model=model, deleted_at=None).order_by("name"))
    own: dict[object, FieldMapping] = {}
    shared: dict[object, FieldMapping] = {}
    for mapping in _mappings_for(connection, fields):
        (shared if mapping.connection_id is None else own)[mapping.field_id] = mapping
    return [EffectiveField(field, own.get(field.pk) or shared.get(field.pk)) for field in fields]


def mapped_fields(connection: Connection, data_type: str) -> list[EffectiveField]:
    """Return the fields that records of this data type show over this connection: those with a mapping."""
    model = BY_DATA_TYPE.get(data_type)
    if model is None:
        return []
    return [found for found in effective_fields(connection, model.category, model.slug) if found.mapping is not None]


def shown_fields(connection_id: UUID, platform_key: str, data_type: str) -> list[EffectiveField]:
    """Return the same for a connection of which only this is at hand, by name; one query."""
    model = BY_DATA_TYPE.get(data_type)
    if model is None:
        return []
    target = Q(connection_id=connection_id) | Q(integration__key=platform_key)
    mappings = FieldMapping.objects.filter(
        target, field__category=model.category, field__model=model.slug, field__deleted_at=None, deleted_at=None
    ).select_related("field")
    found: dict[UUID, EffectiveField] = {}
    for mapping in mappings:
        if mapping.connection_id is not None or mapping.field_id not in found:
            found[mapping.field_id] = EffectiveField(mapping.field, mapping)
    return sorted(found.values(), key=lambda one: one.field.name)


def _mappings_for(connection: Connection, fields: Iterable[CustomField]) -> Iterable[FieldMapping]:
    target = Q(connection=connection) | Q(integration_id=connection.integration_id)
    return FieldMapping.objects.filter(target, field__in=list(fields), deleted_at=None)


def has_mapping(connection: Connection, data_type: str) -> bool:
    """Whether records of this data type have a custom field with a mapping over this connection; one query."""
    model = BY_DATA_TYPE.get(data_type)
    if model is None:
        return False
    target = Q(connection=connection) | Q(integration_id=connection.integration_id)
    return FieldMapping.objects.filter(
        target, field__category=model.category, field__model=model.slug, field__deleted_at=None, deleted_at=None
    ).exists()
