from datetime import timedelta

import pytest

from syncengine.models import Dataset
from syncengine.queries.data_status import TypeStatus, company_grid, data_status, grid_version
from syncengine.states import DatasetStatus as S
from tests.syncengine.queries.helpers import (
    NOON,
    make_company,
    make_connection,
    make_data_status,
    make_dataset,
    platform,
    use_platforms,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books(monkeypatch):
    use_platforms(monkeypatch, platform("book", "Books", "invoices", "customers", "taxRates"))


@pytest.mark.parametrize("count", [1, 3])
def test_the_grid_takes_two_queries_whatever_the_number_of_connections(count, django_assert_num_queries):
    company = make_company()
    for _ in range(count):
        connection = make_connection(company)
        make_data_status(connection, latest_dataset=make_dataset(connection))
    with django_assert_num_queries(2):
        rows = company_grid(company)
        assert [(row.label, row.status) for row in rows] == [
            ("Customers", ""),
            ("Invoices", S.COMPLETE),
            ("Tax rates", ""),
        ] * count
    with django_assert_num_queries(2):
        data_status(company)
    with django_assert_num_queries(2):
        grid_version(company)


def test_a_row_shows_the_running_dataset_beside_the_last_good_one():
    connection = make_connection()
    good = make_dataset(connection)
    running = make_dataset(connection, status=S.MAPPING, fetched_count=7)
    make_data_status(
        connection,
        latest_dataset=running,
        latest_successful_dataset=good,
        last_successful_sync_at=NOON,
        next_sync_at=NOON + timedelta(days=1),
        record_count=42,
    )
    row = company_grid(connection.company)[1]
    assert (row.data_type, row.label, row.source_type, row.connection) == (
        "invoices",
        "Invoices",
        "Accounting",
        connection,
    )
    assert (row.status, row.is_active, row.is_errored, row.dataset.fetched_count) == (S.MAPPING, True, False, 7)
    assert (row.latest_dataset_id, row.latest_successful_dataset_id) == (running.pk, good.pk)
    assert (row.last_successful_sync_at, row.next_sync_at, row.record_count) == (NOON, NOON + timedelta(days=1), 42)


def test_a_type_that_was_never_read_has_an_empty_row():
    row = company_grid(make_connection().company)[0]
    assert (row.status, row.dataset, row.latest_dataset_id, row.record_count, row.mismatch) == ("", None, None, 0, "")
    assert (row.is_active, row.is_errored) == (False, False)


def test_types_outside_the_platform_stay_once_they_were_read():
    connection = make_connection()
    make_data_status(connection, "custom/claims")
    assert [(row.label, row.source_type) for row in company_grid(connection.company)] == [
        ("custom/claims", "Custom"),
        ("Customers", "Accounting"),
        ("Invoices", "Accounting"),
        ("Tax rates", "Accounting"),
    ]


def test_deleted_connections_are_left_out():
    assert company_grid(make_connection(deleted_at=NOON).company) == []


def test_related_types_read_on_different_days_are_marked():
    connection = make_connection()
    make_data_status(connection, "invoices", last_successful_sync_at=NOON)
    make_data_status(connection, "customers", last_successful_sync_at=NOON - timedelta(days=1))
    make_data_status(connection, "taxRates", last_successful_sync_at=NOON - timedelta(days=30))
    assert {row.data_type: row.mismatch for row in company_grid(connection.company)} == {
        "customers": (
            "The last good read of Customers was on 9 Mar 2026 12:00 UTC, that of related data on another day: "
            "Invoices on 10 Mar 2026 12:00 UTC. Figures that use them together may not add up."
        ),
        "invoices": (
            "The last good read of Invoices was on 10 Mar 2026 12:00 UTC, that of related data on another day: "
            "Customers on 9 Mar 2026 12:00 UTC. Figures that use them together may not add up."
        ),
        "taxRates": "",
    }


@pytest.mark.parametrize("apart", [timedelta(hours=11), timedelta()])
def test_related_types_read_on_the_same_day_are_in_step(apart):
    connection = make_connection()
    make_data_status(connection, "invoices", last_successful_sync_at=NOON)
    make_data_status(connection, "customers", last_successful_sync_at=NOON - apart)
    assert {row.mismatch for row in company_grid(connection.company)} == {""}


def test_a_refresh_across_midnight_is_in_step():
    connection = make_connection()
    make_data_status(connection, "invoices", last_successful_sync_at=NOON.replace(hour=23, minute=59))
    make_data_status(connection, "customers", last_successful_sync_at=NOON.replace(day=11, hour=0))
    assert {row.mismatch for row in company_grid(connection.company)} == {""}


def test_types_of_different_connections_are_not_compared():
    company = make_company()
    make_data_status(make_connection(company), "invoices", last_successful_sync_at=NOON)
    make_data_status(make_connection(company), "customers", last_successful_sync_at=NOON - timedelta(days=9))
    assert {row.mismatch for row in company_grid(company)} == {""}


def test_the_version_changes_with_anything_shown():
    connection = make_connection()
    company = connection.company
    versions = [grid_version(company), grid_version(company)]
    dataset = make_dataset(connection, status=S.QUEUED)
    status = make_data_status(connection, latest_dataset=dataset)
    versions.append(grid_version(company))
    for column, value in (
        ("status", S.FETCHING),
        ("fetched_count", 5),
        ("wake_at", NOON),
        ("cancel_requested_at", NOON),
    ):
        Dataset.objects.filter(pk=dataset.pk).update(**{column: value})
        versions.append(grid_version(company))
    status.record_count = 5
    status.save()
    versions.append(grid_version(company))
    connection.status = "Deauthorized"
    connection.save()
    versions.append(grid_version(company))
    assert versions[0] == versions[1]
    assert len(set(versions)) == len(versions) - 1


def test_the_four_situations_of_the_wire():
    connection = make_connection()
    failed, good, later = make_dataset(connection, status=S.FETCH_ERROR), make_dataset(connection), None
    later = make_dataset(connection, status=S.AUTH_ERROR, at=NOON + timedelta(hours=1))
    make_data_status(connection, "invoices", latest_dataset=failed)
    make_data_status(
        connection,
        "customers",
        latest_dataset=later,
        latest_successful_dataset=good,
        last_successful_sync_at=NOON,
    )
    make_data_status(
        connection, "bills", latest_dataset=good, latest_successful_dataset=good, last_successful_sync_at=NOON
    )
    assert data_status(connection.company) == {
        "taxRates": TypeStatus("taxRates"),
        "invoices": TypeStatus("invoices", None, S.FETCH_ERROR, failed.pk, None),
        "customers": TypeStatus("customers", NOON, S.AUTH_ERROR, later.pk, good.pk),
        "bills": TypeStatus("bills", NOON, S.COMPLETE, good.pk, good.pk),
    }


def test_of_several_connections_the_last_asked_one_counts():
    company = make_company()
    old, new = make_connection(company), make_connection(company)
    make_data_status(new, latest_dataset=make_dataset(new, at=NOON, status=S.QUEUED))
    make_data_status(old, latest_dataset=make_dataset(old, at=NOON + timedelta(1), status=S.CANCELLED))
    assert data_status(company)["invoices"].current_status == S.CANCELLED
