"""Fills a fresh Tryton through its own API. Runs inside Tryton's environment: `python seed.py <rpc url> <password>`.

Deterministic, but for the current year that dates the documents.
"""

# ruff: noqa: DTZ011 - the company's own calendar days

import datetime
import sys
from decimal import Decimal

from proteus import Model, Wizard, config
from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, create_tax, get_accounts
from trytond.modules.account_invoice.tests.tools import set_fiscalyear_invoice_sequences
from trytond.modules.company.tests.tools import create_company, get_company

YEAR = datetime.date.today().year
TODAY = datetime.date.today()
TOWNS = (("Leith", "EH6 6LU"), ("Whitby", "YO21 1DN"), ("Falmouth", "TR11 3DF"), ("Deal", "CT14 6HZ"))
TRADES = ("Chandlery", "Sailmakers", "Boatyard", "Ropeworks", "Smokehouse", "Brewery", "Printers")
PARTIES, PRODUCTS, INVOICES, BILLS, MOVES, ACCOUNTS = 220, 18, 42, 16, 9, 12


class Books:
    """The open session, and what later steps need of earlier ones."""

    def __init__(self, session):
        self.session = session
        self.company = self.tax = self.term = self.category = None
        self.accounts, self.parties, self.products = {}, [], []

    def create(self, model, rows):
        return Model.get(model)._proxy.create(rows, self.session.context)

    def find(self, model, *domain):
        return Model.get(model)._proxy.search(list(domain), 0, None, None, self.session.context)

    def refresh_context(self):
        self.session._context = Model.get("res.user").get_preferences(True, {})


def found_company(books):
    owner = Model.get("party.party")(name="Harbour & Finch Ltd")
    owner.addresses[0].street = "1 Quay Street\nUnit 4"
    owner.addresses[0].city = "Leith"
    contact = owner.contact_mechanisms.new(type="phone")
    contact.value = "+44 131 496 0000"
    owner.save()
    create_company(party=owner, currency="EUR")
    books.refresh_context()
    books.company = get_company()
    create_chart(books.company)
    books.accounts = get_accounts(books.company)
    year = create_fiscalyear(books.company, (datetime.date(YEAR, 1, 1), datetime.date(YEAR, 12, 31)))
    set_fiscalyear_invoice_sequences(year).click("create_period")


def set_terms(books):
    books.tax = create_tax(Decimal("0.20"), books.company)
    books.tax.save()
    reduced = create_tax(Decimal("0.055"), books.company)
    reduced.name = reduced.description = "Reduced 5.5"
    reduced.save()
    both = create_tax(Decimal("0"), books.company)
    both.name, both.description, both.type, both.rate = "Both", "BOTH", "none", None
    both.save()
    Tax = Model.get("account.tax")
    for rate in ("0.07", "0.03"):
        part = create_tax(Decimal(rate), books.company)
        part.parent = Tax(both.id)
        part.save()
    term = Model.get("account.invoice.payment_term")(name="Half in 200 days, half in 400")
    half = term.lines.new(type="percent_on_total", ratio=Decimal("0.5"))
    half.relativedeltas.new(days=200)
    rest = term.lines.new(type="remainder")
    rest.relativedeltas.new(days=400)
    term.save()
    books.term = term
    method = Model.get("account.invoice.payment.method")(name="Till")
    method.journal = Model.get("account.journal")(books.find("account.journal", ("type", "=", "cash"))[0])
    method.credit_account = method.debit_account = books.accounts["cash"]
    method.save()


def add_accounts(books):
    revenue = books.accounts["revenue"]
    books.create(
        "account.account",
        [
            {
                "code": f"7{number:03}",
                "name": f"Mooring fees, berth {number}",
                "company": books.company.id,
                "type": revenue.type.id,
                "parent": revenue.parent and revenue.parent.id,
                "closed": number == ACCOUNTS,
            }
            for number in range(1, ACCOUNTS + 1)
        ],
    )


def add_parties(books):
    rows = []
    for number in range(1, PARTIES + 1):
        town, code = TOWNS[number % len(TOWNS)]
        contacts = [{"type": "email", "value": f"office{number}@example.org"}]
        if number % 3 == 0:
            contacts.append({"type": "mobile", "value": f"+44 7700 900{number:03}"})
        row = {
            "name": f"{TRADES[number % len(TRADES)]} No. {number}",
            "code": f"P{number:05}",
            "addresses": [
                ["create", [{"street": f"{number} Pier Road", "city": town, "postal_code": code, "invoice": True}]]
            ],
            "contact_mechanisms": [["create", contacts]],
        }
        if number % 5 == 0:
            row["identifiers"] = [["create", [{"type": "eu_vat", "code": "BE0897290877"}]]]
        rows.append(row)
    books.parties = books.create("party.party", rows)


