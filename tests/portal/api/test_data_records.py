"""Reading cached records: lists, single ones, which connection they come from, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from syncengine.datatypes import DATA_TYPES
from syncengine.models import Connection, DataStatus
from syncengine.states import ConnectionStatus, DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_integration, make_record
from tests.portal.data_pages import platform, use_platforms

MODIFIED = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
SHOWN = {"modifiedDate": "2026-11-20T09:15:00.000000Z", "metadata": {"isDeleted": False}}

pytestmark = pytest.mark.django_db


def _good(connection, data_type="invoices", **fields):
    return make_dataset(connection, data_type, DatasetStatus.COMPLETE, **fields)


def _record(connection, source_id, data_type="invoices", **fields):
    return make_record(connection, source_id, data_type, **{"modified_at": MODIFIED} | fields)


def _wire_form(source_id, **more):
    return {"id": source_id, "invoiceNumber": source_id.upper(), "totalAmount": 12.5} | SHOWN | more


@pytest.fixture
def books():
    """A linked connection of which three invoices were read, one of them deleted since."""
    connection = make_connection()
    _good(connection)
    _record(connection, "inv-1", source_modified_at=MODIFIED - timedelta(days=1))
    _record(connection, "inv-2", is_deleted=True)
    _record(connection, "inv-3")
    return connection


def _problem(response):
    return response.status_code, response.json()["error"]


# --- lists ----------------------------------------------------------------------------------------------------------


def test_a_list_holds_every_record_and_says_which_are_deleted(wire, books):
    path = f"/companies/{books.company_id}/data/invoices"
    response = wire.get(path)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert response.json() == {
        "results": [
            _wire_form("inv-1", sourceModifiedDate="2026-11-19T09:15:00.000000Z"),
            _wire_form("inv-2", metadata={"isDeleted": True}),
            _wire_form("inv-3"),
        ],
        "pageNumber": 1,
        "pageSize": 100,
        "totalResults": 3,
        "_links": {"self": {"href": path}, "current": {"href": f"{path}?page=1&pageSize=100"}},
    }


@pytest.mark.parametrize("asked", ["DATA/Invoices", "data/INVOICES/", "data/invoices"])
def test_a_path_is_read_in_any_case_and_with_a_slash_at_its_end(wire, books, asked):
    response = wire.get(f"/Companies/{str(books.company_id).upper()}/{asked}")
    assert [row["id"] for row in response.json()["results"]] == ["inv-1", "inv-2", "inv-3"]


def test_a_page_says_where_the_others_are(wire, books):
    path = f"/companies/{books.company_id}/data/invoices"
    body = wire.get(f"{path}?pageSize=1&page=2&orderBy=id").json()
    assert [row["id"] for row in body["results"]] == ["inv-2"]
    assert (body["pageNumber"], body["pageSize"], body["totalResults"]) == (2, 1, 3)
    assert body["_links"] == {
        "self": {"href": path},
        "current": {"href": f"{path}?page=2&pageSize=1&orderBy=id"},
        "next": {"href": f"{path}?page=3&pageSize=1&orderBy=id"},
        "previous": {"href": f"{path}?page=1&pageSize=1&orderBy=id"},
    }


def test_a_query_narrows_and_an_order_sorts(wire, books):
    path = f"/companies/{books.company_id}/data/invoices"
    body = wire.get(f"{path}?query=metadata.isDeleted!%3Dtrue&orderBy=-id").json()
    assert ([row["id"] for row in body["results"]], body["totalResults"]) == (["inv-3", "inv-1"], 2)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("page=0", "page must be a whole number from 1."),
        ("pageSize=5001", "pageSize must be a whole number from 1 to 5000."),
        ("query=totalAmount", "Error parsing query - Malformed query."),
        ("query=nothing%3D1", "Error parsing query - Could not resolve property nothing on Invoice"),
        ("orderBy=nothing", "Error parsing query - Could not resolve property nothing on Invoice"),
    ],
)
def test_a_list_that_cannot_be_asked_for_is_refused_by_name(wire, books, asked, words):
    assert _problem(wire.get(f"/companies/{books.company_id}/data/invoices?{asked}")) == (400, words)


def test_a_page_behind_the_end_is_empty(wire, books):
    body = wire.get(f"/companies/{books.company_id}/data/invoices?page=9").json()
    assert (body["results"], body["totalResults"]) == ([], 3)


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize(
    ("asked", "queries"),
    # Who asks, where the company's data comes from, where the page starts, its rows.
    [("", 4), ("?pageSize=10&page=2", 4)],
)
def test_a_list_costs_the_same_queries_whatever_its_length(
    wire, django_assert_num_queries, settings, count, asked, queries
):
    settings.HEADRACE_API_ADDRESS_PER_MINUTE = settings.HEADRACE_API_DAILY_QUOTA = 0
    connection = make_connection()
    _good(connection)
    for number in range(count):
        _record(connection, f"inv-{number}")
    path = f"/companies/{connection.company_id}/data/invoices{asked}"
    wire.get(path)
    with django_assert_num_queries(queries - (count == 1 and asked != "")):
        wire.get(path)


def test_one_record_costs_three_queries(wire, books, django_assert_num_queries, settings):
    settings.HEADRACE_API_ADDRESS_PER_MINUTE = settings.HEADRACE_API_DAILY_QUOTA = 0
    path = f"/companies/{books.company_id}/data/invoices/inv-1"
    wire.get(path)
    with django_assert_num_queries(3):
        assert wire.get(path).status_code == 200


# --- one record -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source_id", "written"),
    [
        ("inv-1", "inv-1"),
        ("a b+c", "a%20b%2Bc"),
        ("a/b", "a%2Fb"),
        ("/a//b/", "%2Fa%2F%2Fb%2F"),
        ("..", "%2E%2E"),
        ("x.y.z", "x.y.z"),
        ("ключ €", "%D0%BA%D0%BB%D1%8E%D1%87%20%E2%82%AC"),
        ("100%25", "100%2525"),
        ("a?b#c", "a%3Fb%23c"),
        ("a/pdf/b", "a%2Fpdf%2Fb"),
        ("a/b/attachments", "a%2Fb%2Fattachments"),
        ('{"x":[1]}', "%7B%22x%22%3A%5B1%5D%7D"),
        ("x" * 512, "x" * 512),
    ],
)
@pytest.mark.parametrize("scope", ["company", "connection"])
def test_a_record_is_found_by_whatever_id_the_platform_gave_it(wire, source_id, written, scope):
    connection = make_connection()
    _good(connection)
    _record(connection, source_id)
    place = f"/connections/{connection.pk}" if scope == "connection" else ""
    response = wire.get(f"/companies/{connection.company_id}{place}/data/invoices/{written}")
    assert (response.status_code, response.json()) == (200, _wire_form(source_id))


def test_an_id_is_exact_though_a_path_is_not(wire, books):
    path = f"/companies/{books.company_id}/data/invoices"
    assert _problem(wire.get(f"{path}/INV-1")) == (404, "No data available for invoices for ID INV-1")


def test_a_deleted_record_is_still_readable(wire, books):
    response = wire.get(f"/companies/{books.company_id}/data/invoices/inv-2")
    assert response.json() == _wire_form("inv-2", metadata={"isDeleted": True})


def test_numbers_leave_as_they_are_stored(wire, books):
    amount = json.loads('{"id": "n", "a": 12345678901234567890, "b": 0.1, "c": 100}')
    _record(books, "n", content=amount)
    text = wire.get(f"/companies/{books.company_id}/data/invoices/n").content.decode()
    for digits in ("12345678901234567890", "0.1", "100"):
        assert digits in text


# --- what there is not ----------------------------------------------------------------------------------------------


def test_before_the_first_read_the_data_set_has_not_been_requested(wire):
    connection = make_connection()
    for path in ("invoices", "invoices/inv-1", "info"):
        assert _problem(wire.get(f"/companies/{connection.company_id}/data/{path}")) == (
            409,
            "The data set has not been requested.",
        )


@pytest.mark.parametrize("status", sorted(set(DatasetStatus.values) - {DatasetStatus.COMPLETE}))
def test_nor_while_the_first_read_runs_or_when_it_failed(wire, status):
    connection = make_connection()
    make_dataset(connection, status=status)
    _record(connection, "inv-1")
    assert wire.get(f"/companies/{connection.company_id}/data/invoices").status_code == 409


@pytest.mark.parametrize("status", sorted(set(DatasetStatus.values) - {DatasetStatus.COMPLETE}))
def test_after_a_good_read_the_data_stays_whatever_follows(wire, books, status):
    make_dataset(books, status=status)
    assert wire.get(f"/companies/{books.company_id}/data/invoices").json()["totalResults"] == 3


@pytest.mark.parametrize("status", sorted(ConnectionStatus.values))
def test_data_stays_readable_however_the_connection_stands(wire, books, status):
    Connection.objects.filter(pk=books.pk).update(status=status)
    for place in ("", f"/connections/{books.pk}"):
        body = wire.get(f"/companies/{books.company_id}{place}/data/invoices").json()
        assert body["totalResults"] == 3


def test_the_data_of_a_deleted_connection_is_gone(wire, books):
    Connection.objects.filter(pk=books.pk).update(deleted_at=now())
    assert _problem(wire.get(f"/companies/{books.company_id}/connections/{books.pk}/data/invoices")) == (
        404,
        f"Data connection {books.pk} not found",
    )
    assert _problem(wire.get(f"/companies/{books.company_id}/data/invoices")) == (
        404,
        "Datatype invoices not supported by platform(s) none",
    )


def test_a_type_that_no_platform_offers_is_not_supported(wire, monkeypatch):
    use_platforms(monkeypatch, platform("mqjo"), platform("abcd", "Ledger & Co"))
    company = make_company()
    sandbox = make_connection(company)
    make_connection(company, integration=make_integration("abcd", name="Ledger & Co"))
    assert _problem(wire.get(f"/companies/{company.pk}/data/bills")) == (
        404,
        "Datatype bills not supported by platform(s) Ledger & Co, Sandbox",
    )
    assert _problem(wire.get(f"/companies/{company.pk}/connections/{sandbox.pk}/data/directCosts/x")) == (
        404,
        "Datatype directCosts not supported by platform(s) Sandbox",
    )


def test_a_type_that_the_platform_no_longer_offers_stays_readable(wire, books, monkeypatch):
    use_platforms(monkeypatch, platform("mqjo", types={}))
    assert wire.get(f"/companies/{books.company_id}/data/invoices").json()["totalResults"] == 3


@pytest.mark.parametrize(
    "path",
    [
        "data/nothing",
        "data/nothing/x",
        "data/financials/nothing?periodLength=1&periodsToCompare=1",
        "data/financials",
        "data/info/x",
        "data",
    ],
)
def test_a_type_outside_the_catalogue_is_no_path(wire, books, path):
    assert _problem(wire.get(f"/companies/{books.company_id}/{path}")) == (
        404,
        "Not found: the API has no such path.",
    )


def test_a_type_of_connections_says_where_it_is(wire, books):
    assert _problem(wire.get(f"/companies/{books.company_id}/data/directcosts")) == (
        404,
        "directCosts are read over a connection, at "
        "/companies/{companyId}/connections/{connectionId}/data/directCosts.",
    )


def test_foreign_companies_and_connections_look_like_missing_ones(wire_for, books):
    own = make_company("Own")
    limited = wire_for("read", company_ids=[own.pk])
    missing = make_company()
    missing_id = missing.pk
    missing.delete()
    paths = (
        "data/invoices",
        "data/invoices/inv-1",
        "data/financials/balanceSheet?periodLength=1&periodsToCompare=1",
        f"connections/{books.pk}/data/invoices",
    )
    for path in paths:
        answers = [
            limited.get(f"/companies/{company_id}/{path}", X_Correlation_Id="a" * 32)
            for company_id in (books.company_id, missing_id)
        ]
        bodies = [
            answer.content.replace(str(company_id).encode(), b"ID")
            for answer, company_id in zip(answers, (books.company_id, missing_id), strict=True)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert bodies[0] == bodies[1]


def test_a_connection_of_another_company_is_not_found(wire, books):
    other = make_company("Other")
    assert _problem(wire.get(f"/companies/{other.pk}/connections/{books.pk}/data/invoices")) == (
        404,
        f"Data connection {books.pk} not found",
    )


def test_a_key_that_may_not_read_data_is_refused(wire_for, books):
    assert wire_for("sync").get(f"/companies/{books.company_id}/data/invoices").status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_cached_data_is_only_read(wire, books, method):
    response = wire(method, f"/companies/{books.company_id}/data/invoices", {})
    assert (response.status_code, response["Allow"]) == (405, "GET")


# --- which connection -----------------------------------------------------------------------------------------------


def _three(company):
    """Connections linked one after the other, each with one invoice named after it."""
    found = []
    for number in range(3):
        connection = make_connection(company, linked_at=now() - timedelta(days=9 - number))
        _good(connection)
        _record(connection, f"of-{number}")
        found.append(connection)
    return found


def _seen(wire, company):
    return [row["id"] for row in wire.get(f"/companies/{company.pk}/data/invoices").json()["results"]]


def test_of_several_connections_the_newest_link_speaks_for_the_company(wire):
    company = make_company()
    _three(company)
    assert _seen(wire, company) == ["of-2"]


def test_a_linked_connection_goes_before_a_newer_one_that_is_not(wire):
    company = make_company()
    *_, newest = _three(company)
    Connection.objects.filter(pk=newest.pk).update(status=ConnectionStatus.UNLINKED)
    assert _seen(wire, company) == ["of-1"]


def test_a_connection_that_was_read_goes_before_a_newer_one_that_was_not(wire):
    company = make_company()
    *_, newest = _three(company)
    DataStatus.objects.filter(connection=newest).delete()
    assert _seen(wire, company) == ["of-1"]


# --- all types ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data_type", sorted(DATA_TYPES.values(), key=lambda one: one.key), ids=lambda one: one.key)
def test_every_type_is_served_at_its_segment(wire, data_type, monkeypatch):
    use_platforms(monkeypatch, platform(types={}))
    connection = make_connection()
    _good(connection, data_type.key)
    content = {"id": "x", "accountId": "acc 1", "reports": []} if not data_type.single else {"reports": []}
    _record(connection, "x", data_type.key, content=content)
    segment = data_type.path.replace("{accountId}", "acc%201")
    query = "?periodLength=1&periodsToCompare=1" if data_type.statement else ""
    company, connected = f"/companies/{connection.company_id}", f"/connections/{connection.pk}"
    places = [f"{company}{connected}/data/"] + ([] if data_type.connection_scoped else [f"{company}/data/"])
    bare = data_type.key in ("company", "balanceSheet", "profitAndLoss")
    expected = content if bare else content | SHOWN
    for place in places:
        body = wire.get(f"{place}{segment}{query}").json()
        assert (body if data_type.single else body["results"]) == (expected if data_type.single else [expected])
        if not data_type.single and data_type.key != "bankTransactions":
            assert wire.get(f"{place}{segment}/x").json() == expected


def test_the_company_as_a_whole_has_three_types_of_connections(wire, monkeypatch):
    use_platforms(monkeypatch, platform(types={}))
    connection = make_connection()
    for data_type in ("bankAccounts", "bankTransactions", "banking-transactions"):
        _good(connection, data_type)
    _record(connection, "acc", "bankAccounts", content={"id": "acc"})
    for source_id, account in (("t-1", "acc"), ("t-2", "other"), ("t-3", "acc")):
        _record(connection, source_id, "bankTransactions", content={"id": source_id, "accountId": account})
    _record(connection, "b-1", "banking-transactions", content={"id": "b-1"})
    place = f"/companies/{connection.company_id}/data"
    assert wire.get(f"{place}/bankAccounts/acc").json() == {"id": "acc"} | SHOWN
    listed = wire.get(f"{place}/bankAccounts/acc/transactions").json()
    assert ([row["id"] for row in listed["results"]], listed["totalResults"]) == (["t-1", "t-3"], 2)
    assert [row["id"] for row in wire.get(f"{place}/banking-transactions").json()["results"]] == ["b-1"]


def test_the_one_object_is_the_newest_that_is_not_deleted(wire):
    connection = make_connection()
    _good(connection, "company")
    _record(connection, "a", "company", content={"companyName": "Now"}, modified_at=MODIFIED - timedelta(days=1))
    _record(connection, "b", "company", content={"companyName": "Before"}, is_deleted=True)
    assert wire.get(f"/companies/{connection.company_id}/data/info").json() == {"companyName": "Now"}
