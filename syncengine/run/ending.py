"""How a dataset ends: its last move, what follows from it and the event, in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils.timezone import now

from syncengine.actions.connections import deauthorize
from syncengine.actions.schedules import next_sync_after
from syncengine.actions.sync_settings import EffectiveSetting, effective_settings
from syncengine.connectors.base import Connector
from syncengine.events import record_event
from syncengine.exceptions import AuthExpired, DatasetError
from syncengine.failpoints import reach
from syncengine.models import Connection, Dataset, DataStatus
from syncengine.plans import scheduled
from syncengine.queries.record_page_marks import forget_page_marks
from syncengine.run.beginning import what_is_asked
from syncengine.run.lease import Hold
from syncengine.run.processing import undo
from syncengine.run.staging import FEW_PAGES, drop_few_pages, drop_pages
from syncengine.states import DATASET_MOVES, DatasetStatus, ReadMode, Responsible


def complete(hold: Hold, connector: Connector) -> None:
    """The data is stored: say so, and from where the next read starts."""
    dataset, moment = hold.dataset, now()
    reach("before_complete")
    with hold.ending(DatasetStatus.COMPLETE, "Complete", completed_at=moment, error_message="", status_description=""):
        setting = _setting_of(dataset)
        full = {"last_full_sync_at": moment, "needs_full_read": _asks_otherwise(dataset, setting)}
        _status_of(dataset).update(
            latest_successful_dataset=dataset,
            last_successful_sync_at=moment,
            last_sync_at=moment,
            next_sync_at=_next_sync(dataset, setting, moment),
            high_water_at=dataset.started_at,
            mapping_version=connector.platform.mapping_version,
            record_count=F("record_count") + dataset.created_count - dataset.deleted_count,
            **(full if dataset.mode == ReadMode.FULL else {}),
        )
        Connection.objects.filter(pk=dataset.connection_id).update(last_sync_at=moment, last_used_at=moment)
        record_event("dataset.completed", about=dataset, actor="worker", **_counts(dataset))
        if dataset.page_count <= FEW_PAGES:
            drop_few_pages(dataset.pk)
    reach("after_complete")
    if dataset.page_count > FEW_PAGES:
        drop_pages(dataset.pk)


def fail(hold: Hold, error: DatasetError) -> None:
    """End the dataset by the name of its error; what it stored is put back first, the last good data stays."""
    dataset, moment = hold.dataset, now()
    if dataset.status == DatasetStatus.PROCESSING and not _beyond_help(dataset):
        undo(hold)
    ends_as = _end_for(dataset, error)
    with hold.ending(
        ends_as,
        f"{ends_as}: {error.headline}"[:200],
        completed_at=moment,
        error_message=error.headline,
        error_responsible=error.responsible,
        upstream_words=error.upstream,
        upstream_status=error.status_code,
        status_description="",
    ):
        next_sync_at = _next_sync(dataset, _setting_of(dataset), moment)
        _status_of(dataset).update(last_sync_at=moment, next_sync_at=next_sync_at)
        if isinstance(error, AuthExpired):
            _lose_authorisation(dataset, error)
        if dataset.created_count:  # not undone: records are there that the last good dataset has not left
            forget_page_marks(dataset.connection_id, dataset.data_type)
        record_event("dataset.failed", about=dataset, actor="worker", status=ends_as, reason=error.headline)
    drop_pages(dataset.pk)


def cancel(hold: Hold) -> None:
    """End the dataset because somebody asked for it; the last good data stays."""
    dataset, moment = hold.dataset, now()
    stage = dataset.status
    if stage == DatasetStatus.PROCESSING:
        undo(hold)
    with hold.ending(
        DatasetStatus.CANCELLED,
        "Cancelled",
        completed_at=moment,
        status_description=f"Cancelled while {stage}. The last good data was kept.",
    ):
        actor = Dataset.objects.values_list("cancel_requested_by", flat=True).get(pk=dataset.pk)
        next_sync_at = _next_sync(dataset, _setting_of(dataset), moment)
        _status_of(dataset).update(last_sync_at=moment, next_sync_at=next_sync_at)
        record_event("dataset.cancelled", about=dataset, actor=actor)
    drop_pages(dataset.pk)


def _end_for(dataset: Dataset, error: DatasetError) -> DatasetStatus:
    """The error's own end where the dataset may go there from where it stands, else InternalError."""
    return error.ends_as if error.ends_as in DATASET_MOVES[dataset.status] else DatasetStatus.INTERNAL_ERROR


def _beyond_help(dataset: Dataset) -> bool:
    # Putting data back is what keeps killing its workers: end it all the same rather than never.
    return bool(dataset.lost_count > 2 * settings.HEADRACE_MAX_LOST_WORKERS)


def _lose_authorisation(dataset: Dataset, error: AuthExpired) -> None:
    connection = Connection.objects.get(pk=dataset.connection_id)
    if error.responsible == Responsible.CUSTOMER:
        deauthorize(connection, because=error, actor=f"dataset:{dataset.pk}")


def _setting_of(dataset: Dataset) -> EffectiveSetting | None:
    return effective_settings(dataset.company).get(dataset.data_type)


def _next_sync(dataset: Dataset, setting: EffectiveSetting | None, moment: datetime) -> datetime | None:
    hours = setting.sync_schedule_hours if setting else scheduled(dataset.connection).get(dataset.data_type, 0)
    return next_sync_after(moment, hours, key=f"{dataset.connection_id}:{dataset.data_type}")


def _asks_otherwise(dataset: Dataset, setting: EffectiveSetting | None) -> bool:
    """True when the settings were changed while this dataset was read, so that another full read is needed."""
    if setting is None:
        return False
    return any(dataset.settings_used.get(name) != value for name, value in what_is_asked(setting).items())


def _status_of(dataset: Dataset) -> Any:
    return DataStatus.objects.filter(connection_id=dataset.connection_id, data_type=dataset.data_type)


def _counts(dataset: Dataset) -> dict[str, Any]:
    return {
        "data_type": dataset.data_type,
        "mode": dataset.mode,
        "created": dataset.created_count,
        "changed": dataset.changed_count,
        "deleted": dataset.deleted_count,
        "unchanged": dataset.unchanged_count,
        "invalid": dataset.invalid_count,
    }
