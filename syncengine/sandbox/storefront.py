"""The same business as a web shop: what it sells, to whom, and how it is paid.

Of every ten orders the first eight are paid, one payment failed and one is pending. A paid one makes two
transactions: the payment and its fee. Every twentieth order's payment is disputed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncengine.sandbox.books import Books, Record, money, record_id, slug
from syncengine.sandbox.businesses import Ware
from syncengine.sandbox.parties import customer, place_of

_METHODS = (("Card at the till", "card"), ("Card online", "online_card"), ("Cash", "cash"), ("Gift voucher", "credit"))
_PLACES = ("Main shop", "Market stall", "Web shop")
_DISPUTE_STATES = ("open", "won", "lost", "evidence")
_SHOPPERS = 400
LOCATIONS, METHODS, SIZES_OF_A_WARE = len(_PLACES), len(_METHODS), 5


@dataclass(frozen=True, slots=True)
class Basket:
    """What one order comes to, in cents."""

    lines: list[Record]
    net: int
    tax: int

    @property
    def gross(self) -> int:
        return self.net + self.tax


def shop_info(books: Books, n: int) -> Record:
    business = books.business
    return {
        "id": f"shop_{business.id}",
        "title": f"{business.name} online",
        "legal_name": business.legal_name,
        "registration_no": business.registration_no,
        "currency": business.currency,
        "address": place_of(books, books.chance("company", 0)),
        "phone": f"{business.dialling} 100",
        "website": f"https://shop.{slug(business.name)}.example",
        "held": {"currency": business.currency, "available": 1250.5, "pending": 310.0, "reserved": 0.0},
        "opened_at": "2021-02-01T09:00:00Z",
    }


def shopper(books: Books, n: int) -> Record:
    own = customer(books, n)
    address = own["addresses"]["delivery"]
    return {"id": record_id("shc", n), "title": own["person"], "email": own["people"][0]["email"],
            "phone": own["phone"], "currency": own["currency"], "address": address,
            "memo": "Regular" if n % 3 == 0 else "", "joined_at": f"{books.iso(books.day(n))}T08:00:00Z"}  # fmt: skip


def shoppers_of(orders: int) -> int:
    return min(max(10, orders), _SHOPPERS)


def location(books: Books, n: int) -> Record:
    return {
        "id": record_id("shl", n),
        "title": _PLACES[n] if n < LOCATIONS else f"Pop-up {n}",
        "address": place_of(books, books.chance("shl", n)),
    }


def category(books: Books, n: int) -> Record:
    """All goods first, then one for each kind of ware; beyond them, empty ones."""
    kinds = ("Everything", "Goods", "Hire", "Services")
    return {
        "id": record_id("shg", n),
        "title": kinds[n] if n < len(kinds) else f"Season {n}",
        "above": [{"id": record_id("shg", 0), "name": kinds[0]}] if n else [],
        "has_children": n == 0,
    }


def product(books: Books, n: int) -> Record:
    """One for each line of wares, in its five sizes; beyond them, copies that nobody ordered."""
    wares = books.business.wares
    lines = len(wares) // SIZES_OF_A_WARE
    first = n % lines * SIZES_OF_A_WARE
    copy = n // lines
    name = f"{wares[first].name}, edition {copy + 1}" if copy else wares[first].name
    return {
        "id": record_id("shp", n),
        "title": name,
        "text": f"{name} of {books.business.name}",
        "kind": wares[first].kind,
        "is_voucher": False,
        "variants": [_variant(books, n, size, wares[first + size]) for size in range(SIZES_OF_A_WARE)],
    }


def tax_part(books: Books, n: int) -> Record:
    taxes = books.business.taxes
    own, copy = taxes[n % len(taxes)], n // len(taxes)
    return {
        "id": record_id("sht", n),
        "title": f"{own.name} {copy + 1}" if copy else own.name,
        "percent": own.rate / 100,
        "compound": False,
    }


def method(books: Books, n: int) -> Record:
    title, kind = _METHODS[n % METHODS]
    copy = n // METHODS
    return {
        "id": record_id("shm", n),
        "title": f"{title} {copy + 1}" if copy else title,
        "kind": kind,
        "state": "active",
    }


def order(books: Books, n: int) -> Record:
    chance, basket = books.chance("shop_orders", n), _basket(books, n)
    who = chance % min(max(10, n), _SHOPPERS)
    at = LOCATIONS - 1 if chance & 64 else chance % (LOCATIONS - 1)
    day = books.iso(books.day(n))
    return {
        "id": record_id("sho", n),
        "number": f"W{n + 1:06d}",
        "country": books.business.country,
        "currency": books.business.currency,
        "placed_at": f"{day}T{chance % 12 + 8:02d}:{chance % 60:02d}:00Z",
        "closed_at": f"{day}T21:00:00Z" if _is_paid(n) else None,
        "net": money(basket.net),
        "tax": money(basket.tax),
        "gross": money(basket.gross),
        "refunded": 0.0,
        "discount": 0.0,
        "tip": 0.0,
        "lines": basket.lines,
        "payments": [_payment_of(books, n, basket.gross)],
        "location": {"id": record_id("shl", at), "name": _PLACES[at]},
        "customer": {"id": record_id("shc", who), "name": customer(books, who)["person"]},
    }


def payment(books: Books, n: int) -> Record:
    own = _payment_of(books, n, _basket(books, n).gross)
    return {**own, "order_id": record_id("sho", n)}


def transaction(books: Books, n: int) -> Record:
    paid = n // 2
    of = paid // 8 * 10 + paid % 8
    gross = _basket(books, of).gross
    day = books.iso(books.day(of))
    is_fee = n % 2 == 1
    return {
        "id": record_id("shx", n),
        "kind": "fee" if is_fee else "payment",
        "amount": money(-_fee(gross) if is_fee else gross),
        "currency": books.business.currency,
        "payment_id": record_id("shy", of),
        "at": f"{day}T20:{n % 60:02d}:00Z",
    }


def transactions_of(orders: int) -> int:
    return 2 * (orders // 10 * 8 + min(orders % 10, 8))


def dispute(books: Books, n: int) -> Record:
    of = n * 20
    day = books.day(of)
    return {
        "id": record_id("shd", n),
        "transaction_id": record_id("shx", n * 32),
        "amount": money(_basket(books, of).gross),
        "currency": books.business.currency,
        "state": _DISPUTE_STATES[n % len(_DISPUTE_STATES)],
        "reason": ("Not received", "Not as described", "Unknown to me")[n % 3],
        "answer_by": books.iso(day + 30),
        "opened_at": f"{books.iso(day + 9)}T10:00:00Z",
    }


def disputes_of(orders: int) -> int:
    return -(-orders // 20)


def _is_paid(n: int) -> bool:
    return n % 10 < 8


def _fee(gross: int) -> int:
    return (gross * 19 + 500) // 1000 + 20


def _payment_of(books: Books, n: int, gross: int) -> Record:
    at = books.chance("shop_payments", n) % METHODS
    return {
        "id": record_id("shy", n),
        "amount": money(gross),
        "currency": books.business.currency,
        "state": "paid" if _is_paid(n) else ("failed", "pending")[n % 2],
        "kind": _METHODS[at][1],
        "method": {"id": record_id("shm", at), "name": _METHODS[at][0]},
        "provider": "Tillpay",
        "at": f"{books.iso(books.day(n))}T{n % 12 + 8:02d}:30:00Z",
    }


def _basket(books: Books, n: int) -> Basket:
    chance = books.chance("basket", n)
    lines: list[Record] = []
    net = tax = 0
    for place in range(chance % 3 + 1):
        ware, quantity = (chance >> (8 + 9 * place)) % 25, (chance >> (13 + 9 * place)) % 4 + 1
        line, line_net, line_tax = _line(books, n, place, ware, quantity)
        lines.append(line)
        net, tax = net + line_net, tax + line_tax
    return Basket(lines, net, tax)


def _line(books: Books, n: int, place: int, ware: int, quantity: int) -> tuple[Record, int, int]:
    own = books.business.wares[ware]
    rate = books.business.taxes[own.tax]
    net = quantity * own.sale_price
    tax = (net * rate.rate + 5000) // 10000
    of = ware // SIZES_OF_A_WARE
    line: dict[str, Any] = {
        "line_id": f"{record_id('sho', n)}-{place + 1}",
        "qty": quantity,
        "unit_price": money(own.sale_price),
        "net": money(net),
        "tax": money(tax),
        "gross": money(net + tax),
        "tax_pct": rate.rate / 100,
        "tax_parts": [{"id": record_id("sht", own.tax), "name": rate.name, "percent": rate.rate / 100}],
        "product": {"id": record_id("shp", of), "name": books.business.wares[of * SIZES_OF_A_WARE].name},
        "variant_id": _variant_id(of, ware % SIZES_OF_A_WARE),
        "variant": own.name,
    }
    return line, net, tax


def _variant(books: Books, n: int, size: int, ware: Ware) -> Record:
    stock = books.chance("stock", n * SIZES_OF_A_WARE + size) % 200
    return {
        "variant_id": _variant_id(n, size),
        "title": ware.name,
        "sku": f"{ware.code}/{n}" if n >= len(books.business.wares) // SIZES_OF_A_WARE else ware.code,
        "price": money(ware.sale_price),
        "currency": books.business.currency,
        "is_taxed": books.business.taxes[ware.tax].rate > 0,
        "tax_pct": books.business.taxes[ware.tax].rate / 100,
        "is_shipped": ware.kind == "stock",
        "stock": {"total": stock, "places": [{"qty": stock, "at": {"id": record_id("shl", 0), "name": _PLACES[0]}}]},
        "state": "published",
        "added_at": "2024-01-15T09:00:00Z",
    }


def _variant_id(product_number: int, size: int) -> str:
    return f"{record_id('shp', product_number)}-{size}"
