"""Datasets: queued, cancelled, tried again. Running one is in syncengine/run."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from syncengine.actions.sync_settings import effective_settings
from syncengine.connectors.platforms import features
from syncengine.connectors.registry import connector_for
from syncengine.datatypes import data_type_for
from syncengine.events import record_event
from syncengine.exceptions import DatasetInProgress, NotLinked, Refused, StaleState, UnknownDataType
from syncengine.models import Company, Connection, Dataset, DataStatus
from syncengine.plans import key_for, read_at_first
from syncengine.queue import enqueue
from syncengine.states import (
    DATASET_ACTIVE,
    DATASET_MOVES,
    ConnectionStatus,
    DatasetStatus,
    ReadMode,
    Trigger,
)
from syncengine.transitions import move

RUN_TASK = "syncengine.tasks.run_dataset"
# Where a cancelled dataset has written nothing yet, so that nothing needs to be undone.
_BEFORE_STORING = DATASET_ACTIVE - {DatasetStatus.PROCESSING, DatasetStatus.PROCESSING_QUEUED}


class NotOffered(Refused):
    """No linked platform of the company has this data type (404 on the wire)."""

    def __init__(self, data_type: str, platform_names: Iterable[str]) -> None:
        names = ", ".join(sorted(set(platform_names)))
        super().__init__(f"Datatype {data_type} not supported by platform(s) {names}", field="data_type")
        self.data_type = data_type


@transaction.atomic
def queue_dataset(
    connection: Connection,
    data_type: str,
    *,
    actor: str,
    trigger: Trigger = Trigger.USER,
    mode: ReadMode | str = "",
) -> Dataset:
    """Queue one read of one data type.

    mode:    "full" to read everything; "" lets the engine read changes only where that is sound.
    Raises:  NotLinked, UnknownDataType, DatasetInProgress naming the dataset that runs.
    """
    key = key_for(connection, data_type)
    if connection.status != ConnectionStatus.LINKED or connection.deleted_at:
        raise NotLinked(connection)
    dataset = _open_dataset(connection, key, actor=actor, trigger=trigger, mode=mode)
    status, _ = DataStatus.objects.get_or_create(connection=connection, data_type=key)
    DataStatus.objects.filter(pk=status.pk).update(latest_dataset=dataset)
    record_event("dataset.queued", about=dataset, actor=actor, data_type=key, trigger=trigger)
    enqueue(RUN_TASK, str(dataset.pk))
    return dataset


def refresh_company(company: Company, *, actor: str, trigger: Trigger = Trigger.USER) -> list[Dataset]:
    """Queue every fetch-on-first-link type that a linked connection supports; types already running are left alone.

    Raises: Refused when the company has no linked connection.
    """
    return [
        dataset
        for connection in _linked(company)
        for dataset in _queue_wanted(connection, actor=actor, trigger=trigger)
    ]


def refresh_data_type(
    company: Company, data_type: str, *, connection: Connection | None = None, actor: str, trigger: Trigger
) -> list[Dataset]:
    """Queue one standard data type over a connection, or over each linked one whose platform has it.

    Connections that are reading it already are left alone, unless all of them are.

    Raises: NotLinked or Refused when nothing is linked, NotOffered, DatasetInProgress.
    """
    linked = [connection] if connection is not None else _linked(company)
    if connection is not None and connection.status != ConnectionStatus.LINKED:
        raise NotLinked(connection)
    key = _key_or_none(data_type)
    offering = [one for one in linked if key and features(connector_for(one.integration.key).platform, key)]
    if key is None or not offering:
        raise NotOffered(key or data_type, (one.integration.name for one in linked))
    queued: list[Dataset] = []
    refusals: list[DatasetInProgress] = []
    for one in offering:
        try:
            queued.append(queue_dataset(one, key, actor=actor, trigger=trigger))
        except DatasetInProgress as refusal:
            refusals.append(refusal)
    if not queued:
        raise refusals[0]
    return queued


def queue_first_reads(connection: Connection) -> list[Dataset]:
    """Queue what a newly linked connection is read for, in sync order."""
    return _queue_wanted(connection, actor="first-link", trigger=Trigger.FIRST_LINK)


def queue_interrupted_reads(connection: Connection) -> list[Dataset]:
    """Queue again, after a relink, the types whose last read failed because the authorisation was gone."""
    interrupted = DataStatus.objects.filter(
        connection=connection, latest_dataset__status=DatasetStatus.AUTH_ERROR
    ).values_list("data_type", flat=True)
    return _queue_each(connection, interrupted, actor="relink", trigger=Trigger.FIRST_LINK)


def retry_dataset(dataset: Dataset, *, actor: str, mode: ReadMode | str = "") -> Dataset:
    """Queue the same read again, as a new dataset.

    Raises: Refused while it has not ended, and all that `queue_dataset` raises.
    """
    if dataset.is_active:
        raise Refused(f"This dataset is still {dataset.status}. Cancel it first, or wait for its end.")
    return queue_dataset(dataset.connection, dataset.data_type, actor=actor, trigger=Trigger.RETRY, mode=mode)


def cancel_dataset(dataset: Dataset, *, actor: str) -> None:
    """End a dataset and keep the last good data.

    One that no worker holds, and that has stored nothing, ends now. Otherwise its worker is told: it stops at its next
    step, puts back what it had stored, and ends as Cancelled.

    Raises: Refused when it has ended already.
    """
    with transaction.atomic():
        asked = Dataset.objects.filter(
            pk=dataset.pk, status__in=DATASET_ACTIVE, cancel_requested_at__isnull=True
        ).update(cancel_requested_at=now(), cancel_requested_by=actor, wake_at=None)
        dataset.refresh_from_db()
        if not dataset.is_active:
            raise Refused(f"This dataset has already ended as {dataset.status}.")
        if asked:
            record_event("dataset.cancel_requested", about=dataset, actor=actor)
        if dataset.status in _BEFORE_STORING and not dataset.lease_owner:
            _end_cancelled(dataset, actor=actor)
        else:
            enqueue(RUN_TASK, str(dataset.pk))


def _end_cancelled(dataset: Dataset, *, actor: str) -> None:
    try:
        move(
            dataset,
            DatasetStatus.CANCELLED,
            DATASET_MOVES,
            guard={"fence": dataset.fence, "lease_owner": ""},
            completed_at=now(),
            status_description=f"Cancelled while {dataset.status}. The last good data was kept.",
        )
    except StaleState:
        # A worker claimed it this moment; it sees the request at its first step.
        enqueue(RUN_TASK, str(dataset.pk))
        return
    record_event("dataset.cancelled", about=dataset, actor=actor)


def _open_dataset(
    connection: Connection, data_type: str, *, actor: str, trigger: Trigger, mode: ReadMode | str
) -> Dataset:
    # Insert and let the database refuse: looking first would let two callers both find nothing.
    for _ in range(3):
        try:
            with transaction.atomic():
                return Dataset.objects.create(
                    company_id=connection.company_id,
                    connection=connection,
                    data_type=data_type,
                    trigger=trigger,
                    actor=actor,
                    requested_mode=mode,
                    enqueued_at=now(),
                )
        except IntegrityError:
            running = Dataset.objects.filter(
                connection=connection, data_type=data_type, status__in=DATASET_ACTIVE
            ).first()
            if running is not None:
                raise DatasetInProgress(running) from None
    raise Refused(f"{data_type} could not be queued: it is being queued and ended elsewhere. Try again.")


def refreshable_types(company: Company) -> list[str]:
    """Return the standard types that a linked connection of the company offers, sorted.

    Raises: Refused when nothing is linked.
    """
    return sorted({key for one in _linked(company) for key in connector_for(one.integration.key).platform.types})


def _linked(company: Company) -> list[Connection]:
    linked = company.connections.filter(status=ConnectionStatus.LINKED, deleted_at__isnull=True)
    found = list(linked.select_related("integration", "company").order_by("created_at", "id"))
    if not found:
        raise Refused("This company has no linked connection. Connect a platform first.")
    return found


def _key_or_none(data_type: str) -> str | None:
    try:
        return data_type_for(data_type).key
    except UnknownDataType:
        return None


def _queue_wanted(connection: Connection, *, actor: str, trigger: Trigger) -> list[Dataset]:
    supported = connector_for(connection.integration.key).platform.types
    wanted = effective_settings(connection.company)
    keys = [key for key, setting in wanted.items() if setting.fetch_on_first_link and key in supported]
    return _queue_each(connection, [*keys, *read_at_first(connection)], actor=actor, trigger=trigger)


def _queue_each(connection: Connection, keys: Iterable[str], *, actor: str, trigger: Trigger) -> list[Dataset]:
    queued = []
    for key in keys:
        try:
            queued.append(queue_dataset(connection, key, actor=actor, trigger=trigger))
        except DatasetInProgress:
            continue
    return queued
