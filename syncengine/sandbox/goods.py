"""Items, tax rates and payment methods: what documents refer to."""

from __future__ import annotations

import msgspec

from syncengine.sandbox.books import Books, Record, encode, money, record_id
from syncengine.sandbox.chart import account_ref

METHODS = (("Bank transfer", "bank"), ("Card", "card"), ("Cash", "cash"), ("Direct debit", "bank"))


def ware_ref(books: Books, n: int) -> Record:
    return {"id": record_id("itm", n), "name": books.business.wares[n].name}


def tax_ref(books: Books, n: int) -> Record:
    own = books.business.taxes[n]
    return {"id": record_id("tax", n), "name": own.name, "percent": own.rate / 100}


_METHOD_REFS = tuple(
    msgspec.Raw(encode({"id": record_id("mth", n), "name": title})) for n, (title, _) in enumerate(METHODS)
)


def method_ref(chance: int) -> msgspec.Raw:
    return _METHOD_REFS[chance % 4]


def item(books: Books, n: int) -> Record:
    """The wares first; beyond them, variants of them that no document uses."""
    wares = books.business.wares
    ware = wares[n % len(wares)]
    variant = n // len(wares)
    tax = tax_ref(books, ware.tax)
    return {
        "id": record_id("itm", n),
        "sku": f"{ware.code}-{variant:03d}" if variant else ware.code,
        "title": f"{ware.name}, pattern {variant}" if variant else ware.name,
        "kind": ware.kind,
        "state": "discontinued" if variant % 7 == 6 else "active",
        "is_sold": True,
        "is_bought": ware.kind != "service",
        "sale": {
            "text": ware.name,
            "price": money(ware.sale_price),
            "account": account_ref(ware.income_account),
            "tax_rate": tax,
        },
        "purchase": None
        if ware.kind == "service"
        else {
            "text": ware.name,
            "price": money(ware.purchase_price),
            "account": account_ref(ware.purchase_account),
            "tax_rate": tax,
        },
    }


def tax_rate(books: Books, n: int) -> Record:
    """The business's rates first; beyond them, retired ones."""
    taxes = books.business.taxes
    own, retired = taxes[n % len(taxes)], n // len(taxes)
    return {
        "id": record_id("tax", n),
        "code": f"{own.code}-{retired}" if retired else own.code,
        "title": f"{own.name} (retired {retired})" if retired else own.name,
        "percent": own.rate / 100,
        "effective_percent": own.rate / 100,
        "state": "retired" if retired else "in_use",
        "parts": [{"title": title, "percent": rate / 100, "compound": False} for title, rate in own.parts],
    }


def payment_method(books: Books, n: int) -> Record:
    title, kind = METHODS[n % len(METHODS)]
    copy = n // len(METHODS)
    return {
        "id": record_id("mth", n),
        "title": f"{title} {copy + 1}" if copy else title,
        "kind": kind,
        "state": "active",
    }
