"""The Xero manifest, on records of Xero's published shapes: a second platform that needs no code of its own."""

import json
from datetime import UTC, datetime
from decimal import Decimal as D

from syncengine.connectors.base import FetchPlan, HttpAnswer, MappedRecord
from syncengine.connectors.registry import connector_for
from syncengine.states import ReadMode
from syncengine.validation import validate_record

SINCE = datetime(2026, 1, 31, 8, tzinfo=UTC)
INVOICE = {
    "InvoiceID": "0a1b",
    "Type": "ACCREC",
    "InvoiceNumber": "INV-7",
    "Reference": "Order 12",
    "Contact": {"ContactID": "c-1", "Name": "Harbour Cafe"},
    "Date": "/Date(1767225600000+0000)/",
    "DueDate": "/Date(1769817600000+0000)/",
    "Status": "AUTHORISED",
    "LineAmountTypes": "Inclusive",
    "SubTotal": D("100.00"),
    "TotalTax": D("20.00"),
    "Total": D("120.00"),
    "AmountDue": D("70.00"),
    "CurrencyCode": "GBP",
    "UpdatedDateUTC": "/Date(1767312000000+0000)/",
    "LineItems": [
        {
            "Description": "Paint",
            "Quantity": D("2.0000"),
            "UnitAmount": D("60.00"),
            "TaxType": "OUTPUT2",
            "TaxAmount": D("20.00"),
            "LineAmount": D("120.00"),
            "AccountCode": "200",
            "AccountID": "a-1",
            "Tracking": [{"TrackingCategoryID": "t-1", "Name": "Region", "Option": "North"}],
        },
        {"Description": "Thank you"},
    ],
}


class Xero:
    """Implements Http: two pages of invoices."""

    def __init__(self):
        self.asked = []

    def request(self, method, url, *, params=(), headers=None, json=None, form=None, accept=()):
        self.asked.append((url, dict(params), dict(headers), tuple(accept)))
        page = int(dict(params)["page"])
        body = {"pagination": {"page": page, "pageCount": 2, "itemCount": 2}, "Invoices": [{"InvoiceID": f"i{page}"}]}
        return HttpAnswer(200, {}, dumps(body), url)


def dumps(value):
    return json.dumps(value).encode()


def test_an_invoice_is_mapped_and_holds():
    record = connector_for("gbol").map_record("invoices", INVOICE)

    assert record == MappedRecord(
        source_id="0a1b",
        content={
            "invoiceNumber": "INV-7",
            "customerRef": {"id": "c-1", "companyName": "Harbour Cafe"},
            "issueDate": "2026-01-01T00:00:00Z",
            "dueDate": "2026-01-31T00:00:00Z",
            "currency": "GBP",
            "subTotal": D("100.00"),
            "totalTaxAmount": D("20.00"),
            "totalAmount": D("120.00"),
            "amountDue": D("70.00"),
            "note": "Order 12",
            "status": "Submitted",
            "lineItems": [
                {
                    "description": "Paint",
                    "quantity": D("2.0000"),
                    "unitAmount": D("60.00"),
                    "taxAmount": D("20.00"),
                    "accountRef": {"id": "a-1", "name": "200"},
                    "taxRateRef": {"id": "OUTPUT2"},
                    "trackingCategoryRefs": [{"id": "t-1", "name": "Region"}],
                },
                {"description": "Thank you", "quantity": 0, "unitAmount": 0},
            ],
            "id": "0a1b",
        },
        source_modified_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    assert validate_record("invoices", record.content) == []


def test_a_deleted_invoice_is_a_tombstone():
    assert connector_for("gbol").map_record("invoices", {**INVOICE, "Status": "DELETED"}).is_deleted is True


def test_a_payment_is_mapped_and_holds():
    raw = {
        "PaymentID": "p",
        "Date": "/Date(1767225600000+0000)/",
        "Amount": D("50.00"),
        "Invoice": {
            "InvoiceID": "0a1b",
            "CurrencyCode": "GBP",
            "Contact": {"ContactID": "c-1", "Name": "Harbour Cafe"},
        },
        "Account": {"AccountID": "a-9", "Code": "090"},
    }

    content = connector_for("gbol").map_record("payments", raw).content

    assert content == {
        "customerRef": {"id": "c-1", "companyName": "Harbour Cafe"},
        "accountRef": {"id": "a-9", "name": "090"},
        "date": "2026-01-01T00:00:00Z",
        "totalAmount": D("50.00"),
        "currency": "GBP",
        "lines": [
            {
                "amount": D("50.00"),
                "allocatedOnDate": "2026-01-01T00:00:00Z",
                "links": [{"type": "Invoice", "id": "0a1b", "amount": D("-50.00")}],
            }
        ],
        "id": "p",
    }
    assert validate_record("payments", content) == []


def test_pages_of_changes_are_asked_for_as_xero_documents_it():
    http, connector = Xero(), connector_for("gbol")
    plan = FetchPlan("gbol", "invoices", ReadMode.INCREMENTAL, {"tenant_id": "t-9"}, since=SINCE)

    first = connector.fetch_page(plan, None, http)
    second = connector.fetch_page(plan, first.cursor, http)

    assert (first.records, second.records) == ([b'{"InvoiceID": "i1"}'], [b'{"InvoiceID": "i2"}'])
    assert (first.total, second.cursor) == (2, None)
    headers = {
        "Accept": "application/json",
        "Xero-Tenant-Id": "t-9",
        "If-Modified-Since": "2026-01-31T08:00:00Z",
    }
    assert http.asked == [
        (
            "https://api.xero.com/api.xro/2.0/Invoices",
            {"where": 'Type=="ACCREC"', "page": str(page), "pageSize": "1000"},
            headers,
            (304,),
        )
        for page in (1, 2)
    ]
