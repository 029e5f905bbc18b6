"""Invoices, bills, credit notes and journal entries, from Tryton's documents and moves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from syncengine.connectors.tryton.values import (
    Content,
    Row,
    date_of,
    decimal_of,
    in_sequence,
    iso,
    known,
    member,
    moment_of,
    only_ref,
    ref,
)

_INVOICE_STATES = {
    "draft": "Draft",
    "validated": "Submitted",
    "posted": "Submitted",
    "paid": "Paid",
    "cancelled": "Void",
}
_BILL_STATES = {**_INVOICE_STATES, "validated": "Open", "posted": "Open"}
_UNPOSTED = frozenset({"draft", "validated"})


def invoice(raw: Row) -> Content:
    status = _document_status(raw, _INVOICE_STATES)
    return known(
        {
            "invoiceNumber": raw["number"],
            "customerRef": _party_ref(raw, "companyName"),
            **_document(raw),
            "dueDate": _due_date(raw),
            "paidOnDate": date_of(raw, "reconciled") if status == "Paid" else None,
            "subTotal": decimal_of(raw, "untaxed_amount"),
            "totalTaxAmount": decimal_of(raw, "tax_amount"),
            "totalAmount": decimal_of(raw, "total_amount"),
            "amountDue": _amount_due(raw),
            "status": status,
        }
    )


def bill(raw: Row) -> Content:
    return known(
        {
            "reference": raw["reference"] or raw["number"],
            "supplierRef": _party_ref(raw, "supplierName"),
            **_document(raw),
            "dueDate": _due_date(raw),
            "subTotal": decimal_of(raw, "untaxed_amount"),
            "taxAmount": decimal_of(raw, "tax_amount"),
            "totalAmount": decimal_of(raw, "total_amount"),
            "amountDue": _amount_due(raw),
            "status": _document_status(raw, _BILL_STATES),
        }
    )


def credit_note(raw: Row) -> Content:
    return known({"creditNoteNumber": raw["number"], "customerRef": _party_ref(raw, "companyName"), **_credit(raw)})


def bill_credit_note(raw: Row) -> Content:
    number = raw["reference"] or raw["number"]
    return known({"billCreditNoteNumber": number, "supplierRef": _party_ref(raw, "supplierName"), **_credit(raw)})


def _credit(raw: Row) -> Content:
    """Tryton writes a credit note as a document below zero; the standard model writes it above."""
    return {
        **_document(raw, sign=-1),
        "subTotal": -decimal_of(raw, "untaxed_amount"),
        "totalTaxAmount": -decimal_of(raw, "tax_amount"),
        "totalAmount": -decimal_of(raw, "total_amount"),
        "totalDiscount": Decimal(0),
        "discountPercentage": Decimal(0),
        "remainingCredit": -_amount_due(raw),
        "status": _document_status(raw, _INVOICE_STATES),
    }


def _document(raw: Row, sign: int = 1) -> Content:
    lines = [row for row in in_sequence(raw["lines"]) if row["type"] == "line"]
    return {
        "issueDate": date_of(raw, "invoice_date") or date_of(raw, "accounting_date") or date_of(raw, "create_date"),
        "currency": member(raw["currency"], "code"),
        "lineItems": [_document_line(row, sign) for row in lines],
        "note": raw["comment"] or raw["description"],
    }


def _document_line(row: Row, sign: int) -> Content:
    """Tax stands on the document only: Tryton rounds it over all lines of one rate together."""
    return known(
        {
            "description": row["description"],
            "quantity": sign * decimal_of(row, "quantity"),
            "unitAmount": decimal_of(row, "unit_price"),
            "subTotal": sign * decimal_of(row, "amount"),
            "accountRef": ref(row["account"]),
            "itemRef": ref(row["product"]),
            "taxRateRef": only_ref(row["taxes"]),
        }
    )


def _document_status(raw: Row, words: Mapping[str, str]) -> str:
    word = words.get(raw["state"], "Unknown")
    if raw["state"] == "posted" and decimal_of(raw, "amount_to_pay") != decimal_of(raw, "total_amount"):
        return "PartiallyPaid"
    return word


def _amount_due(raw: Row) -> Decimal:
    """Tryton computes an amount to pay for posted documents only: before that all of it is due."""
    return decimal_of(raw, "total_amount" if raw["state"] in _UNPOSTED else "amount_to_pay")


def _due_date(raw: Row) -> str | None:
    """Return the day by which the whole is due: the last instalment's."""
    return max(filter(None, (date_of(row, "maturity_date") for row in raw["lines_to_pay"])), default=None)


def _party_ref(raw: Row, name: str) -> Content | None:
    party = raw["party"]
    return known({"id": str(party["id"]), name: party["name"]}) if party else None


def journal_entry(raw: Row) -> Content:
    journal = raw["journal"]
    return known(
        {
            "description": raw["description"] or raw["number"],
            # A draft stands in no ledger yet.
            "postedOn": date_of(raw, "date") if raw["state"] == "posted" else None,
            "createdOn": iso(moment_of(raw, "create_date")),
            "updatedOn": iso(moment_of(raw, "write_date")),
            "journalRef": known({"id": str(journal["id"]), "name": journal["name"]}) if journal else None,
            "recordRef": _record_ref(raw["origin_invoice"]),
            "journalLines": [_journal_line(row) for row in sorted(raw["lines"], key=lambda row: int(row["id"]))],
        }
    )


def _journal_line(row: Row) -> Content:
    return known(
        {
            "description": row["description"],
            "netAmount": decimal_of(row, "debit") - decimal_of(row, "credit"),
            "currency": member(row["currency"], "code"),
            "accountRef": ref(row["account"]),
        }
    )


def _record_ref(invoice: Row | None) -> Content | None:
    if invoice is None:
        return None
    credit = decimal_of(invoice, "total_amount") < 0
    kinds = {"out": ("invoices", "creditNotes"), "in": ("bills", "billCreditNotes")}
    return {"id": str(invoice["id"]), "dataType": kinds[invoice["type"]][credit]}
