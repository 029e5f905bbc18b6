"""How often mappings find their values: measured when a read is done or a mapping has changed, over what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from customdata.exceptions import ExpressionRefused
from customdata.expressions import Expression, compile_expression
from customdata.models import FieldCoverage
from customdata.queries.field_mappings import EffectiveField, has_mapping, mapped_fields
from customdata.raw_records import all_raw
from customdata.resolving import Coverage
from syncengine.events import record_event
from syncengine.models import Connection, DataStatus, Event
from syncengine.queue import enqueue

TASK = "customdata.tasks.measure_coverage"
TASK_FOR_ALL = "customdata.tasks.measure_coverage_of_all"
_MAPPING_CHANGED = "custom_field.mapping."


def event_happened(event: Event) -> None:
    """Subscriber of the event stream: have a type measured where a read is complete or a mapping has changed."""
    data_type = str(event.data.get("data_type", ""))
    if event.kind.startswith(_MAPPING_CHANGED) and event.connection_id is None:
        enqueue(TASK_FOR_ALL, str(event.data.get("platform", "")), data_type)
    elif event.connection_id and (event.kind == "dataset.completed" or event.kind.startswith(_MAPPING_CHANGED)):
        connection = Connection.objects.filter(pk=event.connection_id, deleted_at=None).first()
        if connection is not None and has_mapping(connection, data_type):
            enqueue(TASK, str(connection.pk), data_type, str(event.dataset_id or ""))


def measure_all(platform_key: str, data_type: str) -> None:
    """Have a type measured over every connection of a platform that has read it."""
    read = DataStatus.objects.filter(
        connection__integration__key=platform_key,
        connection__deleted_at=None,
        data_type=data_type,
        last_successful_sync_at__isnull=False,
    )
    for connection_id in read.values_list("connection_id", flat=True):
        enqueue(TASK, str(connection_id), data_type, "")


def measure_coverage(connection: Connection, data_type: str, dataset_id: UUID | None = None) -> list[FieldCoverage]:
    """Evaluate each mapping that counts on every record that is kept, and store how often it found its value.

    An event tells when the share of found values fell by HEADRACE_COVERAGE_DROP_POINTS or more since an earlier
    dataset. Measuring one dataset again tells nothing twice.

    dataset_id:  what to note when no good read is known; otherwise the latest one is what the records are as of.
    """
    status = DataStatus.objects.filter(connection=connection, data_type=data_type)
    latest = status.values_list("latest_successful_dataset_id", flat=True).first() or dataset_id
    fields = mapped_fields(connection, data_type)
    measured = _measured(connection, data_type, fields)
    with transaction.atomic():
        return [
            _store(found, connection, data_type, coverage, latest)
            for found, coverage in zip(fields, measured, strict=True)
        ]


def leads_somewhere(connection: Connection, fields: Sequence[EffectiveField]) -> dict[str, bool]:
    """Return expression → whether its path exists in some record, for those that were measured; one query."""
    mappings = [found.mapping for found in fields if found.mapping is not None]
    rows = FieldCoverage.objects.filter(connection=connection, mapping__in=mappings, evaluated__gt=0)
    return {
        row.json_path: row.resolved + row.null > 0
        for row in rows.select_related("mapping")
        if row.json_path == row.mapping.json_path
    }


def _measured(connection: Connection, data_type: str, fields: Sequence[EffectiveField]) -> list[Coverage]:
    coverages = [Coverage() for _ in fields]
    expressions: list[Expression | None] = []
    for found in fields:
        try:
            expressions.append(compile_expression(found.json_path or ""))
        except ExpressionRefused:
            expressions.append(None)
    for document in all_raw(connection, data_type):
        for expression, coverage in zip(expressions, coverages, strict=True):
            if expression is None:
                coverage.invalid += 1
            else:
                coverage.count(expression.resolve(document))
    return coverages


def _store(
    found: EffectiveField, connection: Connection, data_type: str, coverage: Coverage, dataset_id: UUID | None
) -> FieldCoverage:
    mapping = found.mapping
    assert mapping is not None
    rows = FieldCoverage.objects.select_for_update().filter(mapping=mapping, connection=connection)
    before = rows.filter(json_path=mapping.json_path, evaluated__gt=0).first()
    is_again = before is not None and before.dataset_id == dataset_id
    share = None if before is None else before.resolved / before.evaluated
    previous = before.previous if before is not None and is_again else share
    row, _ = FieldCoverage.objects.update_or_create(
        mapping=mapping,
        connection=connection,
        defaults={
            "json_path": mapping.json_path,
            "evaluated": coverage.evaluated,
            "resolved": coverage.resolved,
            "null": coverage.null,
            "missing": coverage.missing,
            "invalid": coverage.invalid,
            "kinds": dict(coverage.kinds),
            "previous": previous,
            "dataset_id": dataset_id,
            "measured_at": now(),
        },
    )
    if previous is not None and not is_again and coverage.evaluated and _has_fallen(previous, coverage.share):
        record_event(
            "custom_field.coverage_fell",
            about=connection,
            actor="worker",
            custom_field=str(found.field.pk),
            name=found.field.name,
            data_type=data_type,
            mapping=str(mapping.pk),
            before_percent=round(previous * 100, 1),
            percent=round(coverage.share * 100, 1),
        )
    return row


def _has_fallen(before: float, after: float) -> bool:
    """Whether the share fell by the configured points, rounded as they are told."""
    points: float = settings.HEADRACE_COVERAGE_DROP_POINTS
    return round((before - after) * 100, 1) >= points > 0
