"""Orders and what arrives on them, money spent and taken without a document, and transfers between accounts."""

from __future__ import annotations

from typing import Any

import msgspec

from syncengine.sandbox.books import DAYS, Books, Record, money, record_id
from syncengine.sandbox.chart import account_ref
from syncengine.sandbox.documents import PURCHASES, SALES, Side, new_lines
from syncengine.sandbox.parties import customer_of, party, place_of, supplier_of
from syncengine.sandbox.words import MEMOS

_ORDER_STATES = ("open", "closed", "open", "draft", "void", "closed")
_BANK_CODES = ("1000", "1010", "2050")
_CATEGORIES = (
    ("Department", None), ("Sales floor", 0), ("Workshop", 0), ("Office", 0), ("Region", None), ("North", 4),
    ("South", 4), ("Online", 4),
)  # fmt: skip
CATEGORIES = len(_CATEGORIES)


def purchase_order(books: Books, n: int) -> Record:
    own = _order(books, PURCHASES, n, "por")
    return {
        **own,
        "number": f"PO-{n + 1:05d}",
        "arrives_on": books.iso(min(books.day(n) + 12, DAYS - 1)) if own["state"] == "closed" else None,
        "pay_by": books.iso(books.day(n) + 44),
        "deliver_to": {"address": place_of(books, books.chance("company", 0)), "person": "Goods in"},
    }


def sales_order(books: Books, n: int) -> Record:
    own = _order(books, SALES, n, "sor")
    invoiced = {"closed": "all", "open": ("none", "part")[n % 2]}.get(own["state"], "none")
    return {
        **own,
        "number": f"SO-{n + 1:05d}",
        "their_number": f"{books.chance('sales_orders', n) % 900_000 + 100_000}",
        "invoiced": invoiced,
        "deliver_to": {"address": place_of(books, books.chance("sor", n)), "person": None},
    }


def item_receipt(books: Books, n: int) -> Record:
    """What arrived on a closed purchase order: the second or the sixth of every six."""
    order = n // 2 * 6 + (1, 5)[n % 2]
    bought = purchase_order(books, order)
    return {
        "id": record_id("irc", n),
        "number": f"GR-{n + 1:05d}",
        "supplier": bought["supplier"],
        "purchase_order": {"id": bought["id"], "number": bought["number"]},
        "received_on": bought["arrives_on"],
        "currency": bought["currency"],
        "lines": [_arrived(line) for line in bought["lines"]],
        "memo": MEMOS[books.chance("irc", n) % 6],
    }


def received_day(books: Books, n: int) -> str:
    return books.iso(min(books.day(n // 2 * 6 + (1, 5)[n % 2]) + 12, DAYS - 1))


def receipts_of(orders: int) -> int:
    return orders // 6 * 2 + (orders % 6 > 1)


def direct_cost(books: Books, n: int) -> Record:
    """Bought and paid at once, from the card or the current account."""
    return _direct(books, PURCHASES, n, "dco", "suppliers", _BANK_CODES[2 if n % 2 else 0])


def direct_income(books: Books, n: int) -> Record:
    return _direct(books, SALES, n, "din", "customers", _BANK_CODES[0])


def transfer(books: Books, n: int) -> Record:
    chance = books.chance("transfers", n)
    source, target = ((0, 1), (1, 0), (0, 2))[chance % 3]
    amount, currency = money(chance % 800_000 + 5_000), books.business.currency
    return {
        "id": record_id("trf", n),
        "text": ("To savings", "From savings", "Card settled")[chance % 3],
        "moved_on": books.iso(books.day(n)),
        "source": {"account": account_ref(_BANK_CODES[source]), "currency": currency, "amount": amount},
        "target": {"account": account_ref(_BANK_CODES[target]), "currency": currency, "amount": amount},
    }


def tracking_category(books: Books, n: int) -> Record:
    """Two trees of the first eight; beyond them, projects without children."""
    title, parent = _CATEGORIES[n] if n < CATEGORIES else (f"Project {n}", None)
    return {
        "id": record_id("trk", n),
        "title": title,
        "parent_id": None if parent is None else record_id("trk", parent),
        "has_children": n < CATEGORIES and parent is None,
        "state": "active",
    }


def account_transaction(books: Books, n: int) -> Record:
    """One posting to a bank account: a transfer (of every four the first), a direct cost or a direct income."""
    make, kind = ((transfer, "transfers"), (direct_cost, "direct_costs"), (direct_income, "direct_incomes"),
                  (direct_cost, "direct_costs"))[n % 4]  # fmt: skip
    behind = make(books, n // 4 * 2 + (1 if n % 4 == 3 else 0) if kind == "direct_costs" else n // 4)
    account = behind["source"]["account"] if kind == "transfers" else behind["paid_from"]
    amount = behind["source"]["amount"] if kind == "transfers" else behind["gross"]
    signed = amount if kind == "direct_incomes" else -amount
    return {
        "id": record_id("act", n),
        "posting_no": f"P{n + 1:07d}",
        "account": account,
        "posted_on": behind.get("moved_on") or behind["issued_on"],
        "state": "reconciled" if n % 3 else "open",
        "currency": books.business.currency,
        "rate": 1.0,
        "amount": signed,
        "lines": [{"text": behind.get("text") or behind["memo"], "amount": signed, "document_id": behind["id"],
                   "document_kind": kind}],
        "memo": MEMOS[n % 6],
    }  # fmt: skip


def account_transaction_day(books: Books, n: int) -> str:
    at = n // 4 * 2 + (1 if n % 4 == 3 else 0) if n % 4 in (1, 3) else n // 4
    return books.iso(books.day(at))


def _order(books: Books, side: Side, n: int, prefix: str) -> Record:
    chance = books.chance(prefix, n)
    who = customer_of(n, chance >> 4) if side is SALES else supplier_of(n, chance >> 4)
    raws, discount, net, tax = new_lines(books, side, chance)
    return {
        "id": record_id(prefix, n),
        "state": _ORDER_STATES[n % 6],
        "customer" if side is SALES else "supplier": party(books, side.party, who),
        "ordered_on": books.iso(books.day(n)),
        "expected_on": books.iso(books.day(n) + 14),
        "currency": books.business.currency,
        "rate": 1.0,
        "net": money(net),
        "discount": money(discount),
        "tax": money(tax),
        "gross": money(net + tax),
        "lines": raws,
        "memo": MEMOS[chance % 6],
    }


def _direct(books: Books, side: Side, n: int, prefix: str, kind: str, bank: str) -> Record:
    chance = books.chance(prefix, n)
    who = customer_of(n, chance >> 4) if side is SALES else supplier_of(n, chance >> 4)
    raws, _, net, tax = new_lines(books, side, chance)
    day = books.iso(books.day(n))
    return {
        "id": record_id(prefix, n),
        "reference": f"D{chance % 1_000_000:06d}",
        "party": msgspec.json.decode(party(books, side.party, who)) | {"kind": kind},
        "issued_on": day,
        "currency": books.business.currency,
        "rate": 1.0,
        "net": money(net),
        "tax": money(tax),
        "gross": money(net + tax),
        "lines": raws,
        "paid_from": account_ref(bank),
        "paid_on": day,
        "memo": MEMOS[chance % 6],
    }


def _arrived(raw: msgspec.Raw) -> Record:
    line: dict[str, Any] = msgspec.json.decode(raw)
    return {name: line[name] for name in ("text", "qty", "unit_price", "item")}
