"""What this platform has besides accounting: staff expenses and timesheets."""

from __future__ import annotations

from syncengine.sandbox.books import Books, Record, money, record_id
from syncengine.sandbox.chart import account_ref
from syncengine.sandbox.goods import tax_ref
from syncengine.sandbox.words import EXPENSE_TEXTS, FIRST_NAMES, LAST_NAMES, TASKS


def _employee(number: int) -> Record:
    return {"id": f"emp_{number:04d}", "name": f"{FIRST_NAMES[number % 26]} {LAST_NAMES[number * 7 % 30]}"}


def expense(books: Books, n: int) -> Record:
    chance = books.chance("expenses", n)
    text, category = EXPENSE_TEXTS[chance % 8]
    net = (chance >> 6) % 24_000 + 150
    rate = books.business.taxes[0].rate
    tax = (net * rate + 5000) // 10000
    day = books.iso(books.day(n))
    return {
        "id": record_id("exp", n),
        "expenseId": f"EXP-{n + 1}",
        "accountId": "6070",
        "expenseDetails": {"notes": text, "merchant": None if chance % 3 else "Railway"},
        "createdDate": f"{day}T17:{chance % 60:02d}:00Z",
        "lines": _expense_lines(net, tax, chance, day),
        "claim_no": f"EC-{n + 1:05d}",
        "employee": _employee(chance % 18),
        "spent_on": day,
        "submitted_at": f"{day}T17:{chance % 60:02d}:00Z",
        "state": ("submitted", "approved", "reimbursed", "rejected")[n % 4],
        "category": category,
        "text": text,
        "currency": books.business.currency,
        "net": money(net),
        "tax": money(tax),
        "gross": money(net + tax),
        "account": account_ref("6070"),
        "tax_rate": tax_ref(books, 0),
        "receipts": [{"file": f"receipt-{n + 1}.pdf", "pages": chance % 3 + 1}],
        "billable": chance % 5 == 0,
    }


def _expense_lines(net: int, tax: int, chance: int, day: str) -> list[Record]:
    """One to three lines whose sums are the claim's."""
    count = chance % 3 + 1
    nets = [net // count] * (count - 1)
    nets.append(net - sum(nets))
    taxes = [*[0] * (count - 1), tax]
    return [
        {"line": line + 1, "net": money(nets[line]), "tax": money(taxes[line]), "modifiedDate": f"{day}T18:0{line}:00Z"}
        for line in range(count)
    ]


def timesheet(books: Books, n: int) -> Record:
    chance = books.chance("timesheets", n)
    quarters = [(chance >> (8 * day)) % 33 for day in range(5)]
    return {
        "id": record_id("tms", n),
        "employee": _employee(n % 18),
        "week_from": books.iso(books.day(n) // 7 * 7),
        "state": ("draft", "submitted", "approved")[chance % 3],
        "hours": [
            {"weekday": weekday, "task": TASKS[(chance >> (3 * day)) % 8], "hours": quarters[day] / 4}
            for day, weekday in enumerate(("mon", "tue", "wed", "thu", "fri"))
        ],
        "total_hours": sum(quarters) / 4,
        "hourly_rate": money(1_800 + chance % 3_000),
        "currency": books.business.currency,
    }
