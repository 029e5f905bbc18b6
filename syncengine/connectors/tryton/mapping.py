"""From Tryton's rows, merged by the connector, to the standard models. Pure: no request, no clock.

References carry ids; a name stands beside one only where the connector reads the record again when that name changes.
Figures that move without any date moving with them (an account's balance) are left out rather than shown stale.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from syncengine.connectors.base import Json, MappedRecord, RecordRefused
from syncengine.connectors.tryton import documents, parties
from syncengine.connectors.tryton.values import Content, Row, decimal_of, known, latest, member, only_ref, ref

_HUNDRED = Decimal(100)


def key_of(raw: Json) -> str:
    """Return Tryton's id as text. Raises: RecordRefused."""
    if not isinstance(raw, dict) or type(raw.get("id")) is not int:
        raise RecordRefused("id", "The record has no id.")
    return str(raw["id"])


def map_record(data_type: str, raw: Json) -> MappedRecord:
    """Map one merged record.

    Raises: RecordRefused, naming the member that does not hold what Tryton documents.
    """
    source_id = key_of(raw)
    try:
        content = {"id": source_id, **_MAPPERS[data_type](raw)}
        return MappedRecord(source_id, content, source_modified_at=latest(raw))
    except RecordRefused as refusal:
        raise RecordRefused(refusal.path, refusal.reason, source_id) from refusal
    except KeyError as missing:
        raise RecordRefused(str(missing.args[0]), "It is missing.", source_id) from missing
    except (TypeError, ValueError, AttributeError) as error:
        raise RecordRefused("record", f"A member is not of its documented kind: {error}.", source_id) from error


def _account(raw: Row) -> Content:
    kind = raw["type"]
    return known(
        {
            "nominalCode": raw["code"],
            "name": raw["name"],
            "description": raw["note"],
            "fullyQualifiedCategory": " > ".join(kind["path"]) if kind else None,
            "currency": member(raw["currency"], "code"),
            "type": _account_type(kind),
            "status": "Archived" if raw["closed"] or not raw["active"] else "Active",
            "isBankAccount": False,  # Tryton's accounts carry no such mark
        }
    )


def _account_type(kind: Row | None) -> str:
    """Headings and off-balance accounts have no place among the five kinds.

    Tryton tells equity from other liabilities by the name of the type alone.
    """
    if kind is None or kind["statement"] not in ("balance", "income"):
        return "Unknown"
    if kind["statement"] == "income":
        return "Income" if kind["revenue"] or not kind["expense"] else "Expense"
    if kind["assets"] or kind["receivable"]:
        return "Asset"
    if kind["payable"] or kind["debt"]:
        return "Liability"
    return "Equity" if any("equity" in name.lower() for name in kind["path"]) else "Liability"


def _tax_rate(raw: Row) -> Content:
    parts = raw["childs"] or [raw]
    rates = [decimal_of(part, "rate") * _HUNDRED for part in parts if part["type"] == "percentage"]
    total = sum(rates, Decimal(0)) if len(rates) == len(parts) else None
    return known(
        {
            "name": raw["name"],
            "code": raw["description"],
            "status": "Active" if raw["active"] else "Archived",
            "effectiveTaxRate": total,
            "totalTaxRate": total,
            "components": [_tax_component(part) for part in parts],
        }
    )


def _tax_component(part: Row) -> Content:
    rate = decimal_of(part, "rate") * _HUNDRED if part["type"] == "percentage" else None
    return known({"name": part["name"], "rate": rate, "isCompound": False})


def _item(raw: Row) -> Content:
    category = raw["account_category"]
    sides = {
        "invoiceItem": ("list_price_used", "account_revenue", "customer_taxes"),
        "billItem": ("cost_price", "account_expense", "supplier_taxes"),
    }
    return known(
        {
            "name": raw["name"],
            "code": raw["code"],
            "itemStatus": "Active" if raw["active"] else "Archived",
            "type": _item_type(raw),
            "isInvoiceItem": True,
            "isBillItem": True,
            **{side: _item_side(raw, category, *names) for side, names in sides.items()},
        }
    )


def _item_type(raw: Row) -> str:
    if raw["type"] == "service":
        return "Service"
    return "Inventory" if raw["type"] == "goods" and not raw["consumable"] else "NonInventory"


def _item_side(raw: Row, category: Row, price: str, account: str, taxes: str) -> Content:
    return known(
        {
            "description": raw["description"],
            "unitPrice": decimal_of(raw, price) if raw[price] is not None else None,
            "accountRef": ref(category[account]),
            "taxRateRef": only_ref(category[taxes]),
        }
    )


_MAPPERS: dict[str, Callable[[Row], Content]] = {
    "chartOfAccounts": _account,
    "customers": parties.customer,
    "suppliers": parties.supplier,
    "invoices": documents.invoice,
    "creditNotes": documents.credit_note,
    "bills": documents.bill,
    "billCreditNotes": documents.bill_credit_note,
    "items": _item,
    "taxRates": _tax_rate,
    "journalEntries": documents.journal_entry,
    "company": parties.company,
}
