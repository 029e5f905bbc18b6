"""How often custom fields find their values, over all connections where a mapping of theirs counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, ExpressionWrapper, F, FloatField, Q, QuerySet, Sum
from django.db.models.expressions import Exists, OuterRef
from django.db.models.functions import Cast

from customdata.models import CustomField, FieldCoverage, FieldMapping

KINDS_FROM = 500  # measurements that the mix of types of a page of fields is taken from


@dataclass(slots=True)
class FieldFigures:
    """A field's mappings and what they find, over all connections.

    kinds:  the kinds of the values found, the most usual first.
    """

    integration_count: int = 0
    connection_count: int = 0
    evaluated: int = 0
    resolved: int = 0
    null: int = 0
    missing: int = 0
    invalid: int = 0
    measured_count: int = 0
    kinds: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.resolved / self.evaluated if self.evaluated else 0.0

    @property
    def is_mapped(self) -> bool:
        return self.integration_count + self.connection_count > 0


def counting_coverage() -> QuerySet[FieldCoverage]:
    """Return the measurements that hold: of mappings that count on their connection, as these read now."""
    own = FieldMapping.objects.filter(
        field=OuterRef("mapping__field"), connection=OuterRef("connection"), deleted_at=None
    )
    return FieldCoverage.objects.filter(
        ~Exists(own) | Q(mapping__connection__isnull=False),
        json_path=F("mapping__json_path"),
        mapping__deleted_at=None,
        connection__deleted_at=None,
        connection__company__deleted_at=None,
    )


def figures_of(fields: Sequence[CustomField]) -> dict[UUID, FieldFigures]:
    """Return the figures of these fields by their id; three queries."""
    found: dict[UUID, FieldFigures] = defaultdict(FieldFigures)
    for row in _mapping_counts(fields):
        figures = found[row["field_id"]]
        figures.integration_count, figures.connection_count = row["integrations"], row["connections"]
    for row in _sums(fields):
        figures = found[row.pop("mapping__field_id")]
        for name, value in row.items():
            setattr(figures, name, value)
    for field_id, kinds in _kinds(fields).items():
        found[field_id].kinds = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
    return found


def unmapped(fields: QuerySet[CustomField]) -> QuerySet[CustomField]:
    return fields.filter(~Exists(FieldMapping.objects.filter(field=OuterRef("pk"), deleted_at=None)))


def failing(fields: QuerySet[CustomField]) -> QuerySet[CustomField]:
    """Return those that find nothing on some connection, or fail on some record."""
    wrong = counting_coverage().filter(Q(resolved=0) | Q(invalid__gt=0), evaluated__gt=0)
    return fields.filter(Exists(wrong.filter(mapping__field=OuterRef("pk"))))


def drifting(fields: QuerySet[CustomField]) -> QuerySet[CustomField]:
    """Return those whose share of found values fell on some connection, by more than the configured points."""
    share = ExpressionWrapper(Cast("resolved", FloatField()) / F("evaluated"), output_field=FloatField())
    fell = counting_coverage().filter(evaluated__gt=0, previous__isnull=False).annotate(share=share)
    points = settings.HEADRACE_COVERAGE_DROP_POINTS / 100
    return fields.filter(Exists(fell.filter(mapping__field=OuterRef("pk"), previous__gt=F("share") + points)))


def _mapping_counts(fields: Sequence[CustomField]) -> QuerySet[Any, Any]:
    there = Q(connection=None) | Q(connection__deleted_at=None, connection__company__deleted_at=None)
    rows = FieldMapping.objects.filter(there, field__in=fields, deleted_at=None)
    return rows.values("field_id").annotate(integrations=Count("integration"), connections=Count("connection"))


def _sums(fields: Sequence[CustomField]) -> QuerySet[Any, Any]:
    totals = {name: Sum(name) for name in ("evaluated", "resolved", "null", "missing", "invalid")}
    rows = counting_coverage().filter(mapping__field__in=fields)
    return rows.values("mapping__field_id").annotate(measured_count=Count("pk"), **totals)


def _kinds(fields: Sequence[CustomField]) -> dict[UUID, dict[str, int]]:
    found: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    rows = counting_coverage().filter(mapping__field__in=fields).order_by("-measured_at")
    for field_id, kinds in rows.values_list("mapping__field_id", "kinds")[:KINDS_FROM]:
        for kind, count in kinds.items():
            found[field_id][kind] += count
    return found
