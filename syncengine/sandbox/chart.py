"""The chart of accounts, the month-end figures of every account, and the two statements made from them.

The figures balance by construction: profit flows into equity, and the main current account is what is left.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from typing import Any

import msgspec

from syncengine.sandbox.books import Books, Record, encode, money, record_id

MONTHS_KEPT = 36


@dataclass(frozen=True, slots=True)
class Account:
    """`usual` is a month's turnover (profit and loss) or a month-end balance (balance sheet), in whole units."""

    code: str
    name: str
    section: str
    group: str
    usual: int


def _account_from(line: str) -> Account:
    code, section, group, name, usual = (cell.strip() for cell in line.split("|"))
    return Account(code, name, section, group, int(usual))


# code | section | group | name | usual figure
_TABLE = """
0010 | assets | Fixed assets | Plant and machinery | 420
0020 | assets | Fixed assets | Vehicles | 180
0030 | assets | Fixed assets | Office equipment | 60
1000 | assets | Current assets | Main current account | 0
1010 | assets | Current assets | Savings account | 250
1100 | assets | Current assets | Trade debtors | 310
1200 | assets | Current assets | Stock | 140
1300 | assets | Current assets | Prepayments | 25
2050 | liabilities | Current liabilities | Company credit card | 18
2100 | liabilities | Current liabilities | Trade creditors | 210
2200 | liabilities | Current liabilities | Sales tax owed | 75
2210 | liabilities | Current liabilities | Payroll taxes owed | 40
2300 | liabilities | Current liabilities | Accruals | 30
2500 | liabilities | Long-term liabilities | Bank loan | 350
3000 | equity | Capital and reserves | Share capital | 200
3100 | equity | Capital and reserves | Profit brought forward | 480
3200 | equity | Capital and reserves | Profit of the period | 0
4000 | income | Sales | Product sales | 390
4010 | income | Sales | Service income | 120
4020 | income | Sales | Delivery income | 15
4900 | other_income | Other income | Interest received | 1
4910 | other_income | Other income | Grants | 2
5000 | cost_of_sales | Cost of sales | Materials | 130
5010 | cost_of_sales | Cost of sales | Packaging | 22
5020 | cost_of_sales | Cost of sales | Direct labour | 60
5030 | cost_of_sales | Cost of sales | Freight inwards | 8
6000 | expenses | Staff | Wages and salaries | 110
6120 | expenses | Staff | Training | 2
6010 | expenses | Premises | Rent | 28
6020 | expenses | Premises | Local taxes | 7
6030 | expenses | Premises | Heat, light and water | 9
6110 | expenses | Premises | Repairs | 4
6040 | expenses | Administration | Insurance | 5
6050 | expenses | Administration | Advertising | 11
6060 | expenses | Administration | Software and IT | 8
6070 | expenses | Administration | Travel | 5
6080 | expenses | Administration | Professional fees | 6
6090 | expenses | Administration | Bank charges | 1
6100 | expenses | Administration | Depreciation | 9
7000 | other_expenses | Other expenses | Interest paid | 2
7010 | other_expenses | Other expenses | Exchange differences | 1
"""
CHART: tuple[Account, ...] = tuple(_account_from(line) for line in _TABLE.strip().splitlines())
_BY_CODE = {account.code: n for n, account in enumerate(CHART)}
_BALANCES = ("assets", "liabilities", "equity")
_PLUG, _PERIOD_PROFIT, _NO_CASH = "1000", "3200", "6100"
_CASH = ("1000", "1010")
_CLASSES = {
    "assets": "asset",
    "liabilities": "liability",
    "equity": "equity",
    "income": "income",
    "other_income": "income",
    "cost_of_sales": "expense",
    "expenses": "expense",
    "other_expenses": "expense",
}
type Figures = dict[str, int]


@cache
def account_ref(code: str) -> msgspec.Raw:
    """An account as other records show it."""
    return msgspec.Raw(encode({"id": record_id("acc", _BY_CODE[code]), "name": CHART[_BY_CODE[code]].name}))


def account(books: Books, n: int) -> Record:
    own = CHART[n] if n < len(CHART) else Account(f"9{n:06d}", f"Project account {n}", "expenses", "Projects", 0)
    balance = _current_balance(books, own)
    return {
        "id": record_id("acc", n),
        "code": own.code,
        "title": own.name,
        "notes": f"{own.name} of {books.business.name}",
        "class": _CLASSES[own.section],
        "category": f"{own.section.replace('_', ' ').capitalize()}.{own.group}",
        "full_title": f"{own.group} : {own.name}",
        "currency": books.business.currency,
        "balance": money(balance),
        "is_bank": own.code in ("1000", "1010", "2050"),
        "state": "open",
    }


def profit_and_loss(books: Books, months: int) -> Record:
    return _report(
        books,
        "profit_and_loss",
        months,
        {"basis": "accrual", "periods": [_period(books, back) for back in range(months)]},
    )


def balance_sheet(books: Books, months: int) -> Record:
    return _report(books, "balance_sheet", months, {"snapshots": [_snapshot(books, back) for back in range(months)]})


def cash_flow(books: Books, months: int) -> Record:
    return _report(books, "cash_flow", months, {"basis": "cash", "method": "direct",
                                                "periods": [_flow(books, back) for back in range(months)]})  # fmt: skip


