"""What the push pages say beside the bare columns: the state in a word, a look and a sentence, and who asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.timezone import now

from portal.access import Viewer
from portal.registers import Attention as AttentionItem
from pushops.models import PushOperation
from pushops.push_access import operations_for
from pushops.push_filters import OPERATION_WORDS
from pushops.queries.push_history import ATTENTION, WANTS_ATTENTION
from pushops.queries.retrying import cause_of
from pushops.states import Attention, Phase, PushStatus
from syncengine.connectors.changes import Operation
from syncengine.queries.data_status import label_of
from syncengine.states import Responsible

SHOWN = 10
# What a version covers: everything about an operation that a page shows and that moves.
_MOVING = (
    "status",
    "phase",
    "wait_reason",
    "needs_attention",
    "completed_at",
    "deadline_at",
    "not_before",
    "fence",
    "retry_count",
    "error_message",
    "discarded_at",
)
_PAST = {
    Operation.CREATE: "created",
    Operation.UPDATE: "updated",
    Operation.DELETE: "deleted",
    Operation.UPLOAD: "uploaded",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an operation stands. `tone` is a status family of the portal, `word` what its badge says."""

    word: str
    tone: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PushRow:
    """An operation as a row of the history."""

    operation: PushOperation
    label: str
    verb: str
    standing: Standing
    asked_by: str
    cause: str
    seconds: float | None

    @property
    def record_id(self) -> str:
        return self.operation.result_record_id or self.operation.record_id


def push_row(operation: PushOperation, names: Mapping[str, str]) -> PushRow:
    """Return the row of an operation; `names` calls the actors, as `portal.activity.actor_names` does."""
    return PushRow(
        operation=operation,
        label=label_of(operation.data_type),
        verb=OPERATION_WORDS[operation.operation],
        standing=standing(operation),
        asked_by=names.get(operation.requested_by, operation.requested_by or "Headrace"),
        cause=cause_of(operation) if operation.status == PushStatus.FAILED else "",
        seconds=took_seconds(operation),
    )


def moves(operation: PushOperation) -> bool:
    """True while its page may change by itself."""
    return operation.status == PushStatus.PENDING or operation.phase == Phase.SENDING


def version_of(operations: Iterable[PushOperation], *more: object) -> str:
    """Return a short token that changes when anything shown of these operations changes."""
    shown = [(str(operation.pk), *(getattr(operation, name) for name in _MOVING)) for operation in operations]
    return hashlib.blake2b(repr((shown, more)).encode(), digest_size=8).hexdigest()


def took_seconds(operation: PushOperation) -> float | None:
    """Return how long it took to end; None while it is Pending."""
    if operation.completed_at is None:
        return None
    return max(0.0, (operation.completed_at - operation.requested_at).total_seconds())


def is_paused(operation: PushOperation, at: datetime | None = None) -> bool:
    """True while it goes on at a known moment. One that waits for a connector may do so until its deadline."""
    goes_on_at = operation.not_before
    return goes_on_at is not None and (at or now()) < goes_on_at < operation.deadline_at


def standing(operation: PushOperation) -> Standing:
    """Return where it stands, in the words of the status families."""
    if operation.status == PushStatus.PENDING:
        return _pending(operation)
    if operation.status == PushStatus.SUCCESS:
        return Standing("Success", "good", f"The platform has {_done(operation)} it.")
    if operation.status == PushStatus.TIMED_OUT:
        return Standing("TimedOut", "ended", _timed_out(operation))
    tone = "customer" if operation.error_responsible == Responsible.CUSTOMER else "ours"
    if operation.discarded_at:
        return Standing("Discarded", "ended", "Failed, and set aside by an operator.")
    return Standing("Failed", tone, "Nothing was written on the platform.")


def _pending(operation: PushOperation) -> Standing:
    if operation.needs_attention == Attention.OUTCOME_UNKNOWN or operation.phase == Phase.SENT:
        return Standing(
            "Outcome unknown",
            "retry",
            "It was sent, and nobody knows whether the platform did it. It is not sent again by itself.",
        )
    if is_paused(operation):
        return Standing(
            "Retrying" if operation.retry_count else "Pending",
            "retry",
            operation.wait_reason or "It waits before it is tried again.",
        )
    if operation.phase == Phase.SENDING:
        return Standing("Sending", "working", "It is being carried out at the platform.")
    return Standing("Pending", "waiting", operation.wait_reason or "It waits for a worker. Nothing was sent yet.")


def _timed_out(operation: PushOperation) -> str:
    if operation.needs_attention == Attention.LATE_SUCCESS:
        return f"The platform has {_done(operation)} it after the deadline, when this had timed out already."
    if operation.sent_at is None:
        return "Its deadline passed before anything was sent. Nothing was written on the platform."
    if operation.phase == Phase.SETTLED:
        return "Its deadline passed, and nothing more is to be found out."
    return "Its deadline passed. The status says so and nothing else: the platform may still carry it out."


def _done(operation: PushOperation) -> str:
    return _PAST[Operation(operation.operation)]


def attention_items(user: Viewer) -> Iterator[AttentionItem]:
    """Operations that wait for a person, grouped by company and reason; one query."""
    waiting = operations_for(user).filter(WANTS_ATTENTION).select_related("company", "connection__integration")
    grouped: dict[tuple[object, str], list[PushOperation]] = {}
    for operation in waiting.defer("body", "data", "validation").order_by("-requested_at")[: SHOWN * 5]:
        grouped.setdefault((operation.company_id, operation.needs_attention), []).append(operation)
    for (_, reason), found in list(grouped.items())[:SHOWN]:
        yield _attention_item(reason, found)


def _attention_item(reason: str, found: list[PushOperation]) -> AttentionItem:
    first = found[0]
    name, platform = first.company.name, first.connection.integration.name
    what = _deed(first) if len(found) == 1 else f"done {len(found)} pushes"
    if reason == Attention.OUTCOME_UNKNOWN:
        headline = f"{name}: nobody knows whether {platform} has {what}"
        detail = "Look at the platform, then say here what happened. Until then it is not sent again."
    else:
        headline = f"{name}: {platform} has {what} too late"
        detail = (
            "Whoever asked was told TimedOut. Tell them, or undo it on the platform; then settle or discard it here."
        )
    return AttentionItem(
        headline=headline,
        detail=detail,
        url=_place(first) if len(found) == 1 else f"{_company_place(first)}?tab={ATTENTION}",
        action="Settle" if reason == Attention.OUTCOME_UNKNOWN else "See",
        responsible=Responsible.OPERATOR,
        at=first.requested_at,
    )


def _deed(operation: PushOperation) -> str:
    which = operation.record_id if operation.operation in (Operation.UPDATE, Operation.DELETE) else ""
    what = "a file" if operation.operation == Operation.UPLOAD else which or "a record"
    return f"{_done(operation)} {what} in {label_of(operation.data_type)}"


def _place(operation: PushOperation) -> str:
    return reverse("push-detail", args=[operation.pk])


def _company_place(operation: PushOperation) -> str:
    return reverse("company-push-list", args=[operation.company_id])
