from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from syncengine.models import Company, DataStatus, Event
from syncengine.states import DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.portal.pages import Element, page, rows, said

SWAP = {"HX-Request": "true"}
HOSTILE = "<img src=x onerror=alert(1)>{{ 7 }}\"'><script>alert(2)</script>"


def names(response: Any) -> list[str]:
    return [row[0] for row in rows(page(response).one("table"))] if b"<table" in response.content else []


# --- the list ---


def test_first_use(ana: Client) -> None:
    empty = page(ana.get("/companies/")).one("div", data_kind="first-use")
    assert empty.one("h2").text == "No companies yet"
    assert empty.one("a")["href"] == "/companies/new/"


def test_list_shows_worst_state_platforms_and_last_sync(ana: Client) -> None:
    company = make_company("Acme")
    make_connection(company, last_sync_at=now() - timedelta(hours=2))
    make_connection(company, integration=make_integration("tryt", name="Tryton"), status="Deauthorized")
    make_company("Bare")
    assert [row[:4] for row in rows(page(ana.get("/companies/")).one("table"))] == [
        ["Acme", "Deauthorized", "Sandbox Linked Tryton Deauthorized", "2 h ago"],
        ["Bare", "No connections", "—", "—"],
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "acm"}, ["Acme"]),
        ({"q": "{company}"}, ["Acme"]),
        ({"q": "{connection}"}, ["Acme"]),
        ({"q": "sandbox"}, ["Acme"]),
        ({"state": "Linked"}, ["Acme"]),
        ({"state": "NoConnections"}, ["Bolt"]),
        ({"state": "nonsense"}, []),
        ({"q": "%"}, []),
        ({"q": "\0"}, ["Acme", "Bolt"]),
        ({"after": "nonsense"}, ["Acme", "Bolt"]),
    ],
)
def test_search_and_filter(ana: Client, query: dict[str, str], found: list[str]) -> None:
    connection = make_connection(make_company("Acme"))
    make_company("Bolt")
    filled = {
        name: value.format(company=connection.company_id, connection=connection.pk) for name, value in query.items()
    }
    assert names(ana.get("/companies/", filled)) == found


def test_filtered_empty_says_what_was_searched_and_how_to_clear(ana: Client) -> None:
    make_company("Acme")
    empty = page(ana.get("/companies/", {"q": "zebra <b>"})).one("div", data_kind="filtered")
    assert "“zebra <b>”" in empty.one("p").text
    assert empty.one("a")["href"] == "/companies/"


def test_pages_by_name(ana: Client) -> None:
    for place in range(27):
        make_company(f"Company {place:02}")
    first = ana.get("/companies/")
    following = page(first).one("a", rel="next")["href"]
    assert names(first) + names(ana.get(f"/companies/{following}")) == [f"Company {place:02}" for place in range(27)]


@pytest.mark.parametrize("count", [1, 3])
def test_list_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    for place in range(count):
        make_connection(make_company(f"C{place}"))
    with django_assert_num_queries(5):  # session, person, count, companies, connections
        ana.get("/companies/")


# --- create, rename, delete ---


def test_create(ana: Client) -> None:
    response = ana.post("/companies/new/", {"name": "  Company (Codat[1])  ", "description": "Bread."})
    company = Company.objects.get()
    assert (company.name, company.description) == ("Company Codat1", "Bread.")
    assert (response.status_code, response["Location"]) == (303, f"/companies/{company.pk}/")
    assert company.created_by.startswith("user:")
    assert said(ana.get(response["Location"])) == [("success", "Company Codat1 is created. Connect a platform next.")]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "Enter the company's name."),
        ("()[]{}", "Enter a name with at least one letter or digit."),
        ("x" * 201, "A name has at most 200 characters; this one has 201."),
        ("a\0b", "Null characters are not allowed."),
    ],
)
def test_create_refuses_and_names_the_field(ana: Client, name: str, error: str) -> None:
    response = ana.post("/companies/new/", {"name": name})
    assert response.status_code == 422
    assert page(response).one("div", id="id_name_error").text == error
    assert list(Company.objects.all()) == []


def test_unknown_fields_are_ignored(ana: Client) -> None:
    ana.post("/companies/new/", {"name": "Acme", "id": "0" * 32, "created_by": "x", "deleted_at": "2020-01-01"})
    company = Company.objects.get()
    assert (company.deleted_at, company.created_by != "x") == (None, True)


def test_rename(ana: Client) -> None:
    company = make_company("Old")
    form = ana.get(f"/companies/{company.pk}/rename/")
    assert page(form).one("input", id="id_name")["value"] == "Old"
    response = ana.post(f"/companies/{company.pk}/rename/", {"name": "New & shiny"})
    company.refresh_from_db()
    assert (response.status_code, company.name) == (303, "New & shiny")
    assert Event.objects.get(kind="company.renamed").data == {"before": "Old", "after": "New & shiny"}


