from datetime import timedelta

import pytest

from syncengine.models import Company
from syncengine.queries import companies
from syncengine.queries.companies import NO_CONNECTIONS, PlatformPill, companies_page, worst_state
from syncengine.states import ConnectionStatus
from tests.syncengine.queries.helpers import NOON, make_company, make_connection, make_integration

pytestmark = pytest.mark.django_db
C = ConnectionStatus


def names(**options):
    return [row.company.name for row in companies_page(Company.objects.all(), **options).rows]


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_takes_three_queries(count, django_assert_num_queries):
    for number in range(count):
        company = make_company(f"Acme {number}")
        make_connection(company)
        make_connection(company, status=C.UNLINKED)
    with django_assert_num_queries(3):
        page = companies_page(Company.objects.all())
    assert [row.company.name for row in page.rows] == [f"Acme {number}" for number in range(count)]
    assert (page.total_count, page.has_more_than_counted, page.after) == (count, False, "")


def test_a_row_tells_worst_state_platforms_and_last_sync():
    company = make_company()
    books, bank = make_integration(), make_integration("bank", "Bank")
    make_connection(company, integration=books, last_sync_at=NOON)
    make_connection(company, integration=books, status=C.DEAUTHORIZED, last_sync_at=NOON - timedelta(days=1))
    make_connection(company, integration=bank)
    make_connection(company, integration=bank, status=C.DEAUTHORIZED, deleted_at=NOON)
    [row] = companies_page(Company.objects.all()).rows
    assert (row.state, row.last_sync_at) == (C.DEAUTHORIZED, NOON)
    assert row.platforms == (
        PlatformPill("book", "Books", C.DEAUTHORIZED, 2),
        PlatformPill("bank", "Bank", C.LINKED, 1),
    )


def test_a_company_without_connections_says_so():
    make_company()
    [row] = companies_page(Company.objects.all()).rows
    assert (row.state, row.platforms, row.last_sync_at) == (NO_CONNECTIONS, (), None)


def test_the_most_urgent_state_is_the_worst():
    assert [
        worst_state([C.LINKED, C.UNLINKED, C.PENDING_AUTH, C.DEAUTHORIZED]),
        worst_state([C.LINKED, C.UNLINKED, C.PENDING_AUTH]),
        worst_state([C.LINKED, C.UNLINKED]),
        worst_state([C.LINKED]),
        worst_state([]),
    ] == [C.DEAUTHORIZED, C.PENDING_AUTH, C.UNLINKED, C.LINKED, NO_CONNECTIONS]


def test_search_finds_name_ids_and_platform():
    acme, other = make_company("Acme 100%"), make_company("Other")
    connection = make_connection(other, integration=make_integration("tryt", "Tryton"))
    assert names(search="acme") == ["Acme 100%"]
    assert names(search="0%") == ["Acme 100%"]
    assert names(search=str(acme.pk).upper()) == ["Acme 100%"]
    assert names(search=f" {connection.pk} ") == ["Other"]
    assert names(search="tryt") == ["Other"]
    assert names(search="_") == []


def test_a_deleted_company_or_connection_is_not_found():
    make_company("Gone", deleted_at=NOON)
    connection = make_connection(make_company("Here"), deleted_at=NOON)
    assert names() == ["Here"]
    assert names(search=str(connection.pk)) == []


def test_filters_by_worst_state_and_platform():
    for state in C:
        make_connection(make_company(state.value), status=state)
    make_company("None")
    both = make_company("Both")
    make_connection(both, integration=make_integration("bank", "Bank"))
    make_connection(both, status=C.DEAUTHORIZED)
    assert {state: names(state=state) for state in [*C, NO_CONNECTIONS, "Nonsense"]} == {
        C.PENDING_AUTH: ["PendingAuth"],
        C.LINKED: ["Linked"],
        C.UNLINKED: ["Unlinked"],
        C.DEAUTHORIZED: ["Both", "Deauthorized"],
        NO_CONNECTIONS: ["None"],
        "Nonsense": [],
    }
    assert names(platform="bank") == ["Both"]
    assert names(platform="bank", state=C.LINKED) == []


def test_pages_follow_each_other_also_through_equal_names():
    for number in range(5):
        make_company("Same" if number < 4 else "Tail")
    seen, after = [], ""
    while True:
        page = companies_page(Company.objects.all(), after=after, size=2)
        seen += [row.company.pk for row in page.rows]
        after = page.after
        if not after:
            break
    assert seen == list(Company.objects.order_by("name", "id").values_list("pk", flat=True))


def test_a_foreign_cursor_starts_at_the_beginning():
    make_company("Acme")
    assert names(after="nonsense") == ["Acme"]


def test_counting_ends_at_the_limit(monkeypatch):
    monkeypatch.setattr(companies, "COUNT_LIMIT", 2)
    for number in range(3):
        make_company(str(number))
    page = companies_page(Company.objects.all())
    assert (page.total_count, page.has_more_than_counted) == (2, True)
