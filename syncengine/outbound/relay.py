"""Requests to a platform inside a customer's network: laid down here, fetched and made by a connector process there.

A Session that speaks for an offline integration uses a Relay where it would use its connections. Nothing is connected
to from here; which addresses may be called is decided on the customer's machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpcore2
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from syncengine.connector_presence import is_present, missing_words
from syncengine.exceptions import (
    AddressRefused,
    BadAnswer,
    ConnectorError,
    ConnectorMissing,
    SourceRefused,
    SourceUnavailable,
)
from syncengine.models import ConnectorProcess, Integration, RelayedRequest
from syncengine.outbound.bodies import too_large
from syncengine.outbound.frames import BadFrame, Question, encode_question, split_answer
from syncengine.outbound.network import MAX_HEADER_BYTES, TOO_MANY_HEADERS, Clock
from syncengine.secrets import SecretUnreadable, seal_bytes, unseal_bytes

ON_ITS_WAY_SECONDS = 10.0  # that an answer may take from the customer's machine to here
_SHORTEST_LOOK, _LONGEST_LOOK = 0.01, 0.1
_PRESENCE_SECONDS = 1.0

# What a connector may say instead of an answer: the error, its words, and whether anything reached the platform.
FAILURES: dict[str, tuple[type[ConnectorError], str, bool]] = {
    "refused": (AddressRefused, "The connector on the customer's machine was not started for this address.", False),
    "unreachable": (SourceUnavailable, "The platform could not be reached from the customer's machine.", False),
    "untrusted": (BadAnswer, "The platform's certificate is not trusted on the customer's machine.", False),
    "unsendable": (SourceRefused, "The request holds what HTTP does not allow, so it was not sent.", False),
    "silent": (SourceUnavailable, "The platform did not answer the connector in time.", True),
    "cut": (SourceUnavailable, "The connection was cut before the platform's answer was complete.", True),
    "too_large": (BadAnswer, "", True),
    "not_http": (BadAnswer, "What the platform answered is not HTTP.", True),
}


class Relay:
    """Takes the place of a connection pool for one Session.

    progressed:  called while it waits, from the thread that asked.
    limit:       returns how large the body of the request in hand may be.
    """

    def __init__(
        self, integration: Integration, clock: Clock, progressed: Callable[[], None], limit: Callable[[], int]
    ) -> None:
        self._integration = integration
        self._clock = clock
        self._progressed = progressed
        self._limit = limit

    def handle_request(self, request: httpcore2.Request) -> httpcore2.Response:
        """Raises: ConnectorMissing before anything left; other ConnectorErrors, with the clock's `wrote` telling."""
        if connection.in_atomic_block:
            raise RuntimeError("A request to an offline platform waits for others, so it cannot be in a transaction.")
        if words := missing_words(self._integration.pk):
            raise ConnectorMissing(words)
        max_bytes = min(self._limit(), settings.HEADRACE_CONNECTOR_MAX_BYTES)
        row = self._lay_down(_question(request, self._clock, max_bytes))
        try:
            frame = self._answer(row)
        finally:
            RelayedRequest.objects.filter(pk=row.pk).delete()
        return self._response(frame, max_bytes)

    def close(self) -> None:
        """There is nothing to close: every request has an end of its own."""

    # --- waiting

    def _lay_down(self, question: Question) -> RelayedRequest:
        seconds = self._taken_within + self._answered_within
        row = RelayedRequest(integration_id=self._integration.pk, ends_at=now() + timedelta(seconds=seconds))
        row.question = seal_bytes(row, "question", encode_question(question))
        row.save(force_insert=True)
        return row

    def _answer(self, row: RelayedRequest) -> bytes:
        taken_by = self._taken(row)
        self._clock.wrote = True
        self._answered(row, taken_by)
        answered = RelayedRequest.objects.get(pk=row.pk)
        try:
            return unseal_bytes(answered, "answer")
        except SecretUnreadable:
            raise BadAnswer("The connector's answer cannot be decrypted with the configured keys.") from None

    def _taken(self, row: RelayedRequest) -> UUID | None:
        """Return who took the request. Raises: ConnectorMissing or SourceUnavailable when it was withdrawn instead."""
        waiting = _Waiting(self._taken_within, self._progressed)
        found = RelayedRequest.objects.filter(pk=row.pk)
        while True:
            taken = found.values_list("taken_at", "taken_by_id").first()
            if taken is not None and taken[0] is not None:
                return taken[1]
            words = missing_words(self._integration.pk) if waiting.may_look_closer() else ""
            # Withdrawn only if it was not taken this moment; then its answer is waited for.
            if (words or waiting.is_over()) and found.filter(taken_at__isnull=True).delete()[0]:
                raise (
                    ConnectorMissing(words)
                    if words
                    else SourceUnavailable(
                        f"The connector on the customer's machine was too busy to take the request within "
                        f"{self._taken_within:g} seconds."
                    )
                )
            waiting.a_little()

    def _answered(self, row: RelayedRequest, taken_by: UUID | None) -> None:
        """Return when the answer is there. Raises: SourceUnavailable."""
        waiting = _Waiting(self._answered_within, self._progressed)
        while not RelayedRequest.objects.filter(pk=row.pk, answered_at__isnull=False).exists():
            if waiting.is_over():
                raise SourceUnavailable("The connector took the request and gave no answer in time.")
            if waiting.may_look_closer() and not _is_there(taken_by):
                raise SourceUnavailable("The connector took the request and was not heard of since.")
            waiting.a_little()

    @property
    def _taken_within(self) -> float:
        return self._clock.first_byte_seconds

    @property
    def _answered_within(self) -> float:
        return self._clock.connect_seconds + self._clock.page_seconds + ON_ITS_WAY_SECONDS

    # --- the answer

    def _response(self, frame: bytes, max_bytes: int) -> httpcore2.Response:
        try:
            head, body = split_answer(frame)
        except BadFrame as error:
            raise BadAnswer("What the connector sent is no answer.", upstream=str(error)) from None
        if head.failure:
            kind, words, self._clock.wrote = FAILURES.get(head.failure, FAILURES["cut"])
            raise kind(words or too_large(max_bytes))
        if len(body) > max_bytes + (head.status >= 300):
            raise BadAnswer(too_large(max_bytes))
        if sum(len(name) + len(value) + 4 for name, value in head.headers) > MAX_HEADER_BYTES:
            raise BadAnswer(TOO_MANY_HEADERS)
        headers = [(_bytes(name), _bytes(value)) for name, value in head.headers if name.lower() not in _OF_THE_WIRE]
        return httpcore2.Response(head.status, headers=headers, content=body)


