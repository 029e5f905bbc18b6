"""Developers › API keys: the pages, and that a secret is seen once and kept nowhere."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils.timezone import now

from portal.actions.api_keys import create_api_key, revoke_api_key, rotate_api_key
from portal.api.principals import authenticate
from portal.keys import header_of
from portal.models import ApiKey, Role
from portal.scopes import SCOPES
from syncengine.models import Event
from tests.factories import make_company
from tests.portal.data_pages import HOSTILE, Page, sign_in
from tests.portal.pages import page, rows, said

pytestmark = pytest.mark.django_db
LIST, NEW = "/developers/api-keys/", "/developers/api-keys/new/"


def make_key(**fields: Any) -> Any:
    return create_api_key(**{"name": "tests", "scopes": ["read"], "actor": "test", **fields})


def at(key: ApiKey, what: str) -> str:
    return f"{LIST}{key.pk}/{what}/"


def copied(response: Any) -> list[str]:
    """Return what the fields to copy hold: key, header, address."""
    return [field["value"] for field in page(response).one("main").all("input", readonly="")]


def form_of(**values: Any) -> dict[str, Any]:
    return {"key_id": str(uuid4()), "name": "", "scopes": ["read"], "companies": "", "last_day": "", **values}


def test_an_empty_list_offers_the_first_key(ana: Client) -> None:
    found = page(ana.get(LIST))
    assert found.one("div", class_="empty").one("a")["href"] == NEW


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_eight_queries(count: int, ana: Client, django_assert_num_queries: Any) -> None:
    user = "user:" + str(ana.get(LIST).wsgi_request.user.pk)
    for _ in range(count):
        made = make_key(company_ids=[make_company().pk], actor=user)
        rotate_api_key(made.key, actor=user)
    with django_assert_num_queries(8):  # session, user, count, keys, secrets, live keys, companies, people
        response = ana.get(LIST)
    assert len(rows(page(response).one("table"))) == count


def test_a_row_says_what_the_key_is_and_may() -> None:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        first, second = make_company("Brightwater"), make_company("Northgate")
        made = make_key(
            name="invoice finance",
            scopes=["read", "sync"],
            rights=["push.create"],
            company_ids=sorted([first.pk, second.pk]),
            expires_at=now() + timedelta(hours=3),
        )
        authenticate(made.secret)
        plain = make_key(name="", scopes=list(SCOPES), actor=f"api-key:{made.key.pk}")
        found = page(sign_in().get(LIST))
        hints = [made.key.secrets.get().hint, plain.key.secrets.get().hint]
    assert rows(found.one("table")) == [
        [
            f"Without a name {hints[1]}",
            "live",
            "read, sync, push, admin",
            "all",
            "just now by API key “invoice finance”",
            "never",
            "never",
            "More Rename Rotate Revoke",
        ],
        [
            f"invoice finance {hints[0]}",
            "live",
            "read, sync and 1 single right",
            "Brightwater and 1 more",
            "just now by test",
            "just now",
            "in 3 h (15:00 UTC)",
            "More Rename Rotate Revoke",
        ],
    ]


def test_states_of_a_key(ana: Client) -> None:
    rotating, expired, revoked = (make_key(name=name).key for name in ("rotating", "expired", "revoked"))
    rotate_api_key(rotating, actor="test")
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=now())
    revoke_api_key(revoked, actor="test")
    found = rows(page(ana.get(LIST)).one("table"))
    assert [(row[0].split()[0], row[1], row[-1]) for row in found] == [
        ("revoked", "revoked", ""),
        ("expired", "expired", ""),
        ("rotating", "rotating", "More Rename Rotate Revoke"),
    ]
    assert "old secret" in found[2][0]


def test_creating_shows_key_and_header_once(ana: Client, settings: Any) -> None:
    settings.HEADRACE_PORTAL_URL = "https://hub.example"
    company = make_company("Brightwater")
    sent = form_of(
        name="invoice finance",
        scopes=["read", "sync"],
        rights=["push.create"],
        companies=f"Brightwater\n\n {company.pk} \n",
        last_day="2040-12-31",
    )
    response = ana.post(NEW, sent)
    secret, header, address = copied(response)
    assert (response.status_code, header, address) == (200, header_of(secret), "https://hub.example/api")
    assert "no-store" in response["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.rights, key.company_ids, key.expires_at) == (
        "invoice finance",
        ["read", "sync"],
        ["push.create"],
        [str(company.pk)],
        datetime(2040, 12, 31, 23, 59, 59, tzinfo=UTC),
    )
    assert authenticate(secret) is not None
    assert key.created_by == f"user:{response.wsgi_request.user.pk}"
    # Sent again, as a reload does: no second key, and the secret stays unseen.
    again = ana.post(NEW, sent)
    assert (again.status_code, again["Location"], ApiKey.objects.count()) == (303, LIST, 1)
    assert said(ana.get(LIST))[0][0] == "warning"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"name": "x" * 51}, "A name has at most 50 characters; this one has 51."),
        ({"scopes": []}, "Choose at least one scope or right."),
        ({"scopes": ["root"]}, "Select a valid choice. root is not one of the available choices."),
        ({"rights": ["root"]}, "Select a valid choice. root is not one of the available choices."),
        ({"companies": "Nobody"}, "There is no company “Nobody”."),
        ({"companies": "Twins"}, "2 companies are called “Twins”. Enter the id instead."),
        ({"companies": "Gone"}, "There is no company “Gone”."),
        ({"companies": "\n".join(map(str, range(501)))}, "A key is limited to at most 500 companies."),
        ({"last_day": "2001-01-01"}, "The expiry must be in the future."),
        ({"last_day": "soon"}, "Enter a day such as 2030-12-31."),
        ({"last_day": "9999-12-31", "scopes": []}, "Choose at least one scope or right."),
        ({"scopes": [], "rights": ["cors.edit"], "companies": "Only"}, "cannot hold these rights."),
    ],
)
def test_bad_input_is_named_and_makes_no_key(sent: dict[str, Any], text: str, ana: Client) -> None:
    for name in ("Twins", "Twins", "Only"):
        make_company(name)
    make_company("Gone", deleted_at=now())
    response = ana.post(NEW, form_of(**sent))
    assert (response.status_code, ApiKey.objects.count()) == (422, 0)
    assert text in page(response).one("main").text


def test_the_eleventh_key_is_refused_in_the_contracts_words(ana: Client) -> None:
    for _ in range(10):
        make_key()
    found = page(ana.get(LIST))
    assert found.one("main").all("a", href=NEW) == []
    response = ana.post(NEW, form_of())
    notice = page(response).one("div", role="alert").text
    assert (response.status_code, notice.startswith("Maximum number of API keys reached. ")) == (422, True)
    assert ApiKey.objects.count() == 10


def test_renaming_page_and_dialog(ana: Client) -> None:
    key = make_key().key
    assert page(ana.get(at(key, "rename"), headers={"HX-Request": "true"})).one("h2").text == "Rename API key"
    assert ana.post(at(key, "rename"), {"name": "x" * 51}).status_code == 422
    response = ana.post(at(key, "rename"), {"name": "better"})
    assert (response.status_code, response["Location"]) == (303, LIST)
    assert said(ana.get(LIST)) == [("success", "Renamed to “better”.")]


def test_rotating_shows_the_new_secret_once_and_says_how_long_the_old_one_works(ana: Client) -> None:
    made = make_key()
    form = page(ana.get(at(made.key, "rotate"))).one("form", action=at(made.key, "rotate"))
    sent = {"replaces": form.one("input", name="replaces")["value"], "overlap_hours": "3"}
    response = ana.post(at(made.key, "rotate"), sent)
    secret = copied(response)[0]
    assert "The old secret works for 3 more hours." in page(response).one("main").text
    assert [authenticate(one) is not None for one in (made.secret, secret)] == [True, True]
    again = ana.post(at(made.key, "rotate"), sent)
    assert (again.status_code, again["Location"]) == (303, LIST)
    assert [authenticate(one) is not None for one in (made.secret, secret)] == [True, True]
    assert "Rotating again ends it now" in page(ana.get(at(made.key, "rotate"))).one("main").text
    event = Event.objects.get(kind="api_key.rotated")
    assert (event.actor, event.data["overlap_seconds"]) == (f"user:{response.wsgi_request.user.pk}", 10_800)


@pytest.mark.parametrize("hours", ["-1", "169", "", "soon", "1.5"])
def test_senseless_overlaps_are_refused(hours: str, ana: Client) -> None:
    made = make_key()
    sent = {"replaces": str(made.key.secrets.get().pk), "overlap_hours": hours}
    response = ana.post(at(made.key, "rotate"), sent)
    assert (response.status_code, made.key.secrets.count()) == (422, 1)
    assert page(response).all("p", class_="field-error") != []


def test_revoking_asks_first_and_works_at_once(ana: Client) -> None:
    made = make_key(name="old one")
    shown = page(ana.get(at(made.key, "revoke"))).one("form", class_="confirm")
    assert "It was never used." in shown.text
    assert authenticate(made.secret) is not None
    response = ana.post(at(made.key, "revoke"))
    assert (response.status_code, authenticate(made.secret)) == (303, None)
    assert said(ana.get(LIST)) == [("success", "“old one” is revoked.")]
    for what in ("rotate", "revoke"):
        assert ana.post(at(made.key, what))["Location"] == LIST


def test_a_key_that_is_not_there(ana: Client) -> None:
    for what in ("rename", "rotate", "revoke"):
        assert ana.get(f"{LIST}{uuid4()}/{what}/").status_code == 404


def test_names_stay_names() -> None:
    key = make_key(name=HOSTILE).key
    client = sign_in(Role.DEVELOPER)
    for url in (LIST, at(key, "rename"), at(key, "rotate"), at(key, "revoke")):
        response = client.get(url)
        assert b"<script>alert" not in response.content
        assert HOSTILE in Page(response).text or "rename" in url


# --- the canary ---


@pytest.mark.django_db(transaction=True)
def test_a_secret_is_in_one_answer_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = sign_in(is_staff=True, is_superuser=True)
    created = copied(client.post(NEW, form_of(name="canary")))
    key = ApiKey.objects.get()
    sent = {"replaces": str(key.secrets.get().pk), "overlap_hours": "24"}
    rotated = copied(client.post(at(key, "rotate"), sent))
    secrets = [secret for answer in (created, rotated) for secret in answer[:2]]
    for secret in secrets:
        client.get("/api/companies", headers={"Authorization": secret})
        client.get("/api/companies", headers={"Authorization": f"Bearer {secret}"})
    pages = [LIST, *(at(key, what) for what in ("rename", "rotate", "revoke"))]
    pages += [f"/admin/portal/apikeysecret/{secret.pk}/change/" for secret in key.secrets.all()]
    answers = [client.get(url) for url in pages]
    assert [answer.status_code for answer in answers] == [200] * 6
    seen = [*(answer.content.decode() for answer in answers), caplog.text, *stored_texts()]
    traces = [trace for secret in secrets for trace in (secret, secret.removeprefix("Basic "))]
    assert [trace for trace in traces for text in seen if trace in text] == []


def stored_texts() -> list[str]:
    """Return every value of every row of every table, as text."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                texts += [
                    bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                    for value in row
                ]
    assert any("canary" in text for text in texts)
    return texts
