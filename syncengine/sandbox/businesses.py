"""The three businesses whose books can be linked, with what each of them sells, buys and owes in tax."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ware:
    """Something sold and bought. Prices are in cents of the business's currency."""

    code: str
    name: str
    kind: str  # stock | service | other
    sale_price: int
    purchase_price: int
    tax: int  # which of the business's tax rates
    income_account: str
    purchase_account: str


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax rate in hundredths of a per cent; `parts` add up to it."""

    code: str
    name: str
    rate: int
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Business:
    """`scale` multiplies the figures of the statements; `foreign` is (currency, its worth in the own currency)."""

    id: str
    name: str
    legal_name: str
    country: str
    currency: str
    foreign: tuple[str, float]
    default_size: int
    scale: int
    registration_no: str
    tax_no: str
    dialling: str
    wares: tuple[Ware, ...]
    taxes: tuple[Tax, ...]


def _wares(sold: tuple[tuple[str, str, int], ...], prefix: str) -> tuple[Ware, ...]:
    """Five wares of each of the sold lines: the plain one and four sizes of it."""
    sizes = (("", 100), (", small", 60), (", large", 150), (", box of 6", 540), (", box of 24", 1980))
    wares = []
    for line, (name, kind, price) in enumerate(sold):
        for size, (suffix, percent) in enumerate(sizes):
            sale = price * percent // 100
            wares.append(
                Ware(
                    code=f"{prefix}-{line + 1}{size}",
                    name=name + suffix,
                    kind=kind,
                    sale_price=sale,
                    purchase_price=max(1, sale * 55 // 100),
                    tax=0 if kind != "service" else 1 + size % 2,
                    income_account="4010" if kind == "service" else "4000",
                    purchase_account="5020" if kind == "service" else ("5000", "5010")[size % 2],
                )
            )
    return tuple(wares)


_UK_TAXES = (
    Tax("S20", "Standard VAT", 2000, (("VAT", 2000),)),
    Tax("R5", "Reduced VAT", 500, (("VAT", 500),)),
    Tax("Z0", "Zero-rated", 0, (("VAT", 0),)),
    Tax("EX", "Exempt", 0, ()),
)
_IE_TAXES = (
    Tax("S23", "Standard VAT", 2300, (("VAT", 2300),)),
    Tax("R13", "Reduced VAT", 1350, (("VAT", 1350),)),
    Tax("Z0", "Zero-rated", 0, (("VAT", 0),)),
)
_US_TAXES = (
    Tax("ST", "State and county sales tax", 725, (("State", 600), ("County", 125))),
    Tax("SO", "State sales tax only", 600, (("State", 600),)),
    Tax("NT", "Not taxable", 0, ()),
)

BUSINESSES: dict[str, Business] = {
    business.id: business
    for business in (
        Business(
            id="brightwater",
            name="Brightwater Bakery",
            legal_name="Brightwater Bakery Limited",
            country="GB",
            currency="GBP",
            foreign=("EUR", 0.8642),
            default_size=250,
            scale=100,
            registration_no="09418273",
            tax_no="GB 294 7710 36",
            dialling="+44 1632 960",
            taxes=_UK_TAXES,
            wares=_wares(
                (
                    ("Sourdough loaf", "stock", 420),
                    ("Celebration cake", "stock", 3850),
                    ("Coffee beans 1 kg", "stock", 1675),
                    ("Hire of serving tables", "other", 2500),
                    ("Event catering, per hour", "service", 6400),
                ),
                "BB",
            ),
        ),
        Business(
            id="northgate",
            name="Northgate Cycles",
            legal_name="Northgate Cycles (Ireland) DAC",
            country="IE",
            currency="EUR",
            foreign=("GBP", 1.1571),
            default_size=60,
            scale=40,
            registration_no="583920",
            tax_no="IE3482910LH",
            dialling="+353 20 913",
            taxes=_IE_TAXES,
            wares=_wares(
                (
                    ("Touring bicycle", "stock", 89900),
                    ("Puncture kit", "stock", 795),
                    ("Waterproof pannier", "stock", 5450),
                    ("Bicycle hire, day", "other", 3000),
                    ("Workshop labour, per hour", "service", 5800),
                ),
                "NC",
            ),
        ),
        Business(
            id="alderfinch",
            name="Alder & Finch Studio",
            legal_name="Alder & Finch Studio LLC",
            country="US",
            currency="USD",
            foreign=("CAD", 0.7284),
            default_size=900,
            scale=260,
            registration_no="84-2917364",
            tax_no="47-3382910",
            dialling="+1 503 555",
            taxes=_US_TAXES,
            wares=_wares(
                (
                    ("Letterpress card set", "stock", 2400),
                    ("Framed print", "stock", 14500),
                    ("Linen notebook", "stock", 1850),
                    ("Gallery hire, evening", "other", 45000),
                    ("Design work, per hour", "service", 11500),
                ),
                "AF",
            ),
        ),
    )
}
