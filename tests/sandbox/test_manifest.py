"""The sandbox's manifests read the sandbox's own pages: every record maps, and no rule finds fault with it.

There are three of them, for one platform: its accounting, its banking and its commerce side.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

import syncengine.connectors
from syncengine.connectors.base import FetchPlan, HttpAnswer
from syncengine.connectors.manifest import load_manifest
from syncengine.connectors.rest import RestConnector
from syncengine.connectors.wire import decode_record
from syncengine.datatypes import DATA_TYPES
from syncengine.sandbox.kinds import KINDS, REPORTS
from syncengine.states import ReadMode
from syncengine.validation import validate_record

FOLDER = Path(syncengine.connectors.__file__).parent / "manifests"
MANIFESTS = [load_manifest(FOLDER / f"{key}.toml") for key in ("mqjo", "aiwb", "bksb")]
CONNECTORS = {name: RestConnector(manifest) for manifest in MANIFESTS for name in manifest.types}
TYPES = {name: found for manifest in MANIFESTS for name, found in manifest.types.items()}
LISTS = [name for name, found in TYPES.items() if not found.single]


class PlainHttp:
    """The way out, without the guards of the real one."""

    def __init__(self, caller):
        self._caller = caller

    def request(self, method, url, *, params=(), headers=None, json=None, form=None, accept=()):
        both = {**self._caller.headers, **(headers or {})}
        more = {"params": list(params)} if params else {}
        answer = self._caller.client.request(method, url, headers=both, data=form, **more)
        assert answer.status_code == 200, answer.text
        return HttpAnswer(answer.status_code, dict(answer.headers), answer.content, str(answer.url))


def read(sandbox, caller, data_type, **plan):
    """Every mapped record of a type, as the engine would read it."""
    connector = CONNECTORS[data_type]
    http = PlainHttp(caller)
    asked = FetchPlan(
        platform=connector.platform.key,
        data_type=data_type,
        **{"mode": ReadMode.FULL, "settings": {"base_url": sandbox.url}, **plan},
    )
    records, cursor = [], None
    while True:
        page = connector.fetch_page(asked, cursor, http)
        records += [connector.map_record(data_type, decode_record(raw)) for raw in page.records]
        if page.cursor is None:
            return records
        cursor = page.cursor


def changes(sandbox, caller, data_type, **plan):
    since = datetime(2026, 11, 1, tzinfo=UTC)
    return read(sandbox, caller, data_type, mode=ReadMode.INCREMENTAL, since=since, **plan)


@pytest.mark.parametrize("business", ["brightwater", "northgate", "alderfinch"])
@pytest.mark.parametrize("data_type", list(TYPES))
def test_every_record_maps_and_is_valid(sandbox, caller, business, data_type):
    caller.link(business)
    records = read(sandbox, caller, data_type)
    issues = [(record.source_id, issue) for record in records for issue in validate_record(data_type, record.content)]
    assert issues == []
    assert [record.source_id for record in records if "Unknown" in words_of(record.content)] == []
    assert len({record.source_id for record in records}) == len(records) == expected(caller, business, data_type)


def words_of(value):
    """Every text in a record."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return {word for part in inner for word in words_of(part)}
    return {value} if isinstance(value, str) else set()


def test_wrong_sums_are_found(sandbox, caller):
    caller.switch_on("wrong-sums", type="invoices", records=2)
    faulty = [r.source_id for r in read(sandbox, caller, "invoices") if validate_record("invoices", r.content)]
    assert faulty == ["inv_00000000", "inv_00000001"]


def expected(caller, business, data_type):
    kind = TYPES[data_type].endpoint.removeprefix("/")
    return 1 if kind not in KINDS else caller.control("GET", "/businesses")[business][kind]


def test_every_data_type_is_read_from_the_sandbox_and_all_it_has_is_mapped():
    endpoints = {found.endpoint.rsplit("/", 1)[1] for found in TYPES.values()}
    assert endpoints == (KINDS.keys() | REPORTS.keys()) - {"expenses", "timesheets"}
    assert sorted(TYPES) == sorted(DATA_TYPES)
    assert TYPES["bankTransactions"].requires == ("bankAccounts",)


@pytest.mark.parametrize("data_type", LISTS)
def test_incremental_reads_bring_changes_and_tombstones(sandbox, caller, data_type):
    before = read(sandbox, caller, data_type)
    path = f"/businesses/brightwater/{TYPES[data_type].endpoint[1:]}/records"
    caller.control("PATCH", f"{path}/1", {"memo": "changed"})
    caller.control("DELETE", f"{path}/0")
    changed, deleted = changes(sandbox, caller, data_type, page_size=1)
    assert (changed.source_id, changed.is_deleted) == (before[1].source_id, False)
    assert (deleted.source_id, deleted.is_deleted) == (before[0].source_id, True)
    assert changed.source_modified_at.tzinfo is not None
    assert CONNECTORS[data_type].platform.types[data_type].reports_deletions


