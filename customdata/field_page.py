"""What the pages of custom fields show: the list, the matrix of one, and its history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from customdata.actions.custom_fields import UNDO_DAYS
from customdata.catalogue import MODELS, CatalogueModel
from customdata.expressions import INVALID, Outcome, resolve
from customdata.models import CustomField, FieldMapping, FieldMappingChange
from customdata.queries.field_coverage import FieldFigures, drifting, failing, figures_of, unmapped
from customdata.queries.field_matrix import MatrixCell, MatrixRow, field_matrix
from customdata.raw_records import newest_raw_of
from portal.access import Viewer, connections_for
from portal.activity import actor_names
from syncengine.connectors.registry import platforms
from syncengine.models import Connection

_WORDS = re.compile(r"\w+|\W", re.DOTALL)
SAMPLED = 3  # newest records that a sample value is looked for in
SHOWN = {"unmapped": unmapped, "failing": failing, "drifting": drifting}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A custom field in the list."""

    field: CustomField
    model: CatalogueModel | None
    figures: FieldFigures
    changed_by: str


def model_of(field: CustomField) -> CatalogueModel | None:
    return MODELS.get((field.category, field.model))


def fields_listed(*, search: str = "", model: str = "", show: str = "") -> QuerySet[CustomField]:
    """Return the fields that are not deleted, by model and name.

    model:  `CATEGORY/slug`, "" for all.
    show:   a word of SHOWN, "" for all.
    """
    rows = CustomField.objects.filter(deleted_at=None)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(description__icontains=search))
    if model:
        category, _, slug = model.partition("/")
        rows = rows.filter(category=category, model=slug)
    if show in SHOWN:
        rows = SHOWN[show](rows)
    return rows.order_by("category", "model", "name")


def field_rows(fields: Sequence[CustomField]) -> list[FieldRow]:
    """Return what the list shows of these; three queries, one more for the people among who changed them."""
    figures = figures_of(fields)
    names = actor_names(field.updated_by or field.created_by for field in fields)
    return [
        FieldRow(field, model_of(field), figures[field.pk], names[field.updated_by or field.created_by])
        for field in fields
    ]


def restorable_fields() -> list[CustomField]:
    """Return what was deleted of late and can be brought back, the latest first."""
    since = now() - timedelta(days=UNDO_DAYS)
    return list(CustomField.objects.filter(deleted_at__gte=since).order_by("-deleted_at")[:20])


# --- the matrix


