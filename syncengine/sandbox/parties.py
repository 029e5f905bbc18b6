"""Customers, suppliers and the company itself."""

from __future__ import annotations

import msgspec

from syncengine.sandbox.books import Books, Record, encode, record_id, slug
from syncengine.sandbox.words import FIRST_NAMES, LAST_NAMES, PLACES, STREETS, SUPPLIES, TRADES

_PIECES_KEPT = 4096  # beyond so many different parties their short forms are built each time
_SUFFIX = {"GB": "Ltd", "IE": "DAC", "US": "Inc"}


def customers_needed(invoices: int) -> int:
    """So many customers must exist for every invoice's customer to exist."""
    return min(max(20, invoices // 5), 2000)


def suppliers_needed(bills: int) -> int:
    return min(max(15, bills // 8), 1000)


def customer_of(n: int, chance: int) -> int:
    return chance % min(max(20, n // 5), 2000)


def supplier_of(n: int, chance: int) -> int:
    return chance % min(max(15, n // 8), 1000)


def customer_name(books: Books, n: int) -> str:
    chance = books.chance("customers", n)
    return f"{LAST_NAMES[chance % 30]} {TRADES[(chance >> 8) % 19]} {_SUFFIX[books.business.country]}"


def supplier_name(books: Books, n: int) -> str:
    chance = books.chance("suppliers", n)
    return f"{LAST_NAMES[chance % 30]} & {LAST_NAMES[(chance >> 16) % 30]} {SUPPLIES[(chance >> 8) % 18]}"


def party(books: Books, side: str, n: int) -> msgspec.Raw:
    """A party as other records show it: `{"id": …, "name": …}`."""
    piece: msgspec.Raw | None = books.pieces.get((side, n))
    if piece is None:
        prefix, name = ("cus", customer_name) if side == "customers" else ("sup", supplier_name)
        piece = msgspec.Raw(encode({"id": record_id(prefix, n), "name": name(books, n)}))
        if len(books.pieces) < _PIECES_KEPT:
            books.pieces[(side, n)] = piece
    return piece


def customer(books: Books, n: int) -> Record:
    chance = books.chance("customers", n)
    name = customer_name(books, n)
    return {
        "id": record_id("cus", n),
        "display_name": name,
        **_contact(books, name, chance),
        "addresses": {"billing": place_of(books, chance), "delivery": place_of(books, chance >> 5)},
        "people": [_person(books, name, chance >> shift) for shift in range(11, 11 + 7 * (1 + chance % 2), 7)],
    }


def supplier(books: Books, n: int) -> Record:
    chance = books.chance("suppliers", n)
    name = supplier_name(books, n)
    return {
        "id": record_id("sup", n),
        "trading_name": name,
        **_contact(books, name, chance),
        "address": place_of(books, chance),
        "terms_days": (14, 30, 45)[chance % 3],
    }


def company(books: Books, n: int) -> Record:
    business = books.business
    chance = books.chance("company", n)
    site = f"https://www.{slug(business.name)}.example"
    return {
        "id": f"biz_{business.id}",
        "trading_name": business.name,
        "legal_name": business.legal_name,
        "registration_no": business.registration_no,
        "tax_no": business.tax_no,
        "base_currency": business.currency,
        "year_starts_on": f"{books.as_of.year}-04-01",
        "locked_until": f"{books.as_of.year}-03-31",
        "opened_at": "2019-05-14T08:30:00Z",
        "address": place_of(books, chance),
        "phone": _phone(books, chance),
        "website": site,
        "links": {"about": f"{site}/about"},
    }


def _contact(books: Books, name: str, chance: int) -> Record:
    business = books.business
    return {
        "person": f"{FIRST_NAMES[(chance >> 20) % 26]} {LAST_NAMES[(chance >> 26) % 30]}",
        "email": f"accounts@{slug(name)}.example",
        "phone": _phone(books, chance >> 3),
        "company_no": f"{chance % 90_000_000 + 10_000_000}",
        "tax_no": f"{business.country}{(chance >> 17) % 900_000_000 + 100_000_000}",
        "currency": business.currency,
        "state": "inactive" if chance % 17 == 0 else "active",
    }


def _person(books: Books, company_name: str, chance: int) -> Record:
    first, last = FIRST_NAMES[chance % 26], LAST_NAMES[(chance >> 5) % 30]
    return {
        "name": f"{first} {last}",
        "email": f"{slug(first)}.{slug(last)}@{slug(company_name)}.example",
        "mobile": _phone(books, chance >> 2),
        "state": "active",
    }


def _phone(books: Books, chance: int) -> str:
    return f"{books.business.dialling} {chance % 900 + 100}"


def place_of(books: Books, chance: int) -> Record:
    city, region, postcode = PLACES[books.business.country][(chance >> 9) % 6]
    return {
        "street": f"{chance % 180 + 1} {STREETS[(chance >> 12) % 12]}",
        "unit": f"Unit {chance % 9 + 1}" if chance % 4 == 0 else None,
        "city": city,
        "region": region,
        "postcode": postcode,
        "country": books.business.country,
    }