def test_not_before_leaves_out_earlier_documents(sandbox, caller):
    first = datetime(2026, 6, 1, tzinfo=UTC)
    wanted = [
        record.source_id
        for record in read(sandbox, caller, "invoices")
        if record.content["issueDate"] >= "2026-06-01T00:00:00"
    ]
    assert [record.source_id for record in read(sandbox, caller, "invoices", not_before=first)] == wanted


@pytest.mark.parametrize("data_type", ["profitAndLoss", "balanceSheet", "cashFlowStatement"])
def test_statements_have_the_months_asked_for(sandbox, caller, data_type):
    for months in (1, 24):
        [statement] = read(sandbox, caller, data_type, months=months)
        assert len(statement.content["reports"]) == months


def test_one_invoice_in_full(sandbox, caller):
    """Member for member, so that a word mapped to the wrong place is seen."""
    raw = caller.get("/invoices/inv_00000006").json()
    [content] = [r.content for r in read(sandbox, caller, "invoices") if r.source_id == "inv_00000006"]
    [receipt] = raw["receipts"]
    assert plain(content) == {
        "id": raw["id"],
        "invoiceNumber": raw["number"],
        "customerRef": {"id": raw["customer"]["id"], "companyName": raw["customer"]["name"]},
        "issueDate": raw["dates"]["issued"] + "T00:00:00",
        "dueDate": raw["dates"]["due"] + "T00:00:00",
        "currency": "GBP",
        "currencyRate": 1,
        "subTotal": raw["money"]["net"],
        "totalDiscount": raw["money"]["discount"],
        "totalTaxAmount": raw["money"]["tax"],
        "totalAmount": raw["money"]["gross"],
        "amountDue": raw["money"]["owed"],
        "status": "PartiallyPaid",
        "note": raw["memo"],
        "lineItems": [
            {
                "description": line["text"],
                "quantity": line["qty"],
                "unitAmount": line["unit_price"],
                "discountPercentage": line["discount_pct"],
                "discountAmount": line["discount"],
                "subTotal": line["net"],
                "taxAmount": line["tax"],
                "totalAmount": line["gross"],
                "accountRef": line["account"],
                "taxRateRef": {
                    "id": line["tax_rate"]["id"],
                    "name": line["tax_rate"]["name"],
                    "effectiveTaxRate": line["tax_rate"]["percent"],
                },
                "itemRef": line["item"],
            }
            for line in raw["lines"]
        ],
        "paymentAllocations": [
            {
                "payment": {
                    "id": receipt["id"],
                    "reference": receipt["reference"],
                    "accountRef": receipt["account"],
                    "currency": "GBP",
                    "currencyRate": 1,
                    "paidOnDate": receipt["on"] + "T00:00:00",
                    "totalAmount": receipt["amount"],
                },
                "allocation": {
                    "currency": "GBP",
                    "currencyRate": 1,
                    "allocatedOnDate": receipt["on"] + "T00:00:00",
                    "totalAmount": receipt["amount"],
                },
            }
        ],
    }


def test_one_payment_lowers_what_is_owed(sandbox, caller):
    raw = caller.get("/payments/pay_00000000").json()
    content = plain(read(sandbox, caller, "payments")[0].content)
    assert content["lines"] == [
        {
            "amount": raw["amount"],
            "allocatedOnDate": raw["received_on"] + "T00:00:00",
            "links": [{"type": "Invoice", "id": raw["applied"][0]["document_id"], "amount": -raw["amount"]}],
        }
    ]


def test_statement_lines_are_trees_that_end_in_accounts(sandbox, caller):
    [statement] = read(sandbox, caller, "balanceSheet", months=1)
    assets = plain(statement.content["reports"][0]["assets"])
    raw = caller.get("/reports/balance_sheet", months=1).json()["snapshots"][0]["assets"]
    assert assets == report_line(raw)
    assert assets["items"][0]["items"][0]["accountId"] == "acc_00000000"


def report_line(raw):
    line = {"name": raw["label"], "value": raw["amount"]}
    if "account_id" in raw:
        line["accountId"] = raw["account_id"]
    if "children" in raw:
        line["items"] = [report_line(child) for child in raw["children"]]
    return line


def plain(value):
    """Decimals as the floats that the sandbox's JSON gives."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return float(value) if hasattr(value, "as_tuple") else value
