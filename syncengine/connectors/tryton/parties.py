"""Customers, suppliers and the company itself, from Tryton's parties. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from syncengine.connectors.tryton.values import Content, Row, date_of, in_sequence, iso, known, member, moment_of

_PHONES = {"phone": "Landline", "mobile": "Mobile", "fax": "Fax"}


def customer(raw: Row) -> Content:
    return _party(raw, "customerName")


def supplier(raw: Row) -> Content:
    return _party(raw, "supplierName")


def _party(raw: Row, name: str) -> Content:
    addresses = _current(raw["addresses"])
    return known(
        {
            name: raw["name"] or raw["code"],
            "contactName": next((row["attn"] for row in addresses if row["attn"]), None),
            "emailAddress": _first_contact(raw, ("email",)),
            "phone": _first_contact(raw, ("phone", "mobile")),
            "addresses": [_address(row) for row in addresses],
            "taxNumber": _tax_number(raw),
            "status": "Active" if raw["active"] else "Archived",
        }
    )


def _current(children: Sequence[Row]) -> list[Row]:
    return [row for row in in_sequence(children) if row["active"]]


def _first_contact(raw: Row, kinds: Sequence[str]) -> str | None:
    contacts = _current(raw["contact_mechanisms"])
    return next((row["value"] for kind in kinds for row in contacts if row["type"] == kind and row["value"]), None)


def _tax_number(raw: Row) -> str | None:
    return next((row["code"] for row in raw["identifiers"] if row["id"] == raw["tax_identifier"]), None)


def _address(row: Row) -> Content:
    first, _, rest = (row["street"] or "").strip().partition("\n")
    return known(
        {
            "type": "Billing" if row["invoice"] else "Unknown",
            "line1": first.strip(),
            "line2": ", ".join(part.strip() for part in rest.splitlines() if part.strip()),
            "city": row["city"],
            "region": member(row["subdivision"], "name"),
            "country": member(row["country"], "code"),
            "postalCode": row["postal_code"],
        }
    )


def company(raw: Row) -> Content:
    party = raw["party"]
    contacts = _current(party["contact_mechanisms"])
    phones = [{"number": row["value"], "type": _PHONES[row["type"]]} for row in contacts if row["type"] in _PHONES]
    links = [{"type": "Website", "url": row["value"]} for row in contacts if row["type"] == "website"]
    return known(
        {
            "companyName": party["name"],
            "accountingPlatformRef": str(raw["id"]),
            "companyLegalName": party["name"],
            "addresses": [_address(row) for row in _current(party["addresses"])],
            "phoneNumbers": phones,
            "webLinks": links,
            "ledgerLockDate": _first_date(raw["closed_periods"], "end_date"),
            "taxNumber": _tax_number(party),
            "financialYearStartDate": _first_date(raw["fiscal_years"], "start_date"),
            "baseCurrency": member(raw["currency"], "code"),
            "createdDate": iso(moment_of(raw, "create_date")),
        }
    )


def _first_date(found: Sequence[Row], name: str) -> str | None:
    return date_of(found[0], name) if found else None
