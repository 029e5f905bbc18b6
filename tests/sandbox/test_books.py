"""The invented books: consistent, the same every time, and of any size."""

import hashlib
import json
import subprocess
import sys
from datetime import date
from decimal import Decimal

import httpx2
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.sandbox.books import Books, encode
from syncengine.sandbox.businesses import BUSINESSES
from syncengine.sandbox.kinds import KINDS
from tests.sandbox.conftest import all_pages

BUSINESS_IDS = list(BUSINESSES)
NUMBERS = st.integers(0, 1_999_999)


def make_books(business="brightwater", seed=7):
    return Books(BUSINESSES[business], seed, date(2026, 10, 31))


def exact(record):
    """Decode with exact decimals."""
    return json.loads(encode(record), parse_float=Decimal)


@given(st.sampled_from(BUSINESS_IDS), NUMBERS)
def test_the_sums_of_every_invoice_and_bill_are_right(business, n):
    books = make_books(business)
    for kind, settlements in (("invoices", "receipts"), ("bills", "payments")):
        own = exact(KINDS[kind].make(books, n))
        money = own["money"]
        for line in own["lines"]:
            assert line["net"] == line["qty"] * line["unit_price"] - line["discount"]
            assert line["gross"] == line["net"] + line["tax"]
        assert money["net"] == sum(line["net"] for line in own["lines"])
        assert money["tax"] == sum(line["tax"] for line in own["lines"])
        assert money["gross"] == money["net"] + money["tax"]
        assert money["paid"] == sum(paid["amount"] for paid in own[settlements])
        assert money["owed"] == (0 if own["state"] == "void" else money["gross"] - money["paid"])
        assert own["dates"]["issued"] <= own["dates"]["due"]


@given(st.sampled_from(BUSINESS_IDS), NUMBERS)
def test_payments_and_documents_tell_the_same(business, n):
    books = make_books(business)
    for kind, document, settlements in (("payments", "invoices", "receipts"), ("bill_payments", "bills", "payments")):
        payment = exact(KINDS[kind].make(books, n))
        [applied] = payment["applied"]
        assert applied["amount"] == payment["amount"]
        if n % 8 == 7:
            assert (applied["kind"], applied["document_id"]) == ("on_account", None)
            continue
        own = exact(KINDS[document].make(books, int(applied["document_id"].split("_")[1])))
        [told] = own[settlements]
        assert (told["id"], told["amount"], told["on"]) == (payment["id"], payment["amount"], applied["on"])
        assert own.get("customer") == payment.get("customer")
        assert own.get("supplier") == payment.get("supplier")


@given(st.sampled_from(BUSINESS_IDS), NUMBERS)
def test_journal_entries_balance_and_bank_balances_run_on(business, n):
    books = make_books(business)
    entry = exact(KINDS["journal_entries"].make(books, n))
    assert sum(line["amount"] for line in entry["lines"]) == 0
    before, after = (exact(KINDS["bank_transactions"].make(books, at)) for at in (n, n + 3))
    assert after["balance"] == before["balance"] + after["amount"]
    assert after["bank_account_id"] == before["bank_account_id"]


@pytest.mark.parametrize("business", BUSINESS_IDS)
def test_every_reference_finds_its_record(caller, business):
    caller.link(business)
    lists = {
        name: all_pages(caller, name, per_page=1000, limit=1000)
        for name, kind in KINDS.items()
        if kind.style != "single"
    }
    names = {
        record["id"]: record.get("display_name") or record.get("trading_name") or record.get("title")
        for records in lists.values()
        for record in records
    }
    assert [sorted(record["id"] for record in records) for records in lists.values()] == [
        [record["id"] for record in records] for records in lists.values()
    ]
    wrong = [
        (path, reference)
        for records in lists.values()
        for record in records
        for path, reference in references(record)
        if reference["id"] not in names or names[reference["id"]] not in (None, *reference.values())
    ]
    assert wrong == []


def references(value, path=""):
    """Every inner object with an id of one of our types, but for employees."""
    if isinstance(value, dict):
        if path and "id" in value and not str(value["id"]).startswith("emp_"):
            yield path, value
        if path.endswith("applied[]") and value["document_id"]:
            yield path, {"id": value["document_id"]}
        for name, inner in value.items():
            yield from references(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner, f"{path}[]")


