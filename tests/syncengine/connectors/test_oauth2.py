"""The authorisation code flow against a small local authorisation server."""

import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import time_machine
from werkzeug import Response

from syncengine.connectors.base import Credentials
from syncengine.exceptions import AuthExpired, BadAnswer, PrerequisiteMissing, SourceRefused, SourceUnavailable
from syncengine.states import Responsible
from tests.syncengine.connectors.helpers import CUSTOMERS, HEAD, PlainHttp, make_connector

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
REDIRECT = "https://us.example/linking/finish"
CLIENT = {"client_id": "id:1", "client_secret": "s/cret é"}
OAUTH2 = """
kind = "oauth2"
authorize_url = "{base_url}/authorize?tenant=common"
token_url = "{base_url}/token"
revoke_url = "{base_url}/revoke"
scopes = ["books.read", "offline"]
authorize_params = { prompt = "consent" }
"""
HELD = Credentials(secret={"access_token": "old", "refresh_token": "r0"}, client=CLIENT, expires_at=NOW)


def make_oauth(extra="", top=""):
    head = HEAD.replace("[[conn", f"{top}\n[[conn", 1).replace('kind = "none"', OAUTH2 + extra)
    return make_connector(head, CUSTOMERS)


@pytest.fixture
def base(httpserver):
    return {"base_url": httpserver.url_for("").rstrip("/")}


def answer_with(httpserver, body, status=200, path="/token"):
    """Answer the token request, and keep its form and its headers."""
    seen = []

    def handle(request):
        seen.append((dict(parse_qsl(request.get_data(as_text=True))), request.headers.get("Authorization")))
        text = body if isinstance(body, str) else json.dumps(body)
        return Response(text, status=status, content_type="application/json")

    httpserver.expect_request(path, method="POST").respond_with_handler(handle)
    return seen


def finish(connector, base, answer=None, pending=None):
    return connector.finish_link(
        settings=base,
        client=CLIENT,
        pending={"code_verifier": "v" * 64} if pending is None else pending,
        answer={"code": "c0de"} if answer is None else answer,
        redirect_uri=REDIRECT,
        http=PlainHttp(),
    )


