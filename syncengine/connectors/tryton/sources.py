"""Where each data type lives in Tryton, what belongs to one record, and whose dates tell that it changed.

A change to a line, an address or a price does not move the date of the row it belongs to, so each source names the
relations whose dates count as its own (`touched_by`). Small trees whose rows lean on each other (accounts and their
types, taxes) are read whole as soon as one of them changed (`whole_if`): that is sound and costs a page or two.

Parties carry no mark that says customer or supplier, and a party becomes one without being written, by a document that
names it. So every party is read as both; nothing is missed, and an id means the same party in both types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from syncengine.connectors.tryton.protocol import Domain, Row, Server, day, rows, rows_by

DATES = ("create_date", "write_date")


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation followed in a domain; `through` is one of the related row, followed a step further."""

    field: str
    through: str = ""


@dataclass(frozen=True, slots=True)
class Children:
    """Rows that point at the record by `parent` and are merged into it as the list `name`."""

    name: str
    model: str
    parent: str
    fields: tuple[str, ...]
    has_active: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """How one data type is read.

    by_company: rows belong to one company; the others are shared by all of a database.
    sign:      +1 keeps documents of zero or more, -1 those below zero (credit notes); 0 keeps all.
    whole_if:  models, one changed row of which makes the next incremental read bring every record.
    finish:    merges what `children` cannot say into a page of rows, in place.
    """

    model: str
    fields: tuple[str, ...]
    domain: tuple[tuple[object, ...], ...] = ()
    by_company: bool = False
    has_active: bool = False
    children: tuple[Children, ...] = ()
    touched_by: tuple[Relation, ...] = ()
    whole_if: tuple[str, ...] = ()
    date_field: str = ""
    sign: int = 0
    single: bool = False
    page_size: int = 200
    finish: Callable[[Server, Sequence[Row]], None] | None = None

    def base_domain(self, not_before: datetime | None) -> Domain:
        wanted: Domain = [list(clause) for clause in self.domain]
        if self.date_field and not_before is not None:
            earliest = day(not_before.astimezone(UTC))
            wanted.append(["OR", [[self.date_field, ">=", earliest]], [[self.date_field, "=", None]]])
        return wanted


def _merge_due_lines(server: Server, records: Sequence[Row]) -> None:
    ids = [line for record in records for line in record["lines_to_pay"] or ()]
    found = {row["id"]: row for row in rows_by(server, "account.move.line", ("maturity_date",), "id", ids)}
    for record in records:
        record["lines_to_pay"] = [found[line] for line in record["lines_to_pay"] or () if line in found]


def _merge_origins(server: Server, records: Sequence[Row]) -> None:
    """Put the invoice's type and total in the place of `account.invoice,7`; other origins stay as they are."""
    named = {record["id"]: _invoice_id(record["origin"]) for record in records}
    ids = [origin for origin in named.values() if origin is not None]
    found = {row["id"]: row for row in rows_by(server, "account.invoice", ("type", "total_amount"), "id", ids)}
    for record in records:
        origin = named[record["id"]]
        record["origin_invoice"] = found.get(origin) if origin is not None else None


def _invoice_id(origin: object) -> int | None:
    model, _, number = str(origin or "").partition(",")
    return int(number) if model == "account.invoice" and number.isdigit() else None


def _merge_account_types(server: Server, records: Sequence[Row]) -> None:
    """Put the whole row of its type, with the names from the root down as `path`, in the place of the type's id."""
    flags = ("name", "parent", "statement", "assets", "receivable", "payable", "debt", "revenue", "expense")
    types = {row["id"]: row for row in rows(server, "account.account.type", (*flags, *DATES))}
    for record in records:
        chain = _chain(types, record["type"], "parent")
        record["type"] = {**chain[0], "path": [row["name"] for row in reversed(chain)]} if chain else None


def _merge_categories(server: Server, records: Sequence[Row]) -> None:
    """Put accounts and taxes, inherited from parent categories where Tryton inherits them, in the place of the id."""
    fields = (
        "name", "parent", "account_parent", "account_revenue", "account_expense",
        "taxes_parent", "customer_taxes", "supplier_taxes",
    )  # fmt: skip
    categories = {row["id"]: row for row in rows(server, "product.category", (*fields, *DATES))}
    for record in records:
        chain = _chain(categories, record["account_category"], "parent")
        accounts = next((row for row in chain if not row["account_parent"]), None) or {}
        taxes = next((row for row in chain if not row["taxes_parent"]), None) or {}
        record["account_category"] = {
            "id": record["account_category"],
            **{name: accounts.get(name) for name in ("account_revenue", "account_expense")},
            **{name: taxes.get(name) or [] for name in ("customer_taxes", "supplier_taxes")},
        }


def _chain(table: dict[int, Row], start: int | None, link: str) -> list[Row]:
    """Return the row `start` and its ancestors, nearest first; a loop ends the walk."""
    chain: list[Row] = []
    here = table.get(start) if start is not None else None
    while here is not None and here not in chain:
        chain.append(here)
        here = table.get(here[link])
    return chain


