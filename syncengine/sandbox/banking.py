"""Journals and journal entries, bank accounts and what moved on them."""

from __future__ import annotations

from syncengine.sandbox.books import Books, Record, money, record_id
from syncengine.sandbox.chart import account_ref, balances

_JOURNALS = (
    ("GEN", "General journal", "general"),
    ("SAL", "Payroll journal", "payroll"),
    ("FIX", "Fixed asset journal", "assets"),
    ("ADJ", "Year-end adjustments", "adjusting"),
)
_ENTRIES = (
    ("Depreciation of the month", "6100", ("0010", "0020")),
    ("Wages of the month", "6000", ("2210", "1000")),
    ("Accrued professional fees", "6080", ("2300",)),
    ("Insurance taken from prepayments", "6040", ("1300",)),
    ("Travel advanced by staff", "6070", ("2300", "1000")),
)  # fmt: skip
BANKS = (
    ("1000", "Main current account", "Harbour Bank"),
    ("1010", "Savings account", "Harbour Bank"),
    ("2050", "Company credit card", "Meridian Card Services"),
)
_MOVES_IN = (("transfer_in", "Payment received"), ("interest", "Interest"), ("other", "Correction"))
_MOVES_OUT = (
    ("card", "Card purchase"), ("direct_debit", "Direct debit"), ("fee", "Account fee"),
    ("transfer_out", "Payment sent"),
    ("cash", "Cash withdrawal"),
)  # fmt: skip


def journal(books: Books, n: int) -> Record:
    code, title, kind = _JOURNALS[n % len(_JOURNALS)]
    copy = n // len(_JOURNALS)
    return {
        "id": record_id("jnl", n),
        "code": f"{code}{copy}" if copy else code,
        "title": f"{title} {copy + 1}" if copy else title,
        "kind": kind,
        "parent_id": record_id("jnl", n % len(_JOURNALS)) if copy else None,
        "has_children": False,
        "opened_on": books.iso(0),
        "state": "open",
    }


def journal_entry(books: Books, n: int) -> Record:
    """A debit and one or two credits that balance."""
    chance = books.chance("journal_entries", n)
    text, debit, credits = _ENTRIES[chance % 5]
    amount = (chance >> 8) % 900_000 + 2_000
    first = amount if len(credits) == 1 else amount * 2 // 3
    parts = [(debit, amount), (credits[0], -first)]
    if len(credits) == 2:
        parts.append((credits[1], first - amount))
    day = books.day(n)
    return {
        "id": record_id("jen", n),
        "text": text,
        "journal": {"id": record_id("jnl", chance % 4), "title": _JOURNALS[chance % 4][1]},
        "posted_on": books.iso(day),
        "entered_at": f"{books.iso(day)}T{chance % 9 + 8:02d}:{chance % 60:02d}:00Z",
        "lines": [
            {"text": text, "amount": money(cents), "currency": books.business.currency, "account": account_ref(code)}
            for code, cents in parts
        ],
    }


def bank_account(books: Books, n: int) -> Record:
    """The three of the chart first; beyond them, empty ones."""
    code, title, bank = BANKS[n % len(BANKS)]
    chance = books.chance("bank_accounts", n)
    own = n < len(BANKS)
    balance = balances(books, 0)[code] if own else 0
    card = code == "2050"
    number = f"{chance % 90_000_000 + 10_000_000}"
    return {
        "id": record_id("bnk", n),
        "title": title if own else f"{title} {n}",
        "kind": "card" if card else "current",
        "bank": bank,
        "ledger_code": code if own else None,
        "sort_code": None if card else f"{chance % 90 + 10}-{(chance >> 8) % 90 + 10}-{(chance >> 16) % 90 + 10}",
        "number": number,
        "iban": None if card else _iban(books.business.country, number),
        "currency": books.business.currency,
        "balance": money(-balance if card else balance),
        "available": money((1_000_000 if card else 500_000) + (-balance if card else balance)),
        "overdraft": money(1_000_000 if card else 500_000),
        "state": "open",
    }


def bank_transaction(books: Books, n: int) -> Record:
    """The balances are chance and the amounts their differences, so that every running balance is right."""
    account, place = n % 3, n // 3
    balance, before = _running(books, account, place), _running(books, account, place - 1)
    chance = books.chance("bank_transactions", n)
    kind, text = _MOVES_IN[chance % 3] if balance >= before else _MOVES_OUT[chance % 5]
    return {
        "id": record_id("btx", n),
        "bank_account_id": record_id("bnk", account),
        "booked_on": books.iso(books.day(n)),
        "amount": money(balance - before),
        "balance": money(balance),
        "kind": kind,
        "text": f"{text} {chance % 10_000:04d}",
        "counterparty": BANKS[account][2] if kind in ("fee", "interest") else f"Party {chance % 500}",
        "reference": f"BT{chance % 100_000_000:08d}",
        "reconciled": chance % 5 != 0,
    }


def _running(books: Books, account: int, place: int) -> int:
    return books.chance(f"bank/{account}", place) % 5_000_000 + 1_000_000


def _iban(country: str, number: str) -> str:
    """An IBAN with right check digits; the bank in it does not exist."""
    rest = "XSND" + number.rjust(14, "0")
    digits = "".join(str(int(sign, 36)) for sign in rest + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{rest}"
