"""A Session that speaks through a connector: the same answers and the same errors as one that connects itself."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.db import connections, transaction

from syncengine.actions.relaying import Introduction, show, take
from syncengine.actions.relaying import answer as hand_in
from syncengine.connectors.base import HttpAnswer
from syncengine.exceptions import (
    AddressRefused,
    AuthExpired,
    BadAnswer,
    ConnectorError,
    ConnectorMissing,
    SourceRefused,
    SourceUnavailable,
)
from syncengine.models import Integration, RelayedRequest
from syncengine.outbound import Session
from tests.factories import make_integration
from tests.offline.connectors import make_offline, running_connector, wait_until
from tests.syncengine.outbound.conftest import Notes, answer, notes, upstream

__all__ = ["notes", "upstream"]
pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "the-token-of-the-platform"


@pytest.fixture
def integration(upstream, settings, tmp_path) -> Integration:
    settings.HEADRACE_OUTBOUND_ALLOW = []  # nothing here may connect to it
    found = make_integration("mqjo", settings={"base_url": upstream.url})
    make_offline(found, tmp_path)
    return Integration.objects.get(pk=found.pk)


@pytest.fixture
def session(integration, upstream, notes) -> Iterator[Session]:
    authorization = {"Authorization": f"Bearer {TOKEN}"}
    with Session(integration=integration, origin=upstream.url, authorization=authorization, observer=notes) as session:
        yield session


def failure_of(session: Session, url: str, **options: object) -> tuple[type[ConnectorError], str, bool]:
    with pytest.raises(ConnectorError) as failure:
        session.request("POST", url, json={"a": 1}, **options)
    return type(failure.value), failure.value.headline, failure.value.sent


@pytest.fixture
def connector(live_server, integration, upstream, tmp_path):
    with running_connector(live_server.url, tmp_path / "mqjo.key", upstream.url) as running:
        yield running


def test_a_request_arrives_as_written_and_its_answer_comes_back_whole(upstream, session, notes, connector):
    body = gzip.compress(b'{"a": "\xc3\xa9"}')
    upstream.script = answer(body=body, Content_Encoding="gzip", X_Note="caf\xe9", Set_Cookie="a=b")
    got = session.request("POST", f"{upstream.url}/v1/x%20y", params=[("q", "a b&c")], content=("text/x", b"\0\xff"))
    assert (got.status, got.body, got.url) == (200, b'{"a": "\xc3\xa9"}', f"{upstream.url}/v1/x%20y?q=a%20b%26c")
    assert got.headers["x-note"] == "cafÃ©"
    [seen] = upstream.seen
    assert (seen.line, seen.body) == ("POST /v1/x%20y?q=a%20b%26c HTTP/1.1", b"\0\xff")
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert (seen.headers["content-length"], seen.headers["content-type"]) == ("2", "text/x")
    assert seen.headers["host"] == upstream.place
    [exchange] = notes.exchanges
    assert (exchange.status_code, exchange.response_bytes) == (200, len(body))
    assert TOKEN not in str(exchange)
    assert RelayedRequest.objects.count() == 0


def test_errors_are_those_of_a_session_that_connects_itself(upstream, session, connector, settings):
    gone = socket.create_server(("127.0.0.1", 0))
    gone.close()
    scripts = [
        (answer("401 Unauthorized"), AuthExpired, "The platform no longer accepts our authorisation."),
        (
            answer("302 Found", Location="http://127.0.0.1:1/"),
            SourceRefused,
            "The platform points to another address, which is not followed.",
        ),
        (answer("500 No", b"x" * 100), SourceUnavailable, "The platform failed to answer (status 500)."),
        (b"this is no HTTP\r\n\r\n", BadAnswer, "What the platform answered is not HTTP."),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
            SourceUnavailable,
            "The connection was cut before the platform's answer was complete.",
        ),
        (answer(body=b"x" * 70), BadAnswer, "The platform's answer is larger than 64 bytes."),
    ]
    for script, kind, words in scripts:
        whole = script

        def talk(connection: socket.socket, number: int, script: bytes = whole) -> None:
            connection.sendall(script)

        upstream.script = talk
        assert failure_of(session, f"{upstream.url}/", max_bytes=64) == (kind, words, True)


def test_a_platform_that_says_nothing_is_not_waited_for_longer_than_usual(
    live_server, integration, upstream, tmp_path, settings
):
    settings.HEADRACE_FIRST_BYTE_SECONDS = 0.5
    upstream.script = lambda connection, number: time.sleep(2)
    with (
        running_connector(live_server.url, tmp_path / "mqjo.key", upstream.url),
        Session(integration=integration) as session,
    ):
        kind, words, sent = failure_of(session, f"{upstream.url}/")
    assert (kind, words, sent) == (SourceUnavailable, "The platform did not answer the connector in time.", True)


def test_the_connector_calls_what_it_was_started_for_and_nothing_else(upstream, integration, connector):
    other = socket.create_server(("127.0.0.1", 0))
    with other, Session(integration=integration) as session:
        for url in (f"http://127.0.0.1:{other.getsockname()[1]}/", f"http://localhost:{upstream.port}/"):
            assert failure_of(session, url) == (
                AddressRefused,
                "The connector on the customer's machine was not started for this address.",
                False,
            )
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert upstream.seen == []


def test_a_platform_that_cannot_be_reached_was_sent_nothing(live_server, integration, tmp_path):
    gone = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    gone.close()
    with (
        running_connector(live_server.url, tmp_path / "mqjo.key", url),
        Session(integration=integration) as session,
    ):
        assert failure_of(session, f"{url}/") == (
            SourceUnavailable,
            "The platform could not be reached from the customer's machine.",
            False,
        )


def test_without_a_connector_nothing_leaves_and_nobody_waits(session, upstream):
    began = time.monotonic()
    kind, words, sent = failure_of(session, f"{upstream.url}/")
    assert (kind, sent) == (ConnectorMissing, False)
    assert words == "Waiting for the connector on the customer's machine, which was never seen yet."
    assert time.monotonic() - began < 1
    assert RelayedRequest.objects.count() == 0


def test_a_request_that_nobody_takes_is_withdrawn(session, upstream, integration, settings):
    settings.HEADRACE_CONNECTOR_MISSING_SECONDS = 1.2
    show(integration, Introduction(uuid4()))
    assert failure_of(session, f"{upstream.url}/")[::2] == (ConnectorMissing, False)
    assert RelayedRequest.objects.count() == 0


def test_a_connector_that_is_too_busy_is_told_apart_from_one_that_is_missing(integration, upstream, settings):
    settings.HEADRACE_FIRST_BYTE_SECONDS = 0.2
    show(integration, Introduction(uuid4()))
    with Session(integration=integration) as session:
        assert failure_of(session, f"{upstream.url}/") == (
            SourceUnavailable,
            "The connector on the customer's machine was too busy to take the request within 0.2 seconds.",
            False,
        )


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b'{"failure": "whatever"}\n', "The connection was cut before the platform's answer was complete."),
        (b'{"status": 200}\n' + b"x" * 2000, "The platform's answer is larger than 1,000 bytes."),
        (
            b'{"status": 200, "headers": [["x", "' + b"y" * 70_000 + b'"]]}\n',
            "The platform's answer begins with more than 64 KiB of headers.",
        ),
        (
            b'{"status": 200, "headers": [["content-encoding", "gzip"]]}\nnot packed',
            "The platform's answer cannot be unpacked.",
        ),
    ],
)
def test_what_a_hostile_connector_says_is_judged_like_a_hostile_platform(integration, upstream, settings, frame, words):
    settings.HEADRACE_MAX_PAGE_BYTES = 1000
    with ByHand(integration, frame) as taken, Session(integration=integration) as session:
        assert failure_of(session, f"{upstream.url}/")[1:] == (words, True)
    assert TOKEN not in str(taken)


def test_what_is_laid_down_cannot_be_read_in_the_table(integration, upstream, session):
    with ByHand(integration, b'{"status": 200, "headers": []}\nsecret answer') as taken:
        got = session.request("POST", f"{upstream.url}/", json={"iban": "GB33BUKB20201555555555"})
    assert got == HttpAnswer(200, {}, b"secret answer", f"{upstream.url}/")
    assert taken["stored"]
    for stored in taken["stored"]:
        assert TOKEN.encode() not in stored
        assert b"GB33BUKB" not in stored
        assert b"secret answer" not in stored


def test_inside_a_transaction_it_would_wait_for_ever_so_it_refuses(session, upstream):
    with transaction.atomic(), pytest.raises(RuntimeError, match="cannot be in a transaction"):
        session.request("GET", f"{upstream.url}/")


class ByHand:
    """A connector that takes the next request and answers it with this frame, whatever it asks."""

    def __init__(self, integration: Integration, frame: bytes) -> None:
        self.integration, self.frame = integration, frame
        self.who = Introduction(uuid4())
        self.found: dict[str, list[bytes]] = {"stored": []}

    def __enter__(self) -> dict[str, list[bytes]]:
        self.process = show(self.integration, self.who)
        self.thread = threading.Thread(target=self._answer)
        self.thread.start()
        return self.found

    def __exit__(self, *error: object) -> None:
        self.thread.join(10)

    def _answer(self) -> None:
        try:
            wait_until(lambda: RelayedRequest.objects.exists(), "laid down")
            [(request_id, _)] = take(self.integration, self.process, 1)
            self._keep(request_id)
            hand_in(self.integration, self.who.run, request_id, self.frame)
            self._keep(request_id)
        finally:
            connections.close_all()

    def _keep(self, request_id: object) -> None:
        row = RelayedRequest.objects.filter(pk=request_id).first()
        if row is not None:
            self.found["stored"] += [bytes(row.question), bytes(row.answer)]


def test_progress_is_shown_while_it_waits(integration, upstream, notes: Notes):
    with ByHand(integration, b'{"status": 200}\n'), Session(integration=integration, observer=notes) as session:
        session.request("GET", f"{upstream.url}/")
    assert notes.progress > 1
