"""What a dataset changed, record by record: created, changed, deleted, brought back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from syncengine.models import Dataset, Record, RecordChange
from syncengine.queries.keyset import KeysetPage, pack_cursor, unpack_cursor

CREATED = "created"
CHANGE_KINDS: tuple[str, ...] = (CREATED, RecordChange.CHANGED, RecordChange.DELETED, RecordChange.RESTORED)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One member of a record before and after. None stands for a member that was not there, or for JSON's null."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What a dataset did to one record.

    kind:    "created" or a RecordChange kind.
    fields:  what differs; `after` is the record as it stands now, which a later dataset may have changed again
             (`changed_since`).
    """

    source_id: str
    kind: str
    fields: tuple[FieldChange, ...] = ()
    changed_since: bool = False


def change_counts(dataset: Dataset) -> dict[str, int]:
    """Return how many records were changed in each way, by kind, in the order of CHANGE_KINDS; one query."""
    counted = dict(dataset.record_changes.values_list("kind").annotate(Count("pk")).order_by("kind"))
    return {CREATED: dataset.created_count} | {kind: counted.get(kind, 0) for kind in CHANGE_KINDS[1:]}


def changes_page(dataset: Dataset, kind: str, *, after: str = "", size: int = 50) -> KeysetPage[Change]:
    """Return one page of the changes of one kind; at most two queries.

    Created records carry the id of their first dataset; the others have a RecordChange with what stood before.
    """
    return _created(dataset, after, size) if kind == CREATED else _changed(dataset, kind, after, size)


def _created(dataset: Dataset, after: str, size: int) -> KeysetPage[Change]:
    position = unpack_cursor(after, 2) if after else None
    last_id, seen = position if position and position[1].isdecimal() else ("", "0")
    # The count is known, so that the search ends at the last one instead of walking through all other records.
    remaining = max(0, dataset.created_count - int(seen))
    records = Record.objects.filter(
        connection=dataset.connection_id,
        data_type=dataset.data_type,
        first_dataset_id=dataset.pk,
        source_id__gt=last_id,
    )
    columns = records.order_by("source_id").values_list("source_id", "last_dataset_id")
    found = list(columns[: min(size + 1, remaining)]) if remaining else []
    rows = tuple(
        Change(source_id, CREATED, changed_since=last_dataset not in (None, dataset.pk))
        for source_id, last_dataset in found[:size]
    )
    return KeysetPage(rows, pack_cursor(rows[-1].source_id, str(int(seen) + size)) if len(found) > size else "")


def _changed(dataset: Dataset, kind: str, after: str, size: int) -> KeysetPage[Change]:
    position = unpack_cursor(after, 1) if after else None
    last_id = int(position[0]) if position and position[0].isdecimal() and len(position[0]) < 19 else 0
    changes = dataset.record_changes.filter(kind=kind, record_id__gt=last_id).order_by("record_id")
    found = list(changes[: size + 1])
    records = Record.objects.in_bulk([change.record_id for change in found[:size]]) if found else {}
    rows = tuple(_change(change, records.get(change.record_id), dataset) for change in found[:size])
    return KeysetPage(rows, pack_cursor(str(found[size - 1].record_id)) if len(found) > size else "")


def _change(change: RecordChange, record: Record | None, dataset: Dataset) -> Change:
    before = _members(change.before.get("content"))
    after = _members(record.content if record else None)
    return Change(
        source_id=change.source_id,
        kind=change.kind,
        fields=tuple(FieldChange(name, before.get(name), after.get(name)) for name in change.fields),
        changed_since=record is None or record.last_dataset_id not in (None, dataset.pk),
    )


def _members(content: Any) -> Mapping[str, Any]:
    return content if isinstance(content, dict) else {}
