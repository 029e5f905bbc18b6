"""Carrying an operation out: claim it, wait its turn, send it once, write down what came of it. Safe to call any number
of times.

Before a byte may leave, the row says Sending. Whoever finds an operation so, because its worker is gone or its answer
never came, first finds out what became of it: by searching the platform, by the platform knowing our key again, or not
at all, and then it is never sent again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils.timezone import now

from pushops.exceptions import ReadInProgress
from pushops.models import PushOperation
from pushops.moves import as_validation
from pushops.queries.fitting import fit
from pushops.queries.push_models import model_name, push_model, support_for
from pushops.run.lease import Hold, Paused, claim
from pushops.run.outcomes import find_out_later, give_up, nothing_was_done, put_off, refuse, succeed
from pushops.run.sending import Sender
from pushops.run.turns import require_connector, require_turn, wake_next
from pushops.states import Phase, PushStatus
from syncengine.connectors.changes import Operation, WriteSupport
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import (
    ConnectorError,
    LeaseLost,
    NotSupported,
    OutcomeUnknown,
    PushRejected,
    RateLimited,
    SourceRefused,
    SourceUnavailable,
    SyncEngineError,
)
from syncengine.run.lease import worker_name
from syncengine.states import ConnectionStatus, Responsible

log = logging.getLogger(__name__)

LONGEST_BACKOFF_SECONDS = 60.0
FIND_OUT_TRIES = 12  # over some ten minutes


def carry_out(operation_id: UUID | str, *, owner: str = "") -> None:
    """Take an operation as far as it goes now, if nobody else holds it.

    Raises: whatever unexpected went wrong, after the operation was ended or handed to a person; a bug stays visible.
    """
    hold = claim(operation_id, owner or worker_name())
    if hold is None:
        return
    try:
        _advance(hold)
    except LeaseLost as loss:
        log.warning("%s Stopped without writing.", loss)
    except Paused as pause:
        hold.pause(pause)
    except (OperationalError, InterfaceError):
        # The database went away under us. The lease lapses, and whoever takes over finds out what was done.
        connection.close()
        raise
    except Exception as error:
        _stumbled(hold, error)
        raise
    wake_next(hold.operation)


def _advance(hold: Hold) -> None:
    row = hold.operation
    if row.lost_count > settings.HEADRACE_MAX_LOST_WORKERS:
        _end_lost(hold)
        return
    support = support_for(row.connection, row.data_type, row.operation)
    if support is None or row.connection.status != ConnectionStatus.LINKED or row.connection.deleted_at:
        _end_impossible(hold)
        return
    require_connector(row)
    if row.phase == Phase.SENDING and not _may_send_again(hold, support):
        return
    if row.phase == Phase.WAITING and not _has_turn(hold):
        return
    sent = _fitting_body(hold)
    if sent is not _REFUSED:
        _send(hold, support, sent)


def _has_turn(hold: Hold) -> bool:
    """Raises: Paused, while it must wait."""
    try:
        require_turn(hold.operation)
    except ReadInProgress as refusal:
        refuse(hold, SourceRefused(refusal.message, status_code=409, responsible=Responsible.NOBODY))
        return False
    return True


# --- sending --------------------------------------------------------------------------------------------------------

_REFUSED: Mapping[str, Any] = {}  # told apart by being this very object


def _fitting_body(hold: Hold) -> Mapping[str, Any] | None:
    """Return the body as it is sent; _REFUSED when the operation was ended or put off for it."""
    row = hold.operation
    if row.operation not in (Operation.CREATE, Operation.UPDATE):
        return None
    try:
        model = push_model(row.connection, row.data_type)
    except ConnectorError as error:
        _not_done(hold, error)
        return _REFUSED
    name = model_name(row.data_type)
    fitting = fit(row.body, model, name, is_update=row.operation == Operation.UPDATE)
    if fitting.errors and row.phase == Phase.WAITING:
        row.validation = as_validation(warnings=fitting.warnings)
        refuse(hold, PushRejected(fitting.errors, "The body does not fit the model."))
        return _REFUSED
    warnings = as_validation(warnings=fitting.warnings)
    if warnings != row.validation:
        PushOperation.objects.filter(pk=row.pk).update(validation=warnings)
    return fitting.sent


def _send(hold: Hold, support: WriteSupport, sent: Mapping[str, Any] | None) -> None:
    row = hold.operation
    connector = connector_for(row.connection.integration.key)
    hold.begin_attempt(sends=True)
    try:
        receipt = Sender(hold, connector, sent).push()
    except OutcomeUnknown as error:
        _unknown(hold, support, error)
    except ConnectorError as error:
        _not_done(hold, error)
    else:
        succeed(hold, receipt, answered_at=now())


def _not_done(hold: Hold, error: ConnectorError) -> None:
    """Nothing was written: try again where that may help, else end it."""
    row = hold.operation
    if isinstance(error, RateLimited):
        put_off(hold, error, error.retry_after, f"Paused: {error.headline}")
    elif isinstance(error, SourceUnavailable) and (row.timeout_minutes or row.retry_count < settings.HEADRACE_RETRIES):
        seconds = max(_backoff(row.retry_count), error.retry_after or 0.0)
        put_off(hold, error, seconds, f"{error.headline} It will be tried again.")
    else:
        refuse(hold, error)


# --- finding out ----------------------------------------------------------------------------------------------------


def _unknown(hold: Hold, support: WriteSupport, error: OutcomeUnknown) -> None:
    row = hold.operation
    if (support.searchable or _knows_key(row, support)) and row.retry_count < FIND_OUT_TRIES:
        find_out_later(hold, error.headline, _backoff(row.retry_count), error=error)
    else:
        give_up(hold, error.headline, error=error)


def _may_send_again(hold: Hold, support: WriteSupport) -> bool:
    """Find out what became of an attempt that left no answer; True when sending it again can do no harm."""
    row = hold.operation
    if support.searchable:
        return _searched(hold, support)
    if row.status == PushStatus.PENDING and _knows_key(row, support):
        return True
    give_up(hold, "A worker was lost, or an answer, while the platform had this write. What became of it is not known.")
    return False


def _searched(hold: Hold, support: WriteSupport) -> bool:
    row = hold.operation
    hold.begin_attempt(sends=False)
    try:
        receipt = Sender(hold, connector_for(row.connection.integration.key)).look_up()
    except ConnectorError as error:
        _search_failed(hold, error)
        return False
    if receipt is not None:
        succeed(hold, receipt, found=True, answered_at=now())
        return False
    left = _seconds_until_certain(row)
    if row.status == PushStatus.TIMED_OUT and left <= 0:
        nothing_was_done(hold)
        return False
    if row.status == PushStatus.PENDING and (left <= 0 or _knows_key(row, support)):
        return True
    find_out_later(hold, "The platform holds no such record yet.", max(left, 0.5))
    return False


def _search_failed(hold: Hold, error: ConnectorError) -> None:
    row = hold.operation
    if isinstance(error, RateLimited | SourceUnavailable) and row.retry_count < FIND_OUT_TRIES:
        seconds = max(_backoff(row.retry_count), error.retry_after or 0.0)
        find_out_later(hold, error.headline, seconds, error=error)
    else:
        give_up(hold, f"Whether the platform did it could not be found out. {error.headline}", error=error)


def _knows_key(row: PushOperation, support: WriteSupport) -> bool:
    """Whether the platform is sure to know our key again: it may forget it after a while."""
    age = now() - (row.sent_at or now())
    return support.idempotent and age < timedelta(seconds=settings.HEADRACE_PUSH_KEY_SECONDS)


def _seconds_until_certain(row: PushOperation) -> float:
    """Return for how long a request that was cut off may still be at work at the platform."""
    age = now() - (row.last_sent_at or now())
    return float(settings.HEADRACE_PUSH_SETTLE_SECONDS) - age.total_seconds()


def _backoff(tries: int) -> float:
    longest = min(settings.HEADRACE_RETRY_BASE_SECONDS * 2 ** min(tries, 10), LONGEST_BACKOFF_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, guards nothing


# --- ends without an answer -----------------------------------------------------------------------------------------


def _end_lost(hold: Hold) -> None:
    headline = f"Worker lost: {hold.operation.lost_count} workers died while they held this operation."
    if hold.operation.phase == Phase.SENDING:
        give_up(hold, headline)
    else:
        refuse(hold, ConnectorError(headline))


def _end_impossible(hold: Hold) -> None:
    row = hold.operation
    status = row.connection.status
    if row.phase == Phase.SENDING:
        give_up(hold, f"The connection is {status}, so what became of this write cannot be found out.")
    elif status != ConnectionStatus.LINKED or row.connection.deleted_at:
        words = f"The connection is {status}, so nothing can be written over it. Link it again, then try again."
        refuse(hold, SourceRefused(words, status_code=409))
    else:
        refuse(hold, NotSupported(f"The platform does not take the operation {row.operation} on {row.data_type}."))


def _stumbled(hold: Hold, error: Exception) -> None:
    """Something unexpected went wrong: end it where nothing was sent, else leave it to a person."""
    words = f"Something went wrong inside Headrace: {type(error).__name__}. It was logged."
    try:
        if hold.operation.phase == Phase.SENDING:
            give_up(hold, f"{words} Whether the platform did it is not known.")
        else:
            refuse(hold, ConnectorError(words, status_code=500))
    except SyncEngineError:
        log.exception("Push operation %s could not be ended.", hold.operation.pk)
