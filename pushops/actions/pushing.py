"""Push operations: asked for, hurried, and tried again. Carrying one out is in pushops/run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from pushops.exceptions import BadRequest, ConnectionNotLinked, NotWritable, OperationEnded, ReadInProgress
from pushops.models import PushFile, PushOperation
from pushops.moves import as_validation, end, failed_words, tell
from pushops.queries.fitting import fit
from pushops.queries.push_models import known_model, model_name, platform_of, support_for
from pushops.queries.retrying import chain_of, live_try
from pushops.run.hurrying import carry_out_here
from pushops.run.turns import PUSH_TASK, storing_read
from pushops.states import PushStatus
from syncengine.connectors.attachments import File
from syncengine.connectors.changes import Operation
from syncengine.connectors.wire import decode_answer
from syncengine.datatypes import data_type_for
from syncengine.exceptions import BadAnswer
from syncengine.models import Connection
from syncengine.queue import enqueue
from syncengine.states import ConnectionStatus, Responsible

MOST_MINUTES = 7 * 24 * 60
BATCHES = frozenset({"bankTransactions"})  # a create is addressed by the account it belongs to
_encode = msgspec.json.Encoder(decimal_format="number").encode


@transaction.atomic
def request_push(
    connection: Connection,
    *,
    data_type: str,
    operation: Operation | str,
    record_id: str = "",
    body: Any = None,
    file: File | None = None,
    timeout_minutes: int | None = None,
    allow_sync: bool = True,
    force_update: bool = False,
    actor: str,
    retry_of: PushOperation | None = None,
) -> PushOperation:
    """Write an operation down, with its event and its task, in one transaction; nothing is sent yet.

    A body that does not fit the model makes an operation too: it has ended as Failed, statusCode 400, with its
    validation errors. Where the model must be asked for at the platform (Tryton), that is found when it is carried out.

    data_type:        a data type's key, whatever its case.
    record_id:        of an update, delete or upload; the bank account's for bankTransactions.
    body:             what the caller sent, decoded: anything JSON can hold. Decimals and floats are both fine.
    timeout_minutes:  1 to 10,080; None ends it after HEADRACE_PUSH_MAX_HOURS.
    Raises:           UnknownDataType, NotWritable, ConnectionNotLinked, ReadInProgress (only where
                      HEADRACE_PUSH_DURING_READ is "refuse"), BadRequest naming `record_id`, `file`, `body` or
                      `timeout_minutes`.
    """
    asked = _Asked(connection, data_type_for(data_type).key, Operation(operation), record_id)
    asked.require_possible(file, timeout_minutes)
    requested_at = now()
    row = PushOperation(
        company_id=connection.company_id,
        connection=connection,
        data_type=asked.data_type,
        operation=asked.operation,
        record_id=record_id,
        body=_storable(body) if asked.has_body else None,
        allow_sync=allow_sync,
        force_update=force_update,
        timeout_minutes=timeout_minutes,
        requested_at=requested_at,
        deadline_at=requested_at + _patience(timeout_minutes),
        requested_by=actor,
        retry_of=retry_of,
    )
    row.marker = f"headrace-{row.pk.hex}"
    row.look_at = row.next_look(requested_at + timedelta(seconds=settings.HEADRACE_REQUEUE_SECONDS))
    row.save(force_insert=True)
    if asked.operation is Operation.UPLOAD and file is not None:
        _keep_file(row, file)
    tell(row, actor=actor)
    if not _judged(row, actor=actor):
        enqueue(PUSH_TASK, str(row.pk))
    return row


def _keep_file(row: PushOperation, file: File) -> None:
    PushFile.objects.create(
        operation=row,
        name=file.name[:255],
        content_type=file.content_type[:255],
        size=len(file.content),
        content=file.content,
    )


def push_now(operation: PushOperation, *, within: timedelta) -> PushOperation:
    """Carry an operation out here, as a worker would, and return it in whatever state it has reached in that time.

    It is held and recorded like by any worker: what takes longer goes on, and what this process loses another finds.
    Called outside transactions; inside one (a test), it is done in this thread, however long it takes.
    """
    if operation.is_ended:
        return operation
    carry_out_here(operation.pk, within)
    return PushOperation.objects.select_related("connection__integration", "company").get(pk=operation.pk)


@transaction.atomic
def edit_and_retry(operation: PushOperation, body: Any, *, actor: str) -> PushOperation:
    """Ask for the same write again with another body; the new operation points to the old one (`retry_of`).

    Raises: OperationEnded unless it is Failed or TimedOut with a known outcome, and no other try of the same write
            succeeded or may yet; all that `request_push` raises.
    """
    _require_failed(operation)
    # Of two people who press at once, the second finds what the first one made.
    PushOperation.objects.select_for_update(of=("self",)).only("pk").get(pk=chain_of(operation)[0].pk)
    other = live_try(operation)
    if other is not None:
        raise OperationEnded(f"This was tried again already, and that try is {other.status}. Nothing was pushed.")
    return _again(operation, body, actor=actor)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What somebody wants written, before there is an operation."""

    connection: Connection
    data_type: str
    operation: Operation
    record_id: str

    @property
    def has_body(self) -> bool:
        return self.operation in (Operation.CREATE, Operation.UPDATE)

    def require_possible(self, file: File | None, timeout_minutes: int | None) -> None:
        """Raises: Refused subclasses."""
        connection = self.connection
        if support_for(connection, self.data_type, self.operation) is None:
            raise NotWritable(self.data_type, self.operation, platform_of(connection).name)
        if connection.status != ConnectionStatus.LINKED or connection.deleted_at:
            raise ConnectionNotLinked(connection)
        self._require_record_id()
        if self.operation is Operation.UPLOAD:
            _require_file(file)
        if timeout_minutes is not None and not 1 <= timeout_minutes <= MOST_MINUTES:
            raise BadRequest(f"The timeout must be 1 to {MOST_MINUTES:,} minutes.", field="timeout_minutes")
        if settings.HEADRACE_PUSH_DURING_READ == "refuse":
            running = storing_read(connection.pk, self.data_type)
            if running is not None:
                raise ReadInProgress(running)

    def _require_record_id(self) -> None:
        needed = self.operation is not Operation.CREATE or self.data_type in BATCHES
        if needed and not self.record_id.strip():
            raise BadRequest("The record's id is missing.", field="record_id")
        if len(self.record_id) > 512 or "\0" in self.record_id:
            raise BadRequest("The record's id must be a text of at most 512 characters.", field="record_id")