def _flow(books: Books, back: int) -> Record:
    """What came in and went out by account; what else moved the bank accounts stands in a line of its own."""
    figures = _turnover(books, back)
    first, last = _month(books, back)
    came = [_leaf(a, figures[a.code]) for a in CHART if a.section in ("income", "other_income")]
    went = [
        _leaf(a, figures[a.code])
        for a in CHART
        if a.section in ("cost_of_sales", "expenses", "other_expenses") and a.code != _NO_CASH
    ]
    moved = sum(balances(books, back)[code] - balances(books, back + 1)[code] for code in _CASH)
    rest = moved - _cents(came) + _cents(went)
    (came if rest >= 0 else went).append({"label": "Financing, investment and credit", "amount": money(abs(rest))})
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "receipts": _branch("Cash receipts", came),
        "payments": _branch("Cash payments", went),
    }


def _cents(lines: list[Record]) -> int:
    return sum(round(line["amount"] * 100) for line in lines)


def _report(books: Books, name: str, months: int, body: Record) -> Record:
    return {
        "report": name,
        "business": books.business.name,
        "currency": books.business.currency,
        "available": {
            "from": _month(books, MONTHS_KEPT - 1)[0].isoformat(),
            "to": _month(books, 0)[0].isoformat(),
        },
        **body,
    }


def _period(books: Books, back: int) -> Record:
    figures = _turnover(books, back)
    first, last = _month(books, back)
    total = {section: _total(figures, section) for section in _CLASSES if section not in _BALANCES}
    gross = total["income"] - total["cost_of_sales"]
    operating = gross - total["expenses"]
    other = total["other_income"] - total["other_expenses"]
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "sections": {section: _tree(figures, section) for section in total},
        "gross_profit": money(gross),
        "operating_profit": money(operating),
        "other_net": money(other),
        "net_profit": money(operating + other),
    }


def _snapshot(books: Books, back: int) -> Record:
    figures = balances(books, back)
    return {
        "date": _month(books, back)[1].isoformat(),
        **{section: _tree(figures, section) for section in _BALANCES},
        "net_assets": money(_total(figures, "assets") - _total(figures, "liabilities")),
    }


def balances(books: Books, back: int) -> Figures:
    """Month-end balances in cents, `back` months before the last one; assets equal liabilities and equity."""
    kept: Figures | None = books.pieces.get(("balances", back))
    if kept is not None:
        return kept
    figures = {a.code: _figure(books, a, back) for a in CHART if a.section in _BALANCES}
    figures["3000"], figures["3100"] = (
        a.usual * books.business.scale * 100 for a in CHART if a.code in ("3000", "3100")
    )
    figures[_PERIOD_PROFIT] = sum(_profit(books, month) for month in range(back, MONTHS_KEPT))
    figures[_PLUG] = 0
    figures[_PLUG] = _total(figures, "liabilities") + _total(figures, "equity") - _total(figures, "assets")
    books.pieces[("balances", back)] = figures
    return figures


def _turnover(books: Books, back: int) -> Figures:
    return {a.code: _figure(books, a, back) for a in CHART if a.section not in _BALANCES}


def _profit(books: Books, back: int) -> int:
    figures = _turnover(books, back)
    earned = _total(figures, "income") + _total(figures, "other_income")
    return earned - sum(_total(figures, section) for section in ("cost_of_sales", "expenses", "other_expenses"))


def _figure(books: Books, own: Account, back: int) -> int:
    """The usual figure, up or down by at most an eighth, in cents."""
    usual = own.usual * books.business.scale * 100
    swing = books.chance(f"chart/{own.code}", back) % 2001 - 1000
    return usual + usual * swing // 8000


def _total(figures: Figures, section: str) -> int:
    return sum(figures[a.code] for a in CHART if a.section == section)


def _tree(figures: Figures, section: str) -> Record:
    groups = groupby((a for a in CHART if a.section == section), key=lambda a: a.group)
    branches = [_branch(name, [_leaf(a, figures[a.code]) for a in members]) for name, members in groups]
    return _branch(section.replace("_", " ").capitalize(), branches)


def _branch(label: str, children: list[Any]) -> Record:
    cents = _cents(children)
    return {"label": label, "amount": money(cents), "children": children}


def _leaf(own: Account, cents: int) -> Record:
    return {"label": own.name, "amount": money(cents), "account_id": record_id("acc", _BY_CODE[own.code])}


def _current_balance(books: Books, own: Account) -> int:
    if own.code not in _BY_CODE:
        return 0
    if own.section in _BALANCES:
        return balances(books, 0)[own.code]
    this_year = (books.as_of.month - 4) % 12 + 1
    return sum(_figure(books, own, back) for back in range(this_year))


def _month(books: Books, back: int) -> tuple[date, date]:
    """First and last day of the month that lies `back` months before the last one."""
    year, month = divmod(books.as_of.year * 12 + books.as_of.month - 1 - back, 12)
    return date(year, month + 1, 1), date(year, month + 1, monthrange(year, month + 1)[1])


def month_end(books: Books, back: int) -> date:
    return _month(books, back)[1]
