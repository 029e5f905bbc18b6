"""Invoices, bills, credit notes and the payments of them.

Of every ten invoices (bills) the first six are settled, the seventh is paid in part, two are open, and the tenth is a
draft or void. Of every eight payments the first seven pay those seven, in order, and the eighth is on account. So a
payment finds its invoice, and an invoice its payment, by arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from syncengine.sandbox.books import DAYS, Books, Record, encode, money, record_id
from syncengine.sandbox.chart import account_ref
from syncengine.sandbox.goods import method_ref, tax_ref, ware_ref
from syncengine.sandbox.parties import customer_of, party, supplier_of
from syncengine.sandbox.words import MEMOS

SETTLED, PART_SETTLED, OPEN, DRAFT, VOID = "settled", "part_settled", "open", "draft", "void"
_LINES = (1, 1, 2, 2, 2, 3, 3, 2)
_DISCOUNTS = (0, 0, 0, 10)


class Line(msgspec.Struct, frozen=True, gc=False):
    """Amounts in cents; `raw` is the line as JSON."""

    net: int
    tax: int
    discount: int
    raw: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Side:
    """What differs between selling and buying."""

    salt: str
    party: str
    document: str
    settlement: str


SALES = Side("invoices", "customers", "inv", "pay")
PURCHASES = Side("bills", "suppliers", "bil", "bpy")


class Document(msgspec.Struct, frozen=True, gc=False):
    """An invoice or bill before it is written out. Amounts in cents of `currency`, days counted like Books.day."""

    n: int
    chance: int
    party: msgspec.Raw
    day: int
    lines: list[msgspec.Raw]
    discount: int
    net: int
    tax: int
    state: str
    paid: int
    paid_day: int
    currency: str
    rate: float

    @property
    def gross(self) -> int:
        return self.net + self.tax

    @property
    def owed(self) -> int:
        return 0 if self.state == VOID else self.gross - self.paid


def payments_of(documents: int) -> int:
    """How many payments belong to so many invoices or bills."""
    return documents // 10 * 8 + min(documents % 10, 7)


def document(books: Books, side: Side, n: int) -> Document:
    chance = books.chance(side.salt, n)
    who = customer_of(n, chance >> 4) if side is SALES else supplier_of(n, chance >> 4)
    raws, discount, net, tax = new_lines(books, side, chance)
    state = _state(n)
    day = books.day(n)
    currency, rate = books.business.foreign if n % 16 == 15 else (books.business.currency, 1.0)
    return Document(
        n=n,
        chance=chance,
        party=party(books, side.party, who),
        day=day,
        lines=raws,
        discount=discount,
        net=net,
        tax=tax,
        state=state,
        paid=net + tax if state is SETTLED else (net + tax) // 2 if state is PART_SETTLED else 0,
        paid_day=min(day + 3 + (chance >> 57) % 25, DAYS - 1),
        currency=currency,
        rate=rate,
    )


def invoice(books: Books, n: int) -> Record:
    own = document(books, SALES, n)
    return {
        "id": record_id("inv", n),
        "number": f"INV-{n + 1:06d}",
        "state": own.state,
        "customer": own.party,
        "dates": _dates(books, own),
        "money": _money(own),
        "lines": own.lines,
        "receipts": _settlements(books, SALES, own),
        "memo": MEMOS[own.chance % 6],
    }


def bill(books: Books, n: int) -> Record:
    own = document(books, PURCHASES, n)
    return {
        "id": record_id("bil", n),
        "supplier_reference": f"{own.chance % 90000 + 10000}/{n % 97:02d}",
        "state": own.state,
        "supplier": own.party,
        "dates": _dates(books, own),
        "money": _money(own),
        "lines": own.lines,
        "payments": _settlements(books, PURCHASES, own),
        "memo": MEMOS[own.chance % 6],
    }


def payment(books: Books, n: int) -> Record:
    return _settlement(books, SALES, n, "customer", "received_on")


def bill_payment(books: Books, n: int) -> Record:
    return _settlement(books, PURCHASES, n, "supplier", "paid_on")


def payment_date(books: Books, side: Side, n: int) -> str:
    if n % 8 == 7:
        return books.iso(books.day(n))
    return books.iso(document(books, side, n // 8 * 10 + n % 8).paid_day)


def credit_note(books: Books, n: int) -> Record:
    return _credit(books, SALES, n, "crn", "customer")


def bill_credit_note(books: Books, n: int) -> Record:
    return _credit(books, PURCHASES, n, "bcn", "supplier")


def _state(n: int) -> str:
    place = n % 10
    if place < 6:
        return SETTLED
    if place < 9:
        return PART_SETTLED if place == 6 else OPEN
    return DRAFT if n // 10 % 2 == 0 else VOID


def new_lines(books: Books, side: Side, chance: int) -> tuple[list[msgspec.Raw], int, int, int]:
    """One to three lines as JSON, with their discount, net and tax added up."""
    raws, discount, net, tax = [], 0, 0, 0
    bits = chance >> 20
    for _ in range(_LINES[chance % 8]):
        line = _line(books, side, bits)
        raws.append(line.raw)
        discount += line.discount
        net += line.net
        tax += line.tax
        bits >>= 11
    return raws, discount, net, tax


def _line(books: Books, side: Side, chance: int) -> Line:
    """One of a few thousand possible lines, built once."""
    ware, quantity, percent = chance % 25, (chance >> 5) % 12 + 1, _DISCOUNTS[(chance >> 9) % 4]
    key = (side.salt, ware, quantity, percent)
    line: Line | None = books.pieces.get(key)
    if line is None:
        line = books.pieces[key] = _new_line(books, side, ware, quantity, percent)
    return line


def _new_line(books: Books, side: Side, ware: int, quantity: int, percent: int) -> Line:
    sold = books.business.wares[ware]
    price = sold.sale_price if side is SALES else sold.purchase_price
    discount = (quantity * price * percent + 50) // 100
    net = quantity * price - discount
    tax = (net * books.business.taxes[sold.tax].rate + 5000) // 10000
    content = {
        "text": sold.name,
        "qty": quantity,
        "unit_price": money(price),
        "discount_pct": percent,
        "discount": money(discount),
        "net": money(net),
        "tax": money(tax),
        "gross": money(net + tax),
        "account": account_ref(sold.income_account if side is SALES else sold.purchase_account),
        "tax_rate": tax_ref(books, sold.tax),
        "item": ware_ref(books, ware),
    }
    return Line(net, tax, discount, msgspec.Raw(encode(content)))


def _dates(books: Books, own: Document) -> Record:
    return {
        "issued": books.iso(own.day),
        "due": books.iso(own.day + (14, 30, 45)[own.chance % 3]),
        "settled": books.iso(own.paid_day) if own.state == SETTLED else None,
    }


def _money(own: Document) -> Record:
    return {
        "currency": own.currency,
        "rate": own.rate,
        "net": money(own.net),
        "discount": money(own.discount),
        "tax": money(own.tax),
        "gross": money(own.gross),
        "paid": money(own.paid),
        "owed": money(own.owed),
    }


def _settlements(books: Books, side: Side, own: Document) -> list[Record]:
    if not own.paid:
        return []
    return [
        {
            "id": record_id(side.settlement, own.n // 10 * 8 + own.n % 10),
            "on": books.iso(own.paid_day),
            "amount": money(own.paid),
            "currency": own.currency,
            "rate": own.rate,
            "reference": _reference(own.chance),
            "account": account_ref("1000"),
        }
    ]


def _settlement(books: Books, side: Side, n: int, party_member: str, date_member: str) -> Record:
    if n % 8 == 7:
        who, amount, currency, rate, applied, chance = _on_account(books, side, n)
    else:
        own = document(books, side, n // 8 * 10 + n % 8)
        who, amount, currency, rate, chance = own.party, own.paid, own.currency, own.rate, own.chance
        kind = "invoice" if side is SALES else "bill"
        applied = {"kind": kind, "document_id": record_id(side.document, own.n), "amount": money(amount)}
    when = payment_date(books, side, n)
    return {
        "id": record_id(side.settlement, n),
        party_member: who,
        date_member: when,
        "amount": money(amount),
        "currency": currency,
        "rate": rate,
        "account": account_ref("1000"),
        "method": method_ref(chance >> 7),
        "reference": _reference(chance),
        "memo": MEMOS[(chance >> 3) % 6],
        "applied": [applied | {"on": when}],
    }


def _on_account(books: Books, side: Side, n: int) -> tuple[Any, int, str, float, Record, int]:
    """A payment that pays no document: (party, amount, currency, rate, applied, chance)."""
    chance = books.chance(f"{side.salt}/on-account", n)
    who = customer_of(n, chance) if side is SALES else supplier_of(n, chance)
    amount = chance % 50_000 + 1_000
    applied = {"kind": "on_account", "document_id": None, "amount": money(amount)}
    return party(books, side.party, who), amount, books.business.currency, 1.0, applied, chance


def _reference(chance: int) -> str:
    return f"FT{chance % 1_000_000_000:09d}"


def _credit(books: Books, side: Side, n: int, prefix: str, party_member: str) -> Record:
    """Of every four credit notes two are open, one is refunded and one is void."""
    chance = books.chance(prefix, n)
    who = customer_of(n, chance >> 4) if side is SALES else supplier_of(n, chance >> 4)
    line = _line(books, side, chance >> 20)
    gross = line.net + line.tax
    state = ("open", "open", "refunded", "void")[n % 4]
    day = books.day(n)
    refunded_on = books.iso(min(day + 10, DAYS - 1)) if state == "refunded" else None
    refund = {
        "on": refunded_on,
        "amount": money(gross),
        "reference": _reference(chance),
        "account": account_ref("1000"),
    }
    return {
        "id": record_id(prefix, n),
        "number": f"{'CN' if side is SALES else 'SC'}-{n + 1:05d}",
        "state": state,
        party_member: party(books, side.party, who),
        "issued_on": books.iso(day),
        "refunded_on": refunded_on,
        "currency": books.business.currency,
        "rate": 1.0,
        "net": money(line.net),
        "discount": money(line.discount),
        "discount_pct": 0,
        "tax": money(line.tax),
        "gross": money(gross),
        "left": money(gross if state == "open" else 0),
        "lines": [line.raw],
        "refunds": [refund] if state == "refunded" else [],
        "memo": MEMOS[chance % 6],
    }
