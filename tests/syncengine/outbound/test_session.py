"""What a Session sends, what it makes of each status, and what it tells."""

from __future__ import annotations

import datetime as dt
import ssl
from decimal import Decimal
from email.utils import format_datetime

import pytest

from syncengine import limits
from syncengine.connectors.base import HttpAnswer
from syncengine.exceptions import (
    AddressRefused,
    AuthExpired,
    BadAnswer,
    ConnectorError,
    PermissionMissing,
    RateLimited,
    SourceRefused,
    SourceUnavailable,
)
from syncengine.limits import Budget
from syncengine.outbound import Exchange, Session
from tests.syncengine.outbound.conftest import answer


def failure_of(session: Session, url: str, **options: object) -> ConnectorError:
    with pytest.raises(ConnectorError) as failure:
        session.request("GET", url, **options)
    return failure.value


# --- requests


def test_a_request_is_sent_as_asked_and_its_answer_comes_back_whole(upstream, session):
    upstream.script = answer(body=b'{"a": 1}', Content_Type="application/json", X_Page="1")
    got = session.request("GET", f"{upstream.url}/v1/invoices", headers={"X-Tenant": "t-1"})
    assert got == HttpAnswer(
        status=200,
        headers={"content-length": "8", "content-type": "application/json", "x-page": "1"},
        body=b'{"a": 1}',
        url=f"{upstream.url}/v1/invoices",
    )
    [seen] = upstream.seen
    assert (seen.line, seen.headers) == (
        "GET /v1/invoices HTTP/1.1",
        {
            "host": upstream.place,
            "user-agent": "Headrace/0.1.0",
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
            "x-tenant": "t-1",
        },
    )


def test_parameters_are_added_in_order_and_keep_every_character(upstream, session):
    params = [("where", "a+b = 'c&d'"), ("id", "2"), ("id", "1"), ("$filter", "ü/é"), ("page[size]", "10")]
    session.request("GET", f"{upstream.url}/x?fixed=a%20b+c", params=params)
    expected = "where=a%2Bb%20%3D%20%27c%26d%27&id=2&id=1&$filter=%C3%BC%2F%C3%A9&page[size]=10"
    assert upstream.seen[0].line == f"GET /x?fixed=a%20b+c&{expected} HTTP/1.1"


def test_json_is_sent_with_exact_numbers(upstream, session):
    session.request("POST", upstream.url, json={"total": Decimal("10.10"), "name": "Zoë"})
    [seen] = upstream.seen
    assert (seen.line, seen.headers["content-type"], seen.body) == (
        "POST / HTTP/1.1",
        "application/json",
        '{"total":10.10,"name":"Zoë"}'.encode(),
    )


def test_a_form_is_sent_encoded(upstream, session):
    session.request("POST", upstream.url, form={"grant_type": "a b", "code": "1+2&3"})
    [seen] = upstream.seen
    assert (seen.headers["content-type"], seen.body) == (
        "application/x-www-form-urlencoded",
        b"grant_type=a+b&code=1%2B2%263",
    )


def test_connections_are_kept_and_cookies_are_not(upstream, session):
    upstream.script = answer(Set_Cookie="sid=1; Path=/")
    for _ in range(3):
        session.request("GET", upstream.url)
    assert (upstream.connections, [seen.headers.get("cookie") for seen in upstream.seen]) == (1, [None] * 3)


