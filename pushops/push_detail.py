"""The context of a push operation's page: where it stands, its body, its attempts, its time line, its retries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.utils.timezone import now

from portal.activity import actor_names
from portal.htmx import wants_fragment
from pushops.body_diff import BodyChange, body_changes
from pushops.body_rows import BodyTable, body_table
from pushops.curl import curl_of
from pushops.json_text import pretty
from pushops.models import PushAttempt, PushOperation
from pushops.push_access import operations_for
from pushops.push_filters import OPERATION_WORDS
from pushops.push_page import is_paused, moves, standing, took_seconds, version_of
from pushops.queries.push_models import known_model
from pushops.queries.related import related_types
from pushops.queries.retrying import AT_MOST, cause_of, chain_of, failed_alike, may_be_retried
from pushops.states import AttemptOutcome, Attention, Phase, PushStatus
from syncengine.connectors.changes import Operation
from syncengine.connectors.push_options import PushOption
from syncengine.exceptions import SyncEngineError
from syncengine.queries.data_status import label_of
from syncengine.queries.records import record_by_source_id
from syncengine.states import ConnectionStatus, Responsible

OUTCOMES: dict[str, str] = {
    "": "under way",
    AttemptOutcome.SUCCEEDED: "done by the platform",
    AttemptOutcome.REJECTED: "refused",
    AttemptOutcome.NOT_SENT: "not sent",
    AttemptOutcome.UNKNOWN: "sent, outcome unknown",
    AttemptOutcome.FOUND: "found on the platform",
    AttemptOutcome.NOT_FOUND: "not found on the platform",
    AttemptOutcome.LATE_SUCCESS: "done by the platform, too late",
    AttemptOutcome.LATE_FAILURE: "refused, too late",
    AttemptOutcome.WORKER_LOST: "its worker was lost",
    AttemptOutcome.SETTLED: "settled by an operator",
}
ADVICE: dict[str, str] = {
    Responsible.CUSTOMER: "Ask the customer to authorise the connection again, or to allow this there; then retry.",
    Responsible.OPERATOR: "Correct what is named here, then retry.",
    Responsible.PLATFORM: "Nothing to correct here. Retry later.",
    Responsible.US: "This is a fault of Headrace. Keep the key for whoever looks into it; a retry may help.",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One request of an attempt, as it was written down without its secrets."""

    method: str
    url: str
    sent_at: datetime | None
    status_code: int | None
    duration_ms: int
    response_bytes: int
    request_headers: Mapping[str, str]
    response_headers: Mapping[str, str]
    error_message: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt with its requests; `outcome` in words."""

    attempt: PushAttempt
    outcome: str
    is_bad: bool
    requests: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the time line; `is_ahead` for what has not happened yet."""

    at: datetime
    text: str
    is_ahead: bool = False


def live_version(operation: PushOperation) -> str:
    """Return the token of everything that moves; a pause that ended counts as a change."""
    return version_of([operation], is_paused(operation))


def detail_context(request: HttpRequest, operation: PushOperation, model: PushOption | None = None) -> dict[str, Any]:
    """Return what the page needs: a constant number of queries, but for the steps of its chain of retries."""
    attempts = list(operation.attempts.order_by("number"))
    chain = chain_of(operation)
    names = actor_names({operation.requested_by, operation.discarded_by, *(one.requested_by for one in chain)})
    model = model or _model(operation)
    alike = failed_alike(operations_for(request.user), operation)
    failed = operation.status in (PushStatus.FAILED, PushStatus.TIMED_OUT)
    return {
        "is_swap": wants_fragment(request),
        "operation": operation,
        "company": operation.company,
        "connection": operation.connection,
        "platform": operation.connection.integration.name,
        "label": label_of(operation.data_type),
        "verb": OPERATION_WORDS[operation.operation],
        "standing": standing(operation),
        "is_paused": is_paused(operation),
        "moves": moves(operation),
        "version": live_version(operation),
        "took": took_seconds(operation),
        "asked_by": names.get(operation.requested_by, ""),
        "discarded_by": names.get(operation.discarded_by, ""),
        "cause": cause_of(operation) if operation.status == PushStatus.FAILED else "",
        "advice": ADVICE.get(operation.error_responsible, "") if operation.status == PushStatus.FAILED else "",
        "alike_count": alike[: AT_MOST + 1].count() if failed and not operation.needs_attention else 0,
        "table": _table(operation, model),
        "knows_model": model is not None,
        "body_json": pretty(operation.body) if operation.body is not None else "",
        "data_json": pretty(operation.data) if operation.data is not None else "",
        "tried": [_tried(attempt) for attempt in attempts],
        "moments": _moments(operation, attempts, names),
        "chain": chain if len(chain) > 1 else [],
        "names": names,
        "changes": _changes(operation, chain),
        "curl": curl_of(operation),
        "related": list(related_types(operation).items()),
        "has_record": _has_record(operation),
        **_allowed(operation, chain),
    }


