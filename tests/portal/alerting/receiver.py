"""Endpoints to be told: a real HTTP server whose paths behave well and badly, and which remembers what came."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """answers: what a path answers, by its first segment; see `_Handler._behave` for the words."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.lock = threading.Lock()
        self.counts: dict[str, int] = defaultdict(int)
        self.statuses: dict[str, list[int]] = {}
        self.retry_after: dict[str, str] = {}
        self.delays: dict[str, float] = {}
        self.leads_to: dict[str, tuple[int, str]] = {}  # path → status and Location
        self.flaky = 3  # how often "flaky" fails each message before it takes it
        self.by_message: dict[str, int] = defaultdict(int)
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.receiver = self
        self.port = self.server.server_address[1]
        self.place = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path: str) -> str:
        return f"http://{self.place}/{path}"

    def at(self, path: str) -> list[Received]:
        with self.lock:
            return [one for one in self.received if one.path == f"/{path}"]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        receiver = self.server.receiver
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died while it sent: this is no request
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        with receiver.lock:
            receiver.received.append(Received(self.path, headers, body, time.time()))
            receiver.counts[self.path] += 1
            count = receiver.counts[self.path]
            receiver.by_message[headers.get("webhook-id", "")] += 1
            tried = receiver.by_message[headers.get("webhook-id", "")]
        name = self.path.strip("/")
        time.sleep(receiver.delays.get(name, 0))
        if name in receiver.leads_to:
            status, location = receiver.leads_to[name]
            self._answer(status, b"", location=location)
        elif name == "flaky":
            self._answer(503 if tried <= receiver.flaky else 200, b"{}")
        else:
            self._behave(name.partition("/")[0], name, count)

    def _behave(self, kind: str, name: str, count: int) -> None:
        receiver = self.server.receiver
        match kind:
            case "stall":
                time.sleep(receiver.delays.get("stall", 60))
                self.close_connection = True
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
            case "redirect":
                self._answer(302, b"", location="http://169.254.169.254/latest/meta-data/")
            case "huge":
                self._huge()
            case "drip":
                self._drip()
            case "garbage":
                self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
                self.close_connection = True
            case _:
                statuses = receiver.statuses.get(name, [200])
                extra = {"retry_after": receiver.retry_after[name]} if name in receiver.retry_after else {}
                self._answer(statuses[min(count, len(statuses)) - 1], b'{"seen": true}', **extra)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _huge(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(64 * 1024 * 1024))
        self.end_headers()
        for _ in range(1024):
            self.wfile.write(b"x" * 65_536)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(600):
            self.wfile.write(b"x-slow: 1\r\n")
            time.sleep(0.05)


def is_signed(received: Received, secret: str, *, now: float | None = None) -> bool:
    """Verify by the specification alone, with nothing of the package that signed."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = received.headers["webhook-timestamp"]
    if abs((time.time() if now is None else now) - int(stamp)) > 300:
        return False
    signed = b".".join([received.id.encode(), stamp.encode(), received.body])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(wanted, given) for given in received.headers["webhook-signature"].split(" "))
