"""Whatever a platform sends, a Session ends in time, within its memory, with the error that fits."""

from __future__ import annotations

import gzip
import itertools
import socket
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from syncengine.exceptions import BadAnswer, ConnectorError, SourceUnavailable
from syncengine.outbound import Session
from tests.syncengine.outbound.conftest import answer

HEAD = b"HTTP/1.1 200 OK\r\n"
CUT = "The connection was cut before the platform's answer was complete."
NOT_HTTP = "What the platform answered is not HTTP."
CLOSED = "The platform closed the connection without answering."


def failure_of(session: Session, url: str) -> tuple[type[ConnectorError], str]:
    with pytest.raises(ConnectorError) as failure:
        session.request("GET", url)
    return type(failure.value), failure.value.headline


def pouring(*parts: Iterator[bytes] | bytes, pause: float = 0.0):
    """A script that sends part after part, until the other side has had enough."""

    def script(connection: socket.socket, number: int) -> None:
        for part in parts:
            for piece in [part] if isinstance(part, bytes) else part:
                connection.sendall(piece)
                if pause:
                    time.sleep(pause)

    return script


# --- packed bodies


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello" * 1000, mtime=0)),
        ("x-gzip", gzip.compress(b"hello" * 1000, mtime=0)),
        ("GZIP", gzip.compress(b"hello" * 400, mtime=0) + gzip.compress(b"hello" * 600, mtime=0)),
        ("deflate", zlib.compress(b"hello" * 1000)),
        ("deflate", zlib.compress(b"hello" * 1000, wbits=-15)),
        ("identity", b"hello" * 1000),
    ],
)
def test_packed_answers_come_back_plain(upstream, session, coding, packed):
    upstream.script = answer(body=packed, Content_Encoding=coding)
    assert session.request("GET", upstream.url).body == b"hello" * 1000


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_001])
def test_every_byte_of_a_chunked_answer_arrives(upstream, session, size):
    body = bytes(itertools.islice(itertools.cycle(range(251)), size))
    chunks = [body[at : at + 10_007] for at in range(0, size, 10_007)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    upstream.script = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    assert session.request("GET", upstream.url).body == body


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress", "x" * 500])
def test_a_coding_nobody_asked_for_is_a_bad_answer(upstream, session, coding):
    upstream.script = answer(body=b"x", Content_Encoding=coding)
    expected = f"The platform packs its answer as {coding[:40]}, which was not asked for."
    assert failure_of(session, upstream.url) == (BadAnswer, expected)


@pytest.mark.parametrize("packed", [b"not gzip at all", gzip.compress(b"x" * 999, mtime=0) + b"junk"])
def test_what_cannot_be_unpacked_is_a_bad_answer(upstream, session, packed):
    upstream.script = answer(body=packed, Content_Encoding="gzip")
    assert failure_of(session, upstream.url) == (BadAnswer, "The platform's answer cannot be unpacked.")


def test_a_packed_answer_that_stops_early_may_be_asked_for_again(upstream, session):
    upstream.script = answer(body=gzip.compress(b"hello" * 1000, mtime=0)[:-12], Content_Encoding="gzip")
    assert failure_of(session, upstream.url) == (SourceUnavailable, CUT)


# --- sizes


@pytest.mark.parametrize("coding", ["identity", "gzip", "deflate"])
def test_a_body_may_be_as_large_as_the_limit_and_not_a_byte_larger(upstream, coding):
    pack = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[coding]
    with Session(max_bytes=100_000) as session:
        upstream.script = answer(body=pack(b"x" * 100_000), Content_Encoding=coding)
        assert session.request("GET", upstream.url).body == b"x" * 100_000
        upstream.script = answer(body=pack(b"x" * 100_001), Content_Encoding=coding)
        with pytest.raises(BadAnswer, match=r"^The platform's answer is larger than 100,000 bytes\.$"):
            session.request("GET", upstream.url)


def test_a_gzip_bomb_stops_at_the_limit(upstream):
    squeezed = zlib.compressobj(9, wbits=31)
    bomb = b"".join(squeezed.compress(bytes(1 << 20)) for _ in range(128)) + squeezed.flush()
    upstream.script = answer(body=bomb, Content_Encoding="gzip")
    tracemalloc.start()
    try:
        with Session(max_bytes=4 << 20) as small:
            assert failure_of(small, upstream.url) == (BadAnswer, "The platform's answer is larger than 4 MiB.")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20


def test_a_bomb_of_empty_members_stops_at_the_limit(upstream):
    upstream.script = pouring(
        HEAD + b"Content-Encoding: gzip\r\n\r\n", itertools.repeat(gzip.compress(b"", mtime=0) * 500)
    )
    with Session(max_bytes=200_000) as session:
        assert failure_of(session, upstream.url)[0] is BadAnswer


def test_an_endless_body_stops_at_64_mib(upstream, session):
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield bytes(1 << 20)

    upstream.script = pouring(HEAD + b"\r\n", endless())
    assert failure_of(session, upstream.url) == (BadAnswer, "The platform's answer is larger than 64 MiB.")
    assert sent < 80 << 20


def test_a_body_that_announces_too_much_is_not_read_at_all(upstream, session, notes):
    upstream.script = HEAD + b"Content-Length: 67108865\r\n\r\n" + b"x" * 1000
    assert failure_of(session, upstream.url) == (BadAnswer, "The platform's answer is larger than 64 MiB.")
    assert notes.exchanges[0].response_bytes == 0


def test_a_large_refusal_is_read_for_its_excerpt_only(upstream, session, notes):
    upstream.script = answer("500 Oops", b"word " * 2_000_000)
    assert failure_of(session, upstream.url)[0] is SourceUnavailable
    assert (len(notes.exchanges[0].excerpt), notes.exchanges[0].response_bytes < 1 << 20) == (1999, True)


@pytest.mark.parametrize(
    "body",
    [b"\xff" * 100, gzip.compress(b"why " * 10, mtime=0)[:-9]],
    ids=["not gzip", "cut gzip"],
)
def test_a_refusal_keeps_its_meaning_when_its_body_is_broken(upstream, session, body):
    upstream.script = answer("403 Forbidden", body, Content_Encoding="gzip")
    with pytest.raises(ConnectorError) as failure:
        session.request("GET", upstream.url)
    assert (failure.value.status_code, failure.value.headline) == (403, "The platform does not let us read this.")


# --- headers and framing


def test_endless_headers_stop(upstream, session):
    upstream.script = pouring(HEAD, (b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in itertools.count()))
    assert failure_of(session, upstream.url)[0] is BadAnswer


def test_a_header_line_without_end_stops(upstream, session):
    upstream.script = pouring(HEAD + b"X-Long: ", itertools.repeat(b"y" * 10_000))
    assert failure_of(session, upstream.url)[0] is BadAnswer


def test_more_than_64_kib_of_headers_are_too_many(upstream, session):
    upstream.script = answer(X_Long="y" * 70_000)
    expected = (BadAnswer, "The platform's answer begins with more than 64 KiB of headers.")
    assert failure_of(session, upstream.url) == expected


def test_interim_answers_without_end_stop(upstream, session):
    upstream.script = pouring(itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 100))
    expected = (BadAnswer, "The platform's answer begins with more than 64 KiB of headers.")
    assert failure_of(session, upstream.url) == expected


