"""Products of a company: added once, removed once, told each time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from syncengine.actions.companies import MAX_PRODUCTS, add_product, remove_product
from syncengine.exceptions import Refused
from syncengine.models import Company, Event
from tests.factories import make_company


@pytest.mark.django_db
def test_adding_and_removing():
    company = make_company()
    add_product(company, "Lending", actor="ana")
    add_product(company, "bank-feeds", actor="ana")
    add_product(company, "lending", actor="ana")
    assert (company.products, Company.objects.get().products) == (["lending", "bank-feeds"],) * 2
    assert [remove_product(company, "LENDING", actor="bo"), remove_product(company, "lending", actor="bo")] == [
        True,
        False,
    ]
    assert Company.objects.get().products == ["bank-feeds"]
    assert [(event.kind, event.actor, event.data) for event in Event.objects.order_by("at")] == [
        ("company.product_added", "ana", {"product": "lending"}),
        ("company.product_added", "ana", {"product": "bank-feeds"}),
        ("company.product_removed", "bo", {"product": "lending"}),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("product", ["", "-", "a b", "lending-", "../x", "x" * 51, "ä", "a\0"])
def test_what_is_no_identifier_is_refused_and_changes_nothing(product):
    company = make_company()
    with pytest.raises(Refused) as refusal:
        add_product(company, product, actor="ana")
    assert (refusal.value.field, Company.objects.get().products) == ("product_identifier", [])


@pytest.mark.django_db
def test_a_company_has_so_many_products():
    company = make_company()
    for number in range(MAX_PRODUCTS):
        add_product(company, f"p{number}", actor="ana")
    with pytest.raises(Refused):
        add_product(company, "one-more", actor="ana")
    assert len(Company.objects.get().products) == MAX_PRODUCTS


@pytest.mark.django_db(transaction=True)
def test_of_many_who_add_at_once_none_is_forgotten():
    company = make_company()
    barrier = Barrier(10)

    def add(number):
        barrier.wait(30)
        add_product(company, f"p{number}", actor="ana")
        connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(add, range(10)))
    assert sorted(Company.objects.get().products) == [f"p{number}" for number in range(10)]
