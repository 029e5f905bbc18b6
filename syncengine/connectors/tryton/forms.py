"""What can be written to Tryton, and how a body of the standard model becomes rows of its."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from syncengine.connectors.base import RecordRefused
from syncengine.connectors.changes import Operation, WriteSupport
from syncengine.connectors.tryton.protocol import Row

type Body = Mapping[str, Any]

CREATE, UPDATE, DELETE, UPLOAD = Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.UPLOAD
ITEM_TYPES = {"Inventory": ("goods", False), "NonInventory": ("goods", True), "Service": ("service", False)}
STATUSES = {"Active": True, "Archived": False}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the model, and the field of Tryton's that describes it.

    required:  by us, where Tryton would take a record that nobody could read.
    options:   the words it may hold.
    """

    path: str
    model: str
    field: str
    type: str = "String"
    required: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    name: str
    description: str
    model: str
    members: tuple[Member, ...]


def _party(name: str) -> tuple[Member, ...]:
    return (
        Member(name, "party.party", "name", required=True),
        Member("emailAddress", "party.contact_mechanism", "email"),
        Member("phone", "party.contact_mechanism", "value"),
        Member("addresses", "party.party", "addresses", "Array"),
        Member("addresses.line1", "party.address", "street"),
        Member("addresses.line2", "party.address", "street"),
        Member("addresses.city", "party.address", "city"),
        Member("addresses.postalCode", "party.address", "postal_code"),
        Member("addresses.country", "party.address", "country"),
        Member("status", "party.party", "active", options=tuple(STATUSES)),
    )


FORMS: dict[str, Form] = {
    "customers": Form("Customer", "A party of Tryton.", "party.party", _party("customerName")),
    "suppliers": Form("Supplier", "A party of Tryton.", "party.party", _party("supplierName")),
    "chartOfAccounts": Form(
        "Account",
        "An account of the company's chart.",
        "account.account",
        (
            Member("nominalCode", "account.account", "code"),
            Member("name", "account.account", "name"),
            Member("description", "account.account", "note"),
            Member("fullyQualifiedCategory", "account.account", "type", required=True),
            Member("status", "account.account", "active", options=tuple(STATUSES)),
        ),
    ),
    "items": Form(
        "Item",
        "A product of Tryton, with its template.",
        "product.template",
        (
            Member("name", "product.template", "name"),
            Member("code", "product.template", "code"),
            Member("type", "product.template", "type", options=tuple(ITEM_TYPES)),
            Member("itemStatus", "product.template", "active", options=tuple(STATUSES)),
            Member("invoiceItem", "product.template", "list_price", "Object"),
            Member("invoiceItem.unitPrice", "product.template", "list_price", "Number"),
            Member("billItem", "product.product", "cost_price", "Object"),
            Member("billItem.unitPrice", "product.product", "cost_price", "Number"),
        ),
    ),
}
# No key that Tryton would know again, and no field that could carry ours: a lost answer is for a person to settle.
WRITES: dict[str, tuple[WriteSupport, ...]] = {
    **{name: tuple(WriteSupport(operation) for operation in (CREATE, UPDATE, DELETE)) for name in FORMS},
    **{name: (WriteSupport(UPLOAD),) for name in ("bills", "billCreditNotes", "invoices")},
}


def party_row(data_type: str, body: Body, countries: Mapping[str, int], before: Row | None) -> Row:
    """Return the row to create, or (with the record as it stands, `before`) what to write over it."""
    name = "customerName" if data_type == "customers" else "supplierName"
    row = _taken(body, {name: "name"})
    _put_status(row, body, "status")
    contacts = [
        order
        for kind, member in (("email", "emailAddress"), ("phone", "phone"))
        if member in body and (order := _contact(kind, _text(body, member), before))
    ]
    if contacts:
        row["contact_mechanisms"] = contacts
    if "addresses" in body and (addresses := _addresses(body["addresses"], countries, before)):
        row["addresses"] = addresses
    return row