class _Waiting:
    """Looks that come often at first and seldom later, until the time is over."""

    def __init__(self, seconds: float, progressed: Callable[[], None]) -> None:
        self._ends_at = time.monotonic() + seconds
        self._progressed = progressed
        self._look = _SHORTEST_LOOK
        self._closer_at = time.monotonic() + _PRESENCE_SECONDS

    def is_over(self) -> bool:
        return time.monotonic() >= self._ends_at

    def may_look_closer(self) -> bool:
        """True once in a while: for what costs another query."""
        if time.monotonic() < self._closer_at:
            return False
        self._closer_at = time.monotonic() + _PRESENCE_SECONDS
        return True

    def a_little(self) -> None:
        self._progressed()
        time.sleep(self._look)
        self._look = min(self._look * 1.3, _LONGEST_LOOK)


# The connector took the body off the wire; its length was that of the packed or chunked one.
_OF_THE_WIRE = frozenset({"transfer-encoding", "connection", "keep-alive", "content-length"})


def _question(request: httpcore2.Request, clock: Clock, max_bytes: int) -> Question:
    body = b"".join(request.stream)  # type: ignore[arg-type]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    return Question(
        method=request.method.decode("ascii"),
        url=f"{request.url.scheme.decode()}://{dict(headers)['host']}{request.url.target.decode('ascii')}",
        headers=headers,
        body=body or None,
        connect_seconds=clock.connect_seconds,
        first_byte_seconds=clock.first_byte_seconds,
        whole_seconds=clock.page_seconds,
        max_bytes=max_bytes,
    )


def _is_there(process_id: UUID | None) -> bool:
    process = ConnectorProcess.objects.filter(pk=process_id).first() if process_id else None
    return process is not None and is_present(process)


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")
