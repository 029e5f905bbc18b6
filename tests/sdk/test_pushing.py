"""Writing with the SDKs that can: the accounting one, and the one for expenses; and the platform SDKs look on."""

from __future__ import annotations

import base64
from decimal import Decimal

import pytest

from pushops.models import PushOperation
from syncengine.models import Record
from tests.sdk.sdks import ACCOUNTING, COMMON, EXPENSES

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT = {
    "nominal_code": "4200123456",
    "name": "Codat Assets Account",
    "fully_qualified_category": "Asset.Current",
}
TOO_LONG = {"nominal_code": "350045006500", "name": "Excessive", "fully_qualified_category": "Asset.Current"}
PDF = {"$bytes": base64.b64encode(b"%PDF-1.7 receipt").decode()}
NO_ISSUES = {"errors": [], "warnings": []}


@pytest.fixture
def accounting(runner_for):
    return runner_for(ACCOUNTING)


@pytest.fixture
def expenses(runner_for):
    return runner_for(EXPENSES)


@pytest.fixture
def over(linked):
    return {"company_id": str(linked.company_id), "connection_id": str(linked.pk)}


def stored(linked, data_type, record_id):
    return Record.objects.get(connection=linked, data_type=data_type, source_id=record_id)


def known(data_type, linked):
    """The id of some record that was read."""
    return Record.objects.filter(connection=linked, data_type=data_type).order_by("source_id").first().source_id


def ended(said):
    """Return (status, status code, change, data) of an operation that has ended, as an SDK returned it."""
    assert said["completedOnUtc"] >= said["requestedOnUtc"]
    return said["status"], said["statusCode"], said["changes"][0]["type"], said.get("data")


# --- accounting 0.36


def test_the_contracts_two_accounts(accounting, over, linked):
    done = accounting.value("accounts.create", {**over, "account_prototype": ACCOUNT})
    status, code, change, data = ended(done)
    assert (status, code, change, done["dataType"], done["validation"]) == (
        "Success",
        200,
        "Created",
        "chartOfAccounts",
        NO_ISSUES,
    )
    assert (data["nominalCode"], data["type"], data["isBankAccount"], data["validDatatypeLinks"]) == (
        "4200123456",
        "Unknown",
        False,
        [],
    )
    assert done["changes"][0]["recordRef"] == {"id": data["id"], "dataType": "chartOfAccounts"}
    # Accounts were never read whole; what was written is there all the same.
    read = accounting.value("accounts.get", {"company_id": over["company_id"], "account_id": data["id"]})
    assert (read["id"], read["name"]) == (data["id"], "Codat Assets Account")
    assert stored(linked, "chartOfAccounts", data["id"]).content["name"] == "Codat Assets Account"

    refused = accounting.value("accounts.create", {**over, "account_prototype": TOO_LONG, "timeout_in_minutes": 5})
    assert ended(refused)[:3] == ("Failed", 400, "Created")
    assert refused["timeoutInMinutes"] == 5
    assert refused["validation"]["errors"] == [
        {
            "itemId": "NominalCode",
            "message": "Failed to push to Account as NominalCode must not be longer than 10 characters long.",
            "validatorName": "Account",
        }
    ]


def test_a_customer_is_created_updated_and_read(accounting, over, linked, read):
    made = accounting.value("customers.create", {**over, "customer": {"customer_name": "Hillside", "status": "Active"}})
    customer_id = made["data"]["id"]
    assert ended(made)[:3] == ("Success", 200, "Created")
    one = {"company_id": over["company_id"], "customer_id": customer_id}
    assert accounting.value("customers.get", one)["customerName"] == "Hillside"
    body = {"customer_name": "Hillside Hotel", "status": "Active", "phone": "+44 20 7946 0000"}
    changed = accounting.value("customers.update", {**over, "customer_id": customer_id, "customer": body})
    assert ended(changed)[:3] == ("Success", 200, "Modified")
    again = accounting.value("customers.get", one)
    assert (again["customerName"], again["phone"]) == ("Hillside Hotel", "+44 20 7946 0000")


