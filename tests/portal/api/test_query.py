"""Rows in columns: companies with their connections and tags, connections, integrations, pull operations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db.models import QuerySet

from portal.api.query import QueryRefused, order_for, query_filter, tags_filter
from portal.api.query_fields import COMPANY, CONNECTION, INTEGRATION, PULL_OPERATION, Fields
from syncengine.models import Company, Connection, Dataset, Integration
from syncengine.states import ConnectionStatus, DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_integration, make_user

pytestmark = pytest.mark.django_db

ID = UUID("019a0000-0000-7000-8000-00000000abcd")


def found(rows: QuerySet[Any], fields: Fields, query: str, order_by: str = "", name: str = "name") -> list[Any]:
    where, order = query_filter(query, fields), order_for(order_by, fields)
    rows = rows if where is None else rows.filter(where)
    return list(rows.order_by(*(order or (name,))).values_list(name, flat=True))


@pytest.fixture
def companies(db: None) -> QuerySet[Company]:
    """None is without connections but for a deleted one; Both has two."""
    none = make_company("None", tags={"region": "uk", "owning team": "North", "café": "Crème"})
    both = make_company("Both", id=ID, tags={"region": "us"}, description="A bakery")
    linked = make_company("linked")
    make_connection(none, status=ConnectionStatus.LINKED, deleted_at=datetime(2022, 1, 1, tzinfo=UTC))
    make_connection(both, status=ConnectionStatus.PENDING_AUTH)
    make_connection(both, status=ConnectionStatus.LINKED, last_sync_at=datetime(2022, 5, 1, tzinfo=UTC))
    make_connection(
        linked, integration=make_integration("gbol", name="Xero"), last_sync_at=datetime(2022, 5, 2, tzinfo=UTC)
    )
    Company.objects.filter(name="Both").update(created_at=datetime(2020, 1, 1, tzinfo=UTC))
    return Company.objects.all()


WITHOUT = " && ".join(f"dataConnections.status!={status}" for status in ConnectionStatus.values)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("dataConnections.status=PendingAuth", ["Both"]),
        ("dataConnections.status=Linked", ["Both", "linked"]),
        ("DATACONNECTIONS.STATUS=linked", ["Both", "linked"]),
        ("dataConnections.status!=PendingAuth", ["None", "linked"]),
        (WITHOUT, ["None"]),
        ("dataConnections.status=Gone", []),
        ("dataConnections.status!=Gone", ["Both", "None", "linked"]),
        ("dataConnections.id=nothing", []),
        ("dataConnections.id!=nothing", ["Both", "None", "linked"]),
        ("dataConnections.platformName~xer", ["linked"]),
        ("dataConnections.integrationKey=gbol || dataConnections.status=PendingAuth", ["Both", "linked"]),
        ("dataConnections.lastSync>2022-05-01", ["linked"]),
        ("lastSync>=2022-05-01", ["Both", "linked"]),
        ("lastSync!=2022-05-01", ["None", "linked"]),
        ("created<2021-01-01", ["Both"]),
        ("name~BOTH", ["Both"]),
        ("name=both", []),
        ("description~bakery", ["Both"]),
        ("platform!=x", ["Both", "None", "linked"]),
        (f"id={ID}", ["Both"]),
        (f"id={str(ID).upper()}", ["Both"]),
        ("id~8000-00000000ABC", ["Both"]),
        ("id~8000000", []),
        ("id!=what", ["Both", "None", "linked"]),
        ("tags.region=uk", ["None"]),
        ("tags.region!=uk", ["Both", "linked"]),
        ("Tags.region~U", ["Both", "None"]),
        ("tags.café=Crème", ["None"]),
    ],
)
def test_which_companies(companies: QuerySet[Company], query: str, names: list[str]) -> None:
    assert found(companies, COMPANY, query) == names


@pytest.mark.parametrize(
    ("order_by", "names"),
    [
        ("name", ["Both", "linked", "None"]),
        ("-name", ["None", "linked", "Both"]),
        ("lastSync", ["Both", "linked", "None"]),
        ("-lastSync", ["linked", "Both", "None"]),
        ("tags.region", ["None", "Both", "linked"]),
        ("-Tags.region", ["Both", "None", "linked"]),
        ("id", ["Both", "None", "linked"]),
    ],
)
def test_the_order_of_companies(companies: QuerySet[Company], order_by: str, names: list[str]) -> None:
    assert found(companies, COMPANY, "", order_by) == names


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ("region = uk", ["None"]),
        ("region != uk", ["Both", "linked"]),
        ("region ~ U && owning team = North", ["None"]),
        ("region=uk || region=us", ["Both", "None"]),
        ("café = Crème", ["None"]),
        ("café ~ CRÈME", ["None"]),
        ("$.region = uk", []),
        ("0 = uk", []),
        ("region ~ \"\"", ["Both", "None"]),
    ],
)  # fmt: skip
def test_companies_by_their_tags(companies: QuerySet[Company], tags: str, names: list[str]) -> None:
    where = tags_filter(tags)
    assert sorted(companies.filter(where).values_list("name", flat=True)) == names


@pytest.mark.parametrize("tags", ["region > uk", "region", "region = ", "= uk", 'a"b = c', "a\\b = c", "{region = uk"])
def test_tags_that_are_refused(tags: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        tags_filter(tags)
    assert (refusal.value.message, refusal.value.field) == ("Error parsing query - Malformed query.", "tags")


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_blank_asks_for_nothing(blank: str | None) -> None:
    assert (query_filter(blank, COMPANY), tags_filter(blank), order_for(blank, COMPANY)) == (None, None, ())


def test_connections(companies: QuerySet[Company]) -> None:
    rows = Connection.objects.filter(deleted_at=None)
    asked = ["status=Linked", "sourceType=Accounting && platformName=Xero", f"id!={ID}", "created>2020-01-01"]
    name = "company__name"
    assert [found(rows, CONNECTION, query, name=name) for query in asked] == [
        ["Both", "linked"],
        ["linked"],
        ["Both", "Both", "linked"],
        ["Both", "Both", "linked"],
    ]


def test_integrations() -> None:
    for key, source_type, enabled in (
        ("aaaa", "Accounting", True),
        ("bbbb", "Accounting", False),
        ("cccc", "Banking", True),
    ):
        Integration.objects.create(key=key, name=key, source_type=source_type, enabled=enabled)
    asked = ["sourceType=Accounting&&enabled=true", "enabled!=true", "enabled=FALSE", "key~B && isBeta=false"]
    assert [found(Integration.objects.all(), INTEGRATION, query) for query in asked] == [
        ["aaaa"], ["bbbb"], ["bbbb"], ["bbbb"],
    ]  # fmt: skip


def test_companies_by_who_made_them() -> None:
    ana, bo = make_user("ana@example.com", name="Ana María"), make_user("bo@example.com")
    make_company("A")
    make_company("B")
    make_company("C")
    for name, user in (("A", ana), ("B", bo)):
        Company.objects.filter(name=name).update(created_by=f"user:{user.pk}")
    asked = ["createdByUserName=Ana María", "createdByUserName~BO@", "createdByUserName!=bo@example.com"]
    assert [found(Company.objects.all(), COMPANY, query) for query in asked] == [["A"], ["B"], ["A", "C"]]
    assert found(Company.objects.all(), COMPANY, "", "-createdByUserName") == ["B", "A", "C"]


def test_pull_operations() -> None:
    connection = make_connection()
    for status in (
        DatasetStatus.COMPLETE,
        DatasetStatus.NOT_SUPPORTED,
        DatasetStatus.FETCH_ERROR,
        DatasetStatus.CANCELLED,
    ):
        make_dataset(connection, status=status)
    asked = [
        "status!=Complete&&status!=NotSupported",
        "isErrored=true",
        "isErrored!=true",
        f"companyId={connection.company_id} && connectionId={connection.pk} && dataType=invoices && status~error",
        "completed>2000-01-01",
    ]
    assert [sorted(found(Dataset.objects.all(), PULL_OPERATION, query, name="status")) for query in asked] == [
        ["Cancelled", "FetchError"],
        ["FetchError", "NotSupported"],
        ["Cancelled", "Complete"],
        ["FetchError"],
        [],
    ]


@pytest.mark.parametrize(
    ("query", "fields", "words"),
    [
        ("dataConnections=x", COMPANY, "dataConnections on Company"),
        ("dataConnections.nothing=x", COMPANY, "dataConnections.nothing on Company"),
        ("products=x", COMPANY, "products on Company"),
        ("tags=x", COMPANY, "tags on Company"),
        ("password=x", COMPANY, "password on Company"),
        ("credentials=x", CONNECTION, "credentials on Connection"),
        ("isCompleted=true", PULL_OPERATION, "isCompleted on PullOperation"),
        ("client=x", INTEGRATION, "client on Integration"),
    ],
)
def test_what_cannot_be_resolved(query: str, fields: Fields, words: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        query_filter(query, fields)
    assert refusal.value.message == f"Error parsing query - Could not resolve property {words}"


def test_companies_cannot_be_ordered_by_their_connections() -> None:
    with pytest.raises(QueryRefused) as refusal:
        order_for("dataConnections.status", COMPANY)
    words = "Error parsing query - Could not resolve property dataConnections.status on Company"
    assert (refusal.value.message, refusal.value.field) == (words, "orderBy")


def test_a_query_is_one_statement(companies: QuerySet[Company], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert found(companies, COMPANY, f"{WITHOUT} || tags.region=us && lastSync>2000-01-01", "-lastSync") == [
            "Both",
            "None",
        ]
