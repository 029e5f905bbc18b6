"""Custom data types are read without being asked for only where an operator said so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from customdata.actions.custom_data_types import delete_custom_data_type, put_custom_data_type, set_reading
from syncengine.actions.datasets import queue_first_reads, refresh_company
from syncengine.actions.due import queue_due
from syncengine.actions.sync_settings import ScheduleNotAllowed
from syncengine.exceptions import Refused
from syncengine.models import Dataset, DataStatus, Event
from syncengine.states import DatasetStatus, Trigger
from tests.customdata.conftest import MY_EXPENSE_DATA

pytestmark = pytest.mark.django_db
KEY = "custom/myExpenseData"


@pytest.fixture
def custom(connection):
    saved = put_custom_data_type(connection.integration, "myExpenseData", MY_EXPENSE_DATA, actor="test")
    return saved.custom_data_type


def test_nothing_is_read_by_itself_unless_somebody_says_so(connection, custom):
    assert KEY not in {dataset.data_type for dataset in queue_first_reads(connection)}
    set_reading(custom, fetch_on_first_link=True, sync_schedule_hours=0, actor="user:1")
    assert [dataset.data_type for dataset in refresh_company(connection.company, actor="test")] == [KEY]
    event = Event.objects.get(kind="custom_data_type.reading_changed")
    assert (event.actor, event.data["changed"]) == ("user:1", {"fetch_on_first_link": True})


def test_a_schedule_reads_at_once_then_after_its_period_and_ends_with_the_type(lab, connection, custom, run_queue):
    lab.sizes(expenses=3)
    set_reading(custom, fetch_on_first_link=False, sync_schedule_hours=24, actor="test")
    queue_due()
    run_queue()
    dataset = Dataset.objects.get()
    assert (dataset.data_type, dataset.status, dataset.trigger) == (KEY, DatasetStatus.COMPLETE, Trigger.SCHEDULE)
    status = DataStatus.objects.get(data_type=KEY)
    assert timedelta(hours=24) <= status.next_sync_at - dataset.completed_at <= timedelta(hours=25.2)

    delete_custom_data_type(connection.integration, "myExpenseData", actor="test")
    status.refresh_from_db()
    assert status.next_sync_at is None
    put_custom_data_type(connection.integration, "myExpenseData", MY_EXPENSE_DATA, actor="test")
    custom.refresh_from_db()
    assert (custom.fetch_on_first_link, custom.sync_schedule_hours) == (False, 0)


def test_no_more_often_than_the_deployment_allows(custom, settings):
    settings.HEADRACE_ALLOW_HOURLY = False
    with pytest.raises(ScheduleNotAllowed):
        set_reading(custom, fetch_on_first_link=False, sync_schedule_hours=1, actor="test")
    with pytest.raises(Refused, match="whole number from 0"):
        set_reading(custom, fetch_on_first_link=False, sync_schedule_hours=-1, actor="test")
    assert not DataStatus.objects.filter(next_sync_at__lte=now()).exists()
