"""Custom fields: created, changed, deleted, brought back. Their mappings are in field_mappings."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from customdata.catalogue import CATEGORIES, CatalogueModel, model_named
from customdata.exceptions import Conflict, NotFound
from customdata.models import CustomField, FieldMapping
from syncengine.events import record_event
from syncengine.exceptions import Refused

UNDO_DAYS = 7
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MODEL_PATTERN = "^[a-z][a-z0-9_-]*$"
_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
UNCHANGED: Any = object()


@transaction.atomic
def create_custom_field(
    name: str, category: str, model: str, *, source: CustomField.Source, actor: str, description: str | None = None
) -> CustomField:
    """Raises: Refused naming the member at fault, Conflict when the model has a field of that name."""
    _check_name(name)
    _check_description(description)
    _check_model(category, model)
    living = CustomField.objects.filter(category=category, model=model, deleted_at=None)
    if living.count() >= settings.HEADRACE_MAX_CUSTOM_FIELDS:
        raise Conflict(f"{model} has as many custom fields as it may have.", field="model")
    field = CustomField(
        name=name, category=category, model=model, description=description, source=source, created_by=actor
    )
    _save(field)
    record_event("custom_field.created", actor=actor, **_described(field))
    return field


@transaction.atomic
def update_custom_field(
    field: CustomField,
    *,
    actor: str,
    name: str = UNCHANGED,
    description: str | None = UNCHANGED,
    category: str = UNCHANGED,
    model: str = UNCHANGED,
) -> CustomField:
    """Change what is given; a description of None clears it. Category and model only while there is no mapping.

    Raises: Refused naming the member at fault, Conflict.
    """
    if name is not UNCHANGED:
        _check_name(name)
        field.name = name
    if description is not UNCHANGED:
        _check_description(description)
        field.description = description
    _move(field, category, model)
    field.updated_at, field.updated_by = now(), actor
    _save(field)
    record_event("custom_field.changed", actor=actor, **_described(field))
    return field


@transaction.atomic
def delete_custom_field(field: CustomField, *, actor: str) -> None:
    """Take the field and its mappings away; `restore_custom_field` brings them back for some days."""
    moment = now()
    FieldMapping.objects.filter(field=field, deleted_at=None).update(deleted_at=moment, deleted_by=actor)
    field.deleted_at, field.deleted_by = moment, actor
    field.save(update_fields=["deleted_at", "deleted_by"])
    record_event("custom_field.deleted", actor=actor, **_described(field))


@transaction.atomic
def restore_custom_field(field: CustomField, *, actor: str) -> CustomField:
    """Undo a deletion, with the mappings that went with it.

    Raises: NotFound when it is not deleted or was deleted too long ago, Conflict when its name was given anew.
    """
    if field.deleted_at is None or field.deleted_at < now() - timedelta(days=UNDO_DAYS):
        raise NotFound("There is no deletion of this custom field that could be undone.")
    went_with_it = FieldMapping.objects.filter(field=field, deleted_at=field.deleted_at)
    field.deleted_at, field.deleted_by = None, ""
    _save(field)
    went_with_it.update(deleted_at=None, deleted_by="")
    record_event("custom_field.restored", actor=actor, **_described(field))
    return field


def require_model(category: str, model: str) -> CatalogueModel:
    """Raises: Refused naming the member at fault."""
    _check_model(category, model)
    found = model_named(category, model)
    assert found is not None
    return found


def _move(field: CustomField, category: str, model: str) -> None:
    wanted = (
        field.category if category is UNCHANGED else category,
        field.model if model is UNCHANGED else model,
    )
    if wanted == (field.category, field.model):
        return
    _check_model(*wanted)
    if FieldMapping.objects.filter(field=field, deleted_at=None).exists():
        raise Conflict("Category and model can be changed only while the field has no mapping.", field="model")
    field.category, field.model = wanted


def _save(field: CustomField) -> None:
    try:
        with transaction.atomic():
            field.save()
    except IntegrityError:
        raise Conflict(f"{field.model} has a custom field {field.name} already.", field="name") from None


def _check_name(name: str) -> None:
    if not 2 <= len(name) <= 128:
        raise Refused("A name has 2 to 128 characters.", field="name")
    if not _NAME.fullmatch(name):
        raise Refused("A name is snake_case: lower-case words and digits with single underscores.", field="name")


def _check_description(description: str | None) -> None:
    if description is not None and "\x00" in description:
        raise Refused("A description may not hold a NUL character.", field="description")


def _check_model(category: str, model: str) -> None:
    if category not in CATEGORIES:
        raise Refused(f"The category is one of {', '.join(CATEGORIES)}.", field="category")
    if not _SLUG.fullmatch(model):
        raise Refused("A model is lower-case letters, digits, hyphens and underscores, 64 at most.", field="model")
    if model_named(category, model) is None:
        raise Refused(f"{category} has no model {model}.", field="model")


def _described(field: CustomField) -> dict[str, Any]:
    return {"custom_field": str(field.pk), "name": field.name, "category": field.category, "model": field.model}