def test_rename_in_the_dialog(ana: Client) -> None:
    company = make_company("Old")
    url = f"/companies/{company.pk}/rename/"
    fragment = ana.get(url, headers=SWAP)
    assert b"<html" not in fragment.content
    assert page(fragment).one("h2", id="dialog-title").text == "Rename company"
    refused = ana.post(url, {"name": ""}, headers=SWAP)
    assert (refused.status_code, page(refused).one("div", id="id_name_error").text) == (
        422,
        "Enter the company's name.",
    )
    done = ana.post(url, {"name": "New"}, headers=SWAP)
    assert (done.status_code, done["HX-Redirect"]) == (200, f"/companies/{company.pk}/")


@pytest.mark.parametrize("typed", ["", "acme", "Acme Ltd"])
def test_delete_needs_the_typed_name(ana: Client, typed: str) -> None:
    company = make_company("Acme")
    response = ana.post(f"/companies/{company.pk}/delete/", {"typed": typed})
    company.refresh_from_db()
    assert (response.status_code, company.deleted_at) == (422, None)


def test_delete(ana: Client) -> None:
    connection = make_connection(make_company("Acme"), secret={"access_token": "t"})
    response = ana.post(f"/companies/{connection.company_id}/delete/", {"typed": "Acme"})
    assert (response.status_code, response["Location"]) == (303, "/companies/")
    connection.refresh_from_db()
    assert (connection.deleted_at is None, bytes(connection.credentials)) == (False, b"")
    assert names(ana.get("/companies/")) == []
    assert ana.get(f"/companies/{connection.company_id}/").status_code == 404


# --- the detail page ---


def detail(client: Client, company: Company, **extra: Any) -> Element:
    return page(client.get(f"/companies/{company.pk}/", **extra))


def test_company_without_connections(ana: Client) -> None:
    company = make_company("Acme")
    empty = detail(ana, company).one("div", data_kind="first-use")
    assert (empty.one("h2").text, empty.one("a")["href"]) == ("No connections yet", f"/companies/{company.pk}/connect/")


def test_head_and_tabs(ana: Client, olga: Client) -> None:
    company = make_connection(make_company("Acme")).company
    found = detail(ana, company)
    assert found.one("h1").text == "Acme"
    assert found.one("div", class_="page-head-title").one("span", class_="status-badge")["data-status"] == "Linked"
    base = f"/companies/{company.pk}/"
    tabs = found.one("nav", class_="tabs").all("a")
    assert [(tab.text, tab["href"]) for tab in tabs] == [
        ("Overview", base),
        ("Data history", f"{base}history/"),
        ("Push", f"{base}push/"),
        ("Settings", f"{base}settings/"),
    ]
    assert [tab.text for tab in detail(olga, company).one("nav", class_="tabs").all("a")] == ["Overview"]


def test_deauthorised_connection_says_why_and_who_must_act(ana: Client) -> None:
    connection = make_connection(
        status="Deauthorized",
        status_reason="The customer withdrew the consent.",
        status_responsible="customer",
        upstream_words="invalid_grant",
    )
    notice = detail(ana, connection.company).one("div", class_="notice")
    assert notice.one("strong").text == "The customer withdrew the consent."
    assert notice.one("span", class_="chip").text == "The customer must act"
    assert notice.one("blockquote").text == "invalid_grant"


def grid(found: Element) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in rows(found.one("div", id="company-grid").one("table"))}


def test_grid(ana: Client) -> None:
    connection = make_connection()
    make_dataset(connection, "invoices", DatasetStatus.FETCHING, fetched_count=1200, source_total=5000)
    make_dataset(connection, "items", DatasetStatus.PERMISSIONS_ERROR, error_responsible="customer")
    make_dataset(connection, "taxRates", DatasetStatus.COMPLETE)
    DataStatus.objects.filter(data_type="taxRates").update(
        record_count=1234,
        last_successful_sync_at=now() - timedelta(minutes=5),
        next_sync_at=now() + timedelta(days=2, hours=1),
    )
    found = grid(detail(ana, connection.company))
    assert found["Invoices"] == ["Fetching 1,200 of 5,000", "—", "0", "Not scheduled", "Cancel"]
    assert found["Items"][0] == "PermissionsError The customer must act"
    assert found["Tax rates"][:3] == ["Complete", "5 min ago", "1,234"]
    assert found["Tax rates"][3].startswith("in 2 d (")
    assert found["Bills"] == ["Never read", "—", "0", "Not scheduled", "Refresh"]


def test_grid_marks_related_types_that_differ(ana: Client) -> None:
    connection = make_connection()
    for key, days in (("invoices", 0), ("payments", 3), ("taxRates", 3)):
        make_dataset(connection, key, DatasetStatus.COMPLETE)
        DataStatus.objects.filter(data_type=key).update(last_successful_sync_at=now() - timedelta(days=days))
    found = detail(ana, connection.company)
    marked = [
        row.one("th").one("a").text for row in found.one("div", id="company-grid").all("tr") if row.all("summary")
    ]
    assert marked == ["Invoices", "Payments"]