@pytest.mark.parametrize("business", BUSINESS_IDS)
def test_statements_add_up_and_agree_with_each_other(caller, business):
    caller.link(business)
    accounts = {record["id"]: record for record in all_pages(caller, "accounts")}
    profit = json.loads(caller.get("/reports/profit_and_loss", months=36).content, parse_float=Decimal)
    sheet = json.loads(caller.get("/reports/balance_sheet", months=36).content, parse_float=Decimal)
    assert (len(profit["periods"]), len(sheet["snapshots"])) == (36, 36)
    earned = Decimal(0)
    for period, snapshot in zip(reversed(profit["periods"]), reversed(sheet["snapshots"]), strict=True):
        total = {name: tree_total(tree, accounts) for name, tree in period["sections"].items()}
        assert period["gross_profit"] == total["income"] - total["cost_of_sales"]
        assert period["operating_profit"] == period["gross_profit"] - total["expenses"]
        assert period["other_net"] == total["other_income"] - total["other_expenses"]
        assert period["net_profit"] == period["operating_profit"] + period["other_net"]
        assets, owed, equity = (tree_total(snapshot[side], accounts) for side in ("assets", "liabilities", "equity"))
        assert assets - owed == equity == snapshot["net_assets"]
        earned += period["net_profit"]
        assert snapshot["date"] == period["to"]
        assert leaf(snapshot["equity"], "Profit of the period") == earned


def tree_total(tree, accounts):
    if "children" not in tree:
        assert accounts[tree["account_id"]]["title"] == tree["label"]
        return tree["amount"]
    assert tree["amount"] == sum(tree_total(child, accounts) for child in tree["children"])
    return tree["amount"]


def leaf(tree, label):
    found = [leaf(child, label) for child in tree.get("children", [])]
    return next((amount for amount in found if amount is not None), tree["amount"] if tree["label"] == label else None)


def test_months_are_as_many_as_asked_for_and_there_are(caller):
    counts = [len(caller.get("/reports/profit_and_loss", months=n).json()["periods"]) for n in (1, 7, 36, 999)]
    assert counts == [1, 7, 36, 36]
    assert caller.get("/reports/profit_and_loss", months="x").status_code == 400


def test_businesses_and_seeds_differ():
    def digest(**options):
        return encode([KINDS["invoices"].make(make_books(**options), n) for n in range(5)])

    assert len({digest(business=name) for name in BUSINESS_IDS} | {digest(seed=8)}) == 4


@pytest.mark.processes
def test_two_processes_give_the_same_bytes_and_a_million_records_cost_no_memory():
    outcomes = [read_tail_of_a_million() for _ in range(2)]
    assert outcomes[0][0] == outcomes[1][0]
    assert max(megabytes for _, megabytes in outcomes) < 25


def read_tail_of_a_million():
    """Digest of the last pages of several types, and by how many MiB the process grew while making them."""
    command = [sys.executable, "-m", "syncengine.sandbox", "--port", "0", "--size", "1000000", "--control-key", "k"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().split()[-1]
            with httpx2.Client(base_url=url, timeout=10) as client:
                return _tail(client, psutil.Process(process.pid))
        finally:
            process.terminate()


def _tail(client, process):
    minted = client.post("/_control/businesses/brightwater/grants", headers={"X-Control-Key": "k"}).json()
    headers = {"Authorization": f"Bearer {minted['access_token']}"}
    before = process.memory_info().rss
    digest = hashlib.sha256()
    stamp = "2026-10-31T16:39:30Z"  # the last five hundred of a million
    for kind in ("invoices", "bank_transactions"):
        answer = client.get(f"/api/v1/{kind}", params={"updated_since": stamp, "limit": 1000}, headers=headers)
        digest.update(answer.content)
    last = client.get("/api/v1/customers", params={"page": 200, "per_page": 1000}, headers=headers)
    single = client.get("/api/v1/invoices/inv_00999999", headers=headers)
    assert (len(last.json()["customers"]), single.json()["number"]) == (1000, "INV-1000000")
    digest.update(last.content + single.content)
    return digest.hexdigest(), (process.memory_info().rss - before) >> 20