@pytest.mark.parametrize(
    ("sent", "kind", "headline"),
    [
        (b"", SourceUnavailable, CLOSED),
        (b"HTTP/1.1 200 OK\r\nContent-Le", SourceUnavailable, CLOSED),
        (HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 99, SourceUnavailable, CUT),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", SourceUnavailable, CUT),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", SourceUnavailable, CUT),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", SourceUnavailable, CUT),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", SourceUnavailable, CUT),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", BadAnswer, NOT_HTTP),
        (b"220 mail.example ESMTP\r\n\r\n", BadAnswer, NOT_HTTP),
        (b"-ERR unknown command\r\n\r\n", BadAnswer, NOT_HTTP),
        (b"\x16\x03\x01\x02\x00\x01" * 50 + b"\r\n\r\n", BadAnswer, NOT_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", BadAnswer, NOT_HTTP),
        (b"HTTP/1.1 999999 Odd\r\n\r\n", BadAnswer, NOT_HTTP),
        (HEAD + b"Content-Length: -1\r\n\r\n", BadAnswer, NOT_HTTP),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", BadAnswer, NOT_HTTP),
        (HEAD + b"Bad Header: 1\r\n\r\n", BadAnswer, NOT_HTTP),
        (HEAD + b"X: a\x00b\r\n\r\n", BadAnswer, NOT_HTTP),
    ],
)  # fmt: skip
def test_a_broken_wire_is_named_for_what_it_is(upstream, session, notes, sent, kind, headline):
    upstream.script = pouring(sent)
    assert failure_of(session, upstream.url) == (kind, headline)
    assert [exchange.error_message for exchange in notes.exchanges] == [headline]


