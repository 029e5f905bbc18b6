"""Writes over REST: one request each, and every end told apart: done, refused, not sent, or nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.conf import settings as deployment

from syncengine.connectors.base import Http, HttpAnswer, PushReceipt, RecordRefused, Written
from syncengine.connectors.bodies import BodyMapper
from syncengine.connectors.changes import Change, Operation
from syncengine.connectors.complaints import issues_in
from syncengine.connectors.manifest_files import RECORD
from syncengine.connectors.manifest_parts import TypeManifest
from syncengine.connectors.manifest_writes import WriteManifest, WritesManifest
from syncengine.connectors.mapping import Mapper
from syncengine.connectors.multipart import as_form
from syncengine.connectors.paths import value_at
from syncengine.connectors.push_options import PushOption, pascal
from syncengine.connectors.rest_places import Places
from syncengine.connectors.wire import decode_answer, decode_record, split_object, split_records
from syncengine.exceptions import (
    BadAnswer,
    ConnectorError,
    NotSupported,
    OutcomeUnknown,
    PushIssue,
    PushRejected,
    SourceChanged,
)

NOT_KNOWN = "Whether the platform did it is not known."


class Pushing:
    """The writes of one data type."""

    def __init__(self, found: TypeManifest, writes: WritesManifest, mapper: Mapper, places: Places) -> None:
        self._type, self._writes, self._mapper, self._places = found, writes, mapper, places
        self._body = BodyMapper(writes.body)

    @property
    def option(self) -> PushOption:
        return self._writes.option

    def push(self, change: Change, key: str, http: Http) -> PushReceipt:
        """Raises: as base.Connector.push."""
        with unsent():
            write = self._operation(change)
            url, headers = self._places.of_record(write.endpoint, change.settings, change.record_id)
            json, content = self._content(change, write, key)
            headers |= self._conditions(change, key)
            self._look_first(change, http)
        answer = self._sent(http, write.method, url, headers, json, content)
        try:
            return self._receipt(change, write, answer, http)
        except BadAnswer as error:
            headline = "The platform took the write, but its answer cannot be read, so its key is not known."
            raise OutcomeUnknown(headline, upstream=error.upstream, status_code=answer.status) from error

    def look_up(self, change: Change, key: str, http: Http) -> PushReceipt | None:
        """Raises: NotSupported when the platform cannot search for our marker."""
        marker = self._writes.wire.marker
        if marker is None or change.operation is not Operation.CREATE:
            raise NotSupported("This platform cannot be searched for what a write left behind.")
        url, headers = self._places.of_record(self._type.endpoint, change.settings, change.record_id)
        answer = http.request("GET", url, params=[(marker.param, key)], headers=headers)
        if answer.status == 204:
            return None
        found = split_records(answer.body, self._type.records, 1000, deployment.HEADRACE_MAX_RECORD_BYTES)
        bearing = [raw for raw in found.records if value_at(decode_record(raw), marker.member) == key]
        return PushReceipt(tuple(self._written(raw) for raw in bearing)) if bearing else None

    # --- before it is sent

    def _operation(self, change: Change) -> WriteManifest:
        found = self._writes.operations.get(change.operation)
        if found is None:
            raise NotSupported(f"{self._type.data_type}: the platform does not take the operation {change.operation}.")
        return found

    def _content(
        self, change: Change, write: WriteManifest, key: str
    ) -> tuple[dict[str, Any] | None, tuple[str, bytes] | None]:
        """Return what is sent, as JSON or as a form. Raises: PushRejected for a body that cannot be mapped."""
        if change.operation is Operation.DELETE:
            return None, None
        if change.operation is Operation.UPLOAD:
            if change.file is None:
                raise PushRejected([self._issue("", "has no file.")], "There is no file to upload.")
            return None, as_form(write.part, change.file)
        try:
            body = self._body.map(change.body or {}, clears=change.operation is Operation.UPDATE)
        except RecordRefused as refusal:
            raise PushRejected([self._issue(pascal(refusal.path), f"{refusal.reason}.")], str(refusal)) from None
        if self._writes.wire.marker is not None and change.operation is Operation.CREATE and key:
            _put(body, self._writes.wire.marker.member, key)
        for name in reversed(self._writes.sent_in):
            body = {name: body}
        return body, None

    def _conditions(self, change: Change, key: str) -> dict[str, str]:
        wire, headers = self._writes.wire, {}
        if wire.idempotency_header and key:
            headers[wire.idempotency_header] = key
        if wire.unmodified is not None and wire.unmodified.header and _is_conditional(change):
            assert change.if_unmodified_since is not None
            headers[wire.unmodified.header] = exact_text(change.if_unmodified_since)
        return headers

    def _look_first(self, change: Change, http: Http) -> None:
        """Where the platform judges no stamp, compare it ourselves just before. Raises: SourceChanged."""
        unmodified = self._writes.wire.unmodified
        if unmodified is None or unmodified.header or not _is_conditional(change):
            return
        now = self._read_back(change.record_id, change, http).record
        since = change.if_unmodified_since
        if now and now.source_modified_at and since and now.source_modified_at > since:
            raise SourceChanged(_changed(now.source_modified_at.isoformat()))

    # --- sending, and what came of it

    def _sent(
        self,
        http: Http,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: dict[str, Any] | None,
        content: tuple[str, bytes] | None,
    ) -> HttpAnswer:
        wire = self._writes.wire
        judged = [*wire.busy, *(wire.rejected.statuses if wire.rejected else ())]
        judged += [wire.unmodified.status] if wire.unmodified else []
        form = {} if content is None else {"content": content}
        try:
            answer = http.request(method, url, headers=headers, json=json, accept=judged, **form)  # type: ignore[arg-type]
        except ConnectorError as error:
            raise ending_of(error, wire.refused) from error
        if 200 <= answer.status < 300:
            return answer
        raise self._refusal(answer)

    def _refusal(self, answer: HttpAnswer) -> ConnectorError:
        wire = self._writes.wire
        words = answer.body[:2000].decode("utf-8", "replace")
        if answer.status in wire.busy:
            headline = f"The platform is still at work on this same write. {NOT_KNOWN}"
            return OutcomeUnknown(headline, upstream=words, status_code=answer.status)
        if wire.unmodified is not None and answer.status == wire.unmodified.status:
            return SourceChanged(_changed(), upstream=words, status_code=answer.status)
        assert wire.rejected is not None
        issues = issues_in(answer.body, wire.rejected, self._writes.model, self._body) or [self._issue("", words[:500])]
        return PushRejected(issues, upstream=words, status_code=answer.status)

    def _receipt(self, change: Change, write: WriteManifest, answer: HttpAnswer, http: Http) -> PushReceipt:
        wire = self._writes.wire
        warned = issues_in(answer.body, wire.warned, self._writes.model, self._body) if wire.warned else []
        replayed = bool(wire.replayed and answer.headers.get(wire.replayed))
        told = {"warnings": tuple(warned), "replayed": replayed}
        match change.operation:
            case Operation.DELETE:
                return PushReceipt((Written(change.record_id),), **told)  # type: ignore[arg-type]
            case Operation.UPLOAD:
                file = _id_at(write, answer)
                return PushReceipt((Written(change.record_id),), attachment_id=file, **told)  # type: ignore[arg-type]
        return PushReceipt(self._records(change, write, answer, http), **told)  # type: ignore[arg-type]

    def _records(self, change: Change, write: WriteManifest, answer: HttpAnswer, http: Http) -> tuple[Written, ...]:
        if write.reread:
            source_id = change.record_id or _id_at(write, answer)
            try:
                return (self._read_back(source_id, change, http),)
            except ConnectorError:  # it is written; that it cannot be shown at once changes nothing
                return (Written(source_id),)
        if write.id is not None:
            return (Written(_id_at(write, answer)),)
        if self._writes.many:
            found = split_records(answer.body, self._writes.told_in, 1000, deployment.HEADRACE_MAX_RECORD_BYTES)
        else:
            found = split_object(answer.body, self._writes.told_in, deployment.HEADRACE_MAX_RECORD_BYTES)
        if not found.records:
            raise BadAnswer("The answer holds no record.")
        return tuple(self._written(raw) for raw in found.records)

    def _read_back(self, source_id: str, change: Change, http: Http) -> Written:
        path = f"{self._type.endpoint}/{{{RECORD}}}"
        url, headers = self._places.of_record(path, change.settings, source_id)
        answer = http.request("GET", url, headers=headers)
        found = split_object(answer.body, self._writes.told_in, deployment.HEADRACE_MAX_RECORD_BYTES)
        return self._written(found.records[0]) if found.records else Written(source_id)

    def _written(self, raw: bytes) -> Written:
        decoded = decode_record(raw)
        try:
            source_id = self._mapper.key_of(decoded)
        except RecordRefused as refusal:
            raise BadAnswer(f"The written record has no key: {refusal}.") from None
        try:
            return Written(source_id, raw, self._mapper.map_record(decoded))
        except RecordRefused:
            return Written(source_id, raw)

    def _issue(self, item_id: str, message: str) -> PushIssue:
        return PushIssue(item_id, message, self._writes.model)


@contextmanager
def unsent() -> Iterator[None]:
    """Whatever goes wrong in here goes wrong before the write was sent."""
    try:
        yield
    except ConnectorError as error:
        error.sent = False
        raise


def ending_of(error: ConnectorError, refused: tuple[int, ...] = ()) -> ConnectorError:
    """Return the error of a write as what it means: itself when surely nothing was done, else OutcomeUnknown."""
    status = error.status_code or 0
    if not error.sent or status in refused or (400 <= status < 500 and status != 408):
        return error
    return OutcomeUnknown(f"{error.headline} {NOT_KNOWN}", upstream=error.upstream, status_code=error.status_code)


def exact_text(moment: datetime) -> str:
    """Return the moment to the microsecond: a stamp cut to the second would look older than the record's own."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _is_conditional(change: Change) -> bool:
    return (
        change.operation in (Operation.UPDATE, Operation.DELETE)
        and change.if_unmodified_since is not None
        and not change.force
    )


def _changed(at: str = "") -> str:
    when = f" (at {at})" if at else ""
    return f"The platform's copy was changed after the one this write was made on{when}. Read it again first."


def _put(body: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    for name in path[:-1]:
        body = body.setdefault(name, {})
    body[path[-1]] = value


def _id_at(write: WriteManifest, answer: HttpAnswer) -> str:
    found = value_at(decode_answer(answer.body), write.id or ())
    if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
        raise BadAnswer("The answer does not say which key was given.")
    return str(found)