def test_start_sends_the_person_to_the_platform(base):
    connector = make_oauth()

    start = connector.start_link(settings=base, client=CLIENT, state="st/ate", redirect_uri=REDIRECT, http=PlainHttp())

    verifier = start.pending["code_verifier"]
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
    assert start.url.startswith(f"{base['base_url']}/authorize?")
    assert parse_qs(urlsplit(start.url).query) == {
        "tenant": ["common"],
        "response_type": ["code"],
        "client_id": ["id:1"],
        "redirect_uri": [REDIRECT],
        "state": ["st/ate"],
        "scope": ["books.read offline"],
        "prompt": ["consent"],
        "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }
    assert (len(verifier), start.instruct) == (64, "")


def test_every_try_has_its_own_verifier(base):
    given = {"settings": base, "client": CLIENT, "state": "s", "redirect_uri": REDIRECT, "http": PlainHttp()}
    connector = make_oauth()

    assert connector.start_link(**given).pending != connector.start_link(**given).pending


def test_pkce_may_be_switched_off(httpserver, base):
    connector = make_oauth("pkce = false")
    start = connector.start_link(settings=base, client=CLIENT, state="s", redirect_uri=REDIRECT, http=PlainHttp())
    seen = answer_with(httpserver, {"access_token": "a"})

    finish(connector, base, pending=start.pending)

    assert start.pending == {}
    assert "code_challenge" not in start.url
    assert "code_verifier" not in seen[0][0]


@time_machine.travel(NOW, tick=False)
def test_finish_exchanges_the_code(httpserver, base):
    seen = answer_with(
        httpserver,
        {"access_token": "a1", "token_type": "Bearer", "expires_in": 900, "refresh_token": "r1", "scope": "x"},
    )
    connector = make_oauth()

    credentials = finish(connector, base)

    basic = b64encode(b"id%3A1:s%2Fcret%20%C3%A9").decode()
    assert seen == [
        (
            {
                "grant_type": "authorization_code",
                "code": "c0de",
                "redirect_uri": REDIRECT,
                "code_verifier": "v" * 64,
            },
            f"Basic {basic}",
        )
    ]
    assert credentials == Credentials(
        secret={"access_token": "a1", "refresh_token": "r1"}, client=CLIENT, expires_at=NOW + timedelta(seconds=900)
    )
    assert connector.authorize(credentials) == {"Authorization": "Bearer a1"}


def test_the_clients_secret_may_travel_in_the_form(httpserver, base):
    seen = answer_with(httpserver, {"access_token": "a1"})

    finish(make_oauth('client_auth = "post"'), base)

    form, header = seen[0]
    assert (form["client_id"], form["client_secret"], header) == ("id:1", "s/cret é", None)


def test_the_new_token_is_tried_at_once(httpserver, base):
    answer_with(httpserver, {"access_token": "a1"})
    httpserver.expect_request("/api/company", headers={"Authorization": "Bearer a1"}).respond_with_data("{}")
    connector = make_oauth(top='test = "/company"')

    assert finish(connector, base).secret == {"access_token": "a1"}


@pytest.mark.parametrize(
    ("answer", "upstream"),
    [
        ({"error": "access_denied", "error_description": "The user said no."}, "access_denied: The user said no."),
        ({"error": "server_error"}, "server_error"),
        ({}, ""),
    ],
)
def test_a_person_who_does_not_consent(base, answer, upstream):
    with pytest.raises(AuthExpired) as refusal:
        finish(make_oauth(), base, answer)

    assert (refusal.value.upstream, refusal.value.responsible) == (upstream, Responsible.CUSTOMER)


@time_machine.travel(NOW, tick=False)
def test_refresh_rotates_the_pair(httpserver, base):
    seen = answer_with(httpserver, {"access_token": "a2", "refresh_token": "r1", "expires_in": "300"})

    fresh = make_oauth().refresh(HELD, settings=base, http=PlainHttp())

    assert seen[0][0] == {"grant_type": "refresh_token", "refresh_token": "r0"}
    assert fresh == Credentials(
        secret={"access_token": "a2", "refresh_token": "r1"}, client=CLIENT, expires_at=NOW + timedelta(seconds=300)
    )


def test_refresh_keeps_the_old_refresh_token_when_no_new_one_comes(httpserver, base):
    answer_with(httpserver, {"access_token": "a2"})

    fresh = make_oauth().refresh(HELD, settings=base, http=PlainHttp())

    assert fresh.secret == {"access_token": "a2", "refresh_token": "r0"}


def test_refresh_without_a_refresh_token(base):
    with pytest.raises(AuthExpired, match="cannot be renewed"):
        make_oauth().refresh(Credentials(secret={"access_token": "a"}, client=CLIENT), settings=base, http=PlainHttp())


@pytest.mark.parametrize(
    ("status", "body", "kind", "responsible", "upstream"),
    [
        (400, {"error": "invalid_grant", "error_description": "used"}, AuthExpired, "customer", "invalid_grant: used"),
        (200, {"error": "invalid_grant"}, AuthExpired, "customer", "invalid_grant"),
        (401, {"error": "invalid_client"}, AuthExpired, "operator", "invalid_client"),
        (400, {"error": "unauthorized_client"}, AuthExpired, "operator", "unauthorized_client"),
        (401, "<p>No</p>", AuthExpired, "operator", "<p>No</p>"),
        (400, {"error": "invalid_request"}, SourceRefused, "operator", "invalid_request"),
        (400, "", SourceRefused, "operator", ""),
        (400, "[]", SourceRefused, "operator", "[]"),
        (400, {"error": "temporarily_unavailable"}, SourceUnavailable, "platform", "temporarily_unavailable"),
    ],
)
def test_refusals_of_the_token_endpoint(httpserver, base, status, body, kind, responsible, upstream):
    answer_with(httpserver, body, status)

    with pytest.raises(kind) as refusal:
        make_oauth().refresh(HELD, settings=base, http=PlainHttp())

    assert type(refusal.value) is kind
    assert (refusal.value.responsible, refusal.value.upstream) == (responsible, upstream)


@pytest.mark.parametrize(
    "body",
    [
        "<html>Sign in</html>",
        "",
        "access_token=a&token_type=bearer",
        "[]",
        "null",
        "{}",
        '{"access_token": NaN}',
        {"access_token": None},
        {"access_token": 5},
        {"access_token": ["a"]},
        {"access_token": "a\r\nX-Evil: 1"},
        {"access_token": "a b"},
        {"access_token": "é"},
        {"access_token": "a" * 20_000},
        {"access_token": "a", "refresh_token": {"x": 1}},
        '{"access_token":' + "[" * 5000 + "]" * 5000 + "}",
    ],
)
def test_hostile_token_answers_are_refused_by_name(httpserver, base, body):
    answer_with(httpserver, body)

    with pytest.raises(BadAnswer, match="Demo Books's token endpoint"):
        make_oauth().refresh(HELD, settings=base, http=PlainHttp())


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        ("1800", 1800),
        (1800.9, 1800),
        (1, 1),
        (0, 3600),
        (-5, 3600),
        ("soon", 3600),
        ("", 3600),
        (None, 3600),
        (True, 3600),
        ([], 3600),
        (10**12, 3600),
        (1e300, 3600),
        ("9" * 500, 3600),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_a_life_that_cannot_be_believed_becomes_the_default(httpserver, base, expires_in, seconds):
    answer_with(httpserver, {"access_token": "a", "refresh_token": "r", "expires_in": expires_in})

    fresh = make_oauth().refresh(HELD, settings=base, http=PlainHttp())

    assert fresh.expires_at == NOW + timedelta(seconds=seconds)


@time_machine.travel(NOW, tick=False)
def test_the_default_life_is_the_manifests(httpserver, base):
    answer_with(httpserver, {"access_token": "a"})

    assert make_oauth("expires_in = 60").refresh(HELD, settings=base, http=PlainHttp()).expires_at == NOW + timedelta(
        seconds=60
    )


def test_a_token_that_neither_ends_nor_renews_has_no_end(httpserver, base):
    answer_with(httpserver, {"access_token": "forever"})

    assert finish(make_oauth(), base).expires_at is None


@pytest.mark.parametrize(
    ("secret", "form"),
    [
        ({"access_token": "a", "refresh_token": "r"}, {"token": "r", "token_type_hint": "refresh_token"}),
        ({"access_token": "a"}, {"token": "a", "token_type_hint": "access_token"}),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_unlink_gives_the_authorisation_back(httpserver, base, secret, form, status):
    seen = answer_with(httpserver, {}, status, path="/revoke")

    make_oauth().unlink(Credentials(secret=secret, client=CLIENT), settings=base, http=PlainHttp())

    assert [asked for asked, _ in seen] == [form]


def test_unlink_says_nothing_to_a_platform_that_offers_no_revocation(base):
    http = PlainHttp()
    head = HEAD.replace('kind = "none"', OAUTH2.replace('revoke_url = "{base_url}/revoke"\n', ""))

    make_connector(head, CUSTOMERS).unlink(HELD, settings=base, http=http)
    make_oauth().unlink(Credentials(client=CLIENT), settings=base, http=http)

    assert http.sent == []


def test_without_a_client_id_nothing_can_be_linked(base):
    with pytest.raises(PrerequisiteMissing, match="client ID for Demo Books"):
        make_oauth().start_link(settings=base, client={}, state="s", redirect_uri=REDIRECT, http=PlainHttp())


def test_without_a_token_nothing_can_be_authorised():
    with pytest.raises(AuthExpired, match="Link the connection again"):
        make_oauth().authorize(Credentials())