def test_an_invoice_and_a_bill_are_created_updated_and_deleted(accounting, over, linked, read):
    account = {"id": known("chartOfAccounts", linked)}
    line = {"account_ref": account, "quantity": 2, "unit_amount": 10.5, "total_amount": 21, "tax_amount": 0}
    shared = {
        "issue_date": "2026-10-01T00:00:00",
        "due_date": "2026-10-31T00:00:00",
        "line_items": [{**line, "sub_total": 21, "description": "Paper"}],
        "sub_total": 21,
        "total_tax_amount": 0,
        "tax_amount": 0,
        "total_amount": 21,
        "amount_due": 21,
        "status": "Submitted",
    }
    for group, one, party, kind in (
        ("invoices", "invoice", {"customer_ref": {"id": known("customers", linked)}}, "Submitted"),
        ("bills", "bill", {"supplier_ref": {"id": known("suppliers", linked)}}, "Open"),
    ):
        body = {**shared, **party, "status": kind}
        made = accounting.value(f"{group}.create", {**over, one: body})
        assert ended(made)[:3] == ("Success", 200, "Created"), made
        record_id = made["data"]["id"]
        assert Decimal(str(made["data"]["totalAmount"])) == 21
        place = {**over, f"{one}_id": record_id}
        changed = accounting.value(f"{group}.update", {**place, one: {**body, "note": "Changed"}, "force_update": True})
        assert ended(changed)[:3] == ("Success", 200, "Modified"), changed
        attached = {"attachment_upload": {"file": {"file_name": "receipt.pdf", "content": PDF}}}
        assert accounting.call(f"{group}.upload_attachment", {**place, **attached}).error == ""
        upload = PushOperation.objects.latest("requested_at")
        assert (upload.operation, upload.status, upload.record_id, upload.file.name) == (
            "UploadAttachment",
            "Success",
            record_id,
            "receipt.pdf",
        )
        gone = accounting.value(f"{group}.delete", place)
        assert ended(gone)[:3] == ("Success", 200, "Deleted")
        assert gone["changes"][0]["recordRef"]["id"] == record_id
        assert stored(linked, group, record_id).is_deleted


def test_transactions_of_a_bank_account(accounting, over, read, linked):
    rows = [{"date_": "2026-10-30T00:00:00", "amount": -12.5, "balance": 100, "description": "Card fee"}]
    account_id = known("bankAccounts", linked)
    request = {**over, "account_id": account_id}
    body = {"create_bank_transactions": {"account_id": account_id, "transactions": rows}}
    made = accounting.value("bank_account_transactions.create", {**request, **body})
    assert ended(made)[:3] == ("Success", 200, "Created"), made
    assert (made["dataType"], len(made["data"]["transactions"])) == ("bankTransactions", 1)
    model = accounting.value("bank_account_transactions.get_create_model", request)
    assert model["properties"]["transactions"]["type"] == "Array"


MODELS = {
    "accounts": "get_create_model",
    "bank_accounts": "get_create_update_model",
    "bill_credit_notes": "get_create_update_model",
    "bill_payments": "get_create_model",
    "bills": "get_create_update_model",
    "credit_notes": "get_create_update_model",
    "customers": "get_create_update_model",
    "direct_costs": "get_create_model",
    "direct_incomes": "get_create_model",
    "invoices": "get_create_update_model",
    "items": "get_create_model",
    "journal_entries": "get_create_model",
    "journals": "get_create_model",
    "payments": "get_create_model",
    "purchase_orders": "get_create_update_model",
    "suppliers": "get_create_update_model",
    "transfers": "get_create_model",
}


def test_every_model_is_read(accounting, over):
    said = accounting.calls(*((f"{group}.{call}", over) for group, call in MODELS.items()))
    assert [f"{one.error} {one.body[:200]}" for one in said if one.error] == []
    assert all(one.value["properties"] and one.value["type"] == "Object" for one in said)
    accounts = said[0].value["properties"]
    assert accounts["nominalCode"]["validation"]["warnings"] == [
        {"field": "NominalCode", "details": "Max length of 10 characters."}
    ]


