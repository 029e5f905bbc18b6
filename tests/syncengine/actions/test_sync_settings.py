"""Settings of data types: checked by field, saved whole or not at all, and really what a read asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from syncengine.actions.datasets import queue_dataset, queue_first_reads
from syncengine.actions.sync_settings import (
    effective_settings,
    install_sync_settings,
    reset_sync_settings,
    save_sync_settings,
)
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import Refused, UnknownDataType
from syncengine.models import Connection, Dataset, DataStatus, Event, Record, SyncSetting
from syncengine.states import DatasetStatus, ReadMode
from tests.factories import make_company, make_connection
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def save(changes: dict[str, dict[str, object]], company: object = None) -> None:
    save_sync_settings(company, changes, actor="user:7")


REFUSALS = [
    ("invoices", {"sync_schedule_hours": -1}, "sync_schedule_hours", "Enter a whole number from 0 to 8784."),
    ("invoices", {"sync_schedule_hours": None}, "sync_schedule_hours", "Enter a whole number from 0 to 8784."),
    ("invoices", {"sync_schedule_hours": "24"}, "sync_schedule_hours", "Enter a whole number from 0 to 8784."),
    ("invoices", {"sync_schedule_hours": True}, "sync_schedule_hours", "Enter a whole number from 0 to 8784."),
    ("invoices", {"sync_order": 10_001}, "sync_order", "Enter a whole number from 0 to 10000."),
    ("invoices", {"sync_from_window_months": 241}, "sync_from_window_months", "Enter a whole number from 0 to 240."),
    ("invoices", {"fetch_on_first_link": "yes"}, "fetch_on_first_link", "Say true or false."),
    ("invoices", {"months_to_sync": 3}, "months_to_sync", "Only financial statements are sized in months."),
    ("profitAndLoss", {"months_to_sync": 0}, "months_to_sync", "A statement has at least one month."),
    ("invoices", {"sync_from_utc": "2026-01-01"}, "sync_from_utc", "Enter a date."),
    ("invoices", {"sync_from_utc": datetime(2026, 1, 1)}, "sync_from_utc", "The date needs a time zone."),  # noqa: DTZ001
    (
        "invoices",
        {"sync_from_utc": datetime(2199, 1, 1, tzinfo=UTC)},
        "sync_from_utc",
        "The date lies in the future; nothing would be read.",
    ),
    (
        "invoices",
        {"sync_from_utc": LONG_AGO, "sync_from_window_months": 3},
        "sync_from_window_months",
        "Set a date or a window of months, not both.",
    ),
    ("invoices", {"is_locked": True}, "is_locked", "is_locked is not a sync setting that can be changed."),
    ("invoices", {"colour": 1}, "colour", "colour is not a sync setting that can be changed."),
]


@pytest.mark.parametrize(("data_type", "members", "field", "words"), REFUSALS)
def test_what_is_refused_names_its_field_and_nothing_is_saved(data_type, members, field, words):
    before = effective_settings(None)
    with pytest.raises(Refused) as refusal:
        save({"bills": {"sync_schedule_hours": 24}, data_type: members})
    assert (refusal.value.field, refusal.value.message) == (f"{data_type}.{field}", words)
    assert effective_settings(None) == before
    assert Event.objects.count() == 0


def test_an_unknown_data_type_is_refused_with_all_others():
    with pytest.raises(UnknownDataType, match="unicorns is not a data type"):
        save({"bills": {"sync_schedule_hours": 24}, "unicorns": {}})
    assert effective_settings(None)["bills"].sync_schedule_hours == 0


def test_hourly_is_refused_where_the_deployment_does_not_allow_it(settings):
    settings.HEADRACE_ALLOW_HOURLY = False
    with pytest.raises(Refused) as refusal:
        save({"invoices": {"sync_schedule_hours": 1}})
    assert (refusal.value.field, refusal.value.message) == (
        "invoices.sync_schedule_hours",
        "Sync schedule not allowed",
    )
    save({"invoices": {"sync_schedule_hours": 24}})
    settings.HEADRACE_ALLOW_HOURLY = True
    save({"invoices": {"sync_schedule_hours": 1}})
    assert effective_settings(None)["invoices"].sync_schedule_hours == 1


def test_a_locked_type_stays_as_it_is():
    install_sync_settings()
    SyncSetting.objects.filter(data_type="company").update(is_locked=True)
    with pytest.raises(Refused, match="locked") as refusal:
        save({"company": {"fetch_on_first_link": False}})
    assert refusal.value.field == "company.is_locked"
    save({"company": {"fetch_on_first_link": True}})


def test_a_company_has_its_own_until_it_is_reset():
    company, other = make_company(), make_company("Other")
    save({"bills": {"sync_schedule_hours": 24}})
    save({"bills": {"sync_schedule_hours": 168, "sync_from_window_months": 6}}, company)
    own = effective_settings(company)["bills"]
    assert (own.sync_schedule_hours, own.sync_from_window_months, own.overrides_default) == (168, 6, True)
    assert effective_settings(other)["bills"] == effective_settings(None)["bills"]
    reset_sync_settings(company, actor="user:7")
    assert effective_settings(company) == effective_settings(None)
    kinds = Event.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["sync_setting.changed", "sync_setting.changed", "sync_setting.reset"]


def test_a_change_is_recorded_with_what_it_changed_and_the_same_again_is_none():
    for _ in range(2):
        save({"invoices": {"sync_schedule_hours": 24, "sync_from_utc": LONG_AGO}})
    event = Event.objects.get()
    assert event.data == {
        "data_type": "invoices",
        "changed": {"sync_schedule_hours": 24, "sync_from_utc": "2020-01-01T00:00:00+00:00"},
    }


def test_the_defaults_of_the_catalogue_are_written_once():
    install_sync_settings()
    SyncSetting.objects.filter(data_type="bills").update(sync_schedule_hours=168)
    install_sync_settings()
    assert SyncSetting.objects.filter(company=None).count() == len(DATA_TYPES)
    assert effective_settings(None)["bills"].sync_schedule_hours == 168


def test_the_first_reads_are_queued_in_sync_order():
    save({"taxRates": {"sync_order": 0}, "items": {"sync_order": 1}, "bills": {"fetch_on_first_link": False}})
    connection = make_connection()
    queue_first_reads(connection)
    in_order = list(Dataset.objects.order_by("pk").values_list("data_type", flat=True))
    orders = [effective_settings(None)[key].sync_order for key in in_order]
    assert orders == sorted(orders)
    assert in_order.index("taxRates") < in_order.index("items")
    assert "bills" not in in_order


@pytest.fixture
def connection(lab: Lab) -> Connection:
    return lab.connection()


@pytest.fixture
def asked(lab: Lab, connection: Connection, run_queue):
    """Read a type and return the dataset with what the platform was asked for it."""

    def go(data_type: str, part: str) -> tuple[Dataset, list[dict[str, str]]]:
        lab.control("DELETE", "requests")
        dataset = queue_dataset(connection, data_type, actor="test")
        run_queue()
        dataset.refresh_from_db()
        assert (dataset.status, dataset.error_message) == (DatasetStatus.COMPLETE, "")
        return dataset, [request["query"] for request in lab.requests(part)]

    return go


def test_a_date_is_what_the_platform_is_asked_from(asked):
    save({"invoices": {"sync_from_utc": datetime(2026, 6, 1, tzinfo=UTC)}})
    dataset, queries = asked("invoices", "/invoices")
    assert {query["date_from"] for query in queries} == {"2026-06-01"}
    assert 0 < dataset.created_count < 250
    assert all(record.content["issueDate"] >= "2026-06-01" for record in Record.objects.all())


def test_a_window_is_counted_back_from_the_day_of_the_read(asked):
    save({"invoices": {"sync_from_window_months": 3}})
    _, queries = asked("invoices", "/invoices")
    start = datetime.fromisoformat(queries[0]["date_from"]).replace(tzinfo=UTC)
    assert timedelta(days=90) <= now() - start <= timedelta(days=94)


def test_a_statement_is_asked_for_its_months(asked):
    save({"profitAndLoss": {"months_to_sync": 5}})
    _, queries = asked("profitAndLoss", "profit_and_loss")
    assert {query["months"] for query in queries} == {"5"}
    save({"profitAndLoss": {"months_to_sync": 2}})
    _, queries = asked("profitAndLoss", "profit_and_loss")
    assert {query["months"] for query in queries} == {"2"}


def test_a_narrower_window_is_read_in_full_and_marks_what_lies_before_as_deleted(connection, asked):
    first, _ = asked("invoices", "/invoices")
    assert asked("invoices", "/invoices")[0].mode == ReadMode.INCREMENTAL
    save({"invoices": {"sync_from_utc": datetime(2026, 6, 1, tzinfo=UTC)}}, connection.company)
    assert DataStatus.objects.get().needs_full_read
    second, _ = asked("invoices", "/invoices")
    assert (second.mode, second.mode_reason) == (
        ReadMode.FULL,
        "What is asked for has changed since the last read.",
    )
    left = Record.objects.filter(is_deleted=False)
    assert all(record.content["issueDate"] >= "2026-06-01" for record in left)
    assert second.deleted_count == first.created_count - left.count() > 0
    assert not DataStatus.objects.get().needs_full_read
    save({"invoices": {"sync_from_utc": None}}, connection.company)
    third, _ = asked("invoices", "/invoices")
    assert (third.mode, third.created_count) == (ReadMode.FULL, second.deleted_count)


def test_a_change_while_a_full_read_runs_is_not_forgotten(lab, connection, run_queue, monkeypatch):
    from syncengine.run import runner

    judge = runner.process_pages

    def and_somebody_changes_it(hold):
        save({"invoices": {"sync_from_utc": datetime(2026, 6, 1, tzinfo=UTC)}})
        judge(hold)

    monkeypatch.setattr(runner, "process_pages", and_somebody_changes_it)
    queue_dataset(connection, "invoices", actor="test")
    run_queue()
    assert DataStatus.objects.get().needs_full_read
