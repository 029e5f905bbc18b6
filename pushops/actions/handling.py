"""What an operator does with an operation: more time, an end, or the word on what happened."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now

from pushops.actions.pushing import MOST_MINUTES
from pushops.exceptions import BadRequest, OperationEnded
from pushops.models import PushAttempt, PushOperation
from pushops.moves import end, tell_attention
from pushops.states import AttemptOutcome, Attention, Phase, PushStatus
from syncengine.exceptions import StaleState


@transaction.atomic
def extend_deadline(operation: PushOperation, minutes: int, *, actor: str) -> PushOperation:
    """Give a Pending operation `minutes` more than it has.

    Raises: OperationEnded; BadRequest naming `minutes`, when they are not 1 to 10,080.
    """
    if not 1 <= minutes <= MOST_MINUTES:
        raise BadRequest(f"Give 1 to {MOST_MINUTES:,} minutes.", field="minutes")
    row = _locked(operation)
    if row.status != PushStatus.PENDING or row.is_overdue:
        raise OperationEnded(f"This operation has ended as {row.status}, so it cannot be given more time.")
    old_deadline = row.deadline_at
    row.deadline_at += timedelta(minutes=minutes)
    if row.timeout_minutes is not None:
        row.timeout_minutes += minutes
    if row.not_before == old_deadline:  # it waits for something that wakes it
        row.not_before = row.deadline_at
    if row.look_at == old_deadline:
        row.look_at = row.next_look(row.lease_until, row.not_before)
    row.save(update_fields=["deadline_at", "timeout_minutes", "not_before", "look_at"])
    return row


@transaction.atomic
def discard(operation: PushOperation, reason: str, *, actor: str) -> PushOperation:
    """Put an operation away: it needs nobody's attention any more. One of which nothing was sent ends as Failed.

    Raises: BadRequest naming `reason`; OperationEnded when it succeeded, was discarded, or is on its way.
    """
    if not reason.strip():
        raise BadRequest("Say why it is discarded.", field="reason")
    row = _locked(operation)
    if row.discarded_at is not None:
        raise OperationEnded("This operation was discarded already.")
    if row.status == PushStatus.SUCCESS:
        raise OperationEnded("This operation succeeded; there is nothing to discard.")
    moment = now()
    note = {"discarded_at": moment, "discarded_by": actor, "discard_reason": reason.strip()[:500]}
    if row.status != PushStatus.PENDING:
        PushOperation.objects.filter(pk=row.pk).update(**note)
        before, row.discarded_at = row.needs_attention, moment
        tell_attention(row, before, actor=actor)
    elif row.phase == Phase.WAITING:
        words = f"Discarded before anything was sent: {note['discard_reason']}"
        _end(row, PushStatus.FAILED, actor=actor, status_code=400, error_message=words, **note)
    else:
        raise OperationEnded("It was sent, so it cannot be discarded before its outcome is known. Settle it instead.")
    row.refresh_from_db()
    return row


@transaction.atomic
def settle(operation: PushOperation, outcome: PushStatus | str, record_id: str = "", *, actor: str) -> PushOperation:
    """Note what an operator found out about a write whose outcome was not known, or that came too late.

    A Pending operation ends as `outcome`; one that timed out keeps that status and needs no attention any more. The
    cached records are not touched: refresh the data type to see what the platform has.

    outcome:    Success or Failed.
    record_id:  the record's id on the platform, if it was written.
    Raises:     OperationEnded when its outcome is known; BadRequest naming `outcome`.
    """
    done = outcome == PushStatus.SUCCESS
    if not done and outcome != PushStatus.FAILED:
        raise BadRequest("Say whether it is a Success or has Failed.", field="outcome")
    row = _locked(operation)
    late = row.status == PushStatus.TIMED_OUT and bool(row.needs_attention)
    unknown = row.status == PushStatus.PENDING and row.needs_attention == Attention.OUTCOME_UNKNOWN
    if not late and not unknown:
        raise OperationEnded("The outcome of this operation is known, or is still being found out.")
    found = record_id.strip()[:512] or row.result_record_id or (row.record_id if done else "")
    if unknown:
        words = "" if done else "An operator found that the platform had not done it."
        _end(
            row,
            PushStatus(outcome),
            actor=actor,
            status_code=200 if done else 400,
            error_message=words,
            result_record_id=found if done else "",
        )
    else:
        PushOperation.objects.filter(pk=row.pk).update(
            needs_attention=Attention.NONE, phase=Phase.SETTLED, look_at=None, result_record_id=found if done else ""
        )
        before, row.needs_attention = row.needs_attention, Attention.NONE
        tell_attention(row, before, actor=actor)
    _note(row, f"{actor} settled it as {outcome}{f', record {found}' if done and found else ''}.")
    row.refresh_from_db()
    return row


def _locked(operation: PushOperation) -> PushOperation:
    return PushOperation.objects.select_for_update(of=("self",)).select_related("connection").get(pk=operation.pk)


def _end(row: PushOperation, status: PushStatus, *, actor: str, **columns: object) -> None:
    try:
        end(row, status, actor=actor, guard={"phase": row.phase}, **columns)
    except StaleState:
        raise OperationEnded("This operation has just moved on. Look again.") from None


def _note(row: PushOperation, message: str) -> None:
    moment = now()
    PushAttempt.objects.create(
        operation=row,
        number=row.attempts.count() + 1,
        started_at=moment,
        ended_at=moment,
        outcome=AttemptOutcome.SETTLED,
        message=message,
    )
