"""What Headrace must hold of a Tryton company, worked out from what a person sees there (JSON-RPC)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.tryton.person import EVERY_STATE, Person

type Contents = dict[str, dict[str, Any]]


def expected(person: Person, data_type: str) -> Contents:
    return _WORKED_OUT[data_type](person)


def _said(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "")}


def _day(value: Any) -> str | None:
    return f"{value.isoformat()}T00:00:00" if value else None


def _stamp(value: Any) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value else None


def _id(value: int | None) -> dict[str, str] | None:
    return {"id": str(value)} if value is not None else None


def _by(rows: list[dict[str, Any]], member: str) -> dict[int, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row[member]].append(row)
    return groups


def _currency(person: Person) -> str:
    company = person.all("company.company", ["currency"], ["id", "=", person.context["company"]])[0]
    return person.all("currency.currency", ["code"], ["id", "=", company["currency"]])[0]["code"]


def _accounts(person: Person) -> Contents:
    flags = ["name", "parent", "statement", "assets", "receivable", "payable", "debt", "revenue", "expense"]
    types = {row["id"]: row for row in person.all("account.account.type", flags)}

    def path(number: int | None) -> list[str]:
        return [*path(types[number]["parent"]), types[number]["name"]] if number else []

    def kind(number: int | None) -> str:
        row = types.get(number or 0, {"statement": None})
        if row["statement"] == "income":
            return "Expense" if row["expense"] and not row["revenue"] else "Income"
        if row["statement"] != "balance":
            return "Unknown"
        if row["assets"] or row["receivable"]:
            return "Asset"
        named = any("equity" in name.lower() for name in path(number))
        return "Equity" if named and not row["payable"] and not row["debt"] else "Liability"

    euro = _currency(person)
    fields = ["code", "name", "note", "type", "closed", "active"]
    return {
        str(row["id"]): _said(
            id=str(row["id"]),
            nominalCode=row["code"],
            name=row["name"],
            description=row["note"],
            fullyQualifiedCategory=" > ".join(path(row["type"])),
            currency=euro,
            type=kind(row["type"]),
            status="Archived" if row["closed"] or not row["active"] else "Active",
            isBankAccount=False,
        )
        for row in person.all("account.account", fields, EVERY_STATE)
    }


def _party_members(person: Person, parties: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    contacts = _by(person.all("party.contact_mechanism", ["party", "type", "value"]), "party")
    fields = ["party", "attn", "street", "city", "postal_code", "country", "invoice"]
    places = _by(person.all("party.address", fields), "party")
    numbers = {row["id"]: row["code"] for row in person.all("party.identifier", ["code"], EVERY_STATE)}
    return {
        party["id"]: {
            "contacts": contacts[party["id"]],
            "addresses": [_address(row) for row in places[party["id"]]],
            "attn": next((row["attn"] for row in places[party["id"]] if row["attn"]), None),
            "tax": numbers.get(party["tax_identifier"]),
        }
        for party in parties
    }


def _address(row: dict[str, Any]) -> dict[str, Any]:
    lines = (row["street"] or "").splitlines()
    return _said(
        type="Billing" if row["invoice"] else "Unknown",
        line1=lines[0] if lines else None,
        line2=", ".join(lines[1:]),
        city=row["city"],
        postalCode=row["postal_code"],
    )


def _parties(person: Person, name: str) -> Contents:
    found = {}
    rows = person.all("party.party", ["name", "active", "tax_identifier"], EVERY_STATE)
    members = _party_members(person, rows)
    for row in rows:
        more = members[row["id"]]
        contacts = {contact["type"]: contact["value"] for contact in reversed(more["contacts"])}
        found[str(row["id"])] = _said(
            id=str(row["id"]),
            **{name: row["name"]},
            contactName=more["attn"],
            emailAddress=contacts.get("email"),
            phone=contacts.get("phone") or contacts.get("mobile"),
            addresses=more["addresses"],
            taxNumber=more["tax"],
            status="Active" if row["active"] else "Archived",
        )
    return found


def _documents(person: Person, direction: str) -> dict[str, dict[str, Any]]:
    fields = [
        "number", "reference", "description", "comment", "state", "invoice_date", "accounting_date", "party",
        "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay", "reconciled", "lines_to_pay", "create_date",
        "type",
    ]  # fmt: skip
    parts = ["invoice", "type", "description", "quantity", "unit_price", "amount", "account", "product", "taxes"]
    lines = _by(person.all("account.invoice.line", parts, ["invoice", "!=", None]), "invoice")
    names = {row["id"]: row["name"] for row in person.all("party.party", ["name"], EVERY_STATE)}
    due = {row["id"]: row["maturity_date"] for row in person.all("account.move.line", ["maturity_date"])}
    euro = _currency(person)
    documents = {}
    for row in person.all("account.invoice", fields, ["type", "=", direction]):
        row["name"], row["euro"] = names[row["party"]], euro
        row["lines"] = [line for line in lines[row["id"]] if line["type"] == "line"]
        row["due"] = max((due[line] for line in row["lines_to_pay"] if due[line]), default=None)
        row["left"] = row["total_amount"] if row["state"] in ("draft", "validated") else row["amount_to_pay"]
        documents[str(row["id"])] = row
    return documents


def _common(row: dict[str, Any], sign: int) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "issueDate": _day(row["invoice_date"] or row["accounting_date"] or row["create_date"].date()),
        "currency": row["euro"],
        "note": row["comment"] or row["description"],
        "lineItems": [
            _said(
                description=line["description"],
                quantity=sign * Decimal(str(line["quantity"])),
                unitAmount=line["unit_price"],
                subTotal=sign * line["amount"],
                accountRef=_id(line["account"]),
                itemRef=_id(line["product"]),
                taxRateRef=_id(line["taxes"][0]) if len(line["taxes"]) == 1 else None,
            )
            for line in row["lines"]
        ],
    }


def _status(row: dict[str, Any], open_word: str) -> str:
    if row["state"] == "posted" and row["left"] != row["total_amount"]:
        return "PartiallyPaid"
    words = {"draft": "Draft", "paid": "Paid", "cancelled": "Void"}
    return words.get(row["state"], open_word)


def _invoice(row: dict[str, Any]) -> dict[str, Any]:
    return _said(
        **_common(row, 1),
        invoiceNumber=row["number"],
        customerRef={"id": str(row["party"]), "companyName": row["name"]},
        dueDate=_day(row["due"]),
        paidOnDate=_day(row["reconciled"]) if row["state"] == "paid" else None,
        subTotal=row["untaxed_amount"],
        totalTaxAmount=row["tax_amount"],
        totalAmount=row["total_amount"],
        amountDue=row["left"],
        status=_status(row, "Submitted"),
    )


def _bill(row: dict[str, Any]) -> dict[str, Any]:
    return _said(
        **_common(row, 1),
        reference=row["reference"] or row["number"],
        supplierRef={"id": str(row["party"]), "supplierName": row["name"]},
        dueDate=_day(row["due"]),
        subTotal=row["untaxed_amount"],
        taxAmount=row["tax_amount"],
        totalAmount=row["total_amount"],
        amountDue=row["left"],
        status=_status(row, "Open"),
    )


def _credit_members(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **_common(row, -1),
        "subTotal": -row["untaxed_amount"],
        "totalTaxAmount": -row["tax_amount"],
        "totalAmount": -row["total_amount"],
        "totalDiscount": 0,
        "discountPercentage": 0,
        "remainingCredit": -row["left"],
        "status": _status(row, "Submitted"),
    }


def _credit(row: dict[str, Any]) -> dict[str, Any]:
    party = {"id": str(row["party"]), "companyName": row["name"]}
    return _said(**_credit_members(row), creditNoteNumber=row["number"], customerRef=party)


def _bill_credit(row: dict[str, Any]) -> dict[str, Any]:
    party = {"id": str(row["party"]), "supplierName": row["name"]}
    return _said(**_credit_members(row), billCreditNoteNumber=row["reference"] or row["number"], supplierRef=party)


def _items(person: Person) -> Contents:
    accounts = ["parent", "account_parent", "account_revenue", "account_expense"]
    taxes = ["taxes_parent", "customer_taxes", "supplier_taxes"]
    categories = {row["id"]: row for row in person.all("product.category", accounts + taxes)}

    def found(number: int, up: str, member: str) -> Any:
        row = categories[number]
        return found(row["parent"], up, member) if row[up] else row[member]

    def side(row: dict[str, Any], price: str, account: str, tax: str) -> dict[str, Any]:
        rates = found(row["account_category"], "taxes_parent", tax)
        return _said(
            description=row["description"],
            unitPrice=row[price],
            accountRef=_id(found(row["account_category"], "account_parent", account)),
            taxRateRef=_id(rates[0]) if len(rates) == 1 else None,
        )

    fields = ["code", "name", "description", "active", "type", "consumable", "list_price_used", "cost_price"]
    kinds = {("service", False): "Service", ("goods", False): "Inventory", ("goods", True): "NonInventory"}
    return {
        str(row["id"]): _said(
            id=str(row["id"]),
            name=row["name"],
            code=row["code"],
            itemStatus="Active" if row["active"] else "Archived",
            type=kinds[row["type"], bool(row["consumable"]) and row["type"] == "goods"],
            isInvoiceItem=True,
            isBillItem=True,
            invoiceItem=side(row, "list_price_used", "account_revenue", "customer_taxes"),
            billItem=side(row, "cost_price", "account_expense", "supplier_taxes"),
        )
        for row in person.all("product.product", [*fields, "account_category"], EVERY_STATE)
    }


def _taxes(person: Person) -> Contents:
    fields = ["name", "description", "rate", "active", "childs"]
    rows = {row["id"]: row for row in person.all("account.tax", fields, EVERY_STATE)}
    found = {}
    for row in rows.values():
        parts = [rows[child] for child in row["childs"]] or [row]
        total = sum(part["rate"] * 100 for part in parts)
        found[str(row["id"])] = _said(
            id=str(row["id"]),
            name=row["name"],
            code=row["description"],
            status="Active" if row["active"] else "Archived",
            effectiveTaxRate=total,
            totalTaxRate=total,
            components=[{"name": part["name"], "rate": part["rate"] * 100, "isCompound": False} for part in parts],
        )
    return found


def _entries(person: Person) -> Contents:
    documents = {**_documents(person, "out"), **_documents(person, "in")}
    fields = ["number", "date", "description", "state", "journal", "origin", "create_date", "write_date"]
    lines = _by(person.all("account.move.line", ["move", "account", "debit", "credit", "description"]), "move")
    journals = {row["id"]: row["name"] for row in person.all("account.journal", ["name"], EVERY_STATE)}
    kinds = {"out": ("invoices", "creditNotes"), "in": ("bills", "billCreditNotes")}
    euro = _currency(person)
    found = {}
    for row in person.all("account.move", fields):
        model, _, origin = (row["origin"] or "").partition(",")
        source = documents.get(origin) if model == "account.invoice" else None
        found[str(row["id"])] = _said(
            id=str(row["id"]),
            description=row["description"] or row["number"],
            postedOn=_day(row["date"]) if row["state"] == "posted" else None,
            createdOn=_stamp(row["create_date"]),
            updatedOn=_stamp(row["write_date"]),
            journalRef={"id": str(row["journal"]), "name": journals[row["journal"]]},
            recordRef=source and {"id": origin, "dataType": kinds[source["type"]][source["total_amount"] < 0]},
            journalLines=[
                _said(
                    description=line["description"],
                    netAmount=line["debit"] - line["credit"],
                    currency=euro,
                    accountRef=_id(line["account"]),
                )
                for line in lines[row["id"]]
            ],
        )
    return found


def _company(person: Person) -> Contents:
    row = person.all("company.company", ["party", "create_date"], ["id", "=", person.context["company"]])[0]
    party = person.all("party.party", ["name", "tax_identifier"], ["id", "=", row["party"]])[0]
    more = _party_members(person, [party])[party["id"]]
    years = person.all("account.fiscalyear", ["start_date"])
    phones = {"phone": "Landline", "mobile": "Mobile", "fax": "Fax"}
    key = str(row["id"])
    return {
        key: _said(
            id=key,
            companyName=party["name"],
            companyLegalName=party["name"],
            accountingPlatformRef=key,
            addresses=more["addresses"],
            phoneNumbers=[
                {"number": contact["value"], "type": phones[contact["type"]]}
                for contact in more["contacts"]
                if contact["type"] in phones
            ],
            webLinks=[],
            taxNumber=more["tax"],
            financialYearStartDate=_day(years[-1]["start_date"]),
            baseCurrency=_currency(person),
            createdDate=_stamp(row["create_date"]),
        )
    }


def _of_sign(
    direction: str, below: bool, form: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[Person], Contents]:
    return lambda person: {
        key: form(row) for key, row in _documents(person, direction).items() if (row["total_amount"] < 0) == below
    }


_WORKED_OUT: dict[str, Callable[[Person], Contents]] = {
    "chartOfAccounts": _accounts,
    "customers": lambda person: _parties(person, "customerName"),
    "suppliers": lambda person: _parties(person, "supplierName"),
    "invoices": _of_sign("out", False, _invoice),
    "creditNotes": _of_sign("out", True, _credit),
    "bills": _of_sign("in", False, _bill),
    "billCreditNotes": _of_sign("in", True, _bill_credit),
    "items": _items,
    "taxRates": _taxes,
    "journalEntries": _entries,
    "company": _company,
}