def _require_file(file: File | None) -> None:
    if file is None:
        raise BadRequest("There is no file to upload.", field="file")
    if len(file.content) > settings.HEADRACE_MAX_FILE_BYTES:
        most = settings.HEADRACE_MAX_FILE_BYTES >> 20
        raise BadRequest(f"The file is larger than {most} MiB.", field="file")


def _patience(timeout_minutes: int | None) -> timedelta:
    if timeout_minutes is not None:
        return timedelta(minutes=timeout_minutes)
    return timedelta(hours=settings.HEADRACE_PUSH_MAX_HOURS)


def _judged(row: PushOperation, *, actor: str) -> bool:
    """Hold the body against its model, where that is known; True when it has ended the operation."""
    if row.operation not in (Operation.CREATE, Operation.UPDATE):
        return False
    model = known_model(row.connection, row.data_type)
    if model is None:
        return False
    name = model_name(row.data_type)
    fitting = fit(row.body, model, name, is_update=row.operation == Operation.UPDATE)
    validation = as_validation(fitting.errors, fitting.warnings)
    if not fitting.errors:
        PushOperation.objects.filter(pk=row.pk).update(validation=validation)
        row.validation = validation
        return False
    end(
        row,
        PushStatus.FAILED,
        actor=actor,
        guard={},
        status_code=400,
        error_message=failed_words(row, name),
        error_responsible=Responsible.OPERATOR,
        validation=validation,
    )
    return True


def _storable(body: Any) -> Any:
    """Return the body as a database keeps it: NUL and half surrogates replaced, numbers exact. Raises: BadRequest."""
    try:
        return decode_answer(_encode({"body": body}))["body"]
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        raise BadRequest("The body holds what JSON cannot hold.", field="body") from None
    except BadAnswer:
        raise BadRequest("The body nests too deep, or holds a number beyond reason.", field="body") from None


def _require_failed(operation: PushOperation) -> None:
    if operation.status not in (PushStatus.FAILED, PushStatus.TIMED_OUT):
        raise OperationEnded(f"This operation is {operation.status}; only one that failed or timed out can be retried.")
    if operation.needs_attention:
        raise OperationEnded(
            "The platform has done this write, or may have. Settle that first, or it could be written twice."
        )


def _again(operation: PushOperation, body: Any, *, actor: str) -> PushOperation:
    kept = PushFile.objects.filter(operation=operation).first()
    return request_push(
        Connection.objects.select_related("integration", "company").get(pk=operation.connection_id),
        data_type=operation.data_type,
        operation=operation.operation,
        record_id=operation.record_id,
        body=body,
        file=File(bytes(kept.content), kept.content_type, kept.name) if kept else None,
        timeout_minutes=operation.timeout_minutes,
        allow_sync=operation.allow_sync,
        force_update=operation.force_update,
        actor=actor,
        retry_of=operation,
    )
