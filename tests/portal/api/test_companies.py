"""Companies over the wire: made, listed, replaced, changed, deleted; and links that read the same all day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils.timezone import now

from portal.models import User
from syncengine.models import Company, Connection, Event
from tests.factories import make_company, make_connection, make_integration, make_user
from tests.portal.api.answers import empty, members_at_fault, refused, told

pytestmark = pytest.mark.django_db
NAMES = [f"Company {letter}" for letter in "ABC"]


def names(response):
    return [company["name"] for company in told(response)["results"]]


def test_a_company_is_made_with_everything_the_contract_names(wire, settings):
    settings.HEADRACE_PORTAL_URL = "https://hub.example"
    body = told(wire("POST", "/companies", {"name": "Company (Codat[1])", "tags": {"region": "uk"}}))
    company = Company.objects.get()
    assert body == {
        "id": str(company.pk),
        "name": "Company Codat1",
        "redirect": body["redirect"],
        "description": None,
        "platform": "",
        "created": f"{company.created_at:%Y-%m-%dT%H:%M:%S.%f}Z",
        "createdByUserName": None,
        "dataConnections": [],
        "products": [],
        "tags": {"region": "uk"},
        "ownerUserIds": [],
        "referenceParentCompany": None,
        "referenceSubsidiaryCompanies": [],
    }
    assert body["redirect"].startswith("https://hub.example/s/")
    assert company.created_by.startswith("api-key:")


def test_products_may_be_given_when_it_is_made(wire):
    assert told(wire("POST", "/companies", {"name": "A", "products": ["lending", "Lending"]}))["products"] == [
        "lending"
    ]
    response = wire("POST", "/companies", {"name": "B", "products": ["no such!"]})
    assert (response.status_code, members_at_fault(response)) == (400, ["products"])
    assert Company.objects.count() == 1


def test_a_company_shows_its_connections_and_who_made_it(wire):
    user = make_user(name="Ana Brandt")
    company = make_company()
    Company.objects.update(created_by=f"user:{user.pk}")
    first, second = (make_connection(company, last_sync_at=now() - timedelta(hours=hours)) for hours in (2, 1))
    make_connection(company, deleted_at=now())
    body = told(wire.get(f"/companies/{company.pk}"))
    assert [connection["id"] for connection in body["dataConnections"]] == [str(first.pk), str(second.pk)]
    assert body["lastSync"] == f"{second.last_sync_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    assert body["createdByUserName"] == str(User.objects.get())
    assert body["dataConnections"][0] == told(wire.get(f"/companies/{company.pk}/connections/{first.pk}"))


def test_the_list_is_paged_oldest_first(wire):
    for name in NAMES:
        make_company(name)
    make_company("Gone", deleted_at=now())
    body = told(wire.get("/companies/?page=2&pageSize=1"))
    assert [company["name"] for company in body.pop("results")] == ["Company B"]
    assert body == {
        "pageNumber": 2,
        "pageSize": 1,
        "totalResults": 3,
        "_links": {
            "self": {"href": "/companies"},
            "current": {"href": "/companies?page=2&pageSize=1"},
            "next": {"href": "/companies?page=3&pageSize=1"},
            "previous": {"href": "/companies?page=1&pageSize=1"},
        },
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("query=name~b", ["Company B"]),
        ("query=name%3DCompany+C", ["Company C"]),
        ("query=name%3DCompany%20C&orderBy=name", ["Company C"]),
        ("orderBy=-name", ["Company C", "Company B", "Company A"]),
        ("tags=region%20%3D%20uk%20%26%26%20team~finance", ["Company B"]),
        ("tags=region!=uk", ["Company A", "Company C"]),
        ("query=dataConnections.status%3DPendingAuth", ["Company A"]),
        (
            "query=dataConnections.status!=Linked%26%26dataConnections.status!=PendingAuth"
            "%26%26dataConnections.status!=Unlinked%26%26dataConnections.status!=Deauthorized",
            ["Company C"],
        ),
        ("tags=region=uk&query=name=Company A", []),
    ],
)
def test_the_list_is_filtered_and_ordered(wire, asked, expected):
    a, b, _ = (make_company(name) for name in NAMES)
    Company.objects.filter(pk=b.pk).update(tags={"region": "uk", "team": "invoice-finance"})
    make_connection(a)
    make_connection(a, status="PendingAuth")
    make_connection(b, status="Unlinked")
    assert names(wire.get(f"/companies?{asked}")) == expected


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("query=nothing=1", "Error parsing query - Could not resolve property nothing on Company"),
        ("query=name", "Error parsing query - Malformed query."),
        ("tags=region>uk", "Error parsing query - Malformed query."),
        ("orderBy=nothing", "Error parsing query - Could not resolve property nothing on Company"),
        ("page=0", "page must be a whole number from 1."),
        ("pageSize=5001", "pageSize must be a whole number from 1 to 5000."),
    ],
)
def test_what_cannot_be_asked_is_refused(wire, asked, words):
    assert refused(wire.get(f"/companies?{asked}")) == (400, words)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_five_queries(wire, django_assert_num_queries, count):
    user = make_user()
    for name in NAMES[:count]:
        company = make_company(name)
        for _ in range(count):
            make_connection(company)
    Company.objects.update(created_by=f"user:{user.pk}")
    wire.get("/companies")
    with django_assert_num_queries(5):  # key, companies, connections, their errors, users
        assert len(names(wire.get("/companies"))) == count


def test_put_wipes_what_it_leaves_out(wire):
    company = make_company("Acme", description="Old", tags={"a": "b"})
    body = told(wire("PUT", f"/companies/{company.pk}", {"name": "New"}))
    assert (body["name"], body["description"], body["tags"]) == ("New", None, {})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("Acme", "Old", {"a": "b"})),
        ({"name": None, "description": None}, ("Acme", "Old", {"a": "b"})),
        ({"name": "New"}, ("New", "Old", {"a": "b"})),
        ({"description": "New"}, ("Acme", "New", {"a": "b"})),
        ({"description": ""}, ("Acme", None, {"a": "b"})),
        ({"tags": {"c": "d"}}, ("Acme", "Old", {"c": "d"})),
        ({"tags": {}}, ("Acme", "Old", {})),
        ({"tags": None}, ("Acme", "Old", {})),
    ],
)
def test_patch_leaves_alone_what_it_does_not_name_and_empty_tags_clear(wire, changes, expected):
    company = make_company("Acme", description="Old", tags={"a": "b"})
    body = told(wire("PATCH", f"/companies/{company.pk}", changes))
    assert (body["name"], body["description"], body["tags"]) == expected
    assert body == told(wire.get(f"/companies/{company.pk}"))


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({"name": "([])"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"name": None}, "name"),
        ({"name": "A", "description": 1}, "description"),
        ({"name": "A", "tags": []}, "tags"),
        ({"name": "A", "tags": {"a": 1}}, "tags.a"),
        ({"name": "A", "tags": {"a": "v" * 101}}, "tags"),
        ({"name": "A", "tags": {"k" * 28: "v"}}, "tags"),
        ({"name": "A", "tags": {"": "v"}}, "tags"),
        ({"name": "A", "tags": {str(key): "v" for key in range(11)}}, "tags"),
        ({}, "name"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_bad_body_is_refused_by_member_and_changes_nothing(wire, method, body, member):
    company = make_company("Acme", description="Old", tags={"a": "b"})
    before = list(Company.objects.values())
    response = wire(method, "/companies" if method == "POST" else f"/companies/{company.pk}", body)
    assert (refused(response)[0], members_at_fault(response)) == (400, [member])
    assert list(Company.objects.values()) == before
    assert Event.objects.filter(kind__startswith="company").count() == 0


def test_a_deleted_company_is_gone_with_all_below_it(wire, lab):
    company = make_company()
    connection = lab.connection(company)
    assert empty(wire("DELETE", f"/companies/{company.pk}")) == (204, b"")
    gone = (404, f"No company was found with ID {company.pk}")
    assert refused(wire("DELETE", f"/companies/{company.pk}")) == gone
    assert refused(wire.get(f"/companies/{company.pk}")) == gone
    assert refused(wire.get(f"/companies/{company.pk}/connections/{connection.pk}")) == gone
    assert bytes(Connection.objects.get().credentials) == b""
    assert [request["path"] for request in lab.requests("revoke")] == ["/oauth/revoke"]


def test_groups_are_not_offered(wire):
    company = make_company()
    for method, path in (
        ("GET", "/groups"),
        ("POST", "/groups"),
        ("PATCH", f"/companies/{company.pk}/groups"),
        ("DELETE", f"/companies/{company.pk}/groups/{company.pk}"),
    ):
        assert refused(wire(method, path)) == (404, "Not found: the API has no such path.")


def test_a_company_reads_the_same_all_day_and_its_link_still_ends(wire, client):
    company = make_company()
    make_connection(company)
    path = f"/companies/{company.pk}"
    with time_machine.travel(datetime(2030, 5, 1, 0, 0, 1, tzinfo=UTC), tick=False) as clock:
        first = wire.get(path)
        clock.move_to(datetime(2030, 5, 1, 23, 59, 59, tzinfo=UTC))
        assert wire.get(path).content == first.content
        link = told(first)["redirect"].removeprefix("http://127.0.0.1:8000")
        clock.move_to(datetime(2030, 5, 2, 0, 0, 1, tzinfo=UTC))
        assert wire.get(path).content != first.content
        clock.move_to(datetime(2030, 5, 30, 23, 59, 59, tzinfo=UTC))
        assert client.get(link).status_code == 200
        clock.move_to(datetime(2030, 5, 31, 0, 0, 2, tzinfo=UTC))
        assert client.get(link).status_code == 404


def test_metrics_count_companies_by_what_became_of_them(wire):
    make_connection(make_company())
    make_connection(make_company(), status="Unlinked")
    make_connection(make_company(), status="PendingAuth")
    make_company()
    make_connection(make_company(deleted_at=now()))
    make_integration("gbol")
    assert told(wire.get("/metrics/companies")) == {
        "allTimeLinked": 2,
        "currentlyLinked": 1,
        "noLongerLinked": 1,
        "notYetLinked": 2,
    }
