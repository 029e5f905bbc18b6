"""Facts, recorded in the transaction of the change that made them true. `run/telling.py` hands them to subscribers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.timezone import now

from syncengine.models import Company, Connection, Dataset, Event


def record_event(
    kind: str,
    *,
    about: Company | Connection | Dataset | None = None,
    actor: str = "",
    **data: Any,
) -> Event:
    """Write one event. The row is the outbox: it stays untold until every subscriber has made of it what it makes.

    kind:   noun.verb in the past, e.g. "dataset.completed".
    about:  what it happened to; its company and connection are noted with it.
    data:   JSON-able members: ids, counts and words, never a secret and never a record's content.
    """
    nobody = None if settings.EVENT_SUBSCRIBERS else now()
    return Event.objects.create(kind=kind, actor=actor, data=data, told_at=nobody, **_places(about))


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
