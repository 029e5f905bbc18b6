"""What follows from what the platform said: one transaction each, whether it came in time or late."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from pushops.models import PushOperation
from pushops.moves import as_validation, end, failed_words, tell_attention
from pushops.queries.push_models import model_name
from pushops.run.lease import Hold
from pushops.run.storing import Stored, cached_stamp, remove_record, store_records
from pushops.states import AttemptOutcome, Attention, Phase, PushStatus
from syncengine.actions.connections import deauthorize
from syncengine.actions.datasets import queue_dataset
from syncengine.connectors.base import PushReceipt
from syncengine.connectors.changes import Operation
from syncengine.exceptions import (
    AuthExpired,
    ConnectorError,
    NotLinked,
    NotSupported,
    PushRejected,
    Refused,
    SourceChanged,
)
from syncengine.models import Connection
from syncengine.moments import stamp
from syncengine.states import Responsible, Trigger

WORKER = "worker"
UNKNOWN_WORDS = "Nobody knows whether the platform did it. Look there, then settle it here."
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.]*(?:Z|[+-]\d\d:?\d\d)?")


def succeed(hold: Hold, receipt: PushReceipt, *, found: bool = False, answered_at: datetime) -> None:
    """The platform has done it: the record is in the cache in the same moment as the operation says so."""
    outcome = AttemptOutcome.FOUND if found else AttemptOutcome.SUCCEEDED
    words = "The platform knew this write already." if receipt.replayed else ""
    with hold.recording(outcome, words, late=AttemptOutcome.LATE_SUCCESS) as row:
        if row.status == PushStatus.SUCCESS:
            return  # another worker was told the same
        stored = _store(row, receipt, answered_at)
        written = _written(row, receipt, stored)
        if row.status == PushStatus.PENDING:
            end(row, PushStatus.SUCCESS, actor=WORKER, guard={}, status_code=200, error_message="", **written)
            _read_after(row, stored)
        else:
            _settle(row, needs_attention=Attention.LATE_SUCCESS, discarded_at=None, **written)
        Connection.objects.filter(pk=row.connection_id).update(last_used_at=now())


def refuse(hold: Hold, error: ConnectorError) -> None:
    """Nothing was written, and another try would not help."""
    with hold.recording(
        AttemptOutcome.REJECTED,
        error.headline,
        upstream=error.upstream,
        status_code=error.status_code,
        late=AttemptOutcome.LATE_FAILURE,
    ) as row:
        if row.status == PushStatus.PENDING:
            end(row, PushStatus.FAILED, actor=WORKER, guard={}, **_refusal(row, error))
        elif row.status == PushStatus.TIMED_OUT:
            _settle(row, needs_attention=Attention.NONE)
        if isinstance(error, AuthExpired) and error.responsible == Responsible.CUSTOMER:
            deauthorize(row.connection, because=error, actor=f"push:{row.pk}")


def put_off(hold: Hold, error: ConnectorError, seconds: float, reason: str) -> None:
    """Nothing was written, and another try may help later; not after the deadline."""
    with hold.recording(
        AttemptOutcome.NOT_SENT,
        error.headline,
        upstream=error.upstream,
        status_code=error.status_code,
        late=AttemptOutcome.LATE_FAILURE,
    ) as row:
        if row.status == PushStatus.PENDING:
            hold.release(
                row,
                phase=Phase.WAITING,
                needs_attention=Attention.NONE,
                error_message="",
                sent_at=None,
                retry_count=row.retry_count + 1,
                not_before=now() + timedelta(seconds=seconds),
                wait_reason=reason[:300],
            )
        elif row.status == PushStatus.TIMED_OUT:
            _settle(row, needs_attention=Attention.NONE)


def find_out_later(hold: Hold, headline: str, seconds: float, *, error: ConnectorError | None = None) -> None:
    """It was sent, and what became of it is not known yet: whoever goes on looks first."""
    upstream, status_code = (error.upstream, error.status_code) if error else ("", None)
    outcome = AttemptOutcome.UNKNOWN if error else AttemptOutcome.NOT_FOUND
    with hold.recording(outcome, headline, upstream=upstream, status_code=status_code) as row:
        if hold.holds(row):
            hold.release(
                row,
                retry_count=row.retry_count + 1,
                not_before=now() + timedelta(seconds=seconds),
                wait_reason="" if row.is_ended else f"{headline} It will be looked for again."[:300],
            )


def give_up(hold: Hold, headline: str, *, error: ConnectorError | None = None) -> None:
    """It was sent, and no machine can find out what became of it: it is never sent again, and a person must look."""
    upstream, status_code = (error.upstream, error.status_code) if error else ("", None)
    with hold.recording(AttemptOutcome.UNKNOWN, headline, upstream=upstream, status_code=status_code) as row:
        if hold.holds(row):
            pending, before = row.status == PushStatus.PENDING, row.needs_attention
            hold.release(
                row,
                phase=Phase.SENT,
                needs_attention=Attention.OUTCOME_UNKNOWN,
                not_before=None,
                wait_reason=UNKNOWN_WORDS if pending else "",
                error_message=headline if pending else row.error_message,
            )
            tell_attention(row, before, actor=WORKER)


def nothing_was_done(hold: Hold) -> None:
    """It had timed out, and a search shows that the platform has not done it: nothing is left to worry about."""
    with hold.recording(AttemptOutcome.NOT_FOUND, "The platform holds no such record.") as row:
        if hold.holds(row):
            _settle(row, needs_attention=Attention.NONE)


# --- parts ----------------------------------------------------------------------------------------------------------


def _store(row: PushOperation, receipt: PushReceipt, answered_at: datetime) -> list[Stored]:
    match row.operation:
        case Operation.DELETE:
            remove_record(row.connection, row.data_type, row.record_id, at=answered_at)
            return []
        case Operation.UPLOAD:
            return []
    return store_records(row.connection, row.data_type, receipt.written, at=answered_at)


def _written(row: PushOperation, receipt: PushReceipt, stored: Sequence[Stored]) -> dict[str, Any]:
    told = [*row.validation.get("warnings", []), *as_validation(warnings=receipt.warnings)["warnings"]]
    own = "" if row.operation == Operation.CREATE else row.record_id
    keys = [written.source_id for written in receipt.written if written.source_id]
    return {
        "result_record_id": receipt.source_id or own,
        "result_record_ids": keys,
        "attachment_id": receipt.attachment_id,
        "data": stored[0].data if stored else None,
        "validation": {"errors": [], "warnings": told},
    }


def _settle(row: PushOperation, **columns: Any) -> None:
    """Close an operation that had timed out; its status stays."""
    settled: dict[str, Any] = {
        "phase": Phase.SETTLED,
        "lease_until": None,
        "lease_owner": "",
        "not_before": None,
        "look_at": None,
        **columns,
    }
    before = row.needs_attention
    for name, value in settled.items():
        setattr(row, name, value)
    row.save(update_fields=list(settled))
    tell_attention(row, before, actor=WORKER)


def _refusal(row: PushOperation, error: ConnectorError) -> dict[str, Any]:
    told = row.validation.get("warnings", [])
    columns: dict[str, Any] = {
        "status_code": _status_code(error),
        "error_message": error.headline,
        "error_responsible": error.responsible,
        "validation": {"errors": [], "warnings": told},
    }
    if isinstance(error, PushRejected) and error.issues:
        columns["validation"] = {"errors": as_validation(error.issues)["errors"], "warnings": told}
        columns["error_message"] = failed_words(row, model_name(row.data_type))
    elif isinstance(error, SourceChanged):
        columns["error_message"] = _changed_words(row, error)
    return columns


def _status_code(error: ConnectorError) -> int:
    match error:
        case PushRejected() | NotSupported():
            return 400
        case SourceChanged():
            return 409
        case AuthExpired():
            return 401
    return error.status_code or 502


def _changed_words(row: PushOperation, error: SourceChanged) -> str:
    cached = cached_stamp(row.connection, row.data_type, row.record_id)
    found = _STAMP.search(error.upstream) or _STAMP.search(error.headline)
    at = f" at {found.group()}" if found else ""
    ours = f" of {stamp(cached)}" if cached else ""
    return (
        f"The platform's copy of {row.data_type} {row.record_id} was changed{at}, after the cached copy{ours} that "
        f"this update was made on. Refresh {row.data_type} and make the update again, or send it with forceUpdate=true "
        f"to overwrite the newer copy."
    )


def _read_after(row: PushOperation, stored: Sequence[Stored]) -> None:
    """Have the type read, where the caller allows it and this deployment wants it."""
    wanted = settings.HEADRACE_PUSH_SYNC
    shown = bool(stored) or row.operation in (Operation.DELETE, Operation.UPLOAD)
    if not row.allow_sync or wanted == "never" or (wanted == "missing" and shown):
        return
    with suppress(Refused, NotLinked):  # it is read already, or cannot be read
        queue_dataset(row.connection, row.data_type, actor=f"push:{row.pk}", trigger=Trigger.PUSH)
