"""What an observer is told: one Exchange for each request, fit to be shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol

from syncengine.outbound.redaction import redact_headers, redact_url


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, fit to be shown: address, headers and excerpt hold no secrets."""

    sent_at: datetime
    method: str
    url: str
    status_code: int | None
    duration_ms: int
    response_bytes: int
    request_headers: dict[str, str]
    response_headers: dict[str, str]
    error_message: str
    excerpt: str


class Observer(Protocol):
    def progressed(self) -> None:
        """Any sign of life. Called often, from the thread that asked; what it raises ends the request."""

    def answered(self, exchange: Exchange) -> None:
        """Called once for each request that was sent or refused its address."""


@dataclass(slots=True)
class Draft:
    """An Exchange that is under way, still with its secrets."""

    method: str
    url: str
    request_headers: list[tuple[str, str]] = field(default_factory=list)
    secrets: tuple[str, ...] = ()
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started: float = field(default_factory=monotonic)
    status_code: int | None = None
    response_headers: list[tuple[str, str]] = field(default_factory=list)
    response_bytes: int = 0
    excerpt: str = ""

    def finished(self, error_message: str = "") -> Exchange:
        return Exchange(
            sent_at=self.sent_at,
            method=self.method,
            url=redact_url(self.url, self.secrets),
            status_code=self.status_code,
            duration_ms=round((monotonic() - self.started) * 1000),
            response_bytes=self.response_bytes,
            request_headers=redact_headers(self.request_headers, self.secrets),
            response_headers=redact_headers(self.response_headers, self.secrets),
            error_message=error_message,
            excerpt=self.excerpt,
        )
