"""Settings › Organisation: what the page saves, and where customers really go after linking."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from portal.actions.deployment_settings import auth_header_of, save_profile
from portal.links import customer_token
from portal.models import DeploymentSettings
from portal.redirect_template import RESERVED, fill
from syncengine.models import Connection
from tests.factories import make_company, make_connection
from tests.portal.pages import page, said
from tests.portal.test_linking import decide, leave
from tests.syncengine.lab import Lab

PAGE, ORIGINS = "/settings/organisation/", "/settings/organisation/origins/"


def form_of(**values: str) -> dict[str, str]:
    return {"name": "Bob's Burgers", "logo_url": "", "icon_url": "", "redirect_url": "", "white_list_urls": ""} | values


# --- the page ---


def test_saving_the_profile(ana: Client) -> None:
    sent = form_of(
        logo_url="https://bobs.example/logo.png",
        redirect_url="https://bobs.{tld}/{companyId}",
        white_list_urls="https://bobs.example\r\n\r\nhttps://bobs.test\r\n",
        alert_auth_header="Bearer canary",
    )
    response = ana.post(PAGE, sent)
    assert (response.status_code, response["Location"]) == (303, PAGE)
    found = ana.get(PAGE)
    assert b"canary" not in found.content
    assert said(found) == [("success", "The organisation is saved.")]
    row = DeploymentSettings.load()
    assert (row.name, row.logo_url, row.redirect_url, row.white_list_urls, auth_header_of(row)) == (
        "Bob's Burgers",
        "https://bobs.example/logo.png",
        "https://bobs.{tld}/{companyId}",
        ["https://bobs.example", "https://bobs.test"],
        "Bearer canary",
    )
    fields = page(found)
    assert fields.one("input", name="redirect_url")["value"] == "https://bobs.{tld}/{companyId}"
    assert fields.one("textarea", name="white_list_urls").text == "https://bobs.example https://bobs.test"


def test_the_header_stays_when_left_blank_and_can_be_forgotten(ana: Client) -> None:
    ana.post(PAGE, form_of(alert_auth_header="Bearer canary"))
    ana.post(PAGE, form_of())
    assert auth_header_of(DeploymentSettings.load()) == "Bearer canary"
    ana.post(PAGE, form_of(forget_header="on"))
    assert auth_header_of(DeploymentSettings.load()) == ""
    assert page(ana.get(PAGE)).all("input", name="forget_header") == []


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"name": ""}, "Enter the organisation's name."),
        ({"logo_url": "javascript:alert(1)"}, "is not an address that begins with https:// or http://."),
        ({"redirect_url": "https://x.example/{companyid}"}, "write {companyId}; case matters."),
        ({"white_list_urls": "*"}, "is not an address that begins with https:// or http://."),
        ({"alert_auth_header": "é"}, "The header is one line of plain ASCII, at most 1000 characters."),
    ],
)
def test_bad_input_is_named_at_its_field_and_saves_nothing(sent: dict[str, str], text: str, ana: Client) -> None:
    response = ana.post(PAGE, form_of(**sent))
    (error,) = page(response).all("p", class_="field-error")
    assert (response.status_code, text in error.text, DeploymentSettings.load().name) == (422, True, "Headrace")


def test_saving_origins(ana: Client) -> None:
    response = ana.post(ORIGINS, {"allowed_origins": "https://App.example.com/\r\nhttp://localhost:3000"})
    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert DeploymentSettings.load().allowed_origins == ["https://app.example.com", "http://localhost:3000"]
    refused = ana.post(ORIGINS, {"allowed_origins": "*"})
    assert (refused.status_code, "every website" in page(refused).one("section", id="origins").text) == (422, True)
    assert len(DeploymentSettings.load().allowed_origins) == 2


@pytest.mark.django_db
def test_the_page_takes_three_queries(ana: Client, django_assert_num_queries: Any) -> None:
    ana.get(PAGE)
    with django_assert_num_queries(3):  # session, user, settings
        ana.get(PAGE)


# --- the template ---


def test_values_cannot_leave_their_place() -> None:
    evil = "a/../b?c=d#e@evil.example&f=%2f \r\n é"
    url = fill("https://x.example/{companyId}?name={name}", {"companyId": evil, "name": evil}, [])
    parts = urlsplit(url)
    assert (parts.netloc, parts.fragment, dict(parse_qsl(parts.query))) == ("x.example", "", {"name": evil})
    assert parts.path.count("/") == 1


@pytest.mark.parametrize(
    ("template", "values", "url"),
    [
        ("https://bobs.{tld}/{companyId}", {"tld": "com", "companyId": "7"}, "https://bobs.com/7"),
        ("https://bobs.{tld}/", {"tld": "com.evil.example"}, ""),
        ("https://bobs.{tld}/", {"tld": "com@evil.example"}, ""),
        ("https://bobs.{tld}/", {"tld": "com:8443"}, ""),
        ("https://bobs.{tld}/", {"tld": "evil/x.com"}, ""),
        ("https://bobs.{tld}/", {}, ""),
        ("http://bobs.{tld}/", {"tld": "com"}, ""),
        ("https://own.example:8443/{missing}", {}, "https://own.example:8443/"),
        ("https://own.example?to={to}", {"to": "https://evil.example"}, "https://own.example?to=https%3A%2F%2Fevil.example"),
        ("https://own.example{to}", {"to": ".evil.example"}, ""),
    ],
)  # fmt: skip
def test_only_listed_hosts_are_gone_to(template: str, values: dict[str, str], url: str) -> None:
    assert fill(template, values, ["https://bobs.com"]) == url


# --- after linking ---


@pytest.fixture
def waiting(lab: Lab, db: None) -> Connection:
    return make_connection(make_company("Acme & Söhne"), integration=lab.integration(), status="PendingAuth")


def everything(prefix: str) -> str:
    return prefix + "?" + "&".join(f"{name}={{{name}}}" for name in (*RESERVED, "customerRef"))


def go_back(client: Client, connection: Connection, decision: str, query: str = "") -> Any:
    """Open the customer's link, consent or refuse at the platform, and come back."""
    link = f"/s/{customer_token(connection.company)}/"
    client.get(link + query)
    return client.get(decide(leave(client.post(f"{link}{connection.pk}/")), decision))


