"""The same bank accounts and movements as a bank itself would show them."""

from __future__ import annotations

from syncengine.sandbox.banking import BANKS, bank_account, bank_transaction
from syncengine.sandbox.books import Books, Record, money, record_id
from syncengine.sandbox.chart import MONTHS_KEPT, balances, month_end

_CATEGORIES = (
    ("Income", None, ""), ("Spending", None, ""), ("Payments received", 0, "transfer_in"), ("Interest", 0, "interest"),
    ("Corrections", 0, "other"), ("Cards", 1, "card"), ("Direct debits", 1, "direct_debit"), ("Bank fees", 1, "fee"),
    ("Payments sent", 1, "transfer_out"), ("Cash", 1, "cash"),
)  # fmt: skip
CATEGORIES = len(_CATEGORIES)
_CATEGORY_OF = {kind: n for n, (_, _, kind) in enumerate(_CATEGORIES)}


def feed_account(books: Books, n: int) -> Record:
    own = bank_account(books, n)
    is_card = own["kind"] == "card"
    return {
        "id": record_id("fac", n),
        "title": own["title"],
        "nickname": own["title"].split()[0],
        "holder": books.business.legal_name,
        "side": "credit" if is_card else "debit",
        "money": {"available": own["available"], "current": own["balance"], "limit": own["overdraft"]},
        "numbers": {"kind": "card" if is_card else "account", "number": own["number"], "sort_code": own["sort_code"],
                    "iban": own["iban"], "masked": f"****{own['number'][-4:]}"},
        "currency": own["currency"],
        "bank": {"code": f"bank-{len(own['bank'])}", "name": own["bank"]},
    }  # fmt: skip


def feed_balance(books: Books, n: int) -> Record:
    """Month-ends of the three accounts, the newest first."""
    account, back = n % len(BANKS), _months_back(n)
    code = BANKS[account][0]
    cents = balances(books, back)[code] * (-1 if code == "2050" else 1)
    return {
        "id": record_id("fbl", n),
        "account_id": record_id("fac", account),
        "on": month_end(books, back).isoformat(),
        "money": {"available": money(cents + 500_000), "current": money(cents), "limit": 5000.0},
    }


def feed_balance_day(books: Books, n: int) -> str:
    return month_end(books, _months_back(n)).isoformat()


def _months_back(n: int) -> int:
    return n // len(BANKS) % MONTHS_KEPT


def feed_category(books: Books, n: int) -> Record:
    title, parent, _ = _CATEGORIES[n] if n < CATEGORIES else (f"Own category {n}", 1, "")
    return {
        "id": record_id("fct", n),
        "title": title,
        "parent_id": None if parent is None else record_id("fct", parent),
        "has_children": n < CATEGORIES and parent is None,
        "state": "active",
    }


def feed_transaction(books: Books, n: int) -> Record:
    own = bank_transaction(books, n)
    category = _CATEGORY_OF[own["kind"]]
    return {
        "id": record_id("ftx", n),
        "account_id": record_id("fac", n % len(BANKS)),
        "booked_on": own["booked_on"],
        "authorised_on": own["booked_on"],
        "amount": own["amount"],
        "currency": books.business.currency,
        "kind": own["kind"],
        "text": own["text"],
        "merchant": own["counterparty"],
        "category": {"id": record_id("fct", category), "name": _CATEGORIES[category][0]},
    }
