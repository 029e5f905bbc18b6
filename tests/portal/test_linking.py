"""Linking against the real sandbox platform, as operators and as customers."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.utils.timezone import now, timedelta

from portal.links import customer_token, customer_url
from syncengine.models import Connection, Integration
from tests.factories import make_company, make_connection
from tests.portal.pages import page, said
from tests.syncengine.lab import BUSINESS, Lab


def decide(url: str, decision: str) -> str:
    """Do on the platform's consent page what a person does there. Returns the path we are sent back to."""
    form = {**dict(parse_qsl(urlsplit(url).query)), "business": BUSINESS, "decision": decision}

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: Any) -> None:
            return None

    target = url.partition("?")[0]
    with pytest.raises(urllib.error.HTTPError) as sent:
        urllib.request.build_opener(Stay).open(urllib.request.Request(target, urlencode(form).encode()), timeout=10)
    with sent.value as answer:
        back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def leave(response: Any) -> str:
    """Return where the page sends the browser, which it says twice."""
    found = page(response)
    url = found.one("a", class_="button")["href"]
    assert found.one("meta", http_equiv="refresh")["content"] == f"0; url={url}"
    return url


@pytest.fixture
def company(lab: Lab, db: None) -> Any:
    lab.integration()
    return make_company("Acme")


def connect(client: Client, company: Any) -> str:
    return leave(client.post(f"/companies/{company.pk}/connect/mqjo/"))


def test_connecting_a_platform(ana: Client, lab: Lab, company: Any, settings: Any) -> None:
    url = connect(ana, company)
    assert url.startswith(f"{lab.url}/oauth/authorize?")
    connection = Connection.objects.get()
    assert connection.status == "PendingAuth"

    response = ana.get(decide(url, "allow"))

    connection.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, f"/companies/{company.pk}/")
    assert connection.status == "Linked"
    assert said(ana.get(response["Location"])) == [("success", "Sandbox is linked. The first reads have started.")]
    assert connection.datasets.filter(trigger="first-link").count() > 5


def test_the_answer_is_good_once(ana: Client, lab: Lab, company: Any) -> None:
    back = decide(connect(ana, company), "allow")
    ana.get(back)
    response = ana.get(back)
    assert said(ana.get(response["Location"])) == [
        ("success", "Sandbox is linked. The first reads have started."),
        ("warning", "This link was used before or has expired. Start again."),
    ]


def test_denied_at_the_platform(ana: Client, lab: Lab, company: Any) -> None:
    response = ana.get(decide(connect(ana, company), "deny"))
    found = page(ana.get(response["Location"]))
    connection = Connection.objects.get()
    assert connection.status == "PendingAuth"
    card = found.one("article", id=f"connection-{connection.pk}")
    assert card.one("form", action=f"/connections/{connection.pk}/link/").text == "Try again"
    assert "access_denied" in card.one("div", class_="notice").text
    assert leave(ana.post(f"/connections/{connection.pk}/link/")).startswith(lab.url)


@pytest.mark.parametrize("query", ["", "?state=unknown&code=x", "?code=x", "?state=&error=access_denied", "?state=%00"])
def test_an_answer_that_fits_no_try_of_ours(client: Client, db: None, query: str) -> None:
    response = client.get(f"/link/callback{query}")
    assert (response.status_code, page(response).one("h1").text) == (404, "This link cannot be used")


def test_a_platform_that_cannot_be_reached_is_said_in_words(ana: Client, lab: Lab, company: Any) -> None:
    back = decide(connect(ana, company), "allow")
    Integration.objects.update(settings={"base_url": "http://127.0.0.1:9"})
    response = ana.get(back)
    ((tone, text),) = said(ana.get(response["Location"]))
    assert (tone, text) == ("warning", "This address cannot be called: port 9 is not one that platforms answer on.")
    assert Connection.objects.get().status == "PendingAuth"


def test_a_code_the_platform_does_not_know_shows_its_words(ana: Client, lab: Lab, company: Any) -> None:
    back = decide(connect(ana, company), "allow")
    response = ana.get(back.replace("code=", "code=x"))
    ((tone, text),) = said(ana.get(response["Location"]))
    assert (tone, "invalid_grant" in text) == ("warning", True)
    assert Connection.objects.get().status == "PendingAuth"


def test_reconnecting_brings_a_deauthorised_connection_back(ana: Client, lab: Lab, company: Any) -> None:
    connection = make_connection(company, integration=lab.integration(), status="Deauthorized")
    back = decide(leave(ana.post(f"/connections/{connection.pk}/link/")), "allow")
    ana.get(back)
    connection.refresh_from_db()
    assert connection.status == "Linked"


