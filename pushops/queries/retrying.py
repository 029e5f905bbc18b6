"""Which operations failed alike and may be asked for again, and how tries at one write hang together."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from pushops.models import PushOperation
from pushops.states import Attention, PushStatus

AT_MOST = 200
CHAIN_AT_MOST = 50
RETRIABLE = (PushStatus.FAILED, PushStatus.TIMED_OUT)


def cause_of(operation: PushOperation) -> str:
    """Return why it failed, in words that are the same for all that failed for this cause; "" where none is known."""
    errors = operation.validation.get("errors") or []
    return str(errors[0]["message"]) if errors else operation.error_message


def with_cause(cause: str) -> Q:
    return Q(validation__errors__0__message=cause) | Q(error_message=cause)


def failed_alike(base: QuerySet[PushOperation], operation: PushOperation) -> QuerySet[PushOperation]:
    """Return what failed for the same cause at the same platform and was neither tried again nor set aside."""
    alike = base.filter(
        status=operation.status,
        data_type=operation.data_type,
        operation=operation.operation,
        connection__integration=operation.connection.integration_id,
        needs_attention=Attention.NONE,
        discarded_at__isnull=True,
        retries__isnull=True,
    )
    cause = cause_of(operation)
    return alike.filter(with_cause(cause)) if cause else alike.filter(error_message="")


def may_be_retried(operation: PushOperation) -> bool:
    return operation.status in RETRIABLE and not operation.needs_attention


def live_try(operation: PushOperation) -> PushOperation | None:
    """Return another try of the same write that succeeded or may yet succeed: one more would write it twice."""
    others = (one for one in chain_of(operation) if one.pk != operation.pk)
    return next((one for one in others if not may_be_retried(one)), None)


def chain_of(operation: PushOperation) -> list[PushOperation]:
    """Return the first try and all that came of it, oldest first; one query a step back and one a step on."""
    first = operation
    for _ in range(CHAIN_AT_MOST):
        if first.retry_of_id is None:
            break
        earlier = PushOperation.objects.filter(pk=first.retry_of_id).defer("data").first()
        if earlier is None:
            break
        first = earlier
    found, level = [first], [first.pk]
    while level and len(found) < CHAIN_AT_MOST:
        following = list(PushOperation.objects.filter(retry_of__in=level).defer("data").order_by("requested_at"))
        found += following
        level = [retry.pk for retry in following]
    return sorted(found, key=lambda one: (one.requested_at, one.pk))
