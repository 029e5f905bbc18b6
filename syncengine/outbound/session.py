"""Session: requests that go out, within a budget, with everything about them told to an observer."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from ssl import SSLContext
from time import sleep
from typing import Any, Self
from urllib.parse import urlencode

import httpcore2
import msgspec
from django.conf import settings

from syncengine import limits
from syncengine.connectors.base import HttpAnswer
from syncengine.exceptions import AddressRefused, BadAnswer, ConnectorError, RateLimited
from syncengine.limits import Budget
from syncengine.models import Integration
from syncengine.outbound.bodies import Body, too_large
from syncengine.outbound.exchange import Draft, Observer
from syncengine.outbound.faults import fault_before_body, fault_of_status, fault_within_body
from syncengine.outbound.network import MAX_HEADER_BYTES, TOO_MANY_HEADERS, Clock, GuardedBackend
from syncengine.outbound.redaction import excerpt_of, is_secret_name
from syncengine.outbound.relay import Relay
from syncengine.outbound.targets import Target, allowed_places, target_of

# At DEBUG the library logs every header, keys and tokens included.
logging.getLogger("httpcore2").setLevel(logging.INFO)

PATIENCE_SECONDS = 2.0  # how long a request waits here for its budget; longer waits are the runner's
EXCERPT_BYTES = 64 * 1024
_KEEP_ALIVE_SECONDS = 30.0
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "user-agent"})
_encode_json = msgspec.json.Encoder(decimal_format="number").encode


class Session:
    """Implements connectors.base.Http. One attempt per request; connections are kept between requests.

    budgets:        what every request takes one from; the first is the one to shut when the platform says 429.
    authorization:  headers for `origin` alone, so it needs one.
    origin:         scheme://host[:port]; no other place may be called.
    max_bytes:      cap of a body, packed and unpacked; HEADRACE_MAX_PAGE_BYTES when None.
    integration:    whom it speaks to. Of one that is offline, a connector on the customer's machine makes the requests.

    Not for two threads at the same time; one after the other is fine.
    """

    def __init__(
        self,
        *,
        budgets: Sequence[Budget] = (),
        authorization: Mapping[str, str] | None = None,
        origin: str | None = None,
        observer: Observer | None = None,
        max_bytes: int | None = None,
        integration: Integration | None = None,
    ) -> None:
        if authorization and origin is None:
            raise ValueError("authorization needs the origin it is meant for")
        self._budgets = tuple(budgets)
        self._authorization = dict(authorization or {})
        self._origin = origin
        self._observer = observer
        self._max_bytes = settings.HEADRACE_MAX_PAGE_BYTES if max_bytes is None else max_bytes
        self._limit = self._max_bytes  # of the request in hand
        self._allowed = allowed_places()
        self._clock = Clock()
        self._is_relayed = integration is not None and integration.is_offline
        self._pool = (
            Relay(integration, self._clock, self._progressed, lambda: self._limit)
            if integration is not None and self._is_relayed
            else self._own_connections()
        )

    def _own_connections(self) -> httpcore2.ConnectionPool:
        return httpcore2.ConnectionPool(
            ssl_context=_tls(),
            max_connections=4,
            keepalive_expiry=_KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(self._clock, self._allowed),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._pool.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: tuple[str, bytes] | None = None,
        accept: Sequence[int] = (),
        max_bytes: int | None = None,
    ) -> HttpAnswer:
        """Send one request and return its whole answer.

        Raises: ConnectorError subclasses as connectors.base.Http lists them; 429 and an empty budget are RateLimited.
        """
        self._clock.wrote = False
        try:
            return self._request(method, url, params, headers, _content(json, form, content), form, accept, max_bytes)
        except ConnectorError as error:
            error.sent = self._clock.wrote
            raise

    def _request(
        self,
        method: str,
        url: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str] | None,
        typed: tuple[str, bytes | None],
        form: Mapping[str, str] | None,
        accept: Sequence[int],
        max_bytes: int | None,
    ) -> HttpAnswer:
        draft = Draft(method, url)
        with self._told(draft, success=False):
            target = self._target(url, params)
        self._take_budget()
        content_type, content = typed
        draft = Draft(method, str(target), self._headers(target, headers, content, content_type))
        draft.secrets = _secrets(draft.request_headers, form)
        self._limit = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        with self._told(draft, success=True):
            return self._send(draft, target, content, accept)

    # --- before sending

    def _target(self, url: str, params: Sequence[tuple[str, str]]) -> Target:
        target = self._target_of(url, params)
        if self._origin is not None and target.origin != self._target_of(self._origin).origin:
            raise AddressRefused("This address cannot be called: it is not on the platform this connection belongs to.")
        return target

    def _target_of(self, url: str, params: Sequence[tuple[str, str]] = ()) -> Target:
        # A relayed request goes to a place in the customer's network, and it is the connector there that judges it.
        return target_of(url, params, self._allowed, inside=self._is_relayed)

    def _take_budget(self) -> None:
        patience = PATIENCE_SECONDS
        while (wait := limits.take(self._budgets)) > 0:
            if wait > patience:
                raise RateLimited("Our shared budget for this platform is used up", retry_after=wait)
            patience -= wait
            self._progressed()
            sleep(wait)

    def _headers(
        self, target: Target, given: Mapping[str, str] | None, content: bytes | None, content_type: str
    ) -> list[tuple[str, str]]:
        headers = {
            "host": target.authority,
            "user-agent": f"Headrace/{settings.HEADRACE_VERSION}",
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
        }
        if content is not None:
            headers |= {"content-type": content_type, "content-length": str(len(content))}
        for name, value in {**(given or {}), **self._authorization}.items():
            if name.lower() not in _OURS:
                headers[name.lower()] = value
        return list(headers.items())

    # --- sending and reading

    def _send(self, draft: Draft, target: Target, content: bytes | None, accept: Sequence[int]) -> HttpAnswer:
        self._progressed()
        self._clock.start()
        response = self._open(draft, target, content)
        try:
            self._clock.headers_came()
            self._progressed()
            return self._answer(draft, target, response, accept)
        finally:
            response.close()

    def _open(self, draft: Draft, target: Target, content: bytes | None) -> httpcore2.Response:
        address = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.resource.encode("ascii")
        )
        headers = [(_bytes(name), _bytes(value)) for name, value in draft.request_headers]
        try:
            return self._pool.handle_request(httpcore2.Request(draft.method, address, headers=headers, content=content))
        except _WIRE_ERRORS as error:
            # Without its cause: the library quotes header values in its messages.
            raise fault_before_body(error, self._clock) from None

    def _answer(self, draft: Draft, target: Target, response: httpcore2.Response, accept: Sequence[int]) -> HttpAnswer:
        status = draft.status_code = response.status
        headers = self._headers_of(draft, response)
        is_success = 200 <= status < 300
        if is_success or status in accept:
            body = self._whole_body(draft, response, headers)
            if not is_success:
                draft.excerpt = excerpt_of(body, headers.get("content-type", ""), draft.secrets)
            return HttpAnswer(status, headers, body, str(target))
        draft.excerpt = self._excerpt(draft, response, headers)
        fault = fault_of_status(status, headers, draft.excerpt)
        if status == 429 and isinstance(fault, RateLimited) and self._budgets:
            limits.shut(self._budgets[0].key, fault.retry_after)
        raise fault

    def _headers_of(self, draft: Draft, response: httpcore2.Response) -> dict[str, str]:
        if sum(len(name) + len(value) + 4 for name, value in response.headers) > MAX_HEADER_BYTES:
            raise BadAnswer(TOO_MANY_HEADERS)
        draft.response_headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in response.headers]
        headers: dict[str, str] = {}
        for name, value in draft.response_headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    def _whole_body(self, draft: Draft, response: httpcore2.Response, headers: Mapping[str, str]) -> bytes:
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._limit:
            raise BadAnswer(too_large(self._limit))
        body = Body(headers.get("content-encoding", ""), self._limit)
        try:
            return body.read(self._chunks(response), self._progressed)
        finally:
            draft.response_bytes = body.received

    def _excerpt(self, draft: Draft, response: httpcore2.Response, headers: Mapping[str, str]) -> str:
        """Read the beginning of a refusal. The status says what went wrong, so a broken body changes nothing."""
        try:
            body = Body(headers.get("content-encoding", ""), EXCERPT_BYTES)
        except BadAnswer:
            return ""
        start = body.read_start(self._chunks(response), self._progressed)
        draft.response_bytes = body.received
        return excerpt_of(start, headers.get("content-type", ""), draft.secrets)

    def _chunks(self, response: httpcore2.Response) -> Iterator[bytes]:
        try:
            for chunk in response.iter_stream():
                # One read may hold thousands of chunks, and is parsed for longer than it took to come.
                if self._clock.is_over():
                    raise httpcore2.ReadTimeout
                yield chunk
        except _WIRE_ERRORS as error:
            raise fault_within_body(error, self._clock) from None

    # --- telling

    def _progressed(self) -> None:
        if self._observer is not None:
            self._observer.progressed()

    @contextmanager
    def _told(self, draft: Draft, *, success: bool) -> Iterator[None]:
        try:
            yield
        except ConnectorError as error:
            if error.status_code is None:
                error.status_code = draft.status_code
            if self._observer is not None:
                self._observer.answered(draft.finished(error.headline))
            raise
        if success and self._observer is not None:
            self._observer.answered(draft.finished())


_WIRE_ERRORS = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)


@cache
def _tls() -> SSLContext:
    return httpcore2.default_ssl_context()


def load_authorities() -> None:
    """Read whom we trust now rather than for the first request of this process, or of one forked from it."""
    _tls()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _content(json: Any, form: Mapping[str, str] | None, content: tuple[str, bytes] | None) -> tuple[str, bytes | None]:
    """Return the body and, before it, what it is."""
    if content is not None:
        return content
    if form is not None:
        return "application/x-www-form-urlencoded", urlencode(form).encode("ascii")
    if json is not None:
        return "application/json", _encode_json(json)
    return "", None


def _secrets(headers: Sequence[tuple[str, str]], form: Mapping[str, str] | None) -> tuple[str, ...]:
    """Return the secret values a platform might echo: whole header values, their last words, and form values."""
    named = [value for name, value in [*headers, *(form or {}).items()] if is_secret_name(name) or name == "code"]
    words = {word for value in named for word in (value, value.rpartition(" ")[2]) if len(word) >= 6}
    return tuple(sorted(words, key=len, reverse=True))
