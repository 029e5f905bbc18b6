from datetime import timedelta

import pytest

from syncengine.models import Dataset
from syncengine.queries.newest import cursor_of, newer_count
from syncengine.queries.read_history import HistoryFilters, filtered, history_rows, read_history
from syncengine.states import DatasetStatus as S
from syncengine.states import Trigger
from tests.syncengine.queries.helpers import NOON, make_company, make_connection, make_dataset

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
ALL = Dataset.objects


def found(**filters):
    return list(read_history(ALL.all(), HistoryFilters(**filters)).rows)


@pytest.mark.parametrize("count", [1, 3])
def test_one_query_brings_rows_with_company_and_platform(count, django_assert_num_queries):
    for number in range(count):
        make_dataset(make_connection(make_company(f"Acme {number}")), at=NOON + number * MINUTE)
    with django_assert_num_queries(1):
        rows = read_history(ALL.all(), HistoryFilters()).rows
        names = [(row.company.name, row.connection.integration.name) for row in rows]
    assert names == [(f"Acme {number}", "Books") for number in reversed(range(count))]


def test_each_filter_narrows():
    connection = make_connection()
    one = make_dataset(connection, status=S.FETCH_ERROR, trigger=Trigger.SCHEDULE)
    two = make_dataset(connection, at=NOON + MINUTE, data_type="customers", trigger=Trigger.API)
    three = make_dataset(at=NOON + 2 * MINUTE, data_type="bills", trigger=Trigger.USER, status=S.QUEUED)
    assert found() == [three, two, one]
    assert found(company_id=connection.company_id) == [two, one]
    assert found(connection_id=three.connection_id) == [three]
    assert found(data_types=["customers", "bills"]) == [three, two]
    assert found(statuses=[S.FETCH_ERROR]) == [one]
    assert found(triggers=[Trigger.API, Trigger.USER]) == [three, two]
    assert found(since=NOON + MINUTE) == [three, two]
    assert found(until=NOON + MINUTE) == [one]
    assert found(company_id=connection.company_id, statuses=[S.QUEUED]) == []


def test_filters_know_when_they_are_empty():
    company = make_company()
    assert HistoryFilters(company_id=company.pk).is_empty
    assert not HistoryFilters(slow_only=True).is_empty


def test_pages_follow_each_other_also_within_one_moment():
    connection = make_connection()
    made = [make_dataset(connection, at=NOON) for _ in range(5)]
    seen, after = [], ""
    while True:
        page = read_history(ALL.all(), HistoryFilters(), after=after, size=2)
        seen += page.rows
        after = page.after
        if not after:
            break
    assert seen == sorted(made, key=lambda dataset: dataset.pk, reverse=True)


def test_newer_ones_are_counted_under_the_same_filters():
    connection = make_connection()
    top = make_dataset(connection)
    make_dataset(connection, at=NOON + MINUTE)
    make_dataset(connection, at=NOON + MINUTE, status=S.CANCELLED)
    make_dataset(connection, at=NOON - MINUTE)
    cursor = cursor_of(top)
    assert newer_count(filtered(ALL.all(), HistoryFilters()), than=cursor) == 2
    assert newer_count(filtered(ALL.all(), HistoryFilters(statuses=[S.CANCELLED])), than=cursor) == 1
    assert newer_count(filtered(ALL.all(), HistoryFilters()), than="nonsense") == 0


def test_usual_is_the_median_of_the_five_complete_reads_before():
    connection = make_connection()
    for number, took in enumerate([900, 10, 50, 20, 40, 30]):
        make_dataset(connection, at=NOON + number * MINUTE, took=took)
    make_dataset(connection, at=NOON + 7 * MINUTE, took=1, status=S.FETCH_ERROR)
    make_dataset(connection, at=NOON + 8 * MINUTE, took=1, data_type="bills")
    make_dataset(at=NOON + 8 * MINUTE, took=1)
    last = make_dataset(connection, at=NOON + 9 * MINUTE, took=31)
    [row] = history_rows(ALL.all(), [last.pk])
    assert row.usual_duration == timedelta(seconds=30)


def test_two_reads_are_too_few_to_call_anything_usual():
    connection = make_connection()
    made = [make_dataset(connection, at=NOON + n * MINUTE, took=5) for n in range(4)]
    usual = {row.pk: row.usual_duration for row in history_rows(ALL.all(), [dataset.pk for dataset in made])}
    assert [usual[dataset.pk] for dataset in made] == [None, None, None, timedelta(seconds=5)]


@pytest.mark.parametrize(
    ("usual", "took", "slow"), [(10, 15, True), (10, 14.9, False), (0.1, 1.0, False), (0.1, 1.1, True)]
)
def test_slower_than_usual_is_half_as_long_again_and_a_second(usual, took, slow):
    connection = make_connection()
    for number in range(5):
        make_dataset(connection, at=NOON + number * MINUTE, took=usual)
    last = make_dataset(connection, at=NOON + 9 * MINUTE, took=took)
    assert found(slow_only=True) == ([last] if slow else [])


def test_search_finds_names_and_whole_ids():
    one = make_dataset(make_connection(make_company("Acme 100%")))
    make_dataset(make_connection(make_company("Other")))
    for search in ("acme", "0%", str(one.pk), str(one.company_id).upper(), f" {one.connection_id} "):
        assert found(search=search) == [one]
    assert found(search="_") == []
