"""A custom field on every integration and connection: which mapping counts where, and how often it finds its value."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from customdata.catalogue import MODELS
from customdata.models import CustomField, FieldCoverage, FieldMapping
from customdata.queries.custom_fields import living_mappings
from customdata.queries.field_mappings import EffectiveField
from syncengine.connectors.registry import platforms
from syncengine.models import Connection, Integration


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One connection. scope of `effective`: `connector` is overridden here, `organization` inherited, None unmapped.

    coverage:  of the mapping that counts here, as it reads now; None when it was not measured yet.
    """

    connection: Connection
    effective: EffectiveField
    coverage: FieldCoverage | None


@dataclass(slots=True)
class MatrixRow:
    """One integration, its own mapping, and its connections by company's name."""

    integration: Integration
    mapping: FieldMapping | None
    cells: list[MatrixCell] = field(default_factory=list)

    @property
    def inheriting_count(self) -> int:
        """How many connections a change of the integration's mapping would change."""
        return sum(cell.effective.scope != "connector" for cell in self.cells)


def field_matrix(
    custom_field: CustomField,
    company_ids: Iterable[UUID] | None = None,
    *,
    connections: Sequence[Connection] | None = None,
) -> list[MatrixRow]:
    """Return a row for each integration that offers the field's data type or has a mapping of it; four queries.

    company_ids:  show these companies' connections only; None shows all.
    connections:  one page of them, company and integration at hand; a query less. None looks them up.
    """
    data_type = MODELS[custom_field.category, custom_field.model].data_type
    mappings = list(living_mappings(company_ids).filter(field=custom_field))
    shared = {mapping.integration_id: mapping for mapping in mappings if mapping.connection_id is None}
    own = {mapping.connection_id: mapping for mapping in mappings if mapping.connection_id is not None}
    offering = [key for key, platform in platforms().items() if data_type in platform.types]
    rows = {
        integration.pk: MatrixRow(integration, shared.get(integration.pk))
        for integration in Integration.objects.order_by("name", "key")
        if integration.key in offering or integration.pk in shared
    }
    if connections is None:
        connections = list(_connections(rows, own, company_ids))
    measured = _measured(custom_field, connections)
    for connection in connections:
        mapping = own.get(connection.pk) or shared.get(connection.integration_id)
        coverage = measured[mapping.pk].get(connection.pk) if mapping else None
        cell = MatrixCell(connection, EffectiveField(custom_field, mapping), coverage)
        row = rows.setdefault(connection.integration_id, MatrixRow(connection.integration, None))
        row.cells.append(cell)
    return list(rows.values())


def _connections(
    integrations: Iterable[UUID], mapped: Iterable[UUID | None], company_ids: Iterable[UUID] | None
) -> Iterable[Connection]:
    rows = Connection.objects.filter(deleted_at=None, company__deleted_at=None)
    if company_ids is not None:
        rows = rows.filter(company__in=company_ids)
    wanted = rows.filter(integration__in=list(integrations)) | rows.filter(pk__in=list(mapped))
    return wanted.select_related("company", "integration").order_by("company__name", "created_at")


def _measured(custom_field: CustomField, connections: Iterable[Connection]) -> dict[UUID, dict[UUID, FieldCoverage]]:
    """Return coverage by mapping and connection; figures of another expression are void."""
    found: dict[UUID, dict[UUID, FieldCoverage]] = defaultdict(dict)
    rows = FieldCoverage.objects.filter(mapping__field=custom_field, connection__in=list(connections))
    for row in rows.select_related("mapping"):
        if row.json_path == row.mapping.json_path:
            found[row.mapping_id][row.connection_id] = row
    return found
