"""A platform that says exactly the bytes it is told to, on a loopback port of its own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncengine.outbound import Exchange, Session

type Script = bytes | Callable[[socket.socket, int], None]


def answer(status: str = "200 OK", body: bytes = b"{}", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Seen:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Upstream:
    """Answers every request with `script`: bytes, or a function of the connection and the request's number."""

    listener: socket.socket
    script: Script = field(default_factory=answer)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=[connection], daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        with connection:
            try:
                while (request := _read_request(connection)) is not None:
                    self.seen.append(request)
                    if callable(self.script):
                        self.script(connection, len(self.seen))
                        return
                    connection.sendall(self.script)
            except OSError:
                return


def _read_request(connection: socket.socket) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (text.split(": ", 1) for text in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    return Seen(line, headers, body)


@pytest.fixture
def upstream(settings: Any) -> Iterator[Upstream]:
    listener = socket.create_server(("127.0.0.1", 0))
    upstream = Upstream(listener)
    settings.HEADRACE_OUTBOUND_ALLOW = [upstream.place]
    thread = threading.Thread(target=upstream.serve, daemon=True)
    thread.start()
    yield upstream
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


class Notes:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.progress = 0
        self.exchanges: list[Exchange] = []

    def progressed(self) -> None:
        self.progress += 1

    def answered(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def session(upstream: Upstream, notes: Notes) -> Iterator[Session]:
    with Session(observer=notes) as session:
        yield session


@dataclass
class TlsServer:
    listener: socket.socket
    certificate: Path
    context: ssl.SSLContext
    seen: list[tuple[str, str]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def serve(self) -> None:
        self.context.sni_callback = lambda sock, name, context: self.seen.append(("sni", name))
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    with self.context.wrap_socket(connection, server_side=True) as secured:
                        request = _read_request(secured)
                        self.seen.append(("host", request.headers["host"]))
                        secured.sendall(answer(Connection="close"))
                except OSError:
                    continue


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[TlsServer]:
    """A TLS server whose certificate is for platform.example, and is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "platform.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("platform.example")]), critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "certificate.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    server = TlsServer(socket.create_server(("127.0.0.1", 0)), tmp_path / "certificate.pem", context)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    thread.join(5)
