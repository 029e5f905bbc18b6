"""What follows from what somebody wrote: names beside ids, sums of lines, and what payments do to their documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from syncengine.sandbox.books import Record
from syncengine.sandbox.rules import Fault
from syncengine.sandbox.shelf import NoSuchRecord, Shelf

type Shelves = Callable[[str], Shelf]

_CENT = Decimal("0.01")
_NAMES = {"customers": "display_name", "suppliers": "trading_name"}
_REFS = {
    "customer": "customers", "supplier": "suppliers", "account": "accounts", "tax_rate": "tax_rates", "item": "items",
    "method": "payment_methods", "journal": "journals", "paid_from": "accounts",
}  # fmt: skip
_WITH_MONEY = ("invoices", "bills")
_WITH_SUMS = ("credit_notes", "bill_credit_notes", "purchase_orders", "direct_costs", "direct_incomes")
DOCUMENT_OF = {"payments": ("invoices", "receipts"), "bill_payments": ("bills", "payments")}
SETTLED_BY = dict(DOCUMENT_OF.values())  # the member of a document that lists its payments


def found(shelves: Shelves, kind: str, wanted: str) -> Record | None:
    """The living record of this id, or None."""
    shelf = shelves(kind)
    try:
        content: Record = msgspec.json.decode(shelf.record(shelf.number(wanted)))
    except NoSuchRecord:
        return None
    return content


def completed(kind: str, content: Record, shelves: Shelves) -> Record:
    """Return the record with all that follows from what it says."""
    content = _named(content, shelves)
    if kind in _WITH_MONEY:
        content["money"] = _document_money(kind, content, shelves)
        content["dates"] = {"due": None, "settled": None, **content["dates"]}
        content["state"] = _settled_state(content)
    elif kind in _WITH_SUMS:
        content |= {"currency": _currency(content, shelves), "rate": content.get("rate") or 1.0, **_sums(content)}
        content |= _rest_of(kind, content)
    elif kind in DOCUMENT_OF:
        content |= {"currency": _currency(content, shelves), "rate": content.get("rate") or 1.0}
    return content


def own_faults(kind: str, given: Mapping[str, Any], content: Record, shelves: Shelves) -> Iterator[Fault]:
    """What is wrong with a whole record, beyond its single members."""
    if kind in _WITH_MONEY:
        yield from _wrong_total("money.gross", (given.get("money") or {}).get("gross"), content["money"]["gross"])
    elif kind in _WITH_SUMS:
        yield from _wrong_total("gross", given.get("gross"), content["gross"])
    elif kind == "journal_entries" and _total(content["lines"]):
        yield "lines", "must add up to zero."
    elif kind == "transfers" and content["source"]["account"]["id"] == content["target"]["account"]["id"]:
        yield "target.account.id", "must differ from the account the money comes from."
    elif kind in DOCUMENT_OF:
        yield from _settlement_faults(kind, content, shelves)


def _named(value: Any, shelves: Shelves) -> Any:
    """Every reference with the name of its record beside the id."""
    if isinstance(value, list):
        return [_named(one, shelves) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _reference(_REFS[name], inner, shelves) if name in _REFS and inner else _named(inner, shelves)
        for name, inner in value.items()
    }


def _reference(kind: str, given: Record, shelves: Shelves) -> Record:
    own = found(shelves, kind, given["id"]) or {}
    shown = {"id": given["id"], "title" if kind == "journals" else "name": own.get(_NAMES.get(kind, "title"))}
    return shown | ({"percent": own.get("percent", 0)} if kind == "tax_rates" else {})


def _document_money(kind: str, content: Record, shelves: Shelves) -> Record:
    sums = _sums(content)
    money = content.get("money") or {}
    paid = _total(content[SETTLED_BY[kind]])
    owed = Decimal(0) if content.get("state") == "void" else _exact(sums["gross"]) - paid
    return {
        "currency": money.get("currency") or _base_currency(shelves),
        "rate": money.get("rate") or 1.0,
        **sums,
        "paid": float(paid),
        "owed": float(owed),
    }


def _sums(content: Record) -> Record:
    """Complete each line in place, and add them up."""
    for line in content["lines"]:
        _complete_line(line)
    totals = {name: _total(content["lines"], name) for name in ("net", "discount", "tax")}
    return {**{name: float(total) for name, total in totals.items()}, "gross": float(totals["net"] + totals["tax"])}


def _complete_line(line: Record) -> None:
    whole = _exact(line["qty"]) * _exact(line["unit_price"])
    percent = _exact(line.get("discount_pct") or 0)
    discount = _exact(line["discount"]) if line.get("discount") else whole * percent / 100
    net = _cents(whole - discount)
    rate = _exact((line.get("tax_rate") or {}).get("percent") or 0)
    tax = _exact(line["tax"]) if line.get("tax") is not None else _cents(net * rate / 100)
    amounts = {"discount_pct": percent, "discount": _cents(discount), "net": net, "tax": tax, "gross": net + tax}
    line |= {name: float(amount) for name, amount in amounts.items()}


def _rest_of(kind: str, content: Record) -> Record:
    if kind in ("credit_notes", "bill_credit_notes"):
        left = content["gross"] if content.get("state") == "open" else 0.0
        return {"left": left, "discount_pct": 0, "refunded_on": content.get("refunded_on")}
    if kind in ("direct_costs", "direct_incomes"):
        party = content.get("party")
        side = "suppliers" if kind == "direct_costs" else "customers"
        return {"paid_on": content["issued_on"], **({"party": {**party, "kind": side}} if party else {})}
    return {}


def _settled_state(content: Record) -> str:
    state: str = content.get("state", "open")
    if state in ("draft", "void"):
        return state
    paid, owed = content["money"]["paid"], content["money"]["owed"]
    return "open" if not paid else "settled" if owed <= 0 else "part_settled"


def _wrong_total(place: str, given: Any, right: float) -> Iterator[Fault]:
    if given is not None and abs(_exact(given) - _exact(right)) > _CENT:
        yield place, f"must be the sum of the lines and their tax, which is {right:.2f}."


def _settlement_faults(kind: str, content: Record, shelves: Shelves) -> Iterator[Fault]:
    documents, _ = DOCUMENT_OF[kind]
    if content["applied"] and _total(content["applied"]) != _exact(content["amount"]):
        yield "amount", "must match the sum of the line amounts."
    for index, one in enumerate(content["applied"]):
        if not one.get("document_id"):
            continue
        document = found(shelves, documents, one["document_id"]) or {"money": {"owed": 0}}
        if _exact(one["amount"]) > _exact(document["money"]["owed"]):
            yield f"applied[{index}].amount", "must not exceed what is owed on the document."


def settle(kind: str, payment: Record, shelves: Shelves, *, undo: bool = False) -> list[tuple[str, str, Record]]:
    """Return the documents that a payment changes, as (type, id, what becomes of it); `undo` takes it back."""
    documents, member = DOCUMENT_OF[kind]
    on = payment.get("received_on") or payment.get("paid_on")
    changed: dict[str, Record] = {}
    for one in payment["applied"]:
        key = one.get("document_id")
        document = changed.get(key) or found(shelves, documents, key) if key else None
        if document is None:
            continue
        others = [receipt for receipt in document[member] if receipt["id"] != payment["id"]]
        kept = {name: payment.get(name) for name in ("id", "account", "currency", "rate", "reference")}
        receipt = {**kept, "on": on, "amount": one["amount"]}
        document[member] = others if undo else [*document[member], receipt]
        document = completed(documents, document | {"state": "open"}, shelves)
        document["dates"]["settled"] = on if document["state"] == "settled" else None
        changed[key] = document
    return [(documents, key, document) for key, document in changed.items()]


def _currency(content: Record, shelves: Shelves) -> str:
    return content.get("currency") or _base_currency(shelves)


def _base_currency(shelves: Shelves) -> str:
    return shelves("company").books.business.currency


def _total(lines: list[Record], name: str = "amount") -> Decimal:
    return sum((_exact(line[name]) for line in lines), Decimal(0))


def _exact(amount: Any) -> Decimal:
    return Decimal(str(amount))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
