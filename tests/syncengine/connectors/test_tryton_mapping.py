"""Tryton's rows to the standard models, without a server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.connectors.base import MappedRecord, RecordRefused
from syncengine.connectors.tryton.connector import PLATFORM, TrytonConnector
from syncengine.validation import validate_record

MADE, WRITTEN = datetime(2026, 3, 1, 8, 30, 0, 250, UTC), datetime(2026, 4, 2, 9, 45, 10, 0, UTC)


def number(text):
    return {"__class__": "Decimal", "decimal": text}


def day(year, month, day_of_month):
    return {"__class__": "date", "year": year, "month": month, "day": day_of_month}


def moment(at):
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(at, part) for part in parts}}


def row(number_of_row, **members):
    return {"id": number_of_row, "create_date": moment(MADE), "write_date": None, **members}


def make_line(number_of_row=11, **members):
    plain = {
        "sequence": None,
        "type": "line",
        "description": "Rope, 8 mm",
        "quantity": 2.5,
        "unit_price": number("4.0000"),
        "amount": number("10.00"),
        "account": 7,
        "product": 3,
        "taxes": [1],
    }
    return row(number_of_row, **plain | members)


def make_document(**members):
    plain = {
        "type": "out",
        "number": "2026/17",
        "reference": "PO-4",
        "description": None,
        "comment": "By boat",
        "state": "posted",
        "invoice_date": day(2026, 3, 4),
        "accounting_date": None,
        "party": {"id": 5, "name": "Deal Smokehouse"},
        "currency": {"id": 1, "code": "EUR"},
        "untaxed_amount": number("10.00"),
        "tax_amount": number("2.00"),
        "total_amount": number("12.00"),
        "amount_to_pay": number("12.00"),
        "reconciled": None,
        "lines_to_pay": [
            {"id": 1, "maturity_date": day(2026, 4, 4)},
            {"id": 2, "maturity_date": day(2026, 5, 4)},
        ],
        "lines": [make_line()],
    }
    return row(21, **plain | members)


def make_party(**members):
    plain = {"name": "Deal Smokehouse", "code": "P5", "active": True, "tax_identifier": None}
    children = {"addresses": [], "contact_mechanisms": [], "identifiers": []}
    return row(5, **plain | children | members)


def make_account(kind, **members):
    flags = dict.fromkeys(("assets", "receivable", "payable", "debt", "revenue", "expense"), False)
    kind = None if kind is None else row(2, name="K", statement="balance", path=["K"]) | flags | kind
    plain = {"code": "1000", "name": "Till", "note": None, "type": kind, "closed": False, "active": True}
    return row(9, currency={"id": 1, "code": "EUR"}, **plain | members)


def mapped(data_type, raw):
    return TrytonConnector().map_record(data_type, raw)


def content(data_type, raw):
    found = mapped(data_type, raw).content
    assert [issue for issue in validate_record(data_type, found) if issue.severity == "error"] == []
    return found


def test_an_invoice_whole():
    assert mapped("invoices", make_document(write_date=moment(WRITTEN))) == MappedRecord(
        source_id="21",
        source_modified_at=WRITTEN,
        content={
            "id": "21",
            "invoiceNumber": "2026/17",
            "customerRef": {"id": "5", "companyName": "Deal Smokehouse"},
            "issueDate": "2026-03-04T00:00:00",
            "dueDate": "2026-05-04T00:00:00",
            "currency": "EUR",
            "lineItems": [
                {
                    "description": "Rope, 8 mm",
                    "quantity": Decimal("2.5"),
                    "unitAmount": Decimal("4.0000"),
                    "subTotal": Decimal("10.00"),
                    "accountRef": {"id": "7"},
                    "itemRef": {"id": "3"},
                    "taxRateRef": {"id": "1"},
                }
            ],
            "note": "By boat",
            "subTotal": Decimal("10.00"),
            "totalTaxAmount": Decimal("2.00"),
            "totalAmount": Decimal("12.00"),
            "amountDue": Decimal("12.00"),
            "status": "Submitted",
        },
    )


@pytest.mark.parametrize(
    ("state", "to_pay", "invoice", "bill", "due"),
    [
        ("draft", "0", "Draft", "Draft", "12.00"),
        ("validated", "0", "Submitted", "Open", "12.00"),
        ("posted", "12.00", "Submitted", "Open", "12.00"),
        ("posted", "7.50", "PartiallyPaid", "PartiallyPaid", "7.50"),
        ("paid", "0", "Paid", "Paid", "0"),
        ("cancelled", "0", "Void", "Void", "0"),
        ("archived", "0", "Unknown", "Unknown", "0"),
    ],
)
def test_states_of_documents(state, to_pay, invoice, bill, due):
    raw = make_document(state=state, amount_to_pay=number(to_pay))
    found = content("invoices", raw), content("bills", raw)

    assert [one["status"] for one in found] == [invoice, bill]
    assert [one["amountDue"] for one in found] == [Decimal(due)] * 2


def test_a_paid_invoice_says_when():
    raw = make_document(state="paid", amount_to_pay=number("0"), reconciled=day(2026, 4, 1))

    assert content("invoices", raw)["paidOnDate"] == "2026-04-01T00:00:00"


def test_a_draft_without_a_date_is_dated_by_its_making():
    raw = make_document(state="draft", invoice_date=None, lines_to_pay=[])

    assert content("bills", raw)["issueDate"] == "2026-03-01T00:00:00"
    assert "dueDate" not in content("bills", raw)


def test_lines_stand_in_their_sequence_and_only_real_ones():
    free = {"unit_price": number("0"), "amount": number("0.00")}
    lines = [
        make_line(1, description="last"),
        make_line(2, sequence=20, description="second", **free),
        make_line(3, sequence=10, description="first", taxes=[1, 2], **free),
        make_line(4, sequence=5, type="comment", description="not a line"),
    ]
    found = content("invoices", make_document(lines=lines))["lineItems"]

    assert [line["description"] for line in found] == ["first", "second", "last"]
    assert "taxRateRef" not in found[0]


@pytest.mark.parametrize(
    ("data_type", "party", "number_of_note"),
    [("creditNotes", "customerRef", "creditNoteNumber"), ("billCreditNotes", "supplierRef", "billCreditNoteNumber")],
)
def test_a_credit_note_is_turned_the_right_way_up(data_type, party, number_of_note):
    raw = make_document(
        lines=[make_line(quantity=-2.5, amount=number("-10.00"))],
        untaxed_amount=number("-10.00"),
        tax_amount=number("-2.00"),
        total_amount=number("-12.00"),
        amount_to_pay=number("-5.00"),
        reference=None,
    )
    found = content(data_type, raw)

    assert {
        name: found[name] for name in ("subTotal", "totalTaxAmount", "totalAmount", "remainingCredit", "status")
    } == {
        "subTotal": Decimal("10.00"),
        "totalTaxAmount": Decimal("2.00"),
        "totalAmount": Decimal("12.00"),
        "remainingCredit": Decimal("5.00"),
        "status": "PartiallyPaid",
    }
    assert found["lineItems"][0]["quantity"] == Decimal("2.5")
    assert (found[party]["id"], found[number_of_note]) == ("5", "2026/17")


def test_a_party_whole_as_customer_and_supplier():
    raw = make_party(
        active=False,
        tax_identifier=8,
        identifiers=[row(8, sequence=None, type="eu_vat", code="BE0897290877", active=True)],
        addresses=[
            row(
                1,
                sequence=None,
                attn="Ms Finch",
                street="1 Quay\n Unit 4 \n\nDock",
                city="Deal",
                postal_code="CT14 6HZ",
                country={"id": 2, "code": "GB"},
                subdivision={"id": 3, "name": "Kent"},
                invoice=True,
                active=True,
            ),
            row(
                2, sequence=1, attn=None, street=None, city="Leith", postal_code=None, country=None, subdivision=None,
                invoice=False, active=False, write_date=moment(WRITTEN),
            ),
        ],
        contact_mechanisms=[
            row(1, sequence=2, type="mobile", value="+44 7700 900001", name=None, active=True),
            row(2, sequence=1, type="email", value="old@example.org", name=None, active=False),
            row(3, sequence=None, type="email", value="new@example.org", name=None, active=True),
        ],
    )  # fmt: skip
    common = {
        "id": "5",
        "contactName": "Ms Finch",
        "emailAddress": "new@example.org",
        "phone": "+44 7700 900001",
        "addresses": [
            {
                "type": "Billing",
                "line1": "1 Quay",
                "line2": "Unit 4, Dock",
                "city": "Deal",
                "region": "Kent",
                "country": "GB",
                "postalCode": "CT14 6HZ",
            }
        ],
        "taxNumber": "BE0897290877",
        "status": "Archived",
    }

    assert content("customers", raw) == {**common, "customerName": "Deal Smokehouse"}
    assert content("suppliers", raw) == {**common, "supplierName": "Deal Smokehouse"}
    assert mapped("customers", raw).source_modified_at == WRITTEN  # an address that was switched off counts


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (None, "Unknown"),
        ({"statement": None}, "Unknown"),
        ({"statement": "off-balance"}, "Unknown"),
        ({"assets": True}, "Asset"),
        ({"receivable": True}, "Asset"),
        ({"payable": True}, "Liability"),
        ({"debt": True}, "Liability"),
        ({}, "Liability"),
        ({"path": ["Balance", "Owner's Equity"]}, "Equity"),
        ({"path": ["Equity / capital"], "payable": True}, "Liability"),
        ({"statement": "income", "revenue": True}, "Income"),
        ({"statement": "income", "expense": True}, "Expense"),
        ({"statement": "income"}, "Income"),
    ],
)
def test_kinds_of_account(kind, wanted):
    assert content("chartOfAccounts", make_account(kind))["type"] == wanted


def test_an_account_whole():
    assert content("chartOfAccounts", make_account({"assets": 1, "path": ["Balance", "Cash"]}, closed=1)) == {
        "id": "9",
        "nominalCode": "1000",
        "name": "Till",
        "fullyQualifiedCategory": "Balance > Cash",
        "currency": "EUR",
        "type": "Asset",
        "status": "Archived",
        "isBankAccount": False,
    }


def make_tax(number_of_row, rate, **members):
    plain = {"name": f"T{number_of_row}", "description": "T", "type": "percentage", "rate": rate, "active": True}
    return row(number_of_row, **plain | {"childs": []} | members)


def test_tax_rates_in_per_cent():
    parts = [make_tax(2, number("0.07")), make_tax(3, number("0.035"))]

    single = content("taxRates", make_tax(1, number("0.20")))
    group = content("taxRates", make_tax(1, None, type="none", childs=parts, active=False))
    fixed = content("taxRates", make_tax(1, None, type="fixed"))
    assert (single["effectiveTaxRate"], single["components"]) == (
        Decimal(20),
        [{"name": "T1", "rate": Decimal(20), "isCompound": False}],
    )
    assert (group["totalTaxRate"], group["status"], len(group["components"])) == (Decimal("10.5"), "Archived", 2)
    assert "effectiveTaxRate" not in fixed
    assert fixed["components"] == [{"name": "T1", "isCompound": False}]


@pytest.mark.parametrize(
    ("kind", "consumable", "wanted"),
    [
        ("goods", False, "Inventory"),
        ("goods", True, "NonInventory"),
        ("assets", False, "NonInventory"),
        ("service", False, "Service"),
    ],
)
def test_an_item_whole(kind, consumable, wanted):
    category = {"id": 1, "account_revenue": 7, "account_expense": None, "customer_taxes": [1], "supplier_taxes": [1, 2]}
    raw = row(
        3,
        code="R8",
        name="Rope",
        description="8 mm",
        active=1,
        type=kind,
        consumable=consumable,
        list_price_used=number("4.0000"),
        cost_price=None,
        account_category=category,
        template=2,
    )

    assert content("items", raw) == {
        "id": "3",
        "name": "Rope",
        "code": "R8",
        "itemStatus": "Active",
        "type": wanted,
        "isInvoiceItem": True,
        "isBillItem": True,
        "invoiceItem": {
            "description": "8 mm",
            "unitPrice": Decimal("4.0000"),
            "accountRef": {"id": "7"},
            "taxRateRef": {"id": "1"},
        },
        "billItem": {"description": "8 mm"},
    }


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        ({"id": 4, "type": "out", "total_amount": number("1")}, {"id": "4", "dataType": "invoices"}),
        ({"id": 4, "type": "out", "total_amount": number("-1")}, {"id": "4", "dataType": "creditNotes"}),
        ({"id": 4, "type": "in", "total_amount": number("0")}, {"id": "4", "dataType": "bills"}),
        ({"id": 4, "type": "in", "total_amount": number("-1")}, {"id": "4", "dataType": "billCreditNotes"}),
    ],
)
def test_a_journal_entry_whole(origin, wanted):
    lines = [
        row(
            2, account=8, debit=number("0"), credit=number("12.50"), description=None, currency={"id": 1, "code": "EUR"}
        ),
        row(
            1,
            account=7,
            debit=number("12.50"),
            credit=number("0"),
            description="Dues",
            currency={"id": 1, "code": "EUR"},
        ),
    ]
    raw = row(
        6,
        number="M6",
        date=day(2026, 2, 28),
        post_date=None,
        description=None,
        state="posted",
        journal={"id": 1, "name": "Sales"},
        origin_invoice=origin,
        lines=lines,
    )

    assert content("journalEntries", raw) == {
        "id": "6",
        "description": "M6",
        "postedOn": "2026-02-28T00:00:00",
        "createdOn": "2026-03-01T08:30:00.000250Z",
        "journalRef": {"id": "1", "name": "Sales"},
        "recordRef": wanted,
        "journalLines": [
            {"description": "Dues", "netAmount": Decimal("12.50"), "currency": "EUR", "accountRef": {"id": "7"}},
            {"netAmount": Decimal("-12.50"), "currency": "EUR", "accountRef": {"id": "8"}},
        ],
    }
    assert "postedOn" not in content("journalEntries", {**raw, "state": "draft"})


def test_the_company_whole():
    party = make_party(contact_mechanisms=[
        row(1, sequence=None, type="phone", value="+44 131 496 0000", name=None, active=True),
        row(2, sequence=None, type="website", value="https://example.org", name=None, active=True),
    ])  # fmt: skip
    raw = row(
        1,
        party=party,
        currency={"id": 1, "code": "EUR"},
        fiscal_years=[{"id": 1, "start_date": day(2026, 1, 1)}],
        closed_periods=[],
    )

    assert content("company", raw) == {
        "id": "1",
        "companyName": "Deal Smokehouse",
        "accountingPlatformRef": "1",
        "companyLegalName": "Deal Smokehouse",
        "addresses": [],
        "phoneNumbers": [{"number": "+44 131 496 0000", "type": "Landline"}],
        "webLinks": [{"type": "Website", "url": "https://example.org"}],
        "financialYearStartDate": "2026-01-01T00:00:00",
        "baseCurrency": "EUR",
        "createdDate": "2026-03-01T08:30:00.000250Z",
    }


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"total_amount": number("abc")}, "total_amount"),
        ({"total_amount": number("NaN")}, "total_amount"),
        ({"invoice_date": "2026-03-04"}, "invoice_date"),
        ({"invoice_date": day(2026, 2, 30)}, "invoice_date"),
        ({"invoice_date": day(10**30, 2, 1)}, "invoice_date"),
        ({"create_date": {"__class__": "datetime"}}, "create_date"),
        ({"lines": None}, "record"),
        ({"party": {"id": 5}}, "name"),
    ],
)
def test_a_member_of_the_wrong_kind_refuses_the_one_record(wrong, path):
    with pytest.raises(RecordRefused) as refusal:
        mapped("invoices", make_document(**wrong))
    assert (refusal.value.path, refusal.value.source_id) == (path, "21")


@pytest.mark.parametrize("raw", [None, [], "7", {}, {"id": None}, {"id": "7"}, {"id": True}])
def test_a_record_without_an_id_is_refused(raw):
    connector = TrytonConnector()

    for look in (connector.key_of, connector.map_record):
        with pytest.raises(RecordRefused) as refusal:
            look("invoices", raw)
        assert refusal.value.path == "id"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.dates())
def test_amounts_and_days_come_through_exactly(amount, on):
    raw = make_document(total_amount=number(str(amount)), invoice_date=day(on.year, on.month, on.day))
    found = mapped("invoices", raw).content

    assert found["totalAmount"].as_tuple() == amount.as_tuple()
    assert date.fromisoformat(found["issueDate"][:10]) == on


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(PLATFORM.types)), st.sampled_from(sorted(make_document())), _anything)
def test_whatever_comes_is_mapped_or_refused(data_type, member, value):
    raw = {**make_document(), member: value}
    outcome = None

    try:
        outcome = mapped(data_type, raw).source_id
    except RecordRefused as refusal:
        outcome = refusal.reason
    assert outcome
