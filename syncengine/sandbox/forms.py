"""Which types can be written, how, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncengine.sandbox.books import Record
from syncengine.sandbox.rules import Rule, day, flag, many, number, record, ref, text

CATEGORIES = (
    "Asset.Current", "Asset.Fixed", "Asset.Inventory", "Asset.NonCurrent", "Asset.Prepayment", "Expense.DirectCosts",
    "Expense.Expense", "Expense.Overhead", "Income.Other", "Income.Revenue", "Income.Sales", "Liability.Current",
    "Liability.NonCurrent", "Equity.Equity",
)  # fmt: skip
_MOVES = ("transfer_in", "transfer_out", "card", "direct_debit", "fee", "interest", "cash", "other")
_CREATE, _UPDATE, _DELETE = "create", "update", "delete"
_ALL = frozenset({_CREATE, _UPDATE, _DELETE})
_CURRENCY = text(3)
_NOTE = text(4000)
_ACTIVE = text(words=("active", "inactive"))
_ADDRESS = record(street=text(), unit=text(), city=text(), region=text(), country=text(60), postcode=text(20))
_PARTY = {
    "person": text(), "email": text(), "phone": text(50), "company_no": text(50), "tax_no": text(50),
    "currency": _CURRENCY, "state": _ACTIVE,
}  # fmt: skip
_PEOPLE = many(name=text(required=True), email=text(), mobile=text(50), state=_ACTIVE)
_LINE = {
    "text": text(4000), "qty": number(required=True), "unit_price": number(required=True), "discount_pct": number(),
    "discount": number(), "tax": number(), "account": ref("accounts"), "tax_rate": ref("tax_rates"),
    "item": ref("items"),
}  # fmt: skip
_LINES = many(required=True, **_LINE)
_DATES = record(required=True, issued=day(required=True), due=day(), settled=day())
_MONEY = record(currency=_CURRENCY, rate=number(), gross=number())
_SIDE = record(text=text(4000), price=number(), account=ref("accounts"), tax_rate=ref("tax_rates"))
_END = record(required=True, account=ref("accounts", required=True), currency=_CURRENCY, amount=number(required=True))
_CREDIT = {
    "number": text(50), "issued_on": day(required=True), "currency": _CURRENCY, "rate": number(), "gross": number(),
    "lines": _LINES, "memo": _NOTE, "state": text(words=("draft", "open", "void")),
}  # fmt: skip
_DIRECT = {
    "reference": text(100), "issued_on": day(required=True), "currency": text(3, required=True), "rate": number(),
    "gross": number(), "lines": _LINES, "paid_from": ref("accounts", required=True), "memo": _NOTE,
}  # fmt: skip


def _settlement(party: str, of: str, on: str, kind: str, documents: str) -> dict[str, Rule]:
    return {
        party: ref(of), "account": ref("accounts", required=True), "method": ref("payment_methods"),
        on: day(required=True), "amount": number(required=True), "currency": _CURRENCY, "rate": number(),
        "reference": text(100), "memo": _NOTE,
        "applied": many(amount=number(required=True), on=day(), kind=text(words=(kind, "on_account")),
                        document_id=Rule("text", of=documents)),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """
    skeleton:  what a new record holds unless it is said otherwise.
    used:      invented records of this type belong to documents and cannot be deleted.
    """

    rules: Mapping[str, Rule]
    can: frozenset[str] = frozenset({_CREATE})
    skeleton: Record = field(default_factory=dict)
    used: bool = False


FORMS: dict[str, Form] = {
    "accounts": Form(
        {
            "code": text(10, required=True), "title": text(150, required=True),
            "category": text(required=True, words=CATEGORIES), "full_title": text(), "notes": _NOTE,
            "class": text(words=("asset", "liability", "equity", "income", "expense")), "currency": _CURRENCY,
            "balance": number(), "state": text(words=("open", "closed", "pending")), "is_bank": flag(),
        },
        _ALL, {"is_bank": False}, used=True,
    ),
    "customers": Form(
        {"display_name": text(150, required=True), **_PARTY, "people": _PEOPLE,
         "addresses": record(billing=_ADDRESS, delivery=_ADDRESS)},
        _ALL, {"state": "active", "addresses": {}, "people": []}, used=True,
    ),
    "suppliers": Form(
        {"trading_name": text(150, required=True), **_PARTY, "address": _ADDRESS},
        _ALL, {"state": "active"}, used=True,
    ),
    "items": Form(
        {"sku": text(40), "title": text(150, required=True),
         "kind": text(required=True, words=("stock", "service", "other")),
         "state": text(words=("active", "discontinued")), "is_sold": flag(), "is_bought": flag(), "sale": _SIDE,
         "purchase": _SIDE},
        _ALL, {"state": "active", "is_sold": False, "is_bought": False}, used=True,
    ),
    "invoices": Form(
        {"number": text(50), "customer": ref("customers", required=True), "dates": _DATES, "money": _MONEY,
         "lines": _LINES, "state": text(words=("draft", "open", "void")), "memo": _NOTE},
        _ALL, {"state": "open", "receipts": [], "memo": ""},
    ),
    "bills": Form(
        {"supplier_reference": text(50), "supplier": ref("suppliers", required=True), "dates": _DATES, "money": _MONEY,
         "lines": _LINES, "state": text(words=("draft", "open", "void")), "memo": _NOTE},
        _ALL, {"state": "open", "payments": [], "memo": ""},
    ),
    "payments": Form(
        _settlement("customer", "customers", "received_on", "invoice", "invoices"), _ALL, {"applied": [], "memo": ""}
    ),
    "bill_payments": Form(
        _settlement("supplier", "suppliers", "paid_on", "bill", "bills"), frozenset({_CREATE, _DELETE}),
        {"applied": [], "memo": ""},
    ),
    "credit_notes": Form(
        {"customer": ref("customers", required=True), **_CREDIT}, frozenset({_CREATE, _UPDATE}),
        {"state": "open", "refunds": [], "memo": ""},
    ),
    "bill_credit_notes": Form(
        {"supplier": ref("suppliers", required=True), **_CREDIT}, frozenset({_CREATE, _UPDATE}),
        {"state": "open", "refunds": [], "memo": ""},
    ),
    "purchase_orders": Form(
        {"number": text(50), "supplier": ref("suppliers", required=True), "ordered_on": day(required=True),
         "expected_on": day(), "arrives_on": day(), "pay_by": day(), "currency": _CURRENCY, "rate": number(),
         "gross": number(), "lines": _LINES, "memo": _NOTE, "state": text(words=("draft", "open", "closed", "void")),
         "deliver_to": record(person=text(), address=_ADDRESS)},
        frozenset({_CREATE, _UPDATE}), {"state": "open", "memo": ""},
    ),
    "direct_costs": Form(
        {"party": record(id=Rule("text", True, of="suppliers")), **_DIRECT}, frozenset({_CREATE, _DELETE}), {"memo": ""}
    ),
    "direct_incomes": Form({"party": record(id=Rule("text", True, of="customers")), **_DIRECT}, skeleton={"memo": ""}),
    "transfers": Form({"text": _NOTE, "moved_on": day(required=True), "source": _END, "target": _END}),
    "journals": Form(
        {"code": text(20, required=True), "title": text(150, required=True), "kind": text(50),
         "parent_id": Rule("text", of="journals"), "state": text(words=("open", "closed"))},
        skeleton={"state": "open", "has_children": False},
    ),
    "journal_entries": Form(
        {"text": _NOTE, "posted_on": day(required=True), "journal": ref("journals"),
         "lines": many(required=True, text=_NOTE, amount=number(required=True), currency=_CURRENCY,
                       account=ref("accounts", required=True))},
        frozenset({_CREATE, _DELETE}),
    ),
    "bank_accounts": Form(
        {"title": text(150, required=True), "kind": text(words=("current", "card")), "bank": text(),
         "ledger_code": text(10), "sort_code": text(20), "number": text(40), "iban": text(40),
         "currency": text(3, required=True), "balance": number(), "available": number(),
         "overdraft": number(), "state": text(words=("open", "closed"))},
        frozenset({_CREATE, _UPDATE}), {"kind": "current", "state": "open", "balance": 0.0},
    ),
    "bank_transactions": Form(
        {"booked_on": day(required=True), "amount": number(required=True), "balance": number(), "text": _NOTE,
         "counterparty": text(), "reference": text(100), "reconciled": flag(),
         "kind": text(words=_MOVES)},
        skeleton={"kind": "other", "reconciled": False, "counterparty": "", "reference": "", "text": ""},
    ),
}  # fmt: skip