def test_proxies_and_credentials_of_the_environment_are_ignored(upstream, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Session() as session:
        session.request("GET", upstream.url)
    assert upstream.seen[0].line == "GET / HTTP/1.1"


def test_a_header_cannot_smuggle_another_request(upstream, session):
    failure = failure_of(session, upstream.url, headers={"X-Name": "a\r\nHost: inside"})
    assert (type(failure), failure.headline, upstream.seen) == (
        SourceRefused,
        "The request holds characters that HTTP does not allow, so it was not sent.",
        [],
    )


# --- statuses


@pytest.mark.parametrize(
    ("status", "kind", "headline"),
    [
        ("400 Bad Request", SourceRefused, "The platform found our request wrong."),
        ("401 Unauthorized", AuthExpired, "The platform no longer accepts our authorisation."),
        ("403 Forbidden", PermissionMissing, "The platform does not let us read this."),
        ("404 Not Found", SourceRefused, "The platform does not know what we asked for."),
        ("408 Timeout", SourceUnavailable, "The platform failed to answer (status 408)."),
        ("410 Gone", SourceRefused, "The platform no longer offers what we asked for."),
        ("418 Teapot", SourceRefused, "The platform refused our request (status 418)."),
        ("422 Unprocessable", SourceRefused, "The platform found our request wrong."),
        ("429 Too Many", RateLimited, "The platform asks us to slow down."),
        ("500 Oops", SourceUnavailable, "The platform failed to answer (status 500)."),
        ("503 Down", SourceUnavailable, "The platform failed to answer (status 503)."),
        ("599 ?", SourceUnavailable, "The platform failed to answer (status 599)."),
    ],
)
def test_each_status_is_the_error_it_means(upstream, session, status, kind, headline):
    upstream.script = answer(status, b"why not")
    failure = failure_of(session, upstream.url)
    assert (type(failure), failure.headline, failure.status_code, failure.upstream) == (
        kind,
        headline,
        int(status[:3]),
        "why not",
    )


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_an_expected_status_comes_back(upstream, session, status):
    upstream.script = answer(f"{status} X", b"body")
    got = session.request("GET", upstream.url, accept=[status])
    assert (got.status, got.body) == (status, b"body")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://169.254.169.254/latest?token=abcdef", "Location: http://169.254.169.254/latest?token=***"),
        ("//user:hunter22@127.0.0.1:6379/", "Location: //127.0.0.1:6379/"),
        ("/login?next=1", "Location: /login?next=1"),
    ],
)
def test_redirects_are_refused_and_say_where_they_point(upstream, session, status, location, shown):
    upstream.script = answer(f"{status} Moved", b"", Location=location)
    failure = failure_of(session, upstream.url)
    assert (type(failure), failure.headline, failure.upstream, len(upstream.seen)) == (
        SourceRefused,
        "The platform points to another address, which is not followed.",
        shown,
        1,
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("7", 7.0), ("1.5", 1.5), ("3600", 3600.0), ("86400", 3600.0), ("-1", 60.0), ("nan", 60.0),
        ("inf", 60.0),
        ("1e9", 60.0), ("9" * 400, 60.0), ("soon", 60.0), ("", 60.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 3600.0), ("Wed, 99 Oct 2015 07:28:00 GMT", 60.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["429 Too Many", "503 Down"])
def test_retry_after_is_taken_with_care(upstream, session, status, value, seconds):
    upstream.script = answer(status, Retry_After=value)
    failure = failure_of(session, upstream.url)
    assert (type(failure), failure.retry_after) == (RateLimited, seconds)


def test_retry_after_may_be_a_date(upstream, session):
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    upstream.script = answer("429 Too Many", Retry_After=format_datetime(at, usegmt=True))
    assert 95 <= failure_of(session, upstream.url).retry_after <= 100


def test_a_429_without_retry_after_waits_a_minute_and_a_500_with_one_keeps_it(upstream, session):
    upstream.script = answer("429 Too Many")
    assert failure_of(session, upstream.url).retry_after == 60.0
    upstream.script = answer("500 Oops", Retry_After="9")
    assert failure_of(session, upstream.url).retry_after == 9.0


# --- origin and authorisation


def test_authorisation_goes_to_the_origin(upstream, notes):
    with Session(authorization={"Authorization": "Bearer abc"}, origin=upstream.url, observer=notes) as session:
        session.request("GET", f"{upstream.url}/x")
    assert upstream.seen[0].headers["authorization"] == "Bearer abc"
    assert notes.exchanges[0].request_headers["authorization"] == "***"


@pytest.mark.parametrize(
    "origin", ["https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://127.0.0.2:{port}", "http://good.example"]
)
def test_authorisation_goes_nowhere_else(upstream, origin):
    origin = origin.format(port=upstream.port)
    with Session(authorization={"Authorization": "Bearer abc"}, origin=origin) as session:
        failure = failure_of(session, upstream.url)
    assert (type(failure), upstream.seen) == (AddressRefused, [])


def test_authorisation_without_an_origin_is_a_mistake():
    with pytest.raises(ValueError, match="authorization needs the origin it is meant for"):
        Session(authorization={"Authorization": "Bearer abc"})


# --- budgets


@pytest.fixture
def waits(monkeypatch):
    """Say what the budget asks for next, and note how long the Session slept and whom it shut."""

    class Waits:
        answers: list[float] = []
        slept: list[float] = []
        shut: list[tuple[str, float]] = []

    waits = Waits()
    waits.answers, waits.slept, waits.shut = [], [], []
    monkeypatch.setattr(limits, "take", lambda budgets: waits.answers.pop(0))
    monkeypatch.setattr(limits, "shut", lambda key, seconds: waits.shut.append((key, seconds)))
    monkeypatch.setattr("syncengine.outbound.session.sleep", waits.slept.append)
    return waits


BUDGETS = [Budget("connection:1", 60), Budget("integration:mqjo", 600)]


def test_a_short_wait_for_the_budget_is_sat_out(upstream, waits):
    waits.answers = [0.5, 1.0, 0.0]
    with Session(budgets=BUDGETS) as session:
        session.request("GET", upstream.url)
    assert (waits.slept, len(upstream.seen)) == ([0.5, 1.0], 1)


@pytest.mark.parametrize(("answers", "slept"), [([2.1], []), ([1.5, 1.0], [1.5]), ([600.0], [])])
def test_a_long_wait_for_the_budget_is_left_to_the_runner(upstream, waits, answers, slept):
    waits.answers = list(answers)
    with Session(budgets=BUDGETS) as session:
        failure = failure_of(session, upstream.url)
    assert (type(failure), failure.headline, failure.retry_after, waits.slept, upstream.seen) == (
        RateLimited,
        "Our shared budget for this platform is used up",
        answers[-1],
        slept,
        [],
    )


def test_a_429_shuts_the_first_budget_for_everybody(upstream, waits):
    waits.answers = [0.0]
    upstream.script = answer("429 Too Many", Retry_After="30")
    with Session(budgets=BUDGETS) as session:
        failure_of(session, upstream.url)
    assert waits.shut == [("connection:1", 30.0)]


def test_a_refused_address_costs_nothing(upstream, waits):
    with Session(budgets=BUDGETS) as session:
        failure = failure_of(session, "ftp://127.0.0.1/")
    assert type(failure) is AddressRefused


# --- telling


def test_an_exchange_is_told_whole_and_without_secrets(upstream, session, notes):
    upstream.script = answer(
        "400 Bad Request",
        b'{"error": "bad key s3cr3t-key for {x}", "access_token": "abc\\"def", "client_secret":"zzz", "code": "E17",'
        b' "hint": "see https://u:p@h.example/?api_key=12345&page=2", "n": {"password" : 12}}',
        Content_Type="application/json",
        Set_Cookie="sid=1",
        X_Request_Id="r-1",
    )
    before = dt.datetime.now(dt.UTC)
    failure = failure_of(
        session,
        f"{upstream.url}/token?client_secret=s1&code=c1&page=2",
        params=[("access_token", "t1"), ("since", "2026-01-01")],
        headers={"X-Api-Key": "s3cr3t-key", "Cookie": "a=b", "X-Signature": "sig", "Accept": "application/json"},
    )
    [told] = notes.exchanges
    excerpt = (
        '{"error": "bad key *** for {x}", "access_token": "***", "client_secret":"***", "code": "E17",'
        ' "hint": "see https://h.example/?api_key=***&page=2", "n": {"password" : "***"}}'
    )
    assert told == Exchange(
        sent_at=told.sent_at,
        method="GET",
        url=f"{upstream.url}/token?client_secret=***&code=***&page=2&access_token=***&since=2026-01-01",
        status_code=400,
        duration_ms=told.duration_ms,
        response_bytes=len(upstream.script.partition(b"\r\n\r\n")[2]),
        request_headers={
            "host": upstream.place,
            "user-agent": "Headrace/0.1.0",
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "x-api-key": "***",
            "cookie": "***",
            "x-signature": "***",
        },
        response_headers={
            "content-length": told.response_headers["content-length"],
            "content-type": "application/json",
            "set-cookie": "***",
            "x-request-id": "r-1",
        },
        error_message="The platform found our request wrong.",
        excerpt=excerpt,
    )
    assert (failure.upstream, before <= told.sent_at, 0 <= told.duration_ms < 5000) == (excerpt, True, True)


def test_a_success_is_told_without_its_body(upstream, session, notes):
    upstream.script = answer(body=b'{"password": "x"}')
    session.request("GET", upstream.url)
    [told] = notes.exchanges
    assert (told.status_code, told.response_bytes, told.excerpt, told.error_message) == (200, 17, "", "")
    assert notes.progress >= 3


def test_a_form_secret_that_the_platform_echoes_is_hidden(upstream, session, notes):
    upstream.script = answer("400 Bad", b"The refresh token rt-123456 (client cs-987654) is spent.")
    failure_of(session, upstream.url, form={"refresh_token": "rt-123456", "client_secret": "cs-987654"})
    assert notes.exchanges[0].excerpt == "The refresh token *** (client ***) is spent."


@pytest.mark.parametrize(
    ("body", "content_type", "excerpt"),
    [
        (b"\x89PNG....", "image/png", ""),
        (b"a\0b", "text/plain", ""),
        (b"\xff\xfe broken", "text/plain", "\ufffd\ufffd broken"),
        (b"x" * 5000, "text/plain", "x" * 2000),
        (b"<error><accessToken>abc</accessToken></error>", "text/xml", "<error><accessToken>***</accessToken></error>"),
        (b"Authorization: Bearer abcdefgh.ijk", "text/plain", "Authorization: Bearer ***"),
        (b'{"token": "unterminated', "application/json", '{"token": "***"'),
    ],
)
def test_an_excerpt_is_text_and_short(upstream, session, notes, body, content_type, excerpt):
    upstream.script = answer("500 Oops", body, Content_Type=content_type)
    failure_of(session, upstream.url)
    assert notes.exchanges[0].excerpt == excerpt


def test_nothing_secret_reaches_the_log(upstream, session, caplog):
    with caplog.at_level("INFO"):
        session.request("GET", f"{upstream.url}/?access_token=abcdef", headers={"Authorization": "Bearer ghijkl"})
    assert caplog.text == ""


def test_an_observer_that_raises_ends_the_request(upstream):
    class Stop(Exception):
        pass

    class Stopping:
        def progressed(self) -> None:
            raise Stop

        def answered(self, exchange: Exchange) -> None:
            pass

    with Session(observer=Stopping()) as session, pytest.raises(Stop):
        session.request("GET", upstream.url)


# --- TLS


def test_tls_speaks_to_the_name_and_checks_it(upstream, monkeypatch, settings, tls_server):
    settings.HEADRACE_OUTBOUND_ALLOW = [f"{name}:{tls_server.port}" for name in ("platform.example", "other.example")]
    monkeypatch.setattr("syncengine.outbound.network.resolve", lambda host, port: ["127.0.0.1"])
    trusting = ssl.create_default_context(cafile=str(tls_server.certificate))
    monkeypatch.setattr("syncengine.outbound.session._tls", lambda: trusting)
    with Session() as session:
        assert session.request("GET", f"https://platform.example:{tls_server.port}/x").body == b"{}"
        failure = failure_of(session, f"https://other.example:{tls_server.port}/x")
    assert (type(failure), failure.headline) == (BadAnswer, "The platform's certificate is not to be trusted.")
    assert tls_server.seen == [
        ("sni", "platform.example"),
        ("host", f"platform.example:{tls_server.port}"),
        ("sni", "other.example"),
    ]
