"""When everything that is read on first link has been read."""

from __future__ import annotations

from uuid import UUID

from syncengine.events import record_event
from syncengine.models import Connection, Dataset, Event
from syncengine.states import DATASET_ACTIVE, DatasetStatus, Trigger

FIRST_READ_COMPLETED = "connection.first_read_completed"
_ENDS = frozenset({"dataset.completed", "dataset.failed", "dataset.cancelled"})


def note_first_read(event: Event) -> None:
    """Record that a connection's first reads have all ended and one of them was good: once, after the last of them.

    Called for every event, one at a time and in their order, so two reads that end together cannot both be the last.
    """
    if event.kind not in _ENDS or event.connection_id is None or not _is_first(event.dataset_id):
        return
    first = Dataset.objects.filter(connection_id=event.connection_id, trigger=Trigger.FIRST_LINK)
    if first.filter(status__in=DATASET_ACTIVE).exists() or not first.filter(status=DatasetStatus.COMPLETE).exists():
        return
    if Event.objects.filter(connection_id=event.connection_id, kind=FIRST_READ_COMPLETED).exists():
        return
    connection = Connection.objects.get(pk=event.connection_id)
    record_event(FIRST_READ_COMPLETED, about=connection, actor=event.actor)


def _is_first(dataset_id: UUID | None) -> bool:
    return dataset_id is not None and Dataset.objects.filter(pk=dataset_id, trigger=Trigger.FIRST_LINK).exists()
