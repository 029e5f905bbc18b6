"""Telling somebody's endpoint: one POST of ready bytes to an address that anybody may have entered.

Not for a conversation, as a Session is: each post opens a connection of its own through the same guard, keeps one short
time limit for everything, follows nothing unless told to, and never raises for what the other side does. The status
decides; of the body only the beginning is read, however much there is of it and whatever it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from ssl import SSLContext
from time import monotonic
from urllib.parse import urljoin

import httpcore2
from django.conf import settings

from syncengine.exceptions import AddressRefused, BadAnswer, ConnectorError, SourceUnavailable
from syncengine.outbound.bodies import Body
from syncengine.outbound.faults import fault_before_body, retry_after
from syncengine.outbound.network import MAX_HEADER_BYTES, Clock, GuardedBackend, checked_addresses
from syncengine.outbound.redaction import HIDDEN, excerpt_of, is_secret_name, redact_headers, redact_url
from syncengine.outbound.targets import Target, allowed_places, target_of

CONNECT_SECONDS = 5.0
READ_BYTES = 32 * 1024
BODY_SECONDS = 2.0  # for the beginning of the body, once the status has said what there is to say
_SHORTEST_SECRET = 6  # hidden where the endpoint echoes it; shorter ones would blot out half of any text
_WIRE_ERRORS = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)
_Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of one post, fit to be shown: header values that are secret are hidden.

    status_code:    None when there was no answer; `error` then says why, in one sentence. "" after an answer.
    refused:        the address itself was refused, so nothing was sent.
    retry_seconds:  what Retry-After asks for, 0 to 3,600; None when it asks for nothing sensible.
    """

    sent_at: datetime
    duration_ms: int
    status_code: int | None = None
    error: str = ""
    refused: bool = False
    retry_seconds: float | None = None
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_bytes: int = 0
    excerpt: str = ""

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    secret: Sequence[str] = (),
    seconds: float,
    redirects: int = 0,
) -> Receipt:
    """Send `body` once, within `seconds` for everything, and say what came of it. Raises nothing for the other side.

    secret:     names of headers whose values must not be shown, nor sent to another origin.
    redirects:  how many are followed, each with the same body, through the same guard, and never from https to http.
    """
    ends_at = monotonic() + seconds
    attempt = _Post(url, body, headers, secret, seconds)
    receipt = first = attempt.send()
    for left in range(redirects, -1, -1):
        if not redirects or attempt.leads_to is None:
            break
        if not left or (why := attempt.why_not_follow()):
            receipt = replace(receipt, error=why if left else f"It redirected more than {redirects} times.")
            break
        attempt = attempt.onward(max(ends_at - monotonic(), 0.1))
        receipt = attempt.send()
    return replace(receipt, sent_at=first.sent_at, duration_ms=round((monotonic() - ends_at + seconds) * 1000))


def check_address(url: str) -> None:
    """Say at once what a post to this address would be refused for. A name that cannot be found now may be later.

    Raises: AddressRefused.
    """
    places = allowed_places()
    target = target_of(url, (), places)
    try:
        checked_addresses(target.host, target.port, places)
    except SourceUnavailable:
        return