def test_a_second_accounting_platform_is_refused(ana: Client, lab: Lab, company: Any) -> None:
    make_connection(company, integration=lab.integration())
    response = ana.post(f"/companies/{company.pk}/connect/mqjo/")
    assert said(ana.get(response["Location"])) == [
        ("warning", "This company already reads its accounts from Sandbox. Unlink that connection first.")
    ]


# --- the customer's page ---


def test_customer_page_needs_no_account_and_is_kept_private(client: Client, lab: Lab, company: Any) -> None:
    make_connection(company, integration=lab.integration(), status="Deauthorized")
    response = client.get(f"/s/{customer_token(company)}/")
    found = page(response)
    assert (found.one("h1").text, found.one("span", class_="status-badge").text) == ("Acme", "Deauthorized")
    assert found.one("main").one("article").one("button").text == "Reconnect"
    assert found.all("nav") == []
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Referrer-Policy"] == "same-origin"
    assert "no-store" in response["Cache-Control"]


def test_customer_reconnects_and_comes_back_to_their_page(client: Client, lab: Lab, company: Any) -> None:
    connection = make_connection(company, integration=lab.integration(), status="Deauthorized")
    url = leave(client.post(f"/s/{customer_token(company)}/{connection.pk}/"))
    response = client.get(decide(url, "allow"))
    connection.refresh_from_db()
    assert connection.status == "Linked"
    assert response["Location"].startswith("/s/")
    assert page(client.get(response["Location"])).one("span", class_="status-badge").text == "Linked"
    assert client.get(f"/companies/{company.pk}/").status_code == 302


def test_customer_link_ends_by_itself(client: Client, db: None) -> None:
    company = make_company()
    url = f"/s/{customer_token(company)}/"
    with time_machine.travel(now() + timedelta(days=29)):
        assert client.get(url).status_code == 200
    with time_machine.travel(now() + timedelta(days=31)):
        assert client.get(url).status_code == 404


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: "x", lambda t: t.replace(":", ".")])
def test_a_changed_customer_link_opens_nothing(client: Client, db: None, spoil: Any) -> None:
    assert client.get(f"/s/{spoil(customer_token(make_company()))}/").status_code == 404


def test_a_signature_of_another_kind_opens_nothing(client: Client, db: None) -> None:
    token = signing.dumps(str(make_company().pk), salt="something else")
    assert client.get(f"/s/{token}/").status_code == 404


def test_customers_reach_their_own_connections_only(client: Client, db: None) -> None:
    mine, theirs = make_company("Mine"), make_connection(make_company("Theirs"), status="PendingAuth")
    assert client.post(f"/s/{customer_token(mine)}/{theirs.pk}/").status_code == 404
    assert client.get(f"/s/{customer_token(mine)}/{theirs.pk}/approve/").status_code == 404


def test_a_deleted_companys_link_opens_nothing(client: Client, db: None) -> None:
    assert client.get(f"/s/{customer_token(make_company(deleted_at=now()))}/").status_code == 404


def test_customer_url_is_whole(db: None, settings: Any) -> None:
    settings.HEADRACE_PORTAL_URL = "https://hub.example"
    connection = make_connection()
    url = customer_url(connection.company, connection)
    assert url.startswith("https://hub.example/s/")
    assert url.endswith(f"/#connection-{connection.pk}")


# --- platforms that are approved inside ---


def waiting(company: Any, **fields: Any) -> Connection:
    from syncengine.models import LinkAttempt

    connection = make_connection(company, status="PendingAuth")
    LinkAttempt.objects.create(
        connection=connection,
        state_hash=f"hash-{connection.pk}",
        instruct="Open the user menu and approve the key.",
        expires_at=now() + timedelta(days=1),
        **fields,
    )
    return connection


def test_approval_page_says_what_to_do(ana: Client) -> None:
    connection = waiting(make_company())
    found = page(ana.get(f"/connections/{connection.pk}/approve/"))
    assert "Open the user menu and approve the key." in found.one("main").text
    assert found.one("main").one("button", data_kind="primary").text == "I have approved it"
    card = page(ana.get(f"/companies/{connection.company_id}/")).one("article")
    assert card.one("a", data_kind="primary")["href"] == f"/connections/{connection.pk}/approve/"


def test_not_approved_yet(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from syncengine.actions.linking import LinkRefused

    connection = waiting(make_company())

    def refuse(connection: Connection, *, actor: str) -> Connection:
        raise LinkRefused("Nobody has approved the key yet.", connection=connection, upstream="403 <b>")

    monkeypatch.setattr("portal.views.linking.check_approval", refuse)
    response = ana.post(f"/connections/{connection.pk}/approve/")
    notice = page(response).one("div", role="alert")
    assert response.status_code == 409
    assert notice.text == "Not approved yet. Nobody has approved the key yet. 403 <b>"
