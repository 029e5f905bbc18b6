"""The one way an operation's status changes: compared with what was read, and told in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.timezone import now

from pushops.models import PushOperation
from pushops.states import PUSH_MOVES, Attention, Phase, PushStatus
from syncengine.events import record_event
from syncengine.exceptions import PushIssue
from syncengine.moments import stamp
from syncengine.transitions import move

EVENT = "push.status_changed"
NEEDS_ATTENTION, ATTENTION_OVER = "push.needs_attention", "push.attention_over"


def end(operation: PushOperation, status: PushStatus, *, actor: str, guard: dict[str, Any], **columns: Any) -> None:
    """Move a Pending operation to one of its ends, and tell. Called inside a transaction.

    guard:   further columns that must still hold.
    Raises:  StaleState when it moved meanwhile, IllegalMove when it had ended already.
    """
    settled = {
        "completed_at": now(),
        "phase": Phase.SETTLED,
        "needs_attention": Attention.NONE,
        "wait_reason": "",
        "not_before": None,
        "look_at": None,
        "lease_until": None,
        "lease_owner": "",
    }
    before = operation.needs_attention
    move(operation, status, PUSH_MOVES, guard=guard, **settled | columns)
    tell(operation, actor=actor)
    tell_attention(operation, before, actor=actor)


def tell(operation: PushOperation, *, actor: str) -> None:
    """Record that the status is what it now is; webhooks and pages are told from there."""
    record_event(
        EVENT,
        about=operation.connection,
        actor=actor,
        push_operation_key=str(operation.pk),
        data_type=operation.data_type,
        change_type=operation.operation,
        status=operation.status,
        requested_at=stamp(operation.requested_at),
        completed_at=stamp(operation.completed_at),
        record_id=operation.result_record_id or operation.record_id,
        attachment_id=operation.attachment_id,
    )


def tell_attention(operation: PushOperation, before: str, *, actor: str) -> None:
    """Record that a person must look at it, or that nobody must any more. Called inside a transaction.

    before:  the word of Attention that held until now.
    """
    wanted = "" if operation.discarded_at else operation.needs_attention
    if wanted == before:
        return
    record_event(
        NEEDS_ATTENTION if wanted else ATTENTION_OVER,
        about=operation.connection,
        actor=actor,
        push_operation_key=str(operation.pk),
        data_type=operation.data_type,
        reason=wanted or before,
    )


def as_validation(errors: Iterable[PushIssue] = (), warnings: Iterable[PushIssue] = ()) -> dict[str, Any]:
    """Return issues as an operation keeps them and the wire shows them."""
    return {"errors": [_wire(issue) for issue in errors], "warnings": [_wire(issue) for issue in warnings]}


def failed_words(operation: PushOperation, name: str) -> str:
    """Return the contract's words for a record that was refused (codat contract, 13.3)."""
    return (
        f"An error occurred in a downstream service. Correlation ID: {operation.pk.hex}. "
        f"Message: Push failed for {name}: see validation for more information"
    )


def _wire(issue: PushIssue) -> dict[str, str]:
    return {"itemId": issue.item_id, "message": issue.message, "validatorName": issue.validator_name}
