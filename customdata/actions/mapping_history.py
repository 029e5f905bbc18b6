"""Putting an expression back that a mapping had before: what the history offers beside each change."""

from __future__ import annotations

from django.db import transaction

from customdata.actions.field_mappings import create_mapping, update_mapping
from customdata.exceptions import NotFound
from customdata.models import FieldMapping, FieldMappingChange
from syncengine.exceptions import Refused


@transaction.atomic
def restore_before(change: FieldMappingChange, *, actor: str) -> FieldMapping:
    """Make the mapping of the change's target read as it did before it. A mapping that was deleted is made again.

    Raises: Refused when there was none before, NotFound when the mapping or its connection is gone for good.
    """
    if change.before is None:
        raise Refused("There was no mapping before this change. Remove the mapping instead.")
    mapping = FieldMapping.objects.filter(pk=change.mapping_id).select_related("connection__company").first()
    if mapping is None or _is_gone(mapping):
        raise NotFound("The connection that this mapping was for is deleted.")
    integration, connection = mapping.integration, mapping.connection
    living = FieldMapping.objects.filter(
        field=change.field, integration=integration, connection=connection, deleted_at=None
    ).first()
    if living is not None:
        return update_mapping(living, change.before, actor=actor)
    return create_mapping(change.field, change.before, actor=actor, integration=integration, connection=connection)


def _is_gone(mapping: FieldMapping) -> bool:
    connection = mapping.connection
    return connection is not None and bool(connection.deleted_at or connection.company.deleted_at)