def sent_to(response: Any) -> str:
    found = page(response)
    url = found.one("a", class_="button")["href"]
    assert found.one("meta", http_equiv="refresh")["content"] == f"0; url={url}"
    assert ("no-store" in response["Cache-Control"], found.one("h1").text) == (True, "Taking you back")
    return url


def test_customers_are_sent_on_with_every_placeholder(client: Client, waiting: Connection) -> None:
    save_profile(name="Bob's", redirect_url=everything("https://bobs.example/done"), actor="test")
    parts = urlsplit(sent_to(go_back(client, waiting, "allow", "?customerRef=a%26b&other=x")))
    integration = waiting.integration
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "bobs.example", "/done")
    assert dict(parse_qsl(parts.query, keep_blank_values=True)) == {
        "clientId": str(DeploymentSettings.load().client_id),
        "connectionId": str(waiting.pk),
        "companyId": str(waiting.company_id),
        "integrationId": str(integration.pk),
        "sourceId": str(waiting.source_id),
        "platform": "mqjo",
        "platformName": integration.name,
        "sourceType": integration.source_type,
        "statusCode": "200",
        "errorMessage": "",
        "statusText": "OK",
        "data.company.companyName": "Acme & Söhne",
        "customerRef": "a&b",
    }


@pytest.mark.parametrize(("spoil", "status"), [("", "403"), ("code=x", "500")])
def test_a_link_that_failed_is_told_to_who_can_tell(
    client: Client, waiting: Connection, spoil: str, status: str
) -> None:
    save_profile(name="Bob's", redirect_url=everything("https://bobs.example/done"), actor="test")
    if not spoil:
        response = go_back(client, waiting, "deny")
    else:
        back = decide(leave(client.post(f"/s/{customer_token(waiting.company)}/{waiting.pk}/")), "allow")
        response = client.get(back.replace("code=", spoil))
    told = dict(parse_qsl(urlsplit(sent_to(response)).query))
    assert (told["statusCode"], bool(told["errorMessage"])) == (status, True)


def test_coming_back_twice_is_nothing_done(client: Client, waiting: Connection) -> None:
    save_profile(name="Bob's", redirect_url="https://bobs.example/{statusCode}", actor="test")
    back = decide(leave(client.post(f"/s/{customer_token(waiting.company)}/{waiting.pk}/")), "allow")
    assert [sent_to(client.get(back)) for _ in range(2)] == ["https://bobs.example/200", "https://bobs.example/201"]


def test_a_failure_that_the_address_would_not_tell_stays_here(client: Client, waiting: Connection) -> None:
    save_profile(name="Bob's", redirect_url="https://bobs.example/{companyId}", actor="test")
    response = go_back(client, waiting, "deny")
    assert (response.status_code, response["Location"].startswith("/s/")) == (302, True)


def test_a_foreign_host_is_never_gone_to(client: Client, waiting: Connection) -> None:
    listed = ["https://bobs.com"]
    save_profile(name="Bob's", redirect_url="https://bobs.{tld}/", white_list_urls=listed, actor="test")
    response = go_back(client, waiting, "allow", "?tld=evil.example")
    assert (response.status_code, response["Location"].startswith("/s/")) == (302, True)


def test_a_listed_host_is(client: Client, waiting: Connection) -> None:
    listed = ["https://bobs.com"]
    save_profile(name="Bob's", redirect_url="https://bobs.{tld}/", white_list_urls=listed, actor="test")
    assert sent_to(go_back(client, waiting, "allow", "?tld=com")) == "https://bobs.com/"


def test_operators_come_back_to_the_company(ana: Client, waiting: Connection) -> None:
    save_profile(name="Bob's", redirect_url="https://bobs.example/", actor="test")
    response = ana.get(decide(leave(ana.post(f"/connections/{waiting.pk}/link/")), "allow"))
    assert (response.status_code, response["Location"]) == (302, f"/companies/{waiting.company_id}/")


def test_an_approval_inside_the_platform_leads_there_too(client: Client, monkeypatch: Any, db: None) -> None:
    save_profile(name="Bob's", redirect_url="https://bobs.example/{statusCode}", actor="test")
    connection = make_connection()
    monkeypatch.setattr("portal.views.linking.check_approval", lambda connection, *, actor: connection)
    response = client.post(f"/s/{customer_token(connection.company)}/{connection.pk}/approve/")
    assert sent_to(response) == "https://bobs.example/200"
