from datetime import timedelta

import pytest
import time_machine

from syncengine.queries.keepalive import LapseWarning, lapse_warning_count, lapse_warnings
from syncengine.states import ConnectionStatus
from tests.syncengine.queries.helpers import (
    NOON,
    make_company,
    make_connection,
    make_data_status,
    make_integration,
    platform,
    use_platforms,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_platforms")]
DAY = timedelta(days=1)


@pytest.fixture
def _platforms(monkeypatch):
    use_platforms(monkeypatch, platform("book", "Books", idle_days=10), platform("free", "Free"))
    with time_machine.travel(NOON + DAY, tick=False):
        yield


def test_a_connection_without_schedule_is_warned_about_with_its_date():
    connection = make_connection(last_used_at=NOON, linked_at=NOON - 3 * DAY)
    make_data_status(connection)
    assert lapse_warnings(connection.company) == [
        LapseWarning(
            connection,
            NOON + 10 * DAY,
            "No schedule reads this connection within 10 days of its last use, "
            "and Books may then ask the customer to authorise it again.",
        )
    ]


def test_one_that_was_never_used_counts_from_its_linking():
    connection = make_connection(linked_at=NOON)
    assert [warning.lapses_at for warning in lapse_warnings(connection.company)] == [NOON + 10 * DAY]


def test_a_platform_without_declared_limit_is_given_a_month():
    connection = make_connection(integration=make_integration("free", "Free"), last_used_at=NOON)
    assert [warning.lapses_at for warning in lapse_warnings()] == [NOON + 30 * DAY]
    make_data_status(connection, next_sync_at=NOON + 30 * DAY + timedelta(hours=2))
    assert lapse_warnings() == []


@pytest.mark.parametrize(
    ("due", "warned"),
    [(9 * DAY, False), (10 * DAY, False), (10 * DAY + timedelta(seconds=1), True), (-40 * DAY, False)],
)
def test_a_read_due_in_time_keeps_it_alive(due, warned):
    connection = make_connection(last_used_at=NOON)
    make_data_status(connection, "customers", next_sync_at=NOON + 90 * DAY)
    make_data_status(connection, "invoices", next_sync_at=NOON + due)
    assert bool(lapse_warnings()) is warned


def test_an_overdue_read_comes_at_once_even_after_the_limit():
    connection = make_connection(last_used_at=NOON - 30 * DAY)
    make_data_status(connection, next_sync_at=NOON)
    assert lapse_warnings() == []


@pytest.mark.parametrize("status", [status for status in ConnectionStatus if status != ConnectionStatus.LINKED])
def test_only_linked_connections_have_something_to_lose(status):
    make_connection(status=status, last_used_at=NOON)
    assert lapse_warnings() == []


def test_deleted_ones_are_left_out_and_companies_kept_apart():
    make_connection(last_used_at=NOON, deleted_at=NOON)
    make_connection(make_company("Gone", deleted_at=NOON), last_used_at=NOON)
    make_connection(make_company("Other"), last_used_at=NOON)
    assert (len(lapse_warnings()), lapse_warning_count()) == (1, 1)
    assert lapse_warnings(make_company("Mine")) == []


@pytest.mark.parametrize("count", [1, 3])
def test_three_queries_for_two_limits_and_the_soonest_first(count, django_assert_num_queries):
    free = make_integration("free", "Free")
    for number in range(count):
        make_connection(make_company(f"Late {number}"), integration=free, last_used_at=NOON - 2 * DAY)
        make_connection(make_company(f"Soon {number}"), last_used_at=NOON)
    with django_assert_num_queries(3):
        found = [(w.connection.company.name[:4], w.connection.integration.key) for w in lapse_warnings()]
    assert found == [("Soon", "book")] * count + [("Late", "free")] * count
    assert len(lapse_warnings(limit=1)) == 1
