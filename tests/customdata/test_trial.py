"""Try it: a configuration is seen working on a live connection, and nothing is stored."""

from __future__ import annotations

import pytest

from customdata.actions.trial import Column, try_custom_data_type
from customdata.exceptions import ConfigurationWarning
from syncengine.exceptions import NotLinked, Refused
from syncengine.models import Dataset, DataStatus, Event, Record, SourceRequest
from syncengine.states import ConnectionStatus
from tests.customdata.conftest import MY_EXPENSE_DATA

pytestmark = pytest.mark.django_db


def test_a_trial_shows_what_a_read_would_bring_and_stores_nothing(lab, connection, at_source):
    lab.sizes(expenses=30)
    trial = try_custom_data_type(connection, MY_EXPENSE_DATA)
    first = at_source("expenses", "exp_00000000")
    assert (trial.error, trial.warnings, trial.missing) == ("", (), ())
    assert (trial.exchange.method, trial.exchange.status_code) == ("GET", 200)
    assert trial.exchange.url == f"{lab.url}/api/v1/expenses?page=1&per_page=1000"
    assert trial.exchange.request_headers["authorization"] == "***"
    assert trial.shape.words == "the records are the list expenses"
    assert (trial.record_count, trial.total, trial.has_more) == (30, 30, False)
    assert [record["expenseId"] for record in trial.records] == ["EXP-1", "EXP-2", "EXP-3"]
    assert (trial.row_count, len(trial.rows), trial.dated_count, trial.keys_are_unique) == (30, 20, 30, True)
    assert trial.rows[0].content == {"myExpenseId": "EXP-1", "myExpenseDetails": first["expenseDetails"]["notes"]}
    assert trial.columns == (
        Column("myExpenseId", "$.expenseId", 30, {"string": 30}),
        Column("myExpenseDetails", "$.expenseDetails.notes", 30, {"string": 30}),
    )
    stored = (Dataset, DataStatus, Record, SourceRequest, Event)
    assert [model.objects.count() for model in stored] == [0, 0, 0, 0, 0]


def test_a_trial_names_missing_paths_doubled_keys_and_types(lab, connection):
    lab.sizes(expenses=30)
    trial = try_custom_data_type(
        connection,
        {
            "dataSource": "/expenses",
            "requiredData": {"no": "$.nothing", "gross": "$.gross", "files": "$.receipts[*].file", "b": "$.billable"},
            "keyBy": ["$.currency"],
            "sourceModifiedDate": ["$.never"],
        },
    )
    assert trial.missing == ("requiredData.no ($.nothing)", "sourceModifiedDate ($.never)")
    assert (trial.keys_are_unique, trial.repeated_keys) == (False, ("GBP",))
    kinds = {column.name: column.kinds for column in trial.columns}
    assert kinds == {"no": {}, "gross": {"number": 30}, "files": {"array": 30}, "b": {"boolean": 30}}


def test_a_trial_says_why_there_is_no_key(lab, connection):
    lab.sizes(expenses=3)
    trial = try_custom_data_type(
        connection, {"dataSource": "/expenses", "requiredData": {"n": "$.net"}, "keyBy": ["$.employee"]}
    )
    assert (trial.keyless_count, trial.keyless_reason) == (3, "$.employee: A key must be a text or a number.")


@pytest.mark.parametrize(
    ("members", "error", "status"),
    [
        (
            {"dataSource": "/nowhere"},
            "Sandbox does not answer for the data source /nowhere. The platform does not know what we asked for.",
            404,
        ),
        ({"dataSource": "nowhere"}, "The data source nowhere does not begin with a slash, as in /v2/estimates.", None),
        (
            {"keyBy": ["expenseId"]},
            "keyBy[0]: A path begins with $, as in $.name. (at character 1)",
            200,
        ),
    ],
)
def test_what_fails_stands_in_the_trial(connection, members, error, status):
    trial = try_custom_data_type(connection, {**MY_EXPENSE_DATA, **members})
    assert trial.error == error
    assert (trial.exchange and trial.exchange.status_code) == status


def test_a_trial_renews_a_token_that_has_ended(lab, connection):
    lab.control("POST", "businesses/brightwater/expire")
    assert try_custom_data_type(connection, MY_EXPENSE_DATA).error == ""


def test_a_trial_needs_a_linked_connection_and_a_configuration(connection):
    with pytest.raises(Refused) as refusal:
        try_custom_data_type(connection, {"dataSource": "/expenses", "requiredData": {}})
    assert (refusal.value.field, refusal.value.message) == ("keyBy", "keyBy needs at least one path.")
    connection.status = ConnectionStatus.UNLINKED
    with pytest.raises(NotLinked):
        try_custom_data_type(connection, MY_EXPENSE_DATA)


def test_warnings_come_with_the_trial(connection):
    trial = try_custom_data_type(connection, {**MY_EXPENSE_DATA, "requiredData": {}, "keyby": []})
    assert trial.warnings == (
        ConfigurationWarning("requiredData", "No data is asked for, so the records will be empty."),
        ConfigurationWarning("keyby", "keyby is not a member of a configuration (did you mean keyBy?)."),
    )