@dataclass(frozen=True, slots=True)
class Sample:
    """What a mapping gives on a record: `is_wrong` for one that fails or finds nothing."""

    value: Any = None
    is_wrong: bool = False
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A connection of the matrix, with a value as its newest records show it."""

    of: MatrixCell
    sample: Sample

    @property
    def share(self) -> float:
        coverage = self.of.coverage
        return coverage.resolved / coverage.evaluated if coverage and coverage.evaluated else 0.0

    @property
    def is_warned(self) -> bool:
        coverage = self.of.coverage
        return bool(coverage and coverage.evaluated and (coverage.invalid or not coverage.resolved))


@dataclass(frozen=True, slots=True)
class Section:
    """An integration of the matrix.

    connection_count:  all of them, also those on other pages.
    own_count:         those with a mapping of their own.
    """

    row: MatrixRow
    cells: list[Cell]
    connection_count: int = 0
    own_count: int = 0

    @property
    def inheriting_count(self) -> int:
        return self.connection_count - self.own_count


def matrix_connections(user: Viewer, field: CustomField, *, platform: str = "") -> QuerySet[Connection]:
    """Return the connections that the field can show on, by integration and company."""
    model = model_of(field)
    offering = [key for key, one in platforms().items() if model and model.data_type in one.types]
    mapped = FieldMapping.objects.filter(field=field, deleted_at=None)
    there = Q(integration__key__in=offering) | Q(integration__in=mapped.values("integration"))
    rows = connections_for(user).filter(there | Q(pk__in=mapped.filter(integration=None).values("connection")))
    if platform:
        rows = rows.filter(integration__key=platform)
    return rows.select_related("company", "integration").order_by(
        "integration__name", "integration_id", "company__name", "id"
    )


def sections(user: Viewer, field: CustomField, connections: Sequence[Connection], platform: str = "") -> list[Section]:
    """Return the integrations, each with those of these connections that are its own; five queries."""
    rows = field_matrix(field, connections=connections)
    samples = _samples(field, [cell for row in rows for cell in row.cells])
    counts = _counts(user, field)
    return [
        Section(
            row,
            [Cell(cell, samples.get(cell.connection.pk, Sample())) for cell in row.cells],
            *counts.get(row.integration.pk, (0, 0)),
        )
        for row in rows
        if platform in ("", row.integration.key)
    ]


def _counts(user: Viewer, field: CustomField) -> dict[UUID, tuple[int, int]]:
    own = Q(field_mappings__field=field, field_mappings__deleted_at=None)
    rows = connections_for(user).order_by().values("integration_id")
    counted = rows.annotate(all=Count("pk", distinct=True), own=Count("pk", filter=own, distinct=True))
    return {row["integration_id"]: (row["all"], row["own"]) for row in counted}


def _samples(field: CustomField, cells: Iterable[MatrixCell]) -> dict[UUID, Sample]:
    model, mapped = model_of(field), [cell for cell in cells if cell.effective.mapping is not None]
    if model is None or not mapped:
        return {}
    raws = newest_raw_of([cell.connection for cell in mapped], model.data_type, SAMPLED)
    found = ((cell.connection.pk, cell.effective.json_path or "") for cell in mapped)
    return {pk: sample_of(json_path, raws.get(pk, ())) for pk, json_path in found}


def sample_of(json_path: str, documents: Iterable[Any]) -> Sample:
    """Return the first value that the expression gives on these records, else what it comes to."""
    found = [resolve(json_path, document) for document in documents]
    good = next((one for one in found if one.outcome == Outcome.RESOLVED), None)
    if good is not None:
        return Sample(good.value, is_known=True)
    invalid = any(one.outcome == Outcome.INVALID for one in found)
    return Sample(INVALID if invalid else None, is_wrong=invalid, is_known=bool(found))


# --- the history


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an expression: `mark` is `del`, `ins` or "" for what stayed."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of a mapping, with what it was for.

    target:  the integration's name, or the company's and the platform's.
    """

    change: FieldMappingChange
    target: str
    who: str
    before: list[Piece]
    after: list[Piece]
    can_restore: bool


def changes_listed(field: CustomField) -> QuerySet[FieldMappingChange]:
    return FieldMappingChange.objects.filter(field=field).order_by("-changed_at", "-id")


def change_rows(changes: Sequence[FieldMappingChange]) -> list[ChangeRow]:
    """One query, and one more for the people among who made them."""
    mappings = FieldMapping.objects.filter(pk__in={change.mapping_id for change in changes})
    mappings = mappings.select_related("integration", "connection__company", "connection__integration")
    by_id = {mapping.pk: mapping for mapping in mappings}
    names = actor_names(change.changed_by for change in changes)
    return [_change_row(change, by_id.get(change.mapping_id), names[change.changed_by]) for change in changes]


def target_words(mapping: FieldMapping | None) -> str:
    if mapping is None:
        return "a connection that is deleted"
    if mapping.integration is not None:
        return f"all connections to {mapping.integration.name}"
    connection = mapping.connection
    assert connection is not None
    return f"{connection.company.name} on {connection.integration.name}"


def _change_row(change: FieldMappingChange, mapping: FieldMapping | None, who: str) -> ChangeRow:
    before, after = pieces(change.before or "", change.after or "")
    return ChangeRow(change, target_words(mapping), who, before, after, bool(change.before) and mapping is not None)


def pieces(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Return both texts in pieces, what differs marked; wholly marked when one of them is empty."""
    if not before or not after:
        return ([Piece(before, "del")] if before else []), ([Piece(after, "ins")] if after else [])
    one, other = _WORDS.findall(before), _WORDS.findall(after)
    old: list[Piece] = []
    new: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if b > a:
            old.append(Piece("".join(one[a:b]), "" if kind == "equal" else "del"))
        if d > c:
            new.append(Piece("".join(other[c:d]), "" if kind == "equal" else "ins"))
    return old, new
