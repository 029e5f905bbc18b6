"""How fresh cached data is, told with every answer, and answers that need not be sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError
from django.test import override_settings

from portal.api.cors import SHOWN
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection, DataStatus, SyncSetting
from syncengine.run import processing
from syncengine.run.lease import Hold
from syncengine.run.runner import run_dataset
from syncengine.states import ConnectionStatus, DatasetStatus
from tests.factories import make_company, make_connection, make_dataset, make_record
from tests.syncengine.lab import BUSINESS

BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def books():
    connection = make_connection()
    make_dataset(connection, status=DatasetStatus.COMPLETE)
    make_record(connection, "inv-1")
    _status(connection).update(high_water_at=BEGAN, last_successful_sync_at=BEGAN, last_sync_at=BEGAN)
    return connection


def _status(connection, data_type="invoices"):
    return DataStatus.objects.filter(connection=connection, data_type=data_type)


def _path(connection, rest="invoices"):
    return f"/companies/{connection.company_id}/data/{rest}"


def _freshness(response):
    return {
        name: response[name] for name in ("X-Data-As-Of", "X-Data-Stale", "X-Data-Stale-Reason") if name in response
    }


FRESH = {"X-Data-As-Of": "2026-11-20T09:00:00.000000Z", "X-Data-Stale": "false"}


def _stale(reason):
    return FRESH | {"X-Data-Stale": "true", "X-Data-Stale-Reason": reason}


# --- how old --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["invoices", "invoices/inv-1", "invoices?page=9", "INVOICES?query=id%3Dx"])
def test_every_read_says_as_of_when(wire, books, rest):
    response = wire.get(_path(books, rest))
    assert (response.status_code, _freshness(response)) == (200, FRESH)
    assert response["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("status", sorted(set(ConnectionStatus.values) - {ConnectionStatus.LINKED}))
def test_what_nothing_refreshes_is_stale(wire, books, status):
    Connection.objects.filter(pk=books.pk).update(status=status)
    assert _freshness(wire.get(_path(books))) == _stale("not-linked")


@pytest.mark.parametrize("status", sorted(set(DatasetStatus.values) - {DatasetStatus.COMPLETE}))
def test_a_failed_read_makes_stale_until_a_good_one(wire, books, status):
    make_dataset(books, status=status)
    assert _freshness(wire.get(_path(books))) == FRESH  # it runs: nothing is known of it yet
    _status(books).update(last_sync_at=BEGAN + timedelta(hours=1))
    cancelled = status == DatasetStatus.CANCELLED
    assert _freshness(wire.get(_path(books))) == (FRESH if cancelled else _stale("read-failed"))
    _status(books).update(last_successful_sync_at=BEGAN + timedelta(hours=2), last_sync_at=BEGAN + timedelta(hours=2))
    assert _freshness(wire.get(_path(books))) == FRESH


@pytest.mark.parametrize(
    ("default", "own", "late"),
    [
        (24, None, timedelta(hours=26, minutes=24)),
        (1, None, timedelta(hours=2)),
        (24, 168, timedelta(hours=184, minutes=48)),
        (168, 1, timedelta(hours=2)),
    ],
)
def test_past_its_schedule_and_some_grace_data_is_overdue(wire, books, default, own, late, time_machine):
    SyncSetting.objects.update_or_create(company=None, data_type="invoices", defaults={"sync_schedule_hours": default})
    SyncSetting.objects.update_or_create(company=None, data_type="bills", defaults={"sync_schedule_hours": 1})
    if own:
        SyncSetting.objects.create(company=books.company, data_type="invoices", sync_schedule_hours=own)
    time_machine.move_to(BEGAN + late, tick=False)
    assert _freshness(wire.get(_path(books))) == FRESH
    time_machine.move_to(BEGAN + late + timedelta(seconds=1), tick=False)
    assert _freshness(wire.get(_path(books))) == _stale("overdue")


@pytest.mark.parametrize("hours", [None, 0])
def test_without_a_schedule_nothing_is_overdue(wire, books, hours, time_machine):
    if hours is not None:
        SyncSetting.objects.update_or_create(
            company=None, data_type="invoices", defaults={"sync_schedule_hours": hours}
        )
    time_machine.move_to(BEGAN + timedelta(days=900))
    assert _freshness(wire.get(_path(books))) == FRESH


def test_a_browser_may_read_what_is_told_of_freshness():
    shown = SHOWN.split(", ")
    assert {"ETag", "X-Data-As-Of", "X-Data-Stale", "X-Data-Stale-Reason"} <= set(shown)


# --- not again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest", ["invoices", "invoices/inv-1", "invoices?pageSize=5&orderBy=-modifiedDate"])
@pytest.mark.parametrize("written", ["{tag}", '"other", {tag}', "{strong}", "*"])
def test_what_the_client_has_is_not_sent_again(wire, books, rest, written):
    first = wire.get(_path(books, rest))
    tag = first["ETag"]
    again = wire.get(_path(books, rest), If_None_Match=written.format(tag=tag, strong=tag.removeprefix("W/")))
    assert (again.status_code, again.content, again["ETag"], _freshness(again)) == (304, b"", tag, FRESH)
    assert again["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("written", ['"other"', "nonsense", '"', "W/", ""])
def test_what_it_does_not_have_is_sent(wire, books, written):
    assert wire.get(_path(books), If_None_Match=written).status_code == 200


def test_an_answer_that_is_not_sent_again_costs_two_queries(wire, books, django_assert_num_queries):
    with override_settings(HEADRACE_API_ADDRESS_PER_MINUTE=0, HEADRACE_API_DAILY_QUOTA=0):
        tag = wire.get(_path(books))["ETag"]
        # Who asks, and where the company's data comes from: no record is looked at.
        with django_assert_num_queries(2):
            assert wire.get(_path(books), If_None_Match=tag).status_code == 304


def test_each_question_has_its_own_tag(wire, books):
    make_record(books, "inv-2")
    asked = ["invoices", "invoices?page=2", "invoices?query=id%3Dinv-1", "invoices/inv-1", "invoices/inv-2"]
    tags = [wire.get(_path(books, rest))["ETag"] for rest in asked]
    tags.append(wire.get(f"/companies/{books.company_id}/connections/{books.pk}/data/invoices")["ETag"])
    assert len(set(tags)) == len(tags)


def test_what_is_missing_is_missing_whatever_the_client_has(wire, books):
    assert wire.get(_path(books, "invoices/none"), If_None_Match="*").status_code == 404
    assert wire.get(_path(books, "bills"), If_None_Match="*").status_code == 409
    assert wire.get(_path(books, "invoices?query=x"), If_None_Match="*").status_code == 400


def test_head_tells_the_same(wire, books):
    got, head = wire.get(_path(books)), wire("HEAD", _path(books))
    assert (head.status_code, head["ETag"], _freshness(head)) == (200, got["ETag"], FRESH)
    assert wire("HEAD", _path(books), If_None_Match=got["ETag"]).status_code == 304


@pytest.mark.parametrize("status", sorted(set(DatasetStatus.values) - {DatasetStatus.PROCESSING}))
def test_the_tag_stays_while_no_record_is_written(wire, books, status):
    tag = wire.get(_path(books))["ETag"]
    make_dataset(books, "bills", DatasetStatus.COMPLETE)
    make_dataset(make_connection(), status=DatasetStatus.COMPLETE)
    if status != DatasetStatus.COMPLETE:
        make_dataset(books, status=status, fetched_count=5, mapped_count=5, page_count=1)
    _status(books).update(next_sync_at=BEGAN, last_sync_at=BEGAN, needs_full_read=True)
    assert wire.get(_path(books))["ETag"] == tag


def test_the_tag_moves_with_the_connection_that_speaks_for_the_company(wire, books):
    tag = wire.get(_path(books))["ETag"]
    newer = make_connection(books.company)
    make_dataset(newer, status=DatasetStatus.COMPLETE)
    _status(newer).update(last_successful_sync_at=BEGAN)
    assert wire.get(_path(books))["ETag"] != tag


# --- while real reads run -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_tag_names_one_state_of_the_records_through_real_reads(wire, lab, monkeypatch, settings):
    """Created, changed, unchanged, changed and put back: equal tags have equal bodies, and states their own tags."""
    settings.HEADRACE_STORAGE_CHUNK = 10
    lab.sizes(invoices=30)
    connection = lab.connection(make_company("Lab"))
    path = f"/companies/{connection.company_id}/data/invoices?pageSize=50"
    seen: dict[str, object] = {}

    def look(*_, **__):
        response = wire.get(path)
        if response.status_code == 200:
            assert seen.setdefault(response["ETag"], response.json()) == response.json()
        return response

    plain_look = Hold.look
    monkeypatch.setattr(Hold, "look", lambda self, **options: (look(), plain_look(self, **options)))

    def read():
        dataset = queue_dataset(connection, "invoices", actor="test", mode="full")
        look()
        run_dataset(dataset.pk)
        dataset.refresh_from_db()
        return dataset, look()["ETag"]

    def touch(first):
        lab.control("POST", f"businesses/{BUSINESS}/invoices/touch", {"first": first, "count": 25})

    created, first = read()
    assert (created.status, created.created_count, len(seen)) == (DatasetStatus.COMPLETE, 30, 1)
    touch(0)
    changed, second = read()
    assert (changed.status, changed.changed_count) == (DatasetStatus.COMPLETE, 25)
    assert len(seen) > 3, "the pages in between have tags of their own"
    assert second != first
    touch(5)
    monkeypatch.setattr(processing, "_mark_missing", _refuse)
    failed, third = read()
    assert (failed.status, failed.changed_count) == (DatasetStatus.PROCESSING_ERROR, 0)
    assert third == second, "what was put back is what was there"
    assert look()["X-Data-Stale-Reason"] == "read-failed"


def _refuse(hold):
    raise DatabaseError("the disk is full")


@pytest.mark.django_db(transaction=True)
def test_rows_that_were_stored_while_they_were_read_get_no_tag(wire, lab, monkeypatch, settings):
    settings.HEADRACE_STORAGE_CHUNK = 10
    lab.sizes(invoices=30)
    connection = lab.connection()
    path = _path(connection)
    run_dataset(queue_dataset(connection, "invoices", actor="test").pk)
    lab.control("POST", f"businesses/{BUSINESS}/invoices/touch", {"first": 0, "count": 30})
    answers = []

    from portal.api import data_records

    plain_matching = data_records.matching

    def between(reading, *rest):
        # Another worker stores a page after the state was looked at and before the rows are read.
        monkeypatch.setattr(data_records, "matching", plain_matching)
        monkeypatch.setattr(Hold, "look", plain_look)
        run_dataset_on()
        return plain_matching(reading, *rest)

    def run_dataset_on():
        DataStatus.objects.get(connection=connection, data_type="invoices").latest_dataset.__class__.objects.filter(
            connection=connection, status=DatasetStatus.PROCESSING
        ).update(processed_pages=99, lease_until=BEGAN)

    plain_look = Hold.look

    def look_once(self, **options):
        if self.dataset.status == DatasetStatus.PROCESSING and not answers:
            monkeypatch.setattr(data_records, "matching", between)
            answers.append(wire.get(path))
        return plain_look(self, **options)

    monkeypatch.setattr(Hold, "look", look_once)
    run_dataset(queue_dataset(connection, "invoices", actor="test").pk)
    [answer] = answers
    assert (answer.status_code, "ETag" in answer) == (200, False)
