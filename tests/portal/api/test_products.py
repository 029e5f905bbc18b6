"""Products of a company, and reads asked for by product."""

from __future__ import annotations

import pytest

from syncengine.models import Dataset
from tests.factories import make_company, make_connection, make_dataset
from tests.portal.api.answers import empty, members_at_fault, refused, told

pytestmark = pytest.mark.django_db
IN_PROGRESS = (
    "Data cannot be refreshed while a read operation is in progress. "
    "Allow the read to complete before attempting to refresh."
)


@pytest.fixture
def company(db):
    company = make_company(products=["our-dashboard"])
    make_connection(company)
    return company


def at(company, product, more=""):
    return f"/companies/{company.pk}/products/{product}{more}"


def products(wire, company):
    return told(wire.get(f"/companies/{company.pk}"))["products"]


def test_products_are_added_once_and_removed(wire, company):
    assert empty(wire("PUT", at(company, "lending"))) == (204, b"")
    assert empty(wire("PUT", at(company, "Lending"))) == (204, b"")
    assert products(wire, company) == ["our-dashboard", "lending"]
    assert empty(wire("DELETE", at(company, "LENDING"))) == (204, b"")
    assert products(wire, company) == ["our-dashboard"]
    assert refused(wire("DELETE", at(company, "lending"))) == (404, "The company has no product lending")


@pytest.mark.parametrize("product", ["a b", "é", "-x", "x" * 51])
def test_an_identifier_has_its_form(wire, company, product):
    response = wire("PUT", at(company, product))
    assert (refused(response)[0], members_at_fault(response)) == (400, ["productIdentifier"])
    assert products(wire, company) == ["our-dashboard"]


def test_a_product_of_ones_own_reads_what_is_fetched_on_first_link(wire, company):
    assert empty(wire("POST", at(company, "our-dashboard", "/refresh"))) == (202, b"")
    read = set(Dataset.objects.values_list("data_type", flat=True))
    assert "invoices" in read
    assert "accountTransactions" not in read


@pytest.mark.parametrize("body", [{"dataTypes": ["Invoices", "accountTransactions"]}])
def test_its_data_types_may_be_named(wire, company, body):
    assert empty(wire("POST", at(company, "our-dashboard", "/refresh"), body)) == (202, b"")
    assert sorted(Dataset.objects.values_list("data_type", flat=True)) == ["accountTransactions", "invoices"]


def test_a_type_it_does_not_have_is_refused_with_those_it_has_and_nothing_is_read(wire, company):
    response = wire("POST", at(company, "our-dashboard", "/refresh"), {"dataTypes": ["invoices", "unicorns"]})
    status, words = refused(response)
    assert (status, members_at_fault(response)) == (400, ["dataTypes[1]"])
    assert words.startswith("'unicorns' is not a data type of this product. Valid data types are: accountTransactions,")
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("body", [None, {"dataTypes": ["bills", "invoices"]}])
def test_while_a_read_is_in_progress_it_is_refused(wire, company, body):
    running = make_dataset(company.connections.get(), "invoices")
    assert refused(wire("POST", at(company, "our-dashboard", "/refresh"), body)) == (400, IN_PROGRESS)
    assert Dataset.objects.get() == running


@pytest.mark.parametrize("product", ["bank-feeds", "Lending", "expenses"])
def test_a_standard_product_refreshes_itself(wire, company, product):
    wire("PUT", at(company, product))
    words = f"{product.lower()} doesn't support data refreshing: it refreshes its data by itself."
    assert refused(wire("POST", at(company, product, "/refresh"))) == (400, words)


def test_a_product_the_company_has_not_is_not_found(wire, company):
    assert refused(wire("POST", at(company, "other", "/refresh"))) == (404, "The company has no product other")


@pytest.mark.parametrize("body", [{"dataTypes": "invoices"}, {"dataTypes": [1]}, {"more": 1}, [], 5])
def test_a_bad_body_reads_nothing(wire, company, body):
    assert refused(wire("POST", at(company, "our-dashboard", "/refresh"), body))[0] == 400
    assert not Dataset.objects.exists()