def test_refusals_are_the_sdks_own_errors(accounting, over, runner_for):
    body = {"account_prototype": ACCOUNT}
    missing = accounting.call("accounts.create", {**over, "connection_id": over["company_id"], **body})
    assert (missing.error, missing.status) == ("ErrorMessage", 404)
    minutes = accounting.call("accounts.create", {**over, **body, "timeout_in_minutes": 0})
    assert (minutes.error, minutes.status) == ("ErrorMessage", 400)
    reader = runner_for(ACCOUNTING, "read").call("accounts.create", {**over, **body})
    assert (reader.error, reader.status) == ("ErrorMessage", 403)
    assert not PushOperation.objects.exists()


# --- sync for expenses 9: its calls of the core platform. `/sync/expenses` is a product of its own.


def test_the_sdk_for_expenses_writes(expenses, over, linked, read):
    account = expenses.value("accounts.create", {**over, "account_prototype": ACCOUNT})
    assert ended(account)[:3] == ("Success", 200, "Created")
    bank = {"account_name": "Cards", "account_type": "Credit", "currency": "GBP", "nominal_code": "9001"}
    made = expenses.value("bank_accounts.create", {**over, "bank_account": bank})
    assert ended(made)[:3] == ("Success", 200, "Created"), made
    for group, one, name in (
        ("customers", "customer", "customer_name"),
        ("suppliers", "supplier", "supplier_name"),
    ):
        body = {name: "Hillside", "status": "Active"}
        created = expenses.value(f"{group}.create", {**over, one: body})
        assert ended(created)[:3] == ("Success", 200, "Created"), created
        record_id = created["data"]["id"]
        changed = {**over, f"{one}_id": record_id, one: {**body, name: "Hillside Hotel"}}
        updated = expenses.value(f"{group}.update", changed)
        assert ended(updated)[:3] == ("Success", 200, "Modified"), updated
        got = expenses.value(f"{group}.get", {"company_id": over["company_id"], f"{one}_id": record_id})
        assert got[name.replace("_n", "N")] == "Hillside Hotel"


def test_the_sdk_for_expenses_reads_models_and_operations(expenses, over):
    model = expenses.value("accounts.get_create_model", over)
    assert model["properties"]["nominalCode"]["required"] is True
    assert expenses.value("bank_accounts.get_create_model", over)["type"] == "Object"
    made = expenses.value("accounts.create", {**over, "account_prototype": ACCOUNT})
    expenses.value("accounts.create", {**over, "account_prototype": TOO_LONG})
    _operations_are_read(expenses, "push_operations.list", "push_operations.get", over, made)


# --- the others look on


def test_the_platform_sdks_read_models_and_operations(platform, accounting, over):
    made = accounting.value("accounts.create", {**over, "account_prototype": ACCOUNT})
    accounting.value("accounts.create", {**over, "account_prototype": TOO_LONG})
    model = platform.value("push_data.get_model_options", {**over, "data_type": "chartOfAccounts"})
    assert model["properties"]["name"]["required"] is True
    _operations_are_read(platform, "push_data.list_operations", "push_data.get_operation", over, made)
    assert platform.call("push_data.get_model_options", {**over, "data_type": "taxRates"}).status == 404


def test_the_common_sdk_does_too(runner_for, accounting, over):
    sdk = runner_for(COMMON)
    made = accounting.value("accounts.create", {**over, "account_prototype": ACCOUNT})
    accounting.value("accounts.create", {**over, "account_prototype": TOO_LONG})
    assert sdk.value("push_data.get_model_options", {**over, "data_type": "customers"})["type"] == "Object"
    _operations_are_read(sdk, "push_data.list_operations", "push_data.get_operation", over, made)


def _operations_are_read(sdk, list_call, get_call, over, made):
    """Of two operations, one successful (`made`) and one failed."""
    company = {"company_id": over["company_id"]}
    listed = sdk.value(list_call, {**company, "page": 1, "page_size": 10, "order_by": "-requestedOnUtc"})
    assert ([row["status"] for row in listed["results"]], listed["totalResults"]) == (["Failed", "Success"], 2)
    good = sdk.value(list_call, {**company, "query": "status=Success"})["results"]
    assert [row["pushOperationKey"] for row in good] == [made["pushOperationKey"]]
    one = sdk.value(get_call, {**company, "push_operation_key": made["pushOperationKey"]})
    assert one == good[0]
    assert one["changes"] == made["changes"]
    assert sdk.call(get_call, {**company, "push_operation_key": over["company_id"]}).status == 404
