from __future__ import annotations

import json

import pytest

from portal.api.paging import Page, PageRefused, contract_path, envelope, envelope_bytes, read_page, rows_of
from syncengine.models import Company
from tests.factories import make_company


@pytest.mark.parametrize(
    ("parameters", "page"),
    [
        ({}, Page(1, 100)),
        ({"page": "3"}, Page(3, 100)),
        ({"page": "2", "pageSize": "5000"}, Page(2, 5000)),
        ({"PAGE": " 2 ", "pagesize": "001"}, Page(2, 1)),
        ({"page": "", "pageSize": ""}, Page(1, 100)),
        ({"page": "999999999999999"}, Page(999_999_999_999_999, 100)),
    ],
)
def test_which_page(parameters: dict[str, str], page: Page) -> None:
    assert read_page(parameters) == page


@pytest.mark.parametrize("value", ["0", "-1", "1.0", "one", "١", "1e3", "+1", "9" * 16, "9" * 5000, "1 2"])
def test_a_page_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(PageRefused) as refusal:
        read_page({"page": value})
    assert (refusal.value.field, refusal.value.message) == ("page", "page must be a whole number from 1.")


@pytest.mark.parametrize("value", ["0", "5001", "-1", "many", "9" * 5000])
def test_a_page_size_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(PageRefused) as refusal:
        read_page({"pageSize": value})
    assert (refusal.value.field, refusal.value.message) == (
        "pageSize",
        "pageSize must be a whole number from 1 to 5000.",
    )


def test_the_envelope_of_the_contract() -> None:
    assert envelope([{"id": "1"}], Page(1, 100), 1, "/companies") == {
        "results": [{"id": "1"}],
        "pageNumber": 1,
        "pageSize": 100,
        "totalResults": 1,
        "_links": {"self": {"href": "/companies"}, "current": {"href": "/companies?page=1&pageSize=100"}},
    }


def test_the_links_of_a_page_in_the_middle_carry_what_was_asked() -> None:
    parameters = {
        "PageSize": "10",
        "page": "2",
        "query": "name~Ødegård & Co && tags.region=uk",
        "orderBy": "-created",
    }
    carried = "query=name~%C3%98deg%C3%A5rd%20%26%20Co%20%26%26%20tags.region%3Duk&orderBy=-created"
    assert envelope([], Page(2, 10), 21, "/companies", parameters)["_links"] == {
        "self": {"href": "/companies"},
        "current": {"href": f"/companies?page=2&pageSize=10&{carried}"},
        "next": {"href": f"/companies?page=3&pageSize=10&{carried}"},
        "previous": {"href": f"/companies?page=1&pageSize=10&{carried}"},
    }


@pytest.mark.parametrize(
    ("number", "total", "following", "previous"),
    [(1, 0, None, None), (1, 10, None, None), (1, 11, 2, None), (2, 20, None, 1), (3, 20, None, 2), (900, 20, None, 2)],
)
def test_next_and_previous_are_there_only_when_they_exist(
    number: int, total: int, following: int | None, previous: int | None
) -> None:
    links = envelope([], Page(number, 10), total, "/x")["_links"]
    found = [links[name]["href"] if name in links else None for name in ("next", "previous")]
    assert found == [wanted and f"/x?page={wanted}&pageSize=10" for wanted in (following, previous)]


def test_bytes_and_objects_make_the_same_body() -> None:
    results = [{"id": "é", "amount": 1.5}, {"id": "2"}]
    texts = [json.dumps(result).encode() for result in results]
    for some, objects in ((texts, results), ([], [])):
        body = envelope_bytes(some, Page(2, 2), 9, "/a b", {"query": "id~é"})
        assert json.loads(body) == envelope(objects, Page(2, 2), 9, "/a b", {"query": "id~é"})


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/api/companies/", "/companies"), ("/API/companies", "/companies"), ("/x/api/y", "/x/api/y"), ("/apix", "/apix")],
)
def test_a_path_without_the_mount(path: str, wanted: str) -> None:
    assert contract_path(path) == wanted


@pytest.mark.django_db
def test_rows_of_a_page(django_assert_num_queries: object) -> None:
    for number in range(5):
        make_company(f"Company {number}")
    companies = Company.objects.order_by("name").values_list("name", flat=True)
    pages = [(Page(1, 5), 1), (Page(1, 2), 2), (Page(3, 2), 2), (Page(4, 2), 1), (Page(10**14, 5000), 1)]
    found = []
    for page, queries in pages:
        with django_assert_num_queries(queries):
            found.append(rows_of(companies, page))
    assert found == [
        ([f"Company {number}" for number in range(5)], 5),
        (["Company 0", "Company 1"], 5),
        (["Company 4"], 5),
        ([], 5),
        ([], 5),
    ]
