"""The whole way: linked with a person's approval, synced by the engine, changed in Tryton, synced again."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.db.models import TextField
from django.db.models.functions import Cast

from syncengine.actions.companies import create_company
from syncengine.actions.connections import create_connection
from syncengine.actions.datasets import queue_dataset
from syncengine.actions.integrations import install_integrations
from syncengine.actions.linking import LinkRefused, begin_linking, check_approval
from syncengine.connectors.tryton.connector import PLATFORM
from syncengine.models import Dataset, Record
from syncengine.states import ConnectionStatus, DatasetStatus, ReadMode
from tests.tryton.expected import expected

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(tryton, person):
    install_integrations()
    company = create_company(name="Harbour & Finch", actor="test")
    settings = {"base_url": tryton.url, "database": tryton.database, "user": "admin"}
    return create_connection(company, "tryt", settings=settings, actor="test")


def approved(connection, person):
    """Link it, the person approving the request that Tryton shows them."""
    begun = begin_linking(connection, redirect_uri="http://portal/", actor="test")
    assert begun.url == ""
    assert "approve the request" in begun.instruct
    with pytest.raises(LinkRefused, match="not approved in Tryton yet"):
        check_approval(connection, actor="test")
    (request,) = person.all("res.user.application", ["key"], ["state", "=", "requested"])
    person.approve(request["key"])
    check_approval(connection, actor="test")
    connection.refresh_from_db()
    return request["key"]


def synced(connection, run_queue):
    """Read every type and return the datasets by type."""
    datasets = {key: queue_dataset(connection, key, actor="test") for key in PLATFORM.types}
    run_queue()
    return {key: Dataset.objects.get(pk=dataset.pk) for key, dataset in datasets.items()}


def stored(connection, data_type, *, is_deleted=False):
    rows = Record.objects.filter(connection=connection, data_type=data_type, is_deleted=is_deleted)
    texts = rows.annotate(text=Cast("content", TextField())).values_list("source_id", "text")
    return {key: json.loads(text, parse_float=Decimal, parse_int=Decimal) for key, text in texts}


def assert_same_books(connection, person):
    for data_type in PLATFORM.types:
        assert (data_type, stored(connection, data_type)) == (data_type, expected(person, data_type))


def test_a_company_is_linked_read_changed_and_read_again(connection, person, run_queue):
    key = approved(connection, person)
    assert connection.status == ConnectionStatus.LINKED
    run_queue()

    first = synced(connection, run_queue)
    assert {dataset.status for dataset in first.values()} == {DatasetStatus.COMPLETE}
    assert_same_books(connection, person)
    before = {data_type: set(stored(connection, data_type)) for data_type in PLATFORM.types}

    change_everything(person)
    second = synced(connection, run_queue)
    assert {data_type: (dataset.status, dataset.mode) for data_type, dataset in second.items()} == {
        data_type: (DatasetStatus.COMPLETE, ReadMode.INCREMENTAL if support.incremental else ReadMode.FULL)
        for data_type, support in PLATFORM.types.items()
    }
    assert_same_books(connection, person)
    for data_type in PLATFORM.types:
        gone = before[data_type] - set(expected(person, data_type))
        assert (data_type, set(stored(connection, data_type, is_deleted=True))) == (data_type, gone)
    assert second["invoices"].deleted_count == 2
    assert second["customers"].deleted_count == 1
    assert second["creditNotes"].created_count == 1

    moments = dict(Record.objects.values_list("pk", "modified_at"))
    third = synced(connection, run_queue)
    assert {
        (dataset.status, dataset.created_count, dataset.changed_count, dataset.deleted_count)
        for dataset in third.values()
    } == {(DatasetStatus.COMPLETE, 0, 0, 0)}
    assert dict(Record.objects.values_list("pk", "modified_at")) == moments

    person.revoke(key)
    dataset = queue_dataset(connection, "customers", actor="test")
    run_queue()
    dataset.refresh_from_db()
    connection.refresh_from_db()
    assert (dataset.status, connection.status) == (DatasetStatus.AUTH_ERROR, ConnectionStatus.DEAUTHORIZED)
    assert_same_books(connection, person)


def change_everything(person):
    """New rows, changed rows, rows whose children alone changed, rows switched off, rows deleted."""
    sales = person.all("account.invoice", ["lines", "party"], ["type", "=", "out"], ["state", "=", "draft"])
    new_party = person.do("party.party.create", [{"name": "Newcomer", "code": "NEW"}])[0]
    person.do("party.address.create", [{"party": new_party, "street": "9 Strand", "city": "Deal"}])
    person.do("account.invoice.line.write", [sales[0]["lines"][0]], {"description": "A line alone"})
    person.do("party.party.write", [sales[1]["party"]], {"name": "Under new owners"})
    person.do("account.invoice.post", [sales[2]["id"]])
    person.do("account.invoice.delete", [sales[3]["id"]])
    for line in person.all(
        "account.invoice.line", ["quantity"], ["id", "in", sales[4]["lines"]], ["type", "=", "line"]
    ):
        person.do("account.invoice.line.write", [line["id"]], {"quantity": -line["quantity"]})
    used = {row["party"] for row in person.all("account.invoice", ["party"])}
    idle = [row["id"] for row in person.all("party.party", ["code"], ["code", "like", "P0%"]) if row["id"] not in used]
    person.do("party.party.delete", [idle[0]])
    person.do("party.party.write", [idle[1]], {"active": False})
    person.do("party.address.write", [person.one("party.address", ["party", "=", idle[2]])], {"active": False})
    draft = person.one("account.move", ["state", "=", "draft"], ["description", "like", "Harbour dues%"])
    person.do("account.move.delete", [draft])
    person.do(
        "account.account.write", [person.one("account.account", ["code", "=", "7003"])], {"name": "Mooring, berth 3"}
    )
    person.do(
        "account.tax.write", [person.one("account.tax", ["name", "=", "Reduced 5.5"])], {"description": "Reduced"}
    )
    item = person.all("product.product", ["template"], ["code", "=", "A005"])[0]
    person.do("product.template.write", [item["template"]], {"name": "Article five", "list_price": Decimal("5.55")})
    owner = person.all("company.company", ["party"])[0]["party"]
    person.do("party.party.write", [owner], {"name": "Harbour & Finch (Holdings) Ltd"})
