"""Reading data with the accounting SDK: each list and each record is what plain HTTP gives."""

from __future__ import annotations

import base64
import json
import urllib.request
from decimal import Decimal, InvalidOperation

import pytest
from django.utils.dateparse import parse_datetime

from syncengine.connectors.registry import connector_for
from syncengine.datatypes import DATA_TYPES
from tests.sdk.sdks import ACCOUNTING

# the SDK's group: (data type, name of the record's id in a request)
GROUPS = {
    "account_transactions": ("accountTransactions", "account_transaction_id"),
    "accounts": ("chartOfAccounts", "account_id"),
    "bank_accounts": ("bankAccounts", "account_id"),
    "bill_credit_notes": ("billCreditNotes", "bill_credit_note_id"),
    "bill_payments": ("billPayments", "bill_payment_id"),
    "bills": ("bills", "bill_id"),
    "credit_notes": ("creditNotes", "credit_note_id"),
    "customers": ("customers", "customer_id"),
    "direct_costs": ("directCosts", "direct_cost_id"),
    "direct_incomes": ("directIncomes", "direct_income_id"),
    "invoices": ("invoices", "invoice_id"),
    "item_receipts": ("itemReceipts", "item_receipt_id"),
    "items": ("items", "item_id"),
    "journal_entries": ("journalEntries", "journal_entry_id"),
    "journals": ("journals", "journal_id"),
    "payment_methods": ("paymentMethods", "payment_method_id"),
    "payments": ("payments", "payment_id"),
    "purchase_orders": ("purchaseOrders", "purchase_order_id"),
    "sales_orders": ("salesOrders", "sales_order_id"),
    "suppliers": ("suppliers", "supplier_id"),
    "tax_rates": ("taxRates", "tax_rate_id"),
    "tracking_categories": ("trackingCategories", "tracking_category_id"),
    "transfers": ("transfers", "transfer_id"),
}


@pytest.fixture
def sdk(runner_for):
    return runner_for(ACCOUNTING)


@pytest.fixture
def everything(linked, run_queue):
    """The company with each type read that its platform offers."""
    from syncengine.actions.datasets import queue_dataset

    for key in connector_for("mqjo").platform.types:
        queue_dataset(linked, key, actor="test")
    run_queue()
    return linked


def _plain(runner, path):
    request = urllib.request.Request(runner.url + path, headers={"Authorization": runner.authorization})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _differences(said, raw, path=""):
    """Return where what the SDK returned is not what the wire gave. Members it does not know it may leave out."""
    if isinstance(said, dict) and isinstance(raw, dict):
        return [
            found
            for key, value in said.items()
            for found in (
                _differences(value, raw[key], f"{path}.{key}") if key in raw else [f"{path}.{key} was made up: {value}"]
            )
        ]
    if isinstance(said, list) and isinstance(raw, list) and len(said) == len(raw):
        return [
            found
            for at, pair in enumerate(zip(said, raw, strict=True))
            for found in _differences(*pair, f"{path}[{at}]")
        ]
    return (
        [] if said == raw or _same_number(said, raw) or _same_moment(said, raw) else [f"{path}: {said!r} for {raw!r}"]
    )


def _same_number(said, raw):
    try:
        return Decimal(str(said)) == Decimal(str(raw))
    except InvalidOperation:
        return False


def _same_moment(said, raw):
    try:
        return parse_datetime(str(said)) == parse_datetime(str(raw)) is not None
    except ValueError:
        return False


def test_each_list_and_record_is_what_the_wire_gives(sdk, everything):
    company, connection = str(everything.company_id), str(everything.pk)
    offered = connector_for("mqjo").platform.types
    read = {group: told for group, told in GROUPS.items() if told[0] in offered}
    assert len(read) >= 12
    failed = []
    for group, (key, id_name) in read.items():
        kind = DATA_TYPES[key]
        under = f"/connections/{connection}" if kind.connection_scoped else ""
        raw = _plain(sdk, f"/companies/{company}{under}/data/{kind.path}?page=1&pageSize=100")
        assert raw["results"], key
        own = {"company_id": company, **({"connection_id": connection} if kind.connection_scoped else {})}
        one = {**own, id_name: raw["results"][0]["id"]}
        listed, got = sdk.calls((f"{group}.list", {**own, "page": 1, "page_size": 100}), (f"{group}.get", one))
        for said, expected in ((listed, raw), (got, raw["results"][0])):
            failed += [f"{group} {said.error} {said.status} {said.body[:300]}"] if said.error else []
            failed += [f"{group}{found}" for found in _differences(said.value, expected)] if not said.error else []
        if not listed.error:
            assert [row["id"] for row in listed.value["results"]] == [row["id"] for row in raw["results"]]
    assert failed == []


def test_statements_and_the_company(sdk, everything):
    company = str(everything.company_id)
    info = sdk.value("company_info.get", {"company_id": company})
    assert _differences(info, _plain(sdk, f"/companies/{company}/data/info")) == []
    for call, segment in (("get_balance_sheet", "balanceSheet"), ("get_profit_and_loss", "profitAndLoss")):
        request = {"company_id": company, "period_length": 1, "periods_to_compare": 3}
        said = sdk.value(f"reports.{call}", request)
        raw = _plain(sdk, f"/companies/{company}/data/financials/{segment}?periodLength=1&periodsToCompare=3")
        assert (_differences(said, raw), len(said["reports"])) == ([], 3)


def test_a_query_and_an_order(sdk, everything):
    company = {"company_id": str(everything.company_id)}
    paid = sdk.value("invoices.list", {**company, "query": "status=Paid && totalAmount > 0", "order_by": "-issueDate"})
    statuses = {row["status"] for row in paid["results"]}
    dates = [parse_datetime(row["issueDate"]) for row in paid["results"]]
    assert (statuses, dates == sorted(dates, reverse=True), paid["totalResults"] > 0) == ({"Paid"}, True, True)
    bad = sdk.call("invoices.list", {**company, "query": "total>"})
    assert (bad.status, "Error parsing query - Malformed query." in bad.body) == (400, True)


def test_attachments_and_pdf(sdk, everything):
    company = {"company_id": str(everything.company_id)}
    scoped = {**company, "connection_id": str(everything.pk)}
    invoices = sdk.value("invoices.list", {**company, "page_size": 20})["results"]
    pdf = sdk.value("invoices.download_pdf", {**company, "invoice_id": invoices[0]["id"]})
    assert base64.b64decode(_bytes(pdf))[:5] == b"%PDF-"
    for invoice in invoices:
        one = {**scoped, "invoice_id": invoice["id"]}
        attachments = sdk.value("invoices.list_attachments", one)["attachments"]
        if attachments:
            break
    assert attachments
    file = {**one, "attachment_id": attachments[0]["id"]}
    assert sdk.value("invoices.get_attachment", file)["id"] == attachments[0]["id"]
    assert len(base64.b64decode(_bytes(sdk.value("invoices.download_attachment", file)))) > 20


def test_before_the_first_read_and_what_the_platform_lacks(sdk, linked):
    company = {"company_id": str(linked.company_id)}
    early = sdk.call("invoices.list", company)
    assert (early.status, "The data set has not been requested." in early.body) == (409, True)


def _bytes(value):
    return (
        value["bytes"]
        if "bytes" in value
        else next(_bytes(member) for member in value.values() if isinstance(member, dict))
    )