def test_grid_polls_only_while_something_moves(ana: Client) -> None:
    connection = make_connection()
    dataset = make_dataset(connection, "invoices", DatasetStatus.FETCHING)
    url = f"/companies/{connection.company_id}/"
    live = page(ana.get(url)).one("div", id="company-grid")
    assert (live["hx-trigger"], live["data-announce"]) == ("every 3s", "1 data type is being read.")

    unchanged = ana.get(live["hx-get"], headers=SWAP)
    assert (unchanged.status_code, unchanged.content) == (204, b"")

    dataset.status = DatasetStatus.COMPLETE
    dataset.save()
    changed = ana.get(live["hx-get"], headers=SWAP)
    after = page(changed).one("div", id="company-grid")
    assert (changed.status_code, "hx-get" in after.attributes) == (200, False)
    assert grid(page(changed))["Invoices"][0] == "Complete"
    assert page(changed).all("section", id="connections") == []


def test_cards_come_along_only_when_they_changed(ana: Client) -> None:
    connection = make_connection()
    make_dataset(connection, "invoices", DatasetStatus.FETCHING)
    live = page(ana.get(f"/companies/{connection.company_id}/")).one("div", id="company-grid")["hx-get"]
    connection.status = "Deauthorized"
    connection.save()
    cards = page(ana.get(live, headers=SWAP)).one("section", id="connections")
    assert (cards["hx-swap-oob"], cards.one("span", class_="status-badge").text) == ("true", "Deauthorized")


def test_people_without_data_rights_see_no_grid(olga: Client) -> None:
    connection = make_connection()
    make_dataset(connection, "invoices", DatasetStatus.FETCHING)
    found = detail(olga, connection.company)
    assert found.all("div", id="company-grid") == []
    assert found.all("form", action=f"/companies/{connection.company_id}/refresh/") == []


def test_activity_says_who_did_what(ana: Client) -> None:
    ana.post("/companies/new/", {"name": "Acme"})
    company = Company.objects.get()
    ana.post(f"/companies/{company.pk}/rename/", {"name": "Bolt"})
    feed = detail(ana, company).one("ul", class_="feed").all("li")
    assert [line.text for line in feed] == [
        "Renamed from “Acme” to “Bolt” just now by Ana Brandt",
        "Company created as “Acme” just now by Ana Brandt",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_detail_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    company = make_company()
    for place in range(count):
        connection = make_connection(company, integration=make_integration(f"ab{place}z", name=f"P{place}"))
        make_dataset(connection, "invoices", DatasetStatus.COMPLETE)
    # session, person, company, connections, attempts, lapses 2, version 2, grid 2, events
    with django_assert_num_queries(12):
        ana.get(f"/companies/{company.pk}/")


@pytest.mark.parametrize("count", [1, 3])
def test_poll_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    connection = make_connection()
    for key in ("invoices", "bills", "items")[:count]:
        make_dataset(connection, key, DatasetStatus.FETCHING)
    live = page(ana.get(f"/companies/{connection.company_id}/")).one("div", id="company-grid")["hx-get"]
    with django_assert_num_queries(5):  # session, person, company, version 2
        assert ana.get(live, headers=SWAP).status_code == 204


# --- refresh ---


def test_refresh_queues_and_says_how_many(ana: Client, queued: Any) -> None:
    connection = make_connection()
    response = ana.post(f"/companies/{connection.company_id}/refresh/")
    datasets = list(connection.datasets.values_list("pk", flat=True))
    assert len(datasets) > 5
    assert said(ana.get(response["Location"])) == [("success", f"{len(datasets)} data types are queued.")]
    assert sorted(task[1][0] for task in queued()) == sorted(map(str, datasets))
    again = ana.post(f"/companies/{connection.company_id}/refresh/")
    assert said(ana.get(again["Location"])) == [("info", "Every data type is being read already.")]


def test_refresh_without_a_linked_connection_is_refused(ana: Client) -> None:
    company = make_company()
    response = ana.post(f"/companies/{company.pk}/refresh/")
    assert said(ana.get(response["Location"])) == [
        ("warning", "This company has no linked connection. Connect a platform first.")
    ]


def test_hostile_text_stays_text(ana: Client) -> None:
    company = make_company(HOSTILE, description=HOSTILE)
    connection = make_connection(company, status="Deauthorized", status_reason=HOSTILE, upstream_words=HOSTILE)
    make_dataset(connection, "items", DatasetStatus.FETCH_ERROR, error_message=HOSTILE)
    for url in (
        "/",
        "/companies/",
        f"/companies/{company.pk}/",
        f"/companies/{company.pk}/delete/",
        f"/companies/?q={HOSTILE}",
    ):
        found = page(ana.get(url))
        assert [script for script in found.all("script") if "src" not in script.attributes] == []
        assert [image["src"] for image in found.all("img") if image["src"] == "x"] == []
        assert [e for e in found.all() for name in e.attributes if name.startswith("on")] == []
    assert detail(ana, company).one("h1").text == " ".join(HOSTILE.split())
