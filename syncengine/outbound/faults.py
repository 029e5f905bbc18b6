"""Statuses and broken wires, turned into the errors that connectors and the runner know."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2

from syncengine.exceptions import (
    AuthExpired,
    BadAnswer,
    ConnectorError,
    PermissionMissing,
    RateLimited,
    SourceRefused,
    SourceUnavailable,
)
from syncengine.outbound.bodies import CUT_OFF
from syncengine.outbound.network import Clock
from syncengine.outbound.redaction import redact_url

DEFAULT_RETRY_SECONDS = 60.0
MAX_RETRY_SECONDS = 3600.0

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_SENTENCES = {
    400: "The platform found our request wrong.",
    402: "The platform asks for payment before it answers.",
    404: "The platform does not know what we asked for.",
    405: "The platform does not allow this kind of request there.",
    409: "The platform says the request conflicts with what it holds.",
    410: "The platform no longer offers what we asked for.",
    413: "The platform found our request too large.",
    422: "The platform found our request wrong.",
}


def fault_of_status(status: int, headers: Mapping[str, str], upstream: str) -> ConnectorError:
    """Return the error for an answer that is neither 2xx nor expected by the connector."""
    wait = retry_after(headers)
    if status == 429 or (status == 503 and "retry-after" in headers):
        return RateLimited(
            "The platform asks us to slow down.",
            retry_after=DEFAULT_RETRY_SECONDS if wait is None else wait,
            upstream=upstream,
            status_code=status,
        )
    if status == 408 or status >= 500:
        headline = f"The platform failed to answer (status {status})."
        return SourceUnavailable(headline, retry_after=wait, upstream=upstream, status_code=status)
    return _lasting_fault(status, headers, upstream)


def _lasting_fault(status: int, headers: Mapping[str, str], upstream: str) -> ConnectorError:
    if status == 401:
        headline = "The platform no longer accepts our authorisation."
        return AuthExpired(headline, upstream=upstream, status_code=status)
    if status == 403:
        headline = "The platform does not let us read this."
        return PermissionMissing(headline, upstream=upstream, status_code=status)
    if 300 <= status < 400:
        place = f"Location: {redact_url(headers['location'])}" if "location" in headers else upstream
        headline = "The platform points to another address, which is not followed."
        return SourceRefused(headline, upstream=place, status_code=status)
    headline = _SENTENCES.get(status, f"The platform refused our request (status {status}).")
    return SourceRefused(headline, upstream=upstream, status_code=status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the platform asks us to wait, 0 to 3,600; None when it does not say so in earnest."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), MAX_RETRY_SECONDS)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), MAX_RETRY_SECONDS)


def fault_before_body(error: Exception, clock: Clock) -> ConnectorError:
    """Return the error for a wire that broke before the answer's headers were complete."""
    if isinstance(error, httpcore2.ConnectTimeout):
        return SourceUnavailable(f"The platform did not accept a connection within {_seconds(clock.connect_seconds)}.")
    if isinstance(error, httpcore2.ConnectError):
        return _fault_of_connecting(error)
    if isinstance(error, httpcore2.TimeoutException):
        limit = min(clock.first_byte_seconds, clock.page_seconds)
        return SourceUnavailable(f"The platform did not answer within {_seconds(limit)}.")
    if isinstance(error, httpcore2.RemoteProtocolError):
        return BadAnswer("What the platform answered is not HTTP.")
    if isinstance(error, httpcore2.LocalProtocolError):
        return SourceRefused("The request holds characters that HTTP does not allow, so it was not sent.")
    return SourceUnavailable("The platform closed the connection without answering.")


def fault_within_body(error: Exception, clock: Clock) -> ConnectorError:
    """Return the error for a wire that broke while the body was arriving."""
    if not isinstance(error, httpcore2.TimeoutException):
        return SourceUnavailable(CUT_OFF)
    if clock.is_over():
        return SourceUnavailable(f"The platform's answer was not complete within {_seconds(clock.page_seconds)}.")
    return SourceUnavailable(
        f"The platform stopped in the middle of its answer for {_seconds(clock.first_byte_seconds)}."
    )


def _fault_of_connecting(error: Exception) -> ConnectorError:
    # The pool takes the cause off on its way up, so the backend puts it into the arguments too.
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return BadAnswer("The platform's certificate is not to be trusted.", upstream=cause.verify_message)
    if isinstance(cause, ssl.SSLError):
        return SourceUnavailable("The platform could not be reached over TLS.")
    return SourceUnavailable("The platform could not be reached.")


def _seconds(value: float) -> str:
    return "1 second" if value == 1 else f"{value:g} seconds"