def add_products(books):
    category = Model.get("product.category")(name="Quayside goods", accounting=True)
    category.account_expense, category.account_revenue = books.accounts["expense"], books.accounts["revenue"]
    category.customer_taxes.append(Model.get("account.tax")(books.tax.id))
    category.save()
    child = Model.get("product.category")(name="Rope", accounting=True)
    child.parent, child.account_parent, child.taxes_parent = Model.get("product.category")(category.id), True, True
    child.save()
    unit = books.find("product.uom", ("name", "=", "Unit"))[0]
    kinds = ("goods", "service")
    templates = books.create(
        "product.template",
        [
            {
                "name": f"Article {number}",
                "code": f"A{number:03}",
                "type": kinds[number % 2],
                "consumable": number % 4 == 0,
                "default_uom": unit,
                "list_price": Decimal(number * 100 + 99) / 100,
                "account_category": (category.id, child.id)[number % 3 == 0],
                "products": [["create", [{"cost_price": Decimal(number) / 4}]]],
            }
            for number in range(1, PRODUCTS + 1)
        ],
    )
    books.products = books.find("product.product", ("template", "in", templates))


def document(books, number, direction, sign=1):
    out = direction == "out"
    party = books.parties[(number * 7) % len(books.parties)]
    address = books.find("party.address", ("party", "=", party))[0]
    journal = books.find("account.journal", ("type", "=", "revenue" if out else "expense"))[0]
    lines = [
        {
            "type": "line",
            "company": books.company.id,
            "currency": books.company.currency.id,
            "description": f"{direction} {number}, line {line}",
            "quantity": float(sign * (line + number % 4)),
            "unit_price": Decimal(1000 + number * 37 + line * 11) / 100,
            "account": books.accounts["revenue" if out else "expense"].id,
            **({"taxes": [["add", [books.tax.id]]]} if line == 1 else {}),
        }
        for line in range(1, 2 + number % 3)
    ]
    lines.append(
        {
            "type": "comment",
            "company": books.company.id,
            "currency": books.company.currency.id,
            "description": "Thank you",
        }
    )
    return {
        "type": direction,
        "company": books.company.id,
        "party": party,
        "invoice_address": address,
        "currency": books.company.currency.id,
        "journal": journal,
        "payment_term": books.term.id,
        "reference": f"{direction}-{sign}-{number}",
        "comment": "Delivered to the quay" if number % 6 == 0 else None,
        "invoice_date": TODAY if out or number % 2 else None,
        "account": books.accounts["receivable" if out else "payable"].id,
        "lines": [["create", lines]],
    }


def add_documents(books):
    Invoice = Model.get("account.invoice")
    sales = books.create("account.invoice", [document(books, number, "out") for number in range(1, INVOICES + 1)])
    bills = books.create("account.invoice", [document(books, number, "in") for number in range(1, BILLS + 1)])
    credits = books.create("account.invoice", [document(books, number, "out", -1) for number in range(1, 4)])
    refunds = books.create("account.invoice", [document(books, number, "in", -1) for number in range(1, 3)])
    Invoice._proxy.validate_invoice([bills[2]], books.session.context)
    Invoice._proxy.post([*sales[:10], bills[0], credits[0], refunds[0]], books.session.context)
    Invoice._proxy.cancel([sales[20], bills[5]], books.session.context)
    for number in sales[:3]:
        pay(books, Invoice(number), None)
    pay(books, Invoice(sales[3]), Decimal("5.00"))


def pay(books, invoice, amount):
    """Pay all of it, or a part that stays unreconciled."""
    paying = Wizard("account.invoice.pay", [invoice])
    (paying.form.payment_method,) = Model.get("account.invoice.payment.method").find([("name", "=", "Till")])
    paying.form.date = TODAY
    if amount is not None:
        paying.form.amount = amount
    paying.execute("choice")
    if amount is not None:
        paying.form.type = "partial"
        paying.execute("pay")


def add_moves(books):
    period = books.find(
        "account.period", ("type", "=", "standard"), ("start_date", "<=", TODAY), ("end_date", ">=", TODAY)
    )[0]
    journal = books.find("account.journal", ("type", "=", "general"))[0]
    cash, revenue = books.accounts["cash"].id, books.accounts["revenue"].id
    moves = books.create(
        "account.move",
        [
            {
                "description": f"Harbour dues {number}",
                "journal": journal,
                "period": period,
                "company": books.company.id,
                "date": TODAY,
                "lines": [
                    [
                        "create",
                        [
                            {"account": cash, "debit": Decimal(number), "credit": Decimal(0)},
                            {"account": revenue, "debit": Decimal(0), "credit": Decimal(number)},
                        ],
                    ]
                ],
            }
            for number in range(1, MOVES + 1)
        ],
    )
    Model.get("account.move")._proxy.post(moves[:3], books.session.context)


def retire_some(books):
    """Switch rows off at the end: Tryton lets nobody change or use them afterwards."""
    Model.get("party.party")._proxy.write(books.parties[39::40], {"active": False}, books.session.context)
    Model.get("product.product")._proxy.write(books.products[8::9], {"active": False}, books.session.context)


def add_clerk(books):
    """A user of the company without any right to its accounts."""
    books.create(
        "res.user",
        [{"name": "Clerk", "login": "clerk", "companies": [["add", [books.company.id]]], "company": books.company.id}],
    )


def main(url, password):
    with config.set_xmlrpc_session(url, "admin", password) as session:
        books = Books(session)
        for step in (
            found_company,
            set_terms,
            add_accounts,
            add_parties,
            add_products,
            add_documents,
            add_moves,
            add_clerk,
        ):
            step(books)


if __name__ == "__main__":
    main(*sys.argv[1:])
