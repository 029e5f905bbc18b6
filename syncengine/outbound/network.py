"""The wire below HTTP: resolve once, check every answer, connect to a checked literal, keep to the clock."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore2
from django.conf import settings

from syncengine.exceptions import AddressRefused, BadAnswer, SourceUnavailable
from syncengine.outbound.addresses import is_allowable, is_public
from syncengine.outbound.targets import Place

NOT_PUBLIC = "This address cannot be called: it does not lead to the public internet."
MAX_HEADER_BYTES = 64 * 1024
TOO_MANY_HEADERS = "The platform's answer begins with more than 64 KiB of headers."
_READ_BYTES = 256 * 1024
# Interim answers, the header block, and what of the body came along in the same reads.
_MAX_BYTES_BEFORE_BODY = 2 * _READ_BYTES


class Clock:
    """The time limits of one exchange at a time; shared by a Session and its connections. Times are monotonic."""

    def __init__(self) -> None:
        self.connect_seconds: float = settings.HEADRACE_CONNECT_SECONDS
        self.first_byte_seconds: float = settings.HEADRACE_FIRST_BYTE_SECONDS
        self.page_seconds: float = settings.HEADRACE_PAGE_SECONDS
        self._connect_by = self._headers_by = self._finish_by = 0.0
        self.in_headers = True
        self.bytes_before_body = 0
        self.wrote = False  # whether a byte of the request may have left

    def start(self) -> None:
        """Begin one exchange."""
        now = monotonic()
        self._connect_by = now + self.connect_seconds
        self._headers_by = now + self.first_byte_seconds
        self._finish_by = now + self.page_seconds
        self.in_headers = True
        self.bytes_before_body = 0

    def connected(self) -> None:
        self._headers_by = monotonic() + self.first_byte_seconds

    def headers_came(self) -> None:
        self.in_headers = False

    def is_over(self) -> bool:
        return monotonic() >= self._finish_by

    def seconds_to_connect(self) -> float:
        return min(self._connect_by, self._finish_by) - monotonic()

    def seconds_to_wait(self) -> float:
        """Return how long the next read or write may take; zero or less when the time is up."""
        now = monotonic()
        if self.in_headers:
            return min(self._headers_by, self._finish_by) - now
        return min(self.first_byte_seconds, self._finish_by - now)


class GuardedStream(httpcore2.NetworkStream):
    """A connection whose reads and writes end by the clock, however slowly the other side drips."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._sock = sock
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            self._sock.settimeout(_still(self._clock.seconds_to_wait()))
            # More than asked for: the parser takes any amount, and a page of 1 MB needs fewer rounds.
            data = self._sock.recv(max(max_bytes, _READ_BYTES))
        except TimeoutError as error:
            raise httpcore2.ReadTimeout from error
        except OSError as error:
            raise httpcore2.ReadError from error
        if self._clock.in_headers:
            self._watch_headers(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._clock.wrote = True
        try:
            self._sock.settimeout(_still(self._clock.seconds_to_wait()))
            self._sock.sendall(buffer)
        except TimeoutError as error:
            raise httpcore2.WriteTimeout from error
        except OSError as error:
            raise httpcore2.WriteError from error

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        try:
            self._sock.settimeout(_still(self._clock.seconds_to_connect()))
            sock = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except TimeoutError as error:
            self.close()
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            self.close()
            raise httpcore2.ConnectError(error) from error
        self._clock.connected()
        return GuardedStream(sock, self._clock)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._sock)
        return None

    def _watch_headers(self, data: bytes) -> None:
        if not data:
            raise httpcore2.ReadError("closed before the answer's headers were complete")
        self._clock.bytes_before_body += len(data)
        if self._clock.bytes_before_body > _MAX_BYTES_BEFORE_BODY:
            raise BadAnswer(TOO_MANY_HEADERS)


def _still(seconds: float) -> float:
    """Return a time-out as it stands; TimeoutError when it has passed already (zero would mean "do not block")."""
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _is_readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class GuardedBackend(httpcore2.NetworkBackend):
    """Connects to checked addresses only. TLS above it still speaks to, and verifies, the name."""

    def __init__(self, clock: Clock, allowed: frozenset[Place]) -> None:
        self._clock = clock
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in checked_addresses(host, port, self._allowed):
            try:
                sock = self._connect(address, port)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            self._clock.connected()
            return GuardedStream(sock, self._clock)
        raise failure or httpcore2.ConnectError("no address")

    def _connect(self, address: str, port: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(_still(self._clock.seconds_to_connect()))
            sock.connect((address, port))
        except TimeoutError as error:
            sock.close()
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            sock.close()
            raise httpcore2.ConnectError(error) from error
        return sock


def checked_addresses(host: str, port: int, allowed: frozenset[Place]) -> list[str]:
    """Resolve a name once and return its addresses, in the resolver's order, all of them fit to be called.

    Raises: AddressRefused when a single one is not (a name that also leads inside is up to no good);
    SourceUnavailable when the name has no address.
    """
    fit = is_allowable if (host, port) in allowed else is_public
    answers = resolve(host, port)
    if not all(fit(answer) for answer in answers):
        raise AddressRefused(NOT_PUBLIC)
    return answers


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, without repeats. Literals come back as they are."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise SourceUnavailable("The platform's host name could not be found.") from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))