def account_row(body: Body, kinds: Mapping[str, int]) -> Row:
    """`kinds`: ids of the account types by their path of names."""
    row = _taken(body, {"nominalCode": "code", "name": "name", "description": "note"})
    _put_status(row, body, "status")
    path = body.get("fullyQualifiedCategory")
    if path is not None:
        if path not in kinds:
            raise RecordRefused("fullyQualifiedCategory", "must be the path of an account type of this company")
        row["type"] = kinds[path]
    return row


def template_row(body: Body) -> tuple[Row, Row]:
    """Return what belongs to the template, and what to its product."""
    template = _taken(body, {"name": "name", "code": "code"})
    product: Row = {}
    _put_status(template, body, "itemStatus")
    if "active" in template:
        product["active"] = template["active"]
    if body.get("type") is not None:
        if body["type"] not in ITEM_TYPES:
            raise RecordRefused("type", f"must be one of {', '.join(ITEM_TYPES)}")
        template["type"], template["consumable"] = ITEM_TYPES[body["type"]]
    for side, row, field in (("invoiceItem", template, "list_price"), ("billItem", product, "cost_price")):
        price = (body.get(side) or {}).get("unitPrice") if isinstance(body.get(side), Mapping | None) else body[side]
        if price is not None:
            row[field] = _decimal(price, f"{side}.unitPrice")
    return template, product


def _taken(body: Body, names: Mapping[str, str]) -> Row:
    return {field: _text(body, member) for member, field in names.items() if member in body}


def _text(body: Body, member: str) -> str | None:
    value = body[member]
    if value is not None and not isinstance(value, str):
        raise RecordRefused(member, "must be a text")
    return value


def _decimal(value: Any, path: str) -> Row:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise RecordRefused(path, "must be a number")
    return {"__class__": "Decimal", "decimal": str(number)}


def _put_status(row: Row, body: Body, member: str) -> None:
    word = body.get(member)
    if word in (None, "Unknown"):
        return
    if word not in STATUSES:
        raise RecordRefused(member, f"must be one of {', '.join(STATUSES)}")
    row["active"] = STATUSES[word]


def _contact(kind: str, value: str | None, before: Row | None) -> list[Any] | None:
    """Create the way to reach them, change the one that a read shows, or take it away."""
    kinds = ("phone", "mobile") if kind == "phone" else (kind,)
    known = [row for row in (before or {}).get("contact_mechanisms", ()) if row["type"] in kinds and row["active"]]
    if known:
        return ["write", [known[0]["id"]], {"value": value}] if value else ["delete", [known[0]["id"]]]
    return ["create", [{"type": kind, "value": value}]] if value else None


def _addresses(given: Any, countries: Mapping[str, int], before: Row | None) -> list[Any]:
    if given is None:
        given = []
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        raise RecordRefused("addresses", "must be a list of addresses")
    wanted = [_address(one, countries, at) for at, one in enumerate(given)]
    known = [row["id"] for row in (before or {}).get("addresses", ()) if row["active"]]
    orders: list[Any] = [["write", [key], row] for key, row in zip(known, wanted, strict=False)]
    if len(wanted) > len(known):
        orders.append(["create", wanted[len(known) :]])
    if len(known) > len(wanted):
        orders.append(["delete", known[len(wanted) :]])
    return orders


def _address(given: Body, countries: Mapping[str, int], at: int) -> Row:
    lines = [text for name in ("line1", "line2") if (text := given.get(name))]
    row: Row = {"street": "\n".join(map(str, lines)), "city": given.get("city"), "postal_code": given.get("postalCode")}
    code = given.get("country")
    if code:
        if code not in countries:
            raise RecordRefused(f"addresses[{at}].country", "must be the two-letter code of a country Tryton knows")
        row["country"] = countries[code]
    return row
