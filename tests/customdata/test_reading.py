"""Custom data types through the engine: what a read stores, what the next one changes, how a wrong one ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from customdata import connector as custom
from customdata.actions.custom_data_types import delete_custom_data_type
from customdata.exceptions import UnknownCustomDataType
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import stored_data_type, uses_of
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Dataset, Record
from syncengine.queries.record_pages import records_slice
from syncengine.states import DatasetStatus, ReadMode
from tests.syncengine.lab import BUSINESS

pytestmark = pytest.mark.django_db

EXPENSES = {
    "dataSource": "/expenses",
    "requiredData": {"claim": "$.claim_no", "who": "$.employee.name", "gross": "$.gross"},
    "keyBy": ["$.id"],
    "sourceModifiedDate": ["$.updated_at"],
}
TIMESHEETS = {
    "dataSource": "/timesheets",
    "requiredData": {"week": "$.week_from", "days": "$.hours[*].weekday"},
    "keyBy": ["$.id"],
}


def ended(dataset: Dataset) -> tuple[str, str]:
    return dataset.status, dataset.error_message


def counts(dataset: Dataset) -> dict[str, int]:
    names = ("fetched", "created", "changed", "unchanged", "deleted", "invalid")
    return {name: getattr(dataset, f"{name}_count") for name in names if getattr(dataset, f"{name}_count")}


def test_the_contracts_example_is_read(lab, connection, configure, read, at_source):
    lab.sizes(expenses=40)
    configure("myExpenseData")
    dataset = read("myExpenseData")
    assert ended(dataset) == (DatasetStatus.COMPLETE, "")
    assert (dataset.data_type, dataset.mode) == ("custom/myExpenseData", ReadMode.FULL)
    assert counts(dataset) == {"fetched": 40, "created": 40}
    first = Record.objects.get(connection=connection, source_id__startswith="EXP-1:")
    source = at_source("expenses", "exp_00000000")
    assert first.content == {"myExpenseId": "EXP-1", "myExpenseDetails": source["expenseDetails"]["notes"]}
    assert first.source_id == f"EXP-1:{source['accountId']}"
    latest = max([source["createdDate"], *(line["modifiedDate"] for line in source["lines"])])
    assert first.source_modified_at == datetime.fromisoformat(latest)


def test_pages_follow_each_other_as_the_platforms_own_types_do(lab, connection, configure, read):
    """/expenses goes by page numbers, /timesheets by a cursor; the configuration says neither."""
    lab.sizes(expenses=2300, timesheets=2300)
    configure("expenses", EXPENSES)
    configure("timesheets", TIMESHEETS)
    for identifier in ("expenses", "timesheets"):
        dataset = read(identifier)
        assert ended(dataset) == (DatasetStatus.COMPLETE, "")
        assert counts(dataset) == {"fetched": 2300, "created": 2300}
        assert dataset.source_total == 2300
    assert len(lab.requests("/expenses")) == 3
    week = Record.objects.filter(connection=connection, data_type="custom/timesheets").first()
    assert week.content["days"] == ["mon", "tue", "wed", "thu", "fri"]


def test_an_incremental_read_asks_for_changes_only_and_marks_what_was_deleted(lab, connection, configure, read):
    lab.sizes(expenses=30)
    configure("expenses", EXPENSES)
    read("expenses")
    lab.control("PATCH", f"businesses/{BUSINESS}/expenses/records/3", {"claim_no": "EC-CHANGED"})
    lab.control("DELETE", f"businesses/{BUSINESS}/expenses/records/4")
    lab.control("DELETE", "requests")
    dataset = read("expenses")
    assert ended(dataset) == (DatasetStatus.COMPLETE, "")
    assert dataset.mode == ReadMode.INCREMENTAL
    assert counts(dataset) == {"fetched": 2, "changed": 1, "deleted": 1}
    assert ["updated_since" in request["query"] for request in lab.requests("/expenses")] == [True]
    stored = Record.objects.filter(connection=connection, data_type="custom/expenses")
    assert stored.get(source_id="exp_00000003").content["claim"] == "EC-CHANGED"
    assert stored.get(source_id="exp_00000004").is_deleted is True


def test_a_full_read_marks_what_is_gone_and_leaves_what_is_the_same(lab, connection, configure, read):
    lab.sizes(timesheets=20)
    configure("timesheets", TIMESHEETS)
    read("timesheets")
    lab.control("DELETE", f"businesses/{BUSINESS}/timesheets/records/7")
    dataset = read("timesheets")
    assert (dataset.mode, dataset.mode_reason) == (ReadMode.FULL, "The platform cannot be asked for changes only.")
    assert counts(dataset) == {"fetched": 19, "unchanged": 19, "deleted": 1}


def test_a_changed_configuration_makes_the_next_read_full(lab, connection, configure, read):
    lab.sizes(expenses=10)
    configure("expenses", EXPENSES)
    read("expenses")
    configure("expenses", EXPENSES, requiredData={"claim": "$.claim_no"})
    dataset = read("expenses")
    assert dataset.mode == ReadMode.FULL
    assert counts(dataset) == {"fetched": 10, "changed": 10}
    assert Record.objects.filter(connection=connection).first().content == {"claim": "EC-00001"}


def test_lines_are_rows_when_the_key_goes_through_them(lab, connection, configure, read, at_source):
    lab.sizes(expenses=12)
    configure(
        "expense-lines",
        {
            "dataSource": "/expenses",
            "requiredData": {"claim": "$.claim_no", "net": "$.lines[*].net", "all": "$.receipts[*].file"},
            "keyBy": ["$.id", "$.lines[*].line"],
            "sourceModifiedDate": ["$.lines[*].modifiedDate"],
        },
    )
    dataset = read("expense-lines")
    sources = [at_source("expenses", f"exp_{number:08d}") for number in range(12)]
    assert ended(dataset) == (DatasetStatus.COMPLETE, "")
    stored = Record.objects.filter(connection=connection, data_type="custom/expense-lines")
    assert {record.source_id: record.content for record in stored} == {
        f"{source['id']}:{line['line']}": {
            "claim": source["claim_no"],
            "net": line["net"],
            "all": [receipt["file"] for receipt in source["receipts"]],
        }
        for source in sources
        for line in source["lines"]
    }
    assert read("expense-lines").mode == ReadMode.FULL


def test_the_root_may_be_the_list_or_the_member_that_holds_it(lab, connection, configure, read):
    lab.sizes(expenses=5)
    for identifier, root in (("list", "$[*]"), ("member", "$.expenses[*]")):
        configure(
            identifier,
            {
                "dataSource": "/expenses",
                "requiredData": {"claim": f"{root}.claim_no"},
                "keyBy": [f"{root}.id"],
            },
        )
        assert counts(read(identifier)) == {"fetched": 5, "created": 5}
    contents = {
        record.data_type: record.content for record in Record.objects.filter(source_id="exp_00000002").order_by("pk")
    }
    assert contents == {"custom/list": {"claim": "EC-00003"}, "custom/member": {"claim": "EC-00003"}}


def test_a_bare_list_and_one_object_are_sources_too(lab, connection, configure, read):
    lab.sizes(bank_transactions=250)
    configure(
        "movements",
        {"dataSource": "/bank_transactions?limit=100", "requiredData": {"amount": "$.amount"}, "keyBy": ["$.id"]},
    )
    configure(
        "us", {"dataSource": "/company", "requiredData": {"name": "$.company.legal_name"}, "keyBy": ["$.company.id"]}
    )
    dataset = read("movements")
    assert ended(dataset) == (DatasetStatus.COMPLETE, "")
    assert counts(dataset)["fetched"] == Record.objects.filter(data_type="custom/movements").count() >= 250
    assert counts(read("us")) == {"fetched": 1, "created": 1}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (
            {"dataSource": "/expensez"},
            "Sandbox does not answer for the data source /expensez. The platform does not know what we asked for.",
        ),
        ({"dataSource": "expenses"}, "The data source expenses does not begin with a slash, as in /v2/estimates."),
        ({"dataSource": "/../../control"}, "The data source /../../control is not an address on this platform."),
        ({"dataSource": "//evil.example/x"}, "The data source //evil.example/x is not an address on this platform."),
        (
            {"dataSource": "https://evil.example/x"},
            "This address cannot be called: it is not on the platform this connection belongs to.",
        ),
        (
            {"requiredData": {"claim": "$.claimNo", "gross": "$.gross"}},
            "Nothing was found in any of the 5 rows of /expenses for requiredData.claim ($.claimNo). "
            "Correct the path; what a platform may leave out everywhere can be named in optionalData.",
        ),
        (
            {"sourceModifiedDate": ["$.changed"]},
            "Nothing was found in any of the 5 rows of /expenses for sourceModifiedDate ($.changed). "
            "Correct the path; what a platform may leave out everywhere can be named in optionalData.",
        ),
        (
            {"requiredData": {"claim": "$.claim-no"}},
            "The configuration cannot be used. requiredData.claim: A name with a hyphen must stand in quotes: "
            "$['cost-center']. (at character 8)",
        ),
        (
            {"keyBy": ["$.expenses[*].nr"]},
            "$.expenses[*].nr gives none of the 5 rows of /expenses a key. Nothing is there that could be the record's "
            "key. A record's members there are: ",
        ),
    ],
)
def test_a_wrong_configuration_is_taken_and_ends_as_fetch_error_with_the_reason(
    lab, connection, configure, read, members, words
):
    lab.sizes(expenses=5)
    configure("wrong", EXPENSES, **members)
    dataset = read("wrong")
    assert dataset.status == DatasetStatus.FETCH_ERROR
    assert dataset.error_message.startswith(words)
    assert Record.objects.count() == 0


def test_what_may_be_missing_everywhere_is_null(lab, connection, configure, read):
    lab.sizes(expenses=3)
    configure("expenses", EXPENSES, requiredData={"x": "$.no.such", "c": "$.claim_no"}, optionalData=["x"])
    assert counts(read("expenses")) == {"fetched": 3, "created": 3}
    assert Record.objects.get(source_id="exp_00000000").content == {"x": None, "c": "EC-00001"}


def test_html_and_broken_answers_end_as_fetch_error(lab, connection, configure, read):
    configure("expenses", EXPENSES)
    lab.fault("html", type="expenses")
    assert ended(read("expenses")) == (
        DatasetStatus.FETCH_ERROR,
        "The platform answered with HTML or XML where JSON was expected.",
    )


def test_an_identifier_is_found_whatever_its_case_and_kept_as_it_was_written(lab, connection, configure, read):
    lab.sizes(expenses=2)
    configure("MyExpenses", EXPENSES)
    assert read("myexpenses").data_type == "custom/MyExpenses"


def test_what_is_not_configured_for_the_platform_cannot_be_queued(connection, configure, queued):
    with pytest.raises(UnknownCustomDataType) as refusal:
        queue_dataset(connection, "custom/nothing", actor="test")
    assert refusal.value.message == "No custom data type nothing is configured for Sandbox."
    assert (Dataset.objects.count(), queued()) == (0, [])


def test_a_deleted_configuration_keeps_its_data_and_is_not_read_again(lab, connection, configure, read):
    lab.sizes(expenses=3)
    configure("expenses", EXPENSES)
    read("expenses")
    delete_custom_data_type(connection.integration, "Expenses", actor="test")
    with pytest.raises(UnknownCustomDataType):
        queue_dataset(connection, "custom/expenses", actor="test")
    kept = records_slice(connection.pk, stored_data_type(connection, "EXPENSES"), offset=0, size=2)
    assert ([record.source_id for record in kept.rows], kept.total) == (["exp_00000000", "exp_00000001"], 3)


def test_one_deleted_while_it_waited_ends_by_name(connection, configure, run_queue):
    configure("expenses", EXPENSES)
    dataset = queue_dataset(connection, "custom/expenses", actor="test")
    delete_custom_data_type(connection.integration, "expenses", actor="test")
    run_queue()
    dataset.refresh_from_db()
    assert ended(dataset) == (
        DatasetStatus.NOT_SUPPORTED,
        "custom/expenses was deleted after this read was queued.",
    )


def test_a_read_goes_on_by_the_configuration_it_began_with(lab, connection, configure, read, monkeypatch):
    lab.sizes(expenses=2200)
    configure("expenses", EXPENSES)
    changed = []

    def change_once(*given, **named):
        if not changed:
            changed.append(True)
            configure("expenses", EXPENSES, requiredData={"other": "$.text"})
        return whole(*given, **named)

    whole = custom.CustomConnector.fetch_page
    monkeypatch.setattr(custom.CustomConnector, "fetch_page", change_once)
    dataset = read("expenses")
    assert ended(dataset) == (DatasetStatus.COMPLETE, "")
    names = {tuple(sorted(record.content)) for record in Record.objects.all()}
    assert names == {("claim", "gross", "who")}
    assert dataset.settings_used["custom_data_type"] == EXPENSES
    assert read("expenses").mode == ReadMode.FULL


def test_which_connections_use_it(lab, connection, configure, read):
    lab.sizes(expenses=3)
    configure("expenses", EXPENSES)
    dataset = read("expenses")

    uses = uses_of(CustomDataType.objects.get())
    assert [(use.connection, use.record_count, use.latest) for use in uses] == [(connection, 3, dataset)]
    assert uses[0].last_successful_at <= datetime.now(UTC)
