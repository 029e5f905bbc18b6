"""Every type of record this platform serves: how one is made, how many there are, and how its list is paged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from syncengine.sandbox import banking, chart, documents, extras, feed, goods, parties, storefront, trade
from syncengine.sandbox.books import Books, Record
from syncengine.sandbox.documents import PURCHASES, SALES, payments_of

MOST = 2_000_000


class BadSize(ValueError):
    """Sizes that would leave references without their record."""


@dataclass(frozen=True, slots=True)
class Kind:
    """
    style:  "page" (page number), "cursor", "link" (bare list and a Link header) or "single" (one object).
    size:   from the number of invoices to the number of these, unless set.
    dated:  the ISO date of record n that `date_from` looks at; None where documents have no date.
    date_path: where that date stands in the record.
    """

    name: str
    prefix: str
    style: str
    make: Callable[[Books, int], Record]
    size: Callable[[int], int]
    dated: Callable[[Books, int], str] | None = None
    date_path: tuple[str, ...] = ()


def _day(books: Books, n: int) -> str:
    return books.iso(books.day(n))


def _week(books: Books, n: int) -> str:
    return books.iso(books.day(n) // 7 * 7)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("company", "biz", "single", parties.company, lambda n: 1),
        Kind("accounts", "acc", "page", chart.account, lambda n: len(chart.CHART)),
        Kind("customers", "cus", "page", parties.customer, lambda n: max(20, n // 5)),
        Kind("suppliers", "sup", "page", parties.supplier, lambda n: max(15, n // 12)),
        Kind("items", "itm", "page", goods.item, lambda n: 25 + n // 10),
        Kind("tax_rates", "tax", "page", goods.tax_rate, lambda n: 5),
        Kind("payment_methods", "mth", "page", goods.payment_method, lambda n: 4),
        Kind("journals", "jnl", "page", banking.journal, lambda n: 5),
        Kind("bank_accounts", "bnk", "page", banking.bank_account, lambda n: 3),
        Kind("invoices", "inv", "cursor", documents.invoice, lambda n: n, _day, ("dates", "issued")),
        Kind("bills", "bil", "cursor", documents.bill, lambda n: n * 3 // 5, _day, ("dates", "issued")),
        Kind("payments", "pay", "cursor", documents.payment, payments_of,
             lambda books, n: documents.payment_date(books, SALES, n), ("received_on",)),
        Kind("bill_payments", "bpy", "cursor", documents.bill_payment, lambda n: payments_of(n * 3 // 5),
             lambda books, n: documents.payment_date(books, PURCHASES, n), ("paid_on",)),
        Kind("credit_notes", "crn", "cursor", documents.credit_note, lambda n: n // 12, _day, ("issued_on",)),
        Kind("bill_credit_notes", "bcn", "cursor", documents.bill_credit_note, lambda n: n // 20, _day, ("issued_on",)),
        Kind("journal_entries", "jen", "cursor", banking.journal_entry, lambda n: n // 2, _day, ("posted_on",)),
        Kind("bank_transactions", "btx", "link", banking.bank_transaction, lambda n: n * 2, _day, ("booked_on",)),
        Kind("tracking_categories", "trk", "page", trade.tracking_category, lambda n: trade.CATEGORIES),
        Kind("purchase_orders", "por", "cursor", trade.purchase_order, lambda n: n // 5, _day, ("ordered_on",)),
        Kind("sales_orders", "sor", "cursor", trade.sales_order, lambda n: n // 6, _day, ("ordered_on",)),
        Kind("item_receipts", "irc", "cursor", trade.item_receipt, lambda n: trade.receipts_of(n // 5),
             trade.received_day, ("received_on",)),
        Kind("direct_costs", "dco", "cursor", trade.direct_cost, lambda n: n // 8 * 2, _day, ("issued_on",)),
        Kind("direct_incomes", "din", "cursor", trade.direct_income, lambda n: n // 8, _day, ("issued_on",)),
        Kind("transfers", "trf", "cursor", trade.transfer, lambda n: n // 8, _day, ("moved_on",)),
        Kind("account_transactions", "act", "cursor", trade.account_transaction, lambda n: n // 8 * 4,
             trade.account_transaction_day, ("posted_on",)),
        Kind("feed_accounts", "fac", "page", feed.feed_account, lambda n: 3),
        Kind("feed_balances", "fbl", "page", feed.feed_balance, lambda n: 36, feed.feed_balance_day, ("on",)),
        Kind("feed_categories", "fct", "page", feed.feed_category, lambda n: feed.CATEGORIES),
        Kind("feed_transactions", "ftx", "cursor", feed.feed_transaction, lambda n: n * 2, _day, ("booked_on",)),
        Kind("shop_info", "shop", "single", storefront.shop_info, lambda n: 1),
        Kind("shop_customers", "shc", "page", storefront.shopper, storefront.shoppers_of),
        Kind("shop_locations", "shl", "page", storefront.location, lambda n: storefront.LOCATIONS),
        Kind("shop_categories", "shg", "page", storefront.category, lambda n: 4),
        Kind("shop_products", "shp", "page", storefront.product, lambda n: 5 + n // 50),
        Kind("shop_tax_parts", "sht", "page", storefront.tax_part, lambda n: 4),
        Kind("shop_payment_methods", "shm", "page", storefront.method, lambda n: storefront.METHODS),
        Kind("shop_orders", "sho", "cursor", storefront.order, lambda n: n),
        Kind("shop_payments", "shy", "cursor", storefront.payment, lambda n: n),
        Kind("shop_transactions", "shx", "cursor", storefront.transaction, storefront.transactions_of),
        Kind("shop_disputes", "shd", "cursor", storefront.dispute, storefront.disputes_of),
        Kind("expenses", "exp", "page", extras.expense, lambda n: n // 2, _day, ("spent_on",)),
        Kind("timesheets", "tms", "cursor", extras.timesheet, lambda n: n // 3, _week, ("week_from",)),
    )
}  # fmt: skip
REPORTS = {
    "profit_and_loss": chart.profit_and_loss,
    "balance_sheet": chart.balance_sheet,
    "cash_flow": chart.cash_flow,
}
# What belongs to other records, how many of them, and by which rule.
_FOLLOWERS: dict[str, tuple[str, Callable[[int], int]]] = {
    "payments": ("invoices", payments_of),
    "bill_payments": ("bills", payments_of),
    "item_receipts": ("purchase_orders", trade.receipts_of),
    "direct_incomes": ("transfers", lambda n: n),
    "direct_costs": ("transfers", lambda n: n * 2),
    "account_transactions": ("transfers", lambda n: n * 4),
    "shop_customers": ("shop_orders", storefront.shoppers_of),
    "shop_payments": ("shop_orders", lambda n: n),
    "shop_transactions": ("shop_orders", storefront.transactions_of),
    "shop_disputes": ("shop_orders", storefront.disputes_of),
}
_FOR_CUSTOMERS = ("invoices", "credit_notes", "payments", "sales_orders", "direct_incomes")
_FOR_SUPPLIERS = ("bills", "bill_credit_notes", "bill_payments", "purchase_orders", "direct_costs")
_AT_LEAST = {
    "accounts": len(chart.CHART),
    "items": 25,
    "tax_rates": 4,
    "payment_methods": 4,
    "journals": 4,
    "bank_accounts": 3,
    "tracking_categories": trade.CATEGORIES,
    "feed_accounts": 3,
    "feed_categories": feed.CATEGORIES,
    "shop_locations": storefront.LOCATIONS,
    "shop_categories": 4,
    "shop_products": 5,
    "shop_tax_parts": 4,
    "shop_payment_methods": storefront.METHODS,
}


def usual_sizes(invoices: int) -> dict[str, int]:
    return {name: kind.size(invoices) for name, kind in KINDS.items()}


def checked_sizes(sizes: Mapping[str, int], changes: Mapping[str, int]) -> dict[str, int]:
    """Return `sizes` with `changes`; payments follow their documents, parties grow to what is referred to.

    Raises: BadSize for an unknown type, a number out of range, or one that would leave a reference dangling.
    """
    for name, size in changes.items():
        _check(name, size)
    merged = {**sizes, **changes}
    for follower, (leader, rule) in _FOLLOWERS.items():
        merged[follower] = rule(merged[leader])
    needed = {
        "customers": parties.customers_needed(max(merged[name] for name in _FOR_CUSTOMERS)),
        "suppliers": parties.suppliers_needed(max(merged[name] for name in _FOR_SUPPLIERS)),
    }
    for name, least in needed.items():
        if changes.get(name, least) < least:
            raise BadSize(f"{name}: at least {least} are referred to.")
        merged[name] = max(merged[name], least)
    return merged


def _check(name: str, size: int) -> None:
    if name not in KINDS or KINDS[name].style == "single":
        raise BadSize(f"{name}: not a type whose size can be set.")
    if name in _FOLLOWERS:
        raise BadSize(f"{name}: follow from {_FOLLOWERS[name][0]}; set those.")
    if not isinstance(size, int) or not _AT_LEAST.get(name, 0) <= size <= MOST:
        raise BadSize(f"{name}: give a whole number from {_AT_LEAST.get(name, 0)} to {MOST}.")