def test_after_a_broken_answer_the_next_one_is_fine(upstream, session):
    upstream.script = pouring(HEAD + b"Content-Length: 100\r\n\r\nx")
    failure_of(session, upstream.url)
    upstream.script = answer(body=b"fine")
    assert session.request("GET", upstream.url).body == b"fine"


def test_nobody_listening_is_a_fault_that_may_pass(settings):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    settings.HEADRACE_OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]
    with Session() as session:
        expected = (SourceUnavailable, "The platform could not be reached.")
        assert failure_of(session, f"http://127.0.0.1:{port}/") == expected


# --- time


def timed(session: Session, url: str) -> tuple[type[ConnectorError], str, bool]:
    started = time.monotonic()
    failure = failure_of(session, url)
    return *failure, time.monotonic() - started < 1.0


@pytest.fixture
def hurried(upstream, settings) -> Iterator[Session]:
    settings.HEADRACE_FIRST_BYTE_SECONDS = 0.2
    settings.HEADRACE_PAGE_SECONDS = 0.4
    with Session() as session:
        yield session


def test_no_answer_at_all_ends_in_time(upstream, hurried):
    upstream.script = lambda connection, number: time.sleep(0.6)
    expected = (SourceUnavailable, "The platform did not answer within 0.2 seconds.", True)
    assert timed(hurried, upstream.url) == expected


def test_dripping_headers_end_in_time(upstream, hurried):
    upstream.script = pouring(HEAD, itertools.repeat(b"X: y\r\n", 100), pause=0.02)
    expected = (SourceUnavailable, "The platform did not answer within 0.2 seconds.", True)
    assert timed(hurried, upstream.url) == expected


def test_a_dripping_body_ends_in_time(upstream, hurried):
    upstream.script = pouring(HEAD + b"Content-Length: 1000\r\n\r\n", itertools.repeat(b"x", 100), pause=0.02)
    expected = (SourceUnavailable, "The platform's answer was not complete within 0.4 seconds.", True)
    assert timed(hurried, upstream.url) == expected


def test_a_body_that_stalls_ends_in_time(upstream, hurried):
    upstream.script = lambda connection, number: (
        connection.sendall(HEAD + b"Content-Length: 9\r\n\r\nx"),
        time.sleep(0.6),
    )
    expected = (SourceUnavailable, "The platform stopped in the middle of its answer for 0.2 seconds.", True)
    assert timed(hurried, upstream.url) == expected


def test_a_torrent_of_tiny_chunks_ends_in_time(upstream, hurried):
    upstream.script = pouring(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", itertools.repeat(b"1\r\nx\r\n" * 10_000))
    expected = (SourceUnavailable, "The platform's answer was not complete within 0.4 seconds.", True)
    assert timed(hurried, upstream.url) == expected


def test_a_full_accept_queue_ends_in_time(settings):
    settings.HEADRACE_CONNECT_SECONDS = 0.2
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        settings.HEADRACE_OUTBOUND_ALLOW = [f"127.0.0.1:{port}"]
        fillers = [_connecting(port) for _ in range(3)]
        with Session() as session:
            expected = (SourceUnavailable, "The platform did not accept a connection within 0.2 seconds.", True)
            assert timed(session, f"http://127.0.0.1:{port}/") == expected
        for filler in fillers:
            filler.close()


def _connecting(port: int) -> socket.socket:
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex(("127.0.0.1", port))
    return filler
