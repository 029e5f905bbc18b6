from __future__ import annotations

import pytest
from django.contrib.auth import get_user
from django.test import Client

from portal.models import User
from tests.factories import PASSWORD, make_user
from tests.portal.pages import page

pytestmark = pytest.mark.django_db

WRONG = "This e-mail address and password do not belong together. Check both and try again."
TOO_MANY = "There were too many attempts from here. Wait a minute, then try again."


def sign_in(client: Client, email: str = "ana@example.com", password: str = PASSWORD, **extra: str):
    return client.post("/sign-in/", {"email": email, "password": password, **extra})


def alert(response) -> str:
    return page(response).one("div", role="alert").text


def test_signing_in_and_out(client: Client) -> None:
    ana = make_user()
    client.get("/sign-in/")
    before = client.session.session_key

    response = sign_in(client, email="Ana@Example.com")

    assert (response.status_code, response["Location"]) == (302, "/")
    assert get_user(client) == ana
    after = client.session.session_key
    assert after not in (None, before)

    response = client.post("/sign-out/")
    assert (response.status_code, response["Location"]) == (302, "/sign-in/")
    assert client.get("/").status_code == 302
    client.cookies["headrace"] = after
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [("ana@example.com", "not the password"), ("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD)],
)
def test_a_refusal_does_not_tell_whether_the_account_exists(client: Client, email: str, password: str) -> None:
    make_user()
    make_user("gone@example.com", is_active=False)
    response = sign_in(client, email, password)
    assert (response.status_code, alert(response)) == (422, WRONG)
    assert "_auth_user_id" not in client.session


def test_empty_and_malformed_input_names_the_field(client: Client) -> None:
    response = sign_in(client, email="ana", password="")
    assert response.status_code == 422
    found = page(response)
    assert found.one("div", id="id_email_error").text == "Enter an address such as ana@example.com."
    assert found.one("div", id="id_password_error").text == "Enter your password."
    email = found.one("input", name="email")
    assert (email["aria-invalid"], email["aria-describedby"], email["value"]) == ("true", "id_email_error", "ana")
    assert "value" not in found.one("input", name="password").attributes


@pytest.mark.parametrize(
    ("wanted", "gets"),
    [
        ("/companies/?q=a b", "/companies/?q=a%20b"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("companies/", "/"),
        ("", "/"),
        ("/\nhttps://evil.example", "/%0Ahttps://evil.example"),
    ],
)
def test_next_leads_to_own_paths_only(client: Client, wanted: str, gets: str) -> None:
    make_user()
    assert sign_in(client, next=wanted)["Location"] == gets


def test_guessing_at_an_account_is_slowed_and_its_owner_elsewhere_still_gets_in(client: Client) -> None:
    make_user()
    seen = [sign_in(client, password=f"guess {turn}").status_code for turn in range(20)]
    assert set(seen) == {422, 429}
    assert seen.count(422) <= 7
    refused = sign_in(client)
    assert (refused.status_code, alert(refused)) == (429, TOO_MANY)
    owner = Client(REMOTE_ADDR="203.0.113.9")
    assert sign_in(owner).status_code == 302


def test_spraying_many_accounts_from_one_address_is_slowed(client: Client) -> None:
    seen = [sign_in(client, email=f"user{turn}@example.com").status_code for turn in range(40)]
    assert 429 in seen
    assert seen.count(422) <= 22


def test_the_sign_in_page_sends_people_who_are_signed_in_on(ana: Client) -> None:
    assert ana.get("/sign-in/?next=/companies/")["Location"] == "/companies/"


def test_a_disabled_user_loses_the_session_at_once(ana: Client) -> None:
    User.objects.update(is_active=False)
    assert ana.get("/")["Location"] == "/sign-in/?next=%2F"


def test_the_time_zone_is_remembered_and_shown(ana: Client) -> None:
    response = ana.post("/time-zone/", {"zone": "Europe/Berlin", "next": "/companies/?q=x"})
    assert response["Location"] == "/companies/?q=x"
    assert User.objects.get().time_zone == "Europe/Berlin"
    assert "Europe/Berlin" in page(ana.get("/companies/")).one("header", class_="topbar").text


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\0", "x" * 500])
def test_an_unknown_time_zone_changes_nothing(ana: Client, zone: str) -> None:
    response = ana.post("/time-zone/", {"zone": zone, "next": "https://evil.example/"})
    assert (response.status_code, response["Location"]) == (302, "/")
    assert User.objects.get().time_zone == "UTC"
