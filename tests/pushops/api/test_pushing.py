"""Writes over the API (codat contract, sections 13.2 and 13.3), carried out at the sandbox."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pushops.models import PushOperation
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Record
from syncengine.moments import stamp
from tests.portal.api.answers import members_at_fault, refused, told
from tests.pushops.api.conftest import ACCOUNT, TOO_LONG, sent

pytestmark = pytest.mark.django_db

NO_ISSUES = {"errors": [], "warnings": []}


@pytest.fixture
def read(linked, run_queue):
    """Read some types whole, as they are when a company has been linked for a while."""

    def go(*data_types):
        for data_type in data_types:
            queue_dataset(linked, data_type, actor="test")
        run_queue()

    return go


def common(operation):
    """The members that every answer of this operation has."""
    return {
        "dataType": operation.data_type,
        "companyId": str(operation.company_id),
        "pushOperationKey": str(operation.pk),
        "dataConnectionKey": str(operation.connection_id),
        "requestedOnUtc": stamp(operation.requested_at),
        "completedOnUtc": stamp(operation.completed_at),
    }


# --- the contract's two accounts


def test_the_contracts_account_is_created(push, linked):
    answer = told(push("POST", "accounts", ACCOUNT))
    operation = PushOperation.objects.get()
    record_id = answer["data"]["id"]
    dates = {name: answer["data"][name] for name in ("modifiedDate", "sourceModifiedDate")}
    assert answer == {
        "changes": [{"type": "Created", "recordRef": {"id": record_id, "dataType": "chartOfAccounts"}}],
        "data": {
            "id": record_id,
            **ACCOUNT,
            "type": "Unknown",
            "status": "Unknown",
            "isBankAccount": False,
            **dates,
            "validDatatypeLinks": [],
        },
        **common(operation),
        "status": "Success",
        "validation": NO_ISSUES,
        "statusCode": 200,
    }
    assert (operation.data_type, operation.connection_id, len(record_id) > 3) == ("chartOfAccounts", linked.pk, True)


def test_the_contracts_account_whose_code_is_too_long_is_refused(push):
    answer = told(push("POST", "accounts", TOO_LONG))
    operation = PushOperation.objects.get()
    assert answer == {
        "changes": [{"type": "Created", "recordRef": {"dataType": "chartOfAccounts"}}],
        "data": {
            **TOO_LONG,
            "type": "Unknown",
            "status": "Unknown",
            "isBankAccount": False,
            "validDatatypeLinks": [],
        },
        **common(operation),
        "status": "Failed",
        "errorMessage": "An error occurred in a downstream service. "
        f"Correlation ID: {operation.pk.hex}. Message: Push failed for Account: see validation for more information",
        "validation": {
            "errors": [
                {
                    "itemId": "NominalCode",
                    "message": "Failed to push to Account as NominalCode must not be longer than 10 characters long.",
                    "validatorName": "Account",
                }
            ],
            "warnings": [],
        },
        "statusCode": 400,
    }


def test_what_the_model_does_not_have_is_ignored_with_a_warning(push, lab):
    answer = told(push("POST", "accounts", {**ACCOUNT, "id": "mine", "modifiedDate": "x", "colour": "red"}))
    assert (answer["status"], [one["message"] for one in answer["validation"]["warnings"]]) == (
        "Success",
        ["Colour is not supported, and will be ignored."],
    )
    assert answer["data"]["id"] != "mine"


# --- each operation


def test_what_was_written_is_read_at_once_under_a_new_tag(wire, push, linked, read):
    read("chartOfAccounts")
    accounts = f"/companies/{linked.company_id}/data/accounts"
    before = wire.get(accounts)
    created = told(push("POST", "accounts", ACCOUNT))["data"]
    links = created.pop("validDatatypeLinks")
    one = told(wire.get(f"{accounts}/{created['id']}"))
    assert (one["nominalCode"], one["modifiedDate"], links) == ("4200123456", created["modifiedDate"], [])
    assert {name: one[name] for name in created} == created
    after = wire.get(accounts)
    assert (after["ETag"] != before["ETag"], told(after)["totalResults"]) == (True, told(before)["totalResults"] + 1)

    changed = told(push("PUT", f"accounts/{created['id']}", {**ACCOUNT, "name": "Renamed"}))
    assert (changed["status"], changed["data"]["name"]) == ("Success", "Renamed")
    assert changed["changes"] == [
        {"type": "Modified", "recordRef": {"id": created["id"], "dataType": "chartOfAccounts"}}
    ]
    assert told(wire.get(f"{accounts}/{created['id']}"))["name"] == "Renamed"

    gone = told(push("DELETE", f"accounts/{created['id']}"))
    operation = PushOperation.objects.latest("requested_at")
    assert gone == {
        "changes": [{"type": "Deleted", "recordRef": {"id": created["id"], "dataType": "chartOfAccounts"}}],
        **common(operation),
        "status": "Success",
        "validation": NO_ISSUES,
        "statusCode": 200,
    }
    assert told(wire.get(f"{accounts}/{created['id']}"))["metadata"] == {"isDeleted": True}
    tags = {before["ETag"], after["ETag"], wire.get(accounts)["ETag"]}
    assert len(tags) == 3


def test_of_a_type_that_was_never_read_what_was_written_alone_is_there(wire, push, linked):
    accounts = f"/companies/{linked.company_id}/data/accounts"
    created = told(push("POST", "accounts", ACCOUNT))["data"]
    answer = wire.get(f"{accounts}/{created['id']}")
    assert (told(answer)["nominalCode"], answer["X-Data-As-Of"]) == ("4200123456", "")
    assert [wire.get(path).status_code for path in (accounts, f"{accounts}/another")] == [409, 409]


def test_associated_records_are_not_touched(wire, push, linked, read):
    read("chartOfAccounts", "customers", "invoices", "payments")
    invoice = next(
        row
        for row in told(wire.get(f"/companies/{linked.company_id}/data/invoices"))["results"]
        if row["amountDue"] > 0
    )
    account = Record.objects.filter(data_type="chartOfAccounts").first().source_id
    due = invoice["amountDue"]
    payment = {
        "customerRef": invoice["customerRef"],
        "accountRef": {"id": account},
        "date": "2026-10-30",
        "totalAmount": due,
        "currency": invoice["currency"],
        "lines": [{"amount": due, "links": [{"type": "Invoice", "id": invoice["id"], "amount": -due}]}],
    }
    answer = told(push("POST", "payments", payment))
    assert answer["status"] == "Success", answer["validation"]
    same = told(wire.get(f"/companies/{linked.company_id}/data/invoices/{invoice['id']}"))
    assert same["amountDue"] == invoice["amountDue"]


@pytest.mark.parametrize("name", ["clearedOnDate", "date"])
def test_transactions_are_created_under_their_account(push, lab, name):
    """The contract calls the day `date` where transactions are written, and `clearedOnDate` where they are read."""
    rows = [{name: f"2026-10-{day}", "amount": -12.5, "transactionType": "Fee"} for day in (29, 30)]
    answer = told(push("POST", "bankAccounts/bnk_00000001/bankTransactions", {"transactions": rows}))
    operation = PushOperation.objects.get()
    data = answer.pop("data")
    assert answer == {
        "changes": [
            {"type": "Created", "recordRef": {"id": operation.result_record_id, "dataType": "bankTransactions"}}
        ],
        **common(operation),
        "status": "Success",
        "validation": NO_ISSUES,
        "statusCode": 200,
    }
    assert (data["accountId"], [row["id"] for row in data["transactions"]]) == (
        "bnk_00000001",
        operation.result_record_ids,
    )
    shown = [(row["clearedOnDate"], row["amount"], row["transactionType"]) for row in data["transactions"]]
    assert shown == [("2026-10-29T00:00:00", -12.5, "Fee"), ("2026-10-30T00:00:00", -12.5, "Fee")]
    assert sent(lab) == [("POST", "/api/v1/bank_accounts/bnk_00000001/transactions")]


def test_transactions_that_are_refused_are_given_back(push, lab):
    body = {"transactions": [{"amount": "much"}, "none"]}
    answer = told(push("POST", "bankAccounts/bnk_00000001/bankTransactions", body))
    assert (answer["status"], answer["data"], sent(lab)) == ("Failed", body, [])
    assert "Transactions[0].Amount" in [one["itemId"] for one in answer["validation"]["errors"]]


@pytest.mark.parametrize("segment", ["Accounts", "ACCOUNTS/", "accounts"])
def test_paths_have_no_case(push, segment):
    assert told(push("POST", segment, ACCOUNT))["dataType"] == "chartOfAccounts"


def test_digits_are_kept_to_the_last(push):
    raw = b'{"nominalCode":"1","name":"Digits","fullyQualifiedCategory":"Asset.Current","currentBalance":0.10}'
    assert told(push("POST", "accounts", raw=raw))["status"] == "Success"
    assert PushOperation.objects.get().body["currentBalance"] == Decimal("0.10")
    many = raw.replace(b"0.10", b"12345678901234567.891")
    assert (
        b'"currentBalance":12345678901234567.891'
        in push("POST", "accounts", raw=many.replace(b'"1"', b'"x" ' * 1)).content
    )


# --- while it is Pending


def test_a_slow_platform_is_answered_for_as_pending(wire, push, linked, monkeypatch):
    monkeypatch.setattr("pushops.api.answering.push_now", lambda operation, within: operation)
    answer = told(push("POST", "accounts?timeoutInMinutes=5", ACCOUNT))
    operation = PushOperation.objects.get()
    pending = {
        "changes": [{"type": "Created", "recordRef": {"dataType": "chartOfAccounts"}}],
        **{name: value for name, value in common(operation).items() if name != "completedOnUtc"},
        "timeoutInMinutes": 5,
        "timeoutInSeconds": 300,
        "status": "Pending",
        "validation": NO_ISSUES,
        "statusCode": 202,
    }
    data = {**ACCOUNT, "type": "Unknown", "status": "Unknown", "isBankAccount": False, "validDatatypeLinks": []}
    assert answer == {**pending, "data": data}
    assert told(wire.get(f"/companies/{linked.company_id}/push/{operation.pk}")) == pending


def test_what_is_asked_for_beside_the_record_is_kept(push, monkeypatch):
    monkeypatch.setattr("pushops.api.answering.push_now", lambda operation, within: operation)
    told(push("PUT", "accounts/acc_1?timeoutInMinutes=7&allowSyncOnPushComplete=false&forceUpdate=true", ACCOUNT))
    told(push("POST", "accounts", ACCOUNT))
    updated, created = PushOperation.objects.order_by("requested_at")
    assert (updated.timeout_minutes, updated.allow_sync, updated.force_update, updated.record_id) == (
        7,
        False,
        True,
        "acc_1",
    )
    assert (created.timeout_minutes, created.allow_sync, created.force_update, created.record_id) == (
        None,
        True,
        False,
        "",
    )
    assert created.requested_by.startswith("api-key:")


def test_minutes_are_whole_and_named_when_they_are_not(push, lab):
    for minutes in ("0", "-1", "x", "1.5", "", "10081", "9" * 400, "1e3", "true"):
        response = push("POST", f"accounts?timeoutInMinutes={minutes}", ACCOUNT)
        assert (refused(response)[0], members_at_fault(response)) == (400, ["timeoutInMinutes"]), minutes
    assert (sent(lab), PushOperation.objects.count()) == ([], 0)


@pytest.mark.parametrize("name", ["allowSyncOnPushComplete", "forceUpdate"])
def test_what_is_neither_true_nor_false_is_named(push, lab, name):
    response = push("PUT", f"accounts/acc_1?{name}=perhaps", ACCOUNT)
    assert (refused(response)[0], members_at_fault(response), sent(lab)) == (400, [name], [])


def test_the_list_of_writes_names_the_company_s_own(wire, push, linked):
    told(push("POST", "accounts", ACCOUNT))
    listed = told(wire.get(f"/companies/{linked.company_id}/push"))
    assert [row["pushOperationKey"] for row in listed["results"]] == [str(PushOperation.objects.get().pk)]
