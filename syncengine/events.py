"""Facts, recorded in the transaction of the change that made them true, and handed to whoever subscribed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings

from syncengine.models import Company, Connection, Dataset, Event
from syncengine.queue import enqueue


def record_event(
    kind: str,
    *,
    about: Company | Connection | Dataset | None = None,
    actor: str = "",
    **data: Any,
) -> Event:
    """Write one event and wake its subscribers.

    kind:   noun.verb in the past, e.g. "dataset.completed".
    about:  what it happened to; its company and connection are noted with it.
    data:   JSON-able members: ids, counts and words, never a secret and never a record's content.
    """
    event = Event.objects.create(kind=kind, actor=actor, data=data, **_places(about))
    for task in settings.EVENT_SUBSCRIBERS:
        enqueue(task, str(event.pk))
    return event


def _places(about: Company | Connection | Dataset | None) -> dict[str, UUID]:
    match about:
        case Dataset():
            return {"company_id": about.company_id, "connection_id": about.connection_id, "dataset_id": about.pk}
        case Connection():
            return {"company_id": about.company_id, "connection_id": about.pk}
        case Company():
            return {"company_id": about.pk}
        case None:
            return {}