def _merge_components(server: Server, records: Sequence[Row]) -> None:
    ids = [child for record in records for child in record["childs"] or ()]
    fields = ("name", "type", "rate")
    found = {row["id"]: row for row in rows_by(server, "account.tax", fields, "id", ids, has_active=True)}
    for record in records:
        record["childs"] = [found[child] for child in record["childs"] or () if child in found]


def _merge_company_facts(server: Server, records: Sequence[Row]) -> None:
    today = day(datetime.now(UTC))
    for record in records:
        mine = ["company", "=", record["id"]]
        parties = rows_by(server, "party.party", (*_PARTY_FIELDS, *DATES), "id", [record["party"]], has_active=True)
        for children in _PARTY_CHILDREN:
            merge_children(server, children, parties)
        record["party"] = parties[0] if parties else None
        record["fiscal_years"] = rows(
            server, "account.fiscalyear", ("start_date",), domain=[mine, ["start_date", "<=", today]],
            order=(("start_date", "DESC"),), limit=1,
        )  # fmt: skip
        record["closed_periods"] = rows(
            server, "account.period", ("end_date",), domain=[mine, ["state", "in", ["closed", "locked"]]],
            order=(("end_date", "DESC"),), limit=1,
        )  # fmt: skip


def merge_children(server: Server, children: Children, records: Sequence[Row]) -> None:
    """Read the children of a whole page at once and hang them under their parents, in order of id."""
    ids = [record["id"] for record in records]
    by_parent: dict[int, list[Row]] = {parent: [] for parent in ids}
    fields = (children.parent, *children.fields, *DATES)
    for row in rows_by(server, children.model, fields, children.parent, ids, has_active=children.has_active):
        by_parent[row[children.parent]].append(row)
    for record in records:
        record[children.name] = by_parent[record["id"]]


_PARTY_FIELDS = ("name", "code", "active", "tax_identifier")
_PARTY_CHILDREN = (
    Children(
        "addresses",
        "party.address",
        "party",
        ("sequence", "attn", "street", "city", "postal_code", "country.code", "subdivision.name", "invoice", "active"),
        has_active=True,
    ),
    Children(
        "contact_mechanisms",
        "party.contact_mechanism",
        "party",
        ("sequence", "type", "value", "name", "active"),
        has_active=True,
    ),
    Children("identifiers", "party.identifier", "party", ("sequence", "type", "code", "active"), has_active=True),
)
_PARTIES = Source(
    model="party.party",
    fields=_PARTY_FIELDS,
    has_active=True,
    children=_PARTY_CHILDREN,
    touched_by=tuple(Relation(children.name) for children in _PARTY_CHILDREN),
)


def _documents(direction: str, sign: int) -> Source:
    return Source(
        model="account.invoice",
        fields=(
            "type", "number", "reference", "description", "comment", "state", "invoice_date", "accounting_date",
            "party.name", "currency.code", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay",
            "reconciled", "lines_to_pay",
        ),
        domain=(("type", "=", direction),),
        by_company=True,
        children=(
            Children(
                "lines",
                "account.invoice.line",
                "invoice",
                ("sequence", "type", "description", "quantity", "unit_price", "amount", "account", "product", "taxes"),
            ),
        ),
        touched_by=(
            Relation("lines"),
            Relation("taxes"),
            Relation("party"),
            Relation("move", through="lines"),
        ),
        date_field="invoice_date",
        sign=sign,
        finish=_merge_due_lines,
    )  # fmt: skip


SOURCES: dict[str, Source] = {
    "chartOfAccounts": Source(
        model="account.account",
        by_company=True,
        fields=("code", "name", "note", "type", "parent", "closed", "active", "currency.code"),
        has_active=True,
        whole_if=("account.account", "account.account.type"),
        page_size=500,
        finish=_merge_account_types,
    ),
    "customers": _PARTIES,
    "suppliers": _PARTIES,
    "invoices": _documents("out", +1),
    "creditNotes": _documents("out", -1),
    "bills": _documents("in", +1),
    "billCreditNotes": _documents("in", -1),
    "items": Source(
        model="product.product",
        fields=(
            "code", "name", "description", "active", "type", "consumable", "list_price_used", "cost_price",
            "account_category", "template",
        ),
        has_active=True,
        touched_by=(
            Relation("template"),
            Relation("list_prices"),
            Relation("cost_prices"),
            Relation("template", through="list_prices"),
        ),
        whole_if=("product.category", "product.category.account"),
        finish=_merge_categories,
    ),
    "taxRates": Source(
        model="account.tax",
        by_company=True,
        fields=("name", "description", "type", "rate", "amount", "parent", "childs", "active"),
        has_active=True,
        whole_if=("account.tax",),
        finish=_merge_components,
    ),
    "journalEntries": Source(
        model="account.move",
        by_company=True,
        fields=("number", "date", "post_date", "description", "state", "journal.name", "origin"),
        children=(
            Children(
                "lines",
                "account.move.line",
                "move",
                ("account", "debit", "credit", "description", "party", "currency.code"),
            ),
        ),
        touched_by=(Relation("lines"), Relation("journal")),
        date_field="date",
        finish=_merge_origins,
    ),
    "company": Source(
        model="company.company",
        fields=("party", "currency.code"),
        single=True,
        finish=_merge_company_facts,
    ),
}  # fmt: skip