def _allowed(operation: PushOperation, chain: list[PushOperation]) -> dict[str, bool]:
    """Return which actions make sense now; whether this person may is for the template to ask."""
    unknown = operation.needs_attention == Attention.OUTCOME_UNKNOWN
    pending = operation.status == PushStatus.PENDING
    late = operation.status == PushStatus.TIMED_OUT and bool(operation.needs_attention)
    unsent = pending and operation.phase == Phase.WAITING
    linked = operation.connection.status == ConnectionStatus.LINKED
    tried_again = any(one.pk != operation.pk and not may_be_retried(one) for one in chain)
    may_retry = may_be_retried(operation) and linked and not tried_again
    return {
        "tried_again": tried_again,
        "may_retry": may_retry,
        "may_edit": may_retry and operation.body is not None,
        "may_extend": pending and not operation.is_overdue,
        "may_settle": (pending and unknown) or late,
        "may_discard": operation.discarded_at is None
        and operation.status != PushStatus.SUCCESS
        and (unsent or not pending),
        "may_refresh": linked and operation.status != PushStatus.PENDING,
    }


def _model(operation: PushOperation) -> PushOption | None:
    """Return the model where nobody has to be asked for it."""
    try:
        return known_model(operation.connection, operation.data_type)
    except SyncEngineError:
        return None


def _table(operation: PushOperation, model: PushOption | None) -> BodyTable:
    is_update = operation.operation == Operation.UPDATE
    return body_table(operation.body, model, operation.validation, is_update=is_update)


def _changes(operation: PushOperation, chain: list[PushOperation]) -> list[BodyChange]:
    before = next((one for one in chain if one.pk == operation.retry_of_id), None)
    return body_changes(before.body, operation.body) if before else []


def _has_record(operation: PushOperation) -> bool:
    """Whether the record is readable here, so that a link to it leads somewhere."""
    source_id = operation.result_record_id or operation.record_id
    if not source_id or operation.operation == Operation.DELETE:
        return False
    return record_by_source_id(operation.connection, operation.data_type, source_id) is not None


def _tried(attempt: PushAttempt) -> Tried:
    bad = attempt.outcome in (
        AttemptOutcome.REJECTED,
        AttemptOutcome.UNKNOWN,
        AttemptOutcome.WORKER_LOST,
        AttemptOutcome.LATE_FAILURE,
    )
    return Tried(attempt, OUTCOMES.get(attempt.outcome, attempt.outcome), bad, tuple(map(_sent, attempt.exchange)))


def _sent(told: Mapping[str, Any]) -> Sent:
    return Sent(
        method=str(told.get("method", "")),
        url=str(told.get("url", "")),
        sent_at=_moment_of(told.get("sent_at")),
        status_code=told.get("status_code"),
        duration_ms=int(told.get("duration_ms") or 0),
        response_bytes=int(told.get("response_bytes") or 0),
        request_headers=told.get("request_headers") or {},
        response_headers=told.get("response_headers") or {},
        error_message=str(told.get("error_message") or ""),
        excerpt=str(told.get("excerpt") or ""),
    )


def _moment_of(text: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _moments(operation: PushOperation, attempts: list[PushAttempt], names: Mapping[str, str]) -> list[Moment]:
    """Return what happened and what is to come, oldest first.

    An attempt is closed a moment after it has ended the operation, and is told of before that.
    """
    found = enumerate(_all_moments(operation, attempts, names))
    ordered = sorted(found, key=lambda one: (one[1].is_ahead, one[1].at.replace(microsecond=0), one[0]))
    return [moment for _, moment in ordered]


def _all_moments(operation: PushOperation, attempts: list[PushAttempt], names: Mapping[str, str]) -> Iterator[Moment]:
    asker = names.get(operation.requested_by) or "Headrace"
    yield Moment(operation.requested_at, f"Asked for by {asker}")
    for attempt in attempts:
        words = OUTCOMES.get(attempt.outcome, attempt.outcome)
        yield Moment(attempt.ended_at or attempt.started_at, f"Attempt {attempt.number}: {words}")
    if operation.status == PushStatus.PENDING:
        if operation.not_before and is_paused(operation):
            yield Moment(operation.not_before, "Goes on", is_ahead=True)
        yield Moment(operation.deadline_at, "Deadline", is_ahead=operation.deadline_at > now())
    elif operation.completed_at:
        yield Moment(operation.completed_at, f"Ended as {operation.status}")
    if operation.discarded_at:
        yield Moment(operation.discarded_at, f"Discarded by {names.get(operation.discarded_by) or 'Headrace'}")
