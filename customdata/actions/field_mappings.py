"""Field mappings: where a custom field is found, for an integration or for one connection. Each change is kept."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from customdata.catalogue import MODELS
from customdata.exceptions import Conflict
from customdata.expressions import MAX_LENGTH
from customdata.models import CustomField, FieldMapping, FieldMappingChange
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Connection, Integration

BOTH_OR_NEITHER = "Exactly one of integration_slug and connector_token is needed."


@transaction.atomic
def create_mapping(
    field: CustomField,
    json_path: str,
    *,
    actor: str,
    integration: Integration | None = None,
    connection: Connection | None = None,
) -> FieldMapping:
    """Map a field for exactly one integration or connection. The expression is not judged here (see `lints`).

    Raises: Refused naming the member at fault, Conflict when that target has a mapping of this field.
    """
    if (integration is None) == (connection is None):
        raise Refused(BOTH_OR_NEITHER, field="integration_slug")
    _check_path(json_path)
    mapping = FieldMapping(
        field=field, integration=integration, connection=connection, json_path=json_path, created_by=actor
    )
    try:
        with transaction.atomic():
            mapping.save()
    except IntegrityError:
        raise Conflict("This field has a mapping for that target already; change that one.") from None
    _note(mapping, None, json_path, actor)
    return mapping


@transaction.atomic
def update_mapping(mapping: FieldMapping, json_path: str, *, actor: str) -> FieldMapping:
    """Raises: Refused naming the member at fault."""
    _check_path(json_path)
    before = mapping.json_path
    if json_path == before:
        return mapping
    mapping.json_path, mapping.updated_at, mapping.updated_by = json_path, now(), actor
    mapping.save(update_fields=["json_path", "updated_at", "updated_by"])
    _note(mapping, before, json_path, actor)
    return mapping


@transaction.atomic
def delete_mapping(mapping: FieldMapping, *, actor: str) -> None:
    mapping.deleted_at, mapping.deleted_by = now(), actor
    mapping.save(update_fields=["deleted_at", "deleted_by"])
    _note(mapping, mapping.json_path, None, actor)


@transaction.atomic
def promote_mapping(mapping: FieldMapping, *, actor: str) -> FieldMapping:
    """Make a connection's mapping its integration's, in one step without a gap.

    An integration's mapping that is there takes over the expression. The connection's own goes, and inherits the same.

    Raises: Refused when it is not a connection's.
    """
    if mapping.connection is None:
        raise Refused("Only a connection's mapping can become its integration's.")
    integration = mapping.connection.integration
    shared = FieldMapping.objects.filter(field=mapping.field, integration=integration, deleted_at=None).first()
    if shared is None:
        shared = create_mapping(mapping.field, mapping.json_path, actor=actor, integration=integration)
    else:
        update_mapping(shared, mapping.json_path, actor=actor)
    delete_mapping(mapping, actor=actor)
    return shared


def _check_path(json_path: str) -> None:
    if len(json_path) > MAX_LENGTH:
        raise Refused(f"An expression may have {MAX_LENGTH} characters at most.", field="json_path")
    if not json_path.strip() or "\x00" in json_path or any("\ud800" <= sign <= "\udfff" for sign in json_path):
        raise Refused("An expression must be a text that is not empty and holds no NUL.", field="json_path")


def _note(mapping: FieldMapping, before: str | None, after: str | None, actor: str) -> None:
    """Keep the change and tell of it. The records themselves did not change, so their dates stay."""
    FieldMappingChange.objects.create(
        field_id=mapping.field_id, mapping_id=mapping.pk, before=before, after=after, changed_by=actor
    )
    field = mapping.field
    kind = "created" if before is None else "deleted" if after is None else "updated"
    record_event(
        f"custom_field.mapping.{kind}",
        about=mapping.connection,
        actor=actor,
        custom_field=str(field.pk),
        name=field.name,
        data_type=MODELS[field.category, field.model].data_type,
        mapping=str(mapping.pk),
        platform=mapping.integration.key if mapping.integration else "",
        before=before,
        after=after,
    )
