"""From what a caller asks to a push operation, once for each Idempotency-Key; refusals become what the wire says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from portal.api.errors import Issue, WireError
from portal.api.idempotency import begun, note_begun
from portal.api.lookups import actor_of, told_as
from pushops.actions.pushing import push_now, request_push
from pushops.api.described import CreateQuery, UpdateQuery
from pushops.exceptions import ConnectionNotLinked, NotWritable, ReadInProgress
from pushops.models import PushOperation
from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Operation
from syncengine.models import Connection

# The official SDKs give up after five seconds.
AT_ONCE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants written. `options` are the query's."""

    connection: Connection
    data_type: str
    operation: Operation
    record_id: str = ""
    body: dict[str, Any] | None = None
    file: File | None = None
    options: CreateQuery = field(default_factory=CreateQuery)


def pushed(request: HttpRequest, asked: Asked) -> PushOperation:
    """Return the operation, in the state that it reached within AT_ONCE.

    One whose Idempotency-Key came with a request that was killed goes on with that one's operation.

    Raises: WireError 404 for what the platform does not take, 409 for a connection that is not Linked; Refused for
            an id, file or timeout that cannot be.
    """
    earlier = begun(request)
    operation = PushOperation.objects.get(pk=earlier) if earlier else _requested(request, asked)
    return push_now(operation, within=AT_ONCE)


def _requested(request: HttpRequest, asked: Asked) -> PushOperation:
    options = asked.options
    with _told(asked), transaction.atomic():
        operation = request_push(
            asked.connection,
            data_type=asked.data_type,
            operation=asked.operation,
            record_id=asked.record_id,
            body=asked.body,
            file=asked.file,
            timeout_minutes=options.timeout_in_minutes,
            allow_sync=options.allow_sync_on_push_complete,
            force_update=isinstance(options, UpdateQuery) and options.force_update,
            actor=actor_of(request),
        )
        note_begun(request, str(operation.pk))
    return operation


@contextmanager
def _told(asked: Asked) -> Iterator[None]:
    try:
        with told_as(timeout_minutes="timeoutInMinutes", record_id="recordId"):
            yield
    except NotWritable as refusal:
        raise WireError(404, refusal.message, issues=(Issue("dataType", refusal.message),)) from refusal
    except ConnectionNotLinked as refusal:
        raise WireError(409, refusal.message, issues=(Issue("connectionId", refusal.message),)) from refusal
    except ReadInProgress as refusal:
        raise WireError(409, refusal.message, retry="True") from refusal
