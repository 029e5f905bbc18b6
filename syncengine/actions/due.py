"""Queueing what is due, once, however many schedulers run and however long none did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.datasets import queue_dataset
from syncengine.actions.schedules import next_sync_after
from syncengine.actions.sync_settings import EffectiveSetting, effective_settings
from syncengine.events import record_event
from syncengine.exceptions import DatasetInProgress, NotLinked
from syncengine.models import DataStatus
from syncengine.plans import scheduled
from syncengine.states import Trigger

BATCH = 500


def queue_due(moment: datetime | None = None) -> int:
    """Queue every data type whose next read is not later than `moment`.

    A slot is one stored time, so that an outage of any length is followed by one read. Returns how many were queued.
    """
    moment = moment or now()
    queued = 0
    looked_at: set[int] = set()  # once each, whatever becomes of it
    while due := [status for status in _due(moment) if status.pk not in looked_at]:
        settings_of: dict[UUID, Mapping[str, EffectiveSetting]] = {}
        for status in due:
            looked_at.add(status.pk)
            company = status.connection.company
            if company.pk not in settings_of:
                settings_of[company.pk] = effective_settings(company)
            queued += _queue_one(status, settings_of[company.pk].get(status.data_type), moment)
    return queued


def _due(moment: datetime) -> list[DataStatus]:
    return list(
        DataStatus.objects.filter(next_sync_at__isnull=False, next_sync_at__lte=moment)
        .select_related("connection__integration", "connection__company")
        .order_by("next_sync_at", "id")[:BATCH]
    )


@transaction.atomic
def _queue_one(status: DataStatus, setting: EffectiveSetting | None, moment: datetime) -> bool:
    hours = setting.sync_schedule_hours if setting else scheduled(status.connection).get(status.data_type, 0)
    following = next_sync_after(moment, hours, key=f"{status.connection_id}:{status.data_type}")
    # The slot belongs to whoever changes it from what both have read; the dataset's end sets the real next time.
    mine = DataStatus.objects.filter(pk=status.pk, next_sync_at=status.next_sync_at).update(next_sync_at=following)
    if not mine or not hours:
        return False
    try:
        with transaction.atomic():
            queue_dataset(status.connection, status.data_type, actor="schedule", trigger=Trigger.SCHEDULE)
    except DatasetInProgress as refusal:
        record_event(
            "schedule.skipped",
            about=status.connection,
            actor="schedule",
            data_type=status.data_type,
            running=str(refusal.dataset.pk),
        )
        return False
    except NotLinked:
        DataStatus.objects.filter(pk=status.pk).update(next_sync_at=None)
        return False
    return True
