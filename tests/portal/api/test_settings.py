"""Profile, allowed origins, API keys and access tokens over the wire."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.utils.timezone import now

from portal.actions.api_keys import create_api_key
from portal.actions.deployment_settings import auth_header_of
from portal.models import ApiKey, DeploymentSettings
from tests.factories import make_company
from tests.portal.api.answers import anonymous, empty, members_at_fault, refused, told

pytestmark = pytest.mark.django_db
PROFILE = {
    "name": "Bob's Burgers",
    "redirectUrl": "https://bobs-burgers.example/{companyId}",
    "logoUrl": "https://bobs-burgers.example/logo.png",
    "iconUrl": "https://bobs-burgers.example/icon.ico",
    "whiteListUrls": ["https://bobs-burgers.example"],
    "confirmCompanyName": True,
}


def test_the_profile_is_replaced_whole(wire):
    plain = {"logoUrl": "", "iconUrl": "", "whiteListUrls": [], "confirmCompanyName": False}
    assert told(wire.get("/profile")) == {"name": "Headrace", "redirectUrl": "", **plain}
    assert told(wire("PUT", "/profile", {**PROFILE, "apiKey": "", "alertAuthHeader": "Bearer x"})) == PROFILE
    assert told(wire.get("/profile")) == PROFILE
    assert told(wire("PUT", "/profile", {"name": "Bob", "redirectUrl": ""})) == {
        "name": "Bob",
        "redirectUrl": "",
        **plain,
    }
    assert auth_header_of(DeploymentSettings.load()) == "Bearer x"


@pytest.mark.parametrize(
    ("members", "member"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"redirectUrl": None}, "redirectUrl"),
        ({"redirectUrl": "javascript:alert(1)"}, "redirectUrl"),
        ({"redirectUrl": "https://x.example/{"}, "redirectUrl"),
        ({"logoUrl": "nowhere"}, "logoUrl"),
        ({"iconUrl": 5}, "iconUrl"),
        ({"whiteListUrls": "https://x.example"}, "whiteListUrls"),
        ({"whiteListUrls": ["x"]}, "whiteListUrls"),
        ({"confirmCompanyName": "yes"}, "confirmCompanyName"),
        ({"alertAuthHeader": "two\nlines"}, "alertAuthHeader"),
    ],
)
def test_a_wrong_member_of_the_profile_is_named_and_nothing_changes(wire, members, member):
    told(wire("PUT", "/profile", PROFILE))
    response = wire("PUT", "/profile", {**PROFILE, "name": "Other", **members})
    assert (refused(response)[0], members_at_fault(response)) == (400, [member])
    assert told(wire.get("/profile")) == PROFILE


@pytest.mark.parametrize("path", ["/corsSettings", "/connectionManagement/corsSettings"])
def test_both_paths_set_the_same_origins(wire, path):
    body = {"allowedOrigins": ["https://App.example.com/", "http://127.0.0.1:3000", "https://app.example.com"]}
    expected = {"allowedOrigins": ["https://app.example.com", "http://127.0.0.1:3000"]}
    assert told(wire("POST", path, body)) == expected
    for either in ("/corsSettings", "/connectionManagement/corsSettings"):
        assert told(wire.get(either)) == expected
    assert told(wire("POST", path, {})) == expected
    response = wire.get("/profile", Origin="https://app.example.com")
    assert response["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert told(wire("POST", path, {"allowedOrigins": []})) == {"allowedOrigins": []}
    assert "Access-Control-Allow-Origin" not in wire.get("/profile", Origin="https://app.example.com")


@pytest.mark.parametrize("origin", ["*", "app.example.com", "ftp://x.example", "https://x.example/path", "", 5, None])
def test_what_is_no_origin_is_refused(wire, origin):
    response = wire("POST", "/corsSettings", {"allowedOrigins": ["https://a.example", origin]})
    assert refused(response)[0] == 400
    assert members_at_fault(response)[0].startswith("allowedOrigins")
    assert told(wire.get("/corsSettings")) == {"allowedOrigins": []}


# --- keys


def test_a_key_is_shown_once_and_works_at_once(wire):
    response = wire("POST", "/apiKeys", {"name": "ci"})
    body = response.json()
    key = ApiKey.objects.get(name="ci")
    assert (response.status_code, body) == (
        201,
        {
            "id": str(key.pk),
            "name": "ci",
            "apiKey": body["apiKey"],
            "createdDate": f"{key.created_at:%Y-%m-%dT%H:%M:%S.%f}Z",
        },
    )
    first, second = told(wire.get("/apiKeys"))["results"]
    masked = f"{body['apiKey'][:8]}…{body['apiKey'][-4:]}"
    assert (first["name"], second) == ("test", {**body, "apiKey": masked})
    wire.authorization = f"Basic {base64.b64encode(body['apiKey'].encode()).decode()}"
    assert wire.get("/profile").status_code == 200
    assert empty(wire("DELETE", f"/apiKeys/{key.pk}")) == (204, b"")
    assert refused(wire.get("/profile")) == (401, "Unauthorized")


def test_a_key_needs_no_name(wire):
    assert [wire("POST", "/apiKeys", body).json()["name"] for body in ({}, {"name": None}, {"name": ""})] == [None] * 3


def test_a_new_key_may_do_what_the_one_that_asks_may_and_no_more(wire_for):
    asking = wire_for("read", rights=["api_keys.read", "api_keys.edit"])
    made = wire_for()
    made.authorization = f"Bearer {asking('POST', '/apiKeys', {'name': 'child'}).json()['apiKey']}"
    assert made.get("/integrations").status_code == 200
    assert made.get("/profile").status_code == 403
    names = [row["name"] for row in told(asking.get("/apiKeys"))["results"]]
    assert names == ["test", "child"]  # not the one that may do everything


def test_a_key_that_ends_makes_no_key_that_outlives_it(wire_for):
    ends = now() + timedelta(hours=1)
    asking = wire_for(expires_at=ends)
    made = ApiKey.objects.get(pk=asking("POST", "/apiKeys", {"name": "child"}).json()["id"])
    assert made.expires_at == ends


@pytest.mark.parametrize("body", [{"name": "x" * 51}, {"name": 5}, [], "x", {"name": "a\u0007"}])
def test_a_wrong_name_is_refused(wire, body):
    response = wire("POST", "/apiKeys", body)
    status, words = refused(response)
    assert (status, ApiKey.objects.count()) == (400, 1)
    if body == {"name": "x" * 51}:
        assert (words, members_at_fault(response)) == ("Max string length (50) for `name` reached.", ["name"])


def test_there_are_only_so_many(wire, settings):
    settings.HEADRACE_MAX_API_KEYS = 2
    assert wire("POST", "/apiKeys", {"name": "second"}).status_code == 201
    status, words = refused(wire("POST", "/apiKeys", {"name": "third"}))
    assert (status, words[:36], ApiKey.objects.count()) == (409, "Maximum number of API keys reached. ", 2)


def test_a_key_out_of_reach_looks_like_none(wire_for):
    modest = wire_for("read", rights=["api_keys.edit"])
    mighty = create_api_key(name="mighty", scopes=["admin"], actor="test").key
    missing = "11111111-1111-4111-8111-111111111111"
    for wanted in (str(mighty.pk), missing, "nonsense"):
        assert refused(modest("DELETE", f"/apiKeys/{wanted}")) == (404, f"No API key was found with ID {wanted}")
    assert ApiKey.objects.get(pk=mighty.pk).is_live


@pytest.mark.parametrize("count", [1, 3])
def test_the_keys_take_three_queries(wire, django_assert_num_queries, count):
    for _ in range(count - 1):
        create_api_key(scopes=["read"], actor="test")
    wire.get("/apiKeys")
    with django_assert_num_queries(3):  # the key that asks, all keys, their secrets
        assert len(told(wire.get("/apiKeys"))["results"]) == count


# --- access tokens


def test_a_token_opens_its_company_and_no_other(wire):
    company, other = make_company(), make_company()
    response = wire.get(f"/companies/{company.pk}/accessToken")
    body = told(response)
    assert body == {"expiresIn": 86_400, "accessToken": body["accessToken"], "tokenType": "Bearer"}
    assert response["Cache-Control"] == "no-store"
    older = told(wire.get(f"/companies/{company.pk}/connectionManagement/accessToken"))
    assert set(older) == {"accessToken"}
    for token in (body["accessToken"], older["accessToken"]):
        wire.authorization = f"Bearer {token}"
        assert told(wire.get("/companies"))["totalResults"] == 1
        assert wire.get(f"/companies/{other.pk}").status_code == 404
        assert wire("DELETE", f"/companies/{company.pk}").status_code == 403
        assert wire.get(f"/companies/{company.pk}/accessToken").status_code == 403


def test_a_replayed_answer_is_the_same_key(wire):
    first, second = (wire("POST", "/apiKeys", {"name": "ci"}, Idempotency_Key="k-1") for _ in range(2))
    assert anonymous(first) == anonymous(second)
    assert ApiKey.objects.count() == 2
