"""Linking: consent, code, tokens that expire and rotate, revocation."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from syncengine.sandbox.server import start

CLIENT = ("headrace", "headrace-sandbox")
BACK = "http://127.0.0.1:9/linking/back"
ASKED = {"response_type": "code", "client_id": CLIENT[0], "redirect_uri": BACK, "scope": "books.read", "state": "s&<1>"}
VERIFIER = "v" * 50
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def consent(client, decision="allow", business="northgate", **more):
    answer = client.post("/oauth/authorize", data={**ASKED, **more, "decision": decision, "business": business})
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def redeem(client, code, **more):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **more}
    return client.post("/oauth/token", data=form, auth=CLIENT)


def refresh(client, token):
    return client.post("/oauth/token", data={"grant_type": "refresh_token", "refresh_token": token}, auth=CLIENT)


def company(client, tokens):
    return client.get("/api/v1/company", headers={"Authorization": f"Bearer {tokens['access_token']}"})


def linked(client):
    return redeem(client, consent(client)["code"]).json()


def test_consent_page_lists_the_businesses_and_keeps_what_was_asked(caller):
    page = caller.client.get("/oauth/authorize", params={**ASKED, "state": "<script>'"})
    assert page.status_code == 200
    for name in ("Brightwater Bakery", "Northgate Cycles", "Alder &amp; Finch Studio"):
        assert name in page.text
    assert "value='&lt;script&gt;&#x27;'" in page.text
    assert "<script" not in page.text


def test_allow_sends_a_code_and_the_state_back_and_the_token_is_bound_to_the_business(caller):
    answer = consent(caller.client)
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == ASKED["state"]
    tokens = redeem(caller.client, answer["code"]).json()
    assert (tokens["token_type"], tokens["expires_in"], tokens["business_id"]) == ("Bearer", 1800, "northgate")
    assert company(caller.client, tokens).json()["company"]["trading_name"] == "Northgate Cycles"


def test_deny_sends_access_denied_back(caller):
    assert consent(caller.client, decision="deny") == {"error": "access_denied", "state": ASKED["state"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "stranger"},
        {"redirect_uri": "https://evil.example/back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://127.0.0.1.evil.example/"},
        {"redirect_uri": ""},
        {"redirect_uri": "http://["},
        {"redirect_uri": "http://127.0.0.1@evil.example/"},
        {"redirect_uri": "http://127.0.0.1/\r\nX-Extra: 1"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(caller, wrong):
    for method in ("GET", "POST"):
        asked = {**ASKED, **wrong, "decision": "allow", "business": "northgate"}
        answer = caller.client.request(
            method, "/oauth/authorize", **({"params": asked} if method == "GET" else {"data": asked})
        )
        assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_a_registered_address_is_accepted_exactly():
    running = start(redirect_uris=("https://portal.example/back",))
    try:
        with httpx2.Client(base_url=running.url) as client:
            statuses = [
                client.get("/oauth/authorize", params={**ASKED, "redirect_uri": uri}).status_code
                for uri in ("https://portal.example/back", "https://portal.example/back/", "https://portal.example/")
            ]
        assert statuses == [200, 400, 400]
    finally:
        running.stop()


def test_pkce_is_verified_when_it_was_asked_for(caller):
    more = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    for verifier, status in ((VERIFIER, 200), ("w" * 50, 400), ("", 400)):
        code = consent(caller.client, **more)["code"]
        assert redeem(caller.client, code, code_verifier=verifier).status_code == status
    assert consent(caller.client, **{**more, "code_challenge_method": "plain"})["error"] == "invalid_request"


def test_a_code_works_once_and_its_second_use_ends_the_grant(caller):
    code = consent(caller.client)["code"]
    tokens = redeem(caller.client, code).json()
    second = redeem(caller.client, code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert company(caller.client, tokens).status_code == 401


def test_the_redirect_address_must_be_the_same_when_redeeming(caller):
    code = consent(caller.client)["code"]
    assert redeem(caller.client, code, redirect_uri=BACK + "/other").json()["error"] == "invalid_grant"


def test_the_client_may_authenticate_both_ways_and_must(caller):
    form = {"grant_type": "refresh_token", "refresh_token": linked(caller.client)["refresh_token"]}
    assert caller.client.post("/oauth/token", data=form).status_code == 401
    assert caller.client.post("/oauth/token", data=form, auth=("headrace", "wrong")).json()["error"] == "invalid_client"
    posted = {**form, "client_id": CLIENT[0], "client_secret": CLIENT[1]}
    assert caller.client.post("/oauth/token", data=posted).status_code == 200


def test_an_unknown_grant_type_is_named(caller):
    answer = caller.client.post("/oauth/token", data={"grant_type": "password"}, auth=CLIENT)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_refreshing_rotates_and_the_old_access_token_lives_until_it_expires(caller):
    first = linked(caller.client)
    second = refresh(caller.client, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert [company(caller.client, tokens).status_code for tokens in (first, second)] == [200, 200]


def test_reusing_an_old_refresh_token_revokes_the_whole_family(caller):
    first = linked(caller.client)
    second = refresh(caller.client, first["refresh_token"]).json()
    reuse = refresh(caller.client, first["refresh_token"])
    assert (reuse.status_code, reuse.json()["error"]) == (400, "invalid_grant")
    assert refresh(caller.client, second["refresh_token"]).json()["error"] == "invalid_grant"
    assert company(caller.client, second).status_code == 401


def test_expired_access_tokens_answer_401_and_refreshing_helps(caller):
    tokens = linked(caller.client)
    caller.control("POST", "/businesses/northgate/expire")
    answer = company(caller.client, tokens)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
    assert company(caller.client, refresh(caller.client, tokens["refresh_token"]).json()).status_code == 200


def test_the_lifetime_of_access_tokens_is_an_option():
    running = start(access_seconds=0)
    try:
        with httpx2.Client(base_url=running.url) as client:
            assert company(client, linked(client)).status_code == 401
    finally:
        running.stop()


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_ends_the_grant(caller, which):
    tokens = linked(caller.client)
    assert caller.client.post("/oauth/revoke", data={"token": tokens[which]}, auth=CLIENT).status_code == 200
    assert company(caller.client, tokens).status_code == 401
    assert refresh(caller.client, tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_tokens_cannot_be_made_up(caller):
    token = linked(caller.client)["access_token"]
    grant = token.split(".")[1]
    for forged in (
        "~",
        "x",
        token[:-1],
        token + "0",
        f"sba.{grant}.0.{'0' * 64}~9999999999999",
        token.replace("sba", "sbr"),
    ):
        assert company(caller.client, {"access_token": forged}).status_code == 401


def test_grants_survive_a_restart_when_state_is_kept(tmp_path):
    running = start(state=tmp_path, control_key="k")
    with httpx2.Client(base_url=running.url) as client:
        tokens = linked(client)
        refreshed = refresh(client, tokens["refresh_token"]).json()
        patch = {"memo": "kept"}
        client.patch("/_control/businesses/northgate/invoices/records/1", json=patch, headers={"X-Control-Key": "k"})
    running.stop()
    running = start(state=tmp_path)
    try:
        with httpx2.Client(base_url=running.url) as client:
            assert company(client, tokens).status_code == 200
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            assert client.get("/api/v1/invoices/inv_00000001", headers=headers).json()["memo"] == "kept"
            assert refresh(client, refreshed["refresh_token"]).status_code == 200
            assert refresh(client, tokens["refresh_token"]).json()["error"] == "invalid_grant"
    finally:
        running.stop()


def test_a_grant_that_was_idle_too_long_lapses():
    running = start(idle_days=0)
    try:
        with httpx2.Client(base_url=running.url) as client:
            assert refresh(client, linked(client)["refresh_token"]).json()["error"] == "invalid_grant"
    finally:
        running.stop()
