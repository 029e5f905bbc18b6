"""The HTTP server: one thread for each connection, HTTP/1.1 with keep-alive.

The standard library's server, because the switches need the bare socket: to wait before the first byte, to drip, and to
cut a connection in the middle of a body.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from syncengine.sandbox.control import PREFIX, Control
from syncengine.sandbox.messages import Answer, Refusal, Request, flat
from syncengine.sandbox.options import Options
from syncengine.sandbox.platform import Platform

_MOST_BODY_BYTES = 8 << 20


class SandboxServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, host: str, port: int, options: Options) -> None:
        self.platform = Platform(options)
        self.control = Control(self.platform)
        self.is_stopping: Event = self.platform.is_stopping
        self._open: set[socket.socket] = set()
        self._gone = Condition()
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def server_bind(self) -> None:
        """As the base class does it, without its look-up of the host's name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._gone:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._gone:
            self._open.discard(request)
            self._gone.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet about callers who hang up; loud about everything else."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop listening and hang up on everybody."""
        self.is_stopping.set()
        self.shutdown()
        self.server_close()
        with self._gone:
            callers = list(self._open)
        for caller in callers:
            try:
                caller.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # gone already
        self._wait_until_all_are_gone(seconds=2)

    def _wait_until_all_are_gone(self, seconds: float) -> None:
        with self._gone:
            self._gone.wait_for(lambda: not self._open, timeout=seconds)


class Handler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 120

    def _serve(self) -> None:
        request = self._request()
        if request is None:
            return
        handler = self.server.control if request.path.startswith(PREFIX) else self.server.platform
        self._send(handler.handle(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _request(self) -> Request | None:
        """The request, or None when it was so wrong that it has been answered and the connection closed."""
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _MOST_BODY_BYTES:
            self.close_connection = True
            self._send(Refusal(413, "too_large", "The body is too large, or its length is no number.").answer())
            return None
        parts = urlsplit(self.path)
        return Request(
            method="GET" if self.command == "HEAD" else self.command,
            path=unquote(parts.path),
            query=flat(parts.query),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            base_url=f"http://{self.headers.get('Host') or self.server.url.removeprefix('http://')}",
        )

    def _send(self, answer: Answer) -> None:
        delivery = answer.delivery
        if delivery.reset:
            self._reset()
            return
        if delivery.wait and self.server.is_stopping.wait(delivery.wait):
            return
        whole = answer.body if isinstance(answer.body, bytes) else None
        self._begin(answer, len(whole) if whole is not None else answer.length or 0)
        if self.command == "HEAD":
            self.end_headers()
        elif whole is not None and not delivery.piece and delivery.cut_after is None:
            self._end_headers_with(whole)
        else:
            self.end_headers()
            self._send_pieces(answer)

    def _reset(self) -> None:
        """Hang up with a reset, as a machine does whose power fails: nothing that was written is flushed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _begin(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        if answer.delivery.cut_after is not None or self.server.is_stopping.is_set():
            self.close_connection = True

    def _end_headers_with(self, body: bytes) -> None:
        """Headers and body in one write: one packet for a small answer."""
        self._headers_buffer: list[bytes]
        self._headers_buffer.append(b"\r\n" + body)
        self.flush_headers()

    def _send_pieces(self, answer: Answer) -> None:
        body, delivery = answer.body, answer.delivery
        if delivery.cut_after is not None and isinstance(body, bytes):
            self.wfile.write(body[: delivery.cut_after])
            return
        for piece in _pieces(body, delivery.piece):
            self.wfile.write(piece)
            if delivery.pause and self.server.is_stopping.wait(delivery.pause):
                self.close_connection = True
                return

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept in the platform's own log."""


def _pieces(body: bytes | Iterable[bytes], size: int) -> Iterator[bytes]:
    if not isinstance(body, bytes):
        yield from body
        return
    for start in range(0, len(body), size):
        yield body[start : start + size]


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox served from a thread of this process."""

    url: str
    platform: Platform
    _server: SandboxServer
    _thread: Thread

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(timeout=5)


def start(port: int = 0, *, host: str = "127.0.0.1", **options: Any) -> RunningSandbox:
    """Serve from a thread; port 0 takes a free one. `options` are the members of Options."""
    server = SandboxServer(host, port, Options(**options))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True)
    thread.start()
    return RunningSandbox(server.url, server.platform, server, thread)
