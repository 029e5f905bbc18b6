"""Companies: made, renamed, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.connections import forget_connection, revoke_access
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Company

_FORBIDDEN = re.compile(r"[^\w\s\-'&@.,?!]|_")
MAX_NAME = 200
MAX_TAGS = 10
MAX_TAG_KEY = 27
MAX_TAG_VALUE = 100
MAX_PRODUCTS = 20
_PRODUCT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")


@transaction.atomic
def create_company(
    *,
    name: str,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    products: Iterable[str] = (),
    actor: str,
) -> Company:
    """Create a company. Characters a name may not hold are removed without a word (codat contract, section 3).

    Raises: Refused naming `name`, `tags` or `product_identifier`.
    """
    company = Company.objects.create(
        name=_clean_name(name), description=description.strip(), tags=_checked_tags(tags or {}), created_by=actor
    )
    record_event("company.created", about=company, actor=actor, name=company.name)
    for product in products:
        add_product(company, product, actor=actor)
    return company


@transaction.atomic
def rename_company(company: Company, *, name: str, actor: str) -> None:
    """Raises: Refused naming `name`."""
    before, company.name = company.name, _clean_name(name)
    if company.name != before:
        company.save(update_fields=["name"])
        record_event("company.renamed", about=company, actor=actor, before=before, after=company.name)


@transaction.atomic
def update_company(
    company: Company,
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    actor: str,
) -> None:
    """Change what is given; None leaves a member as it is.

    Raises: Refused naming `name` or `tags`, with nothing changed.
    """
    checked: dict[str, Any] = {
        "description": None if description is None else description.strip(),
        "tags": None if tags is None else _checked_tags(tags),
    }
    if name is not None:
        rename_company(company, name=name, actor=actor)
    changed = [key for key, value in checked.items() if value is not None and value != getattr(company, key)]
    if changed:
        for key in changed:
            setattr(company, key, checked[key])
        company.save(update_fields=changed)
        record_event("company.changed", about=company, actor=actor, changed=changed)


def delete_company(company: Company, *, actor: str) -> None:
    """Make the company and all below it vanish at once. Its secrets are gone now, its records are purged later.

    Access is given back at each platform that offers that, as far as it can be reached.
    """
    for connection in company.connections.filter(deleted_at__isnull=True).select_related("integration"):
        revoke_access(connection)
    with transaction.atomic():
        for connection in company.connections.filter(deleted_at__isnull=True):
            forget_connection(connection, actor=actor)
        company.deleted_at = now()
        company.save(update_fields=["deleted_at"])
        record_event("company.deleted", about=company, actor=actor, name=company.name)


@transaction.atomic
def add_product(company: Company, product: str, *, actor: str) -> None:
    """Enable a product for the company; one that it has already stays as it is.

    Raises: Refused naming `product_identifier`.
    """
    product = product.lower()
    if not _PRODUCT.fullmatch(product):
        raise Refused(
            "A product's identifier is made of letters, digits and hyphens, at most 50 of them, such as bank-feeds.",
            field="product_identifier",
        )
    held = _products_of(company)
    if product in held:
        return
    if len(held) >= MAX_PRODUCTS:
        raise Refused(f"A company has at most {MAX_PRODUCTS} products.", field="product_identifier")
    _save_products(company, [*held, product])
    record_event("company.product_added", about=company, actor=actor, product=product)


@transaction.atomic
def remove_product(company: Company, product: str, *, actor: str) -> bool:
    """Disable a product for the company. Returns False when it did not have it."""
    product = product.lower()
    held = _products_of(company)
    if product not in held:
        return False
    _save_products(company, [one for one in held if one != product])
    record_event("company.product_removed", about=company, actor=actor, product=product)
    return True


def _products_of(company: Company) -> list[str]:
    # Locked, so that of two who add at once neither is forgotten.
    return list(Company.objects.select_for_update().values_list("products", flat=True).get(pk=company.pk))


def _save_products(company: Company, products: list[str]) -> None:
    company.products = products
    company.save(update_fields=["products"])


def _clean_name(name: str) -> str:
    cleaned = " ".join(_FORBIDDEN.sub("", name).split())
    if not cleaned:
        raise Refused("Enter a name with at least one letter or digit.", field="name")
    if len(cleaned) > MAX_NAME:
        raise Refused(f"A name has at most {MAX_NAME} characters; this one has {len(cleaned)}.", field="name")
    return cleaned


def _checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    if len(tags) > MAX_TAGS:
        raise Refused(f"A company has at most {MAX_TAGS} tags.", field="tags")
    for key, value in tags.items():
        if not 0 < len(key) <= MAX_TAG_KEY:
            raise Refused(f"A tag's key has 1 to {MAX_TAG_KEY} characters; {key!r} has {len(key)}.", field="tags")
        if not isinstance(value, str) or len(value) > MAX_TAG_VALUE:
            raise Refused(f"The value of tag {key!r} must be text of at most {MAX_TAG_VALUE} characters.", field="tags")
    return dict(tags)
