"""Custom fields: a page of them, one with its mappings, and what one connection or one caller may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from customdata.exceptions import NotFound
from customdata.models import CustomField, FieldMapping
from syncengine.queries.keyset import KeysetPage, pack_cursor

NO_FIELD = "There is no custom field with this id."
NO_MAPPING = "There is no mapping with this id."


def custom_fields_page(
    *,
    category: str = "",
    model: str = "",
    source: str = "",
    after: tuple[datetime, UUID] | None = None,
    size: int = 50,
) -> KeysetPage[CustomField]:
    """Return one page of the fields that are not deleted, oldest first; one query. A filter of "" is none."""
    rows = CustomField.objects.filter(deleted_at=None)
    wanted = {"category": category, "model": model, "source": source}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value})
    if after is not None:
        moment, pk = after
        rows = rows.filter(Q(created_at__gt=moment) | Q(created_at=moment, pk__gt=pk))
    found = list(rows.order_by("created_at", "id")[: size + 1])
    page = tuple(found[:size])
    more = len(found) > size
    return KeysetPage(page, pack_cursor(page[-1].created_at.isoformat(), str(page[-1].pk)) if more else "")


def find_custom_field(pk: UUID) -> CustomField:
    """Raises: NotFound."""
    found = CustomField.objects.filter(pk=pk, deleted_at=None).first()
    if found is None:
        raise NotFound(NO_FIELD)
    return found


def living_mappings(company_ids: Iterable[UUID] | None = None) -> QuerySet[FieldMapping]:
    """Return the mappings that count, oldest first, with integration and field at hand.

    company_ids:  leave out those of other companies' connections; None leaves out none.
    """
    there = Q(connection__deleted_at=None, connection__company__deleted_at=None)
    if company_ids is not None:
        there &= Q(connection__company__in=company_ids)
    shared = Q(connection=None)
    rows = FieldMapping.objects.filter(shared | there, deleted_at=None, field__deleted_at=None)
    return rows.select_related("integration", "field").order_by("created_at", "id")


def find_mapping(pk: UUID, company_ids: Iterable[UUID] | None = None) -> FieldMapping:
    """Raises: NotFound, also for a mapping of another company's connection."""
    found = living_mappings(company_ids).select_related("integration", "field", "connection__company").filter(pk=pk)
    mapping = found.first()
    if mapping is None:
        raise NotFound(NO_MAPPING)
    return mapping


@dataclass(frozen=True, slots=True)
class FieldDetail:
    """A custom field and the mappings of it that may be seen."""

    field: CustomField
    mappings: tuple[FieldMapping, ...]

    @property
    def organization_count(self) -> int:
        return sum(mapping.connection_id is None for mapping in self.mappings)

    @property
    def connector_count(self) -> int:
        return len(self.mappings) - self.organization_count


def field_detail(field: CustomField, company_ids: Iterable[UUID] | None = None) -> FieldDetail:
    """Return the field with its mappings, oldest first; one query."""
    return FieldDetail(field, tuple(living_mappings(company_ids).filter(field=field)))
