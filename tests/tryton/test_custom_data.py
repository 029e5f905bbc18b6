"""Custom data types over models of a real Tryton that no standard type reads."""

from __future__ import annotations

import pytest

from customdata.actions.custom_data_types import put_custom_data_type
from customdata.actions.trial import try_custom_data_type
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Record
from syncengine.states import DatasetStatus, ReadMode
from tests.tryton.test_engine import approved, connection

__all__ = ["connection"]

pytestmark = pytest.mark.django_db

CATEGORIES = {
    "dataSource": "party.category",
    "requiredData": {"name": "$.name", "under": "$.parent.name"},
    "keyBy": ["$.id"],
    "sourceModifiedDate": ["$.write_date", "$.create_date"],
    "optionalData": ["under"],
}
EMPLOYEES = {
    "dataSource": "/company.employee",
    "requiredData": {"person": "$.party.name", "since": "$.start_date"},
    "keyBy": ["$.party.code"],
    "sourceModifiedDate": ["$.create_date"],
}
LINES = {
    "dataSource": 'account.invoice?domain=["type","=","out"]',
    "requiredData": {"invoice": "$.number", "text": "$.lines[*].description", "amount": "$.lines[*].amount"},
    "keyBy": ["$.id", "$.lines[*].id"],
}


@pytest.fixture
def read(connection, run_queue):
    def go(identifier):
        dataset = queue_dataset(connection, f"custom/{identifier}", actor="test")
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


def stored(connection, identifier, **more):
    rows = Record.objects.filter(connection=connection, data_type=f"custom/{identifier}", **more)
    return dict(rows.values_list("source_id", "content"))


def test_a_model_is_read_with_its_relations_its_changes_and_its_deletions(connection, person, run_queue, read):
    approved(connection, person)
    run_queue()
    put_custom_data_type(connection.integration, "categories", CATEGORIES, actor="test", strict=True)
    trade, crew = person.do("party.category.create", [{"name": "Trade"}, {"name": "Crew"}])
    riggers = person.do("party.category.create", [{"name": "Riggers", "parent": crew}])[0]

    tried = try_custom_data_type(connection, CATEGORIES)
    assert (tried.error, tried.missing, tried.keys_are_unique, tried.row_count) == ("", (), True, 3)

    first = read("categories")
    assert (first.status, first.mode, first.created_count) == (DatasetStatus.COMPLETE, ReadMode.FULL, 3)
    assert stored(connection, "categories") == {
        str(trade): {"name": "Trade", "under": None},
        str(crew): {"name": "Crew", "under": None},
        str(riggers): {"name": "Riggers", "under": "Crew"},
    }

    person.do("party.category.delete", [trade])
    person.do("party.category.write", [riggers], {"name": "Riggers and sailmakers"})
    second = read("categories")
    assert (second.status, second.mode) == (DatasetStatus.COMPLETE, ReadMode.INCREMENTAL)
    assert (second.changed_count, second.deleted_count) == (1, 1)
    assert stored(connection, "categories", is_deleted=True).keys() == {str(trade)}
    assert stored(connection, "categories")[str(riggers)] == {"name": "Riggers and sailmakers", "under": "Crew"}


def test_a_key_of_the_companys_own_and_rows_for_each_line(connection, person, run_queue, read):
    approved(connection, person)
    run_queue()
    party = person.do("party.party.create", [{"name": "Ines Moor", "code": "E-1"}])[0]
    company = person.context["company"]
    person.do("company.employee.create", [{"party": party, "company": company}])
    put_custom_data_type(
        connection.integration, "employees", {**EMPLOYEES, "optionalData": ["since"]}, actor="test", strict=True
    )
    put_custom_data_type(connection.integration, "lines", LINES, actor="test", strict=True)

    assert read("employees").status == DatasetStatus.COMPLETE
    assert stored(connection, "employees") == {"E-1": {"person": "Ines Moor", "since": None}}

    whole = read("lines")
    invoices = person.all("account.invoice", ["number", "lines"], ["type", "=", "out"])
    assert (whole.status, whole.created_count) == (DatasetStatus.COMPLETE, sum(len(row["lines"]) for row in invoices))
    numbers = {f"{row['id']}:{line}": row["number"] for row in invoices for line in row["lines"]}
    assert {key: content["invoice"] for key, content in stored(connection, "lines").items()} == numbers


def test_what_tryton_does_not_have_is_named(connection, person, run_queue, read):
    approved(connection, person)
    run_queue()
    named = {
        "Tryton's party.category has no field nofield.": {"requiredData": {"x": "$.nofield"}},
        "Tryton's party.address has no field nofield.": {
            "dataSource": "party.party",
            "requiredData": {"x": "$.addresses[0].nofield"},
        },
        "Tryton has no model party.nothing, or cannot describe it.": {"dataSource": "party.nothing"},
        "The domain of the data source may name what": {"dataSource": 'party.category?domain=["nofield","=",1]'},
    }
    for words, members in named.items():
        put_custom_data_type(
            connection.integration, "wrong", {**CATEGORIES, "optionalData": [], **members}, actor="test"
        )
        dataset = read("wrong")
        assert (dataset.status, words in dataset.error_message) == (DatasetStatus.FETCH_ERROR, True), words


@pytest.mark.parametrize("source", ["Party Category", "party", "party.category?fields=name", "party.category?domain=x"])
def test_what_is_no_model_is_warned_of(connection, source):
    saved = put_custom_data_type(connection.integration, "wrong", {**CATEGORIES, "dataSource": source}, actor="test")
    assert [warning.field for warning in saved.warnings] == ["dataSource"]
