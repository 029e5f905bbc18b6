"""Running a dataset: claim it, take it through its stages, end it by name. Safe to call any number of times."""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.timezone import now

from syncengine.connectors.base import Connector, FetchPlan
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import ConnectorMissing, DatasetError, LeaseLost, SyncEngineError, WorkerLost
from syncengine.models import Dataset
from syncengine.plans import connector_of, plan_for
from syncengine.processes import stopping
from syncengine.queue import enqueue
from syncengine.run.beginning import begin
from syncengine.run.ending import cancel, complete, fail
from syncengine.run.fetching import fetch
from syncengine.run.lease import CancelRequested, Hold, Paused, Stopping, claim, worker_name
from syncengine.run.mapping import judge_mapping
from syncengine.run.offline import put_aside
from syncengine.run.processing import process_pages
from syncengine.run.validating import validate_pages
from syncengine.states import DatasetStatus, Stage

log = logging.getLogger(__name__)
S = DatasetStatus

type Work = Callable[[Hold, Connector, FetchPlan], None]

# status → (stage for the timing, the work, where it waits if this worker must stop, what comes next)
_STAGES: dict[str, tuple[Stage, Work, str, str]] = {
    S.FETCHING: (Stage.FETCH, fetch, S.MAP_QUEUED, S.MAPPING),
    S.MAPPING: (Stage.MAP, lambda hold, _, __: judge_mapping(hold), S.VALIDATION_QUEUED, S.VALIDATING),
    S.VALIDATING: (
        Stage.VALIDATE,
        lambda hold, _, __: validate_pages(hold),
        S.PROCESSING_QUEUED,
        S.PROCESSING,
    ),
    S.PROCESSING: (Stage.PROCESS, lambda hold, _, __: process_pages(hold), "", S.COMPLETE),
}
_GOES_ON_AS = {
    S.MAP_QUEUED: S.MAPPING,
    S.VALIDATION_QUEUED: S.VALIDATING,
    S.PROCESSING_QUEUED: S.PROCESSING,
}


def run_dataset(dataset_id: UUID | str, *, owner: str = "") -> None:
    """Take a dataset from where it stands to its end, if nobody else holds it.

    Raises: whatever unexpected went wrong, after the dataset was ended as InternalError; a bug stays visible.
    """
    hold = claim(dataset_id, owner or worker_name())
    if hold is None:
        return
    try:
        _advance(hold)
    except LeaseLost as loss:
        log.warning("%s Stopped without writing.", loss)
    except Paused as pause:
        hold.release(
            pause.description[:200], wake_at=pause.until, status_description=pause.description[:300], enqueued_at=None
        )
    except Stopping:
        hold.release("Worker stopped; another goes on.", enqueued_at=now())
        enqueue("syncengine.tasks.run_dataset", str(hold.dataset.pk))
    except CancelRequested:
        _end(hold, lambda: cancel(hold))
    except ConnectorMissing as absence:
        hold.release(absence.headline[:200], **put_aside(absence.headline))
    except DatasetError as error:
        failure = error
        _end(hold, lambda: fail(hold, failure))
    except (OperationalError, InterfaceError):
        # The database went away under us. The lease lapses and the dataset goes on from its last checkpoint.
        connection.close()
        raise
    except Exception as error:
        unexpected = DatasetError(f"Something went wrong inside Headrace: {type(error).__name__}. It was logged.")
        _end(hold, lambda: fail(hold, unexpected))
        raise


def _end(hold: Hold, ending: Callable[[], None]) -> None:
    try:
        # A move that was rolled back has left its mark on the object.
        hold.dataset.refresh_from_db()
        ending()
    except LeaseLost as loss:
        log.warning("%s Stopped without writing.", loss)


def _advance(hold: Hold) -> None:
    dataset = hold.dataset
    if dataset.cancel_requested_at:
        raise CancelRequested
    if dataset.lost_count > settings.HEADRACE_MAX_LOST_WORKERS:
        raise WorkerLost(f"Worker lost: {dataset.lost_count} workers died while they held this dataset.")
    connector = connector_of(dataset, _connector(dataset))
    if dataset.status == S.QUEUED:
        begin(hold, connector)
    if dataset.status in _GOES_ON_AS:
        hold.move(_GOES_ON_AS[S(dataset.status)])
    plan = plan_for(dataset)
    while dataset.status in _STAGES:
        stage, work, waits_as, follows = _STAGES[dataset.status]
        with hold.timing(stage):
            work(hold, connector, plan)
        if follows == S.COMPLETE:
            complete(hold, connector)
            return
        if stopping():
            hold.move(waits_as)
            raise Stopping
        hold.move(follows)


def _connector(dataset: Dataset) -> Connector:
    try:
        return connector_for(dataset.connection.integration.key)
    except SyncEngineError as error:
        raise DatasetError(f"The platform's connector cannot be loaded: {error}") from error