class _Post:
    def __init__(
        self, url: str, body: bytes, headers: Mapping[str, str], secret: Sequence[str], seconds: float
    ) -> None:
        self.url, self.body = url, body
        self.leads_to: str | None = None  # where a redirect points
        self.given = {name.lower(): value for name, value in headers.items()}
        self.hidden = {name.lower() for name in secret}
        self.echoes = [self.given[name] for name in self.hidden if len(self.given.get(name, "")) >= _SHORTEST_SECRET]
        self.clock = Clock()
        self.clock.connect_seconds = min(CONNECT_SECONDS, seconds)
        self.clock.first_byte_seconds = self.clock.page_seconds = seconds
        self.sent_at, self.started = datetime.now(UTC), monotonic()
        self.sent: _Headers = []

    def send(self) -> Receipt:
        try:
            places = allowed_places()
            target = target_of(self.url, (), places)
            with httpcore2.ConnectionPool(
                ssl_context=_tls(), max_connections=1, network_backend=GuardedBackend(self.clock, places)
            ) as pool:
                return self._exchange(pool, target)
        except AddressRefused as refusal:
            return self._receipt(error=refusal.headline, refused=True)
        except ConnectorError as fault:
            return self._receipt(error=_of_the_endpoint(fault.headline))

    def why_not_follow(self) -> str:
        """Return why the redirect is not to be followed, "" when it is."""
        is_downgrade = self.url[:6].lower() == "https:" and (self.leads_to or "")[:6].lower() != "https:"
        return "It redirected from https to another scheme, which is not followed." if is_downgrade else ""

    def onward(self, seconds: float) -> _Post:
        """Return the post to where the redirect points; another origin is shown no secrets."""
        url = self.leads_to or ""
        headers = self.given if _same_origin(self.url, url) else _without(self.given, self.hidden)
        return _Post(url, self.body, headers, tuple(self.hidden), seconds)

    def _exchange(self, pool: httpcore2.ConnectionPool, target: Target) -> Receipt:
        self.sent = list(self._headers(target).items())
        address = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.resource.encode("ascii")
        )
        headers = [(name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in self.sent]
        self.clock.start()
        try:
            response = pool.handle_request(httpcore2.Request("POST", address, headers=headers, content=self.body))
        except _WIRE_ERRORS as error:
            # Without its cause: the library quotes header values in its messages.
            raise fault_before_body(error, self.clock) from None
        try:
            self.clock.headers_came()
            self.clock.first_byte_seconds = BODY_SECONDS
            return self._answered(response)
        finally:
            response.close()

    def _headers(self, target: Target) -> dict[str, str]:
        return {
            "user-agent": f"Headrace/{settings.HEADRACE_VERSION}",
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
            "content-type": "application/json",
            **self.given,
            "host": target.authority,
            "content-length": str(len(self.body)),
            "connection": "close",
        }

    def _answered(self, response: httpcore2.Response) -> Receipt:
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers]
        if sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEADER_BYTES:
            headers = headers[:20]
        named = dict(headers)
        if 300 <= response.status < 400 and "location" in named:
            self.leads_to = urljoin(self.url, named["location"])
        start, received = self._start_of_body(response, named.get("content-encoding", ""))
        return self._receipt(
            status_code=response.status,
            retry_seconds=retry_after(named),
            response_headers=redact_headers(headers, self.echoes),
            response_bytes=received,
            excerpt=excerpt_of(start, named.get("content-type", ""), self.echoes),
        )

    def _start_of_body(self, response: httpcore2.Response, coding: str) -> tuple[bytes, int]:
        """Return the beginning of the answer and how much of it came. The status stands, so a broken body is cut."""
        try:
            body = Body(coding, READ_BYTES)
        except BadAnswer:
            return b"", 0
        ends_at = monotonic() + BODY_SECONDS

        def enough() -> None:
            if monotonic() > ends_at:
                raise BadAnswer("")

        try:
            return body.read_start(response.iter_stream(), enough), body.received
        except (*_WIRE_ERRORS, ConnectorError):
            return body.so_far, body.received

    def _receipt(self, **members: object) -> Receipt:
        return Receipt(
            sent_at=self.sent_at,
            duration_ms=round((monotonic() - self.started) * 1000),
            request_headers={name: self._shown(name, value) for name, value in self.sent},
            **members,  # type: ignore[arg-type]
        )

    def _shown(self, name: str, value: str) -> str:
        return HIDDEN if name in self.hidden or is_secret_name(name) else value


def _same_origin(one: str, other: str) -> bool:
    places = allowed_places()
    try:
        return target_of(one, (), places).origin == target_of(other, (), places).origin
    except AddressRefused:
        return False


def _without(headers: Mapping[str, str], hidden: set[str]) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if name not in hidden and name not in ("authorization", "cookie")
    }


def shown_address(url: str) -> str:
    """Return a URL without user name and secret query values."""
    return redact_url(url)


@cache
def _tls() -> SSLContext:
    return httpcore2.default_ssl_context()


def _of_the_endpoint(headline: str) -> str:
    return headline.replace("The platform", "The endpoint").replace("the platform", "the endpoint")
