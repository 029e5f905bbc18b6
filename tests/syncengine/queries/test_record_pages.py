from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from syncengine.models import Connection, Dataset, DataStatus, Record, RecordPageMarks
from syncengine.moments import stamp
from syncengine.queries import record_page_marks, record_pages
from syncengine.queries.record_page_marks import forget_page_marks
from syncengine.queries.record_pages import RecordsSlice, StoredRecord, records_slice, stored_record
from syncengine.states import DatasetStatus
from tests.factories import make_connection, make_dataset, make_record

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BEYOND = 10**18


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_page_marks, "STEP", 4)
    monkeypatch.setattr(record_pages, "REACH", 6)


@pytest.fixture
def many() -> Connection:
    """A list of 23, one of them deleted, between lists of other types and connections."""
    connection = make_connection()
    for number in range(23):
        add(connection, f"k{number:02d}", is_deleted=number == 7)
    add(connection, "k00", data_type="bills")
    add(make_connection(), "k01")
    complete(connection)
    return connection


def add(connection: Connection, key: str, **columns: Any) -> Record:
    return make_record(connection, key, **{"content": {"id": key}, "modified_at": NOON, **columns})


def complete(connection: Connection, **columns: Any) -> Dataset:
    return make_dataset(connection, status=DatasetStatus.COMPLETE, **{"created_count": 1, **columns})


def keys(connection: Connection, offset: int = 0, size: int = 100, **options: Any) -> list[str]:
    return [row.source_id for row in records_slice(connection.pk, "invoices", offset=offset, size=size, **options).rows]


def marks(connection: Connection) -> tuple[UUID, int, list[str]] | None:
    return RecordPageMarks.objects.filter(connection=connection).values_list("dataset_id", "total", "keys").first()


ALL = [f"k{number:02d}" for number in range(23)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 22, 23, 24, 5000])
def test_the_pages_of_any_size_make_the_whole_list(many: Connection, size: int) -> None:
    pages = [keys(many, offset, size) for offset in range(0, 23, size)]
    assert [key for page in pages for key in page] == ALL
    assert {len(page) for page in pages[:-1]} <= {size}


def test_a_page_is_two_queries_wherever_it_lies(many: Connection, django_assert_num_queries: Any) -> None:
    keys(many)
    for offset, wanted in ((0, ALL[:3]), (3, ALL[3:6]), (20, ALL[20:])):
        with django_assert_num_queries(2):
            assert keys(many, offset, 3) == wanted
    with django_assert_num_queries(1):
        assert records_slice(many.pk, "invoices", offset=23, size=3) == RecordsSlice((), 23)


def test_the_first_read_after_a_dataset_makes_the_marks(many: Connection) -> None:
    dataset = DataStatus.objects.get(connection=many).latest_successful_dataset_id
    assert marks(many) is None
    assert keys(many, 21, 1) == ["k21"]
    assert marks(many) == (dataset, 23, ["k00", "k04", "k08", "k12", "k16", "k20"])


def test_another_dataset_with_new_records_makes_them_anew(many: Connection) -> None:
    keys(many)
    add(many, "a")
    dataset = complete(many)
    assert [keys(many, 0, 2), keys(many, 4, 1), keys(many, 23, 9)] == [["a", "k00"], ["k03"], ["k22"]]
    assert marks(many) == (dataset.pk, 24, ["a", "k03", "k07", "k11", "k15", "k19"])


def test_a_dataset_without_new_records_keeps_them(many: Connection, django_assert_num_queries: Any) -> None:
    keys(many)
    RecordPageMarks.objects.update(total=22)  # to tell them from newly made ones
    dataset = complete(many, created_count=0, changed_count=5)
    assert records_slice(many.pk, "invoices", offset=4, size=1).total == 22
    assert marks(many) == (dataset.pk, 22, ["k00", "k04", "k08", "k12", "k16", "k20"])


def test_marks_of_a_dataset_that_nobody_remembers_are_made_anew(many: Connection) -> None:
    keys(many)
    forgotten = RecordPageMarks.objects.get().dataset_id
    complete(many, created_count=0)
    Dataset.objects.filter(pk=forgotten).delete()
    add(many, "a")
    assert keys(many, 0, 1) == ["a"]


def test_while_records_are_stored_pages_are_found_the_plain_way(many: Connection) -> None:
    keys(many)
    before = marks(many)
    running = make_dataset(many, status=DatasetStatus.PROCESSING, created_count=0)
    assert keys(many, 4, 1) == ["k04"]
    add(many, "a")
    Dataset.objects.filter(pk=running.pk).update(created_count=1)
    some = records_slice(many.pk, "invoices", offset=4, size=1)
    assert ([row.source_id for row in some.rows], some.total, marks(many)) == (["k03"], 24, before)
    # Undone: what the marks say is true again.
    Record.objects.filter(source_id="a").delete()
    Dataset.objects.filter(pk=running.pk).update(created_count=0, status=DatasetStatus.PROCESSING_ERROR)
    assert (keys(many, 4, 1), marks(many)) == (["k04"], before)


def test_before_the_first_good_dataset_nothing_is_kept() -> None:
    connection = make_connection()
    add(connection, "a")
    assert records_slice(connection.pk, "invoices", offset=0, size=5).total == 1
    make_dataset(connection, status=DatasetStatus.FETCH_ERROR)
    assert (keys(connection), keys(connection, 1), marks(connection)) == (["a"], [], None)


def test_an_empty_list() -> None:
    connection = make_connection()
    dataset = complete(connection, created_count=0)
    for _ in range(2):
        assert records_slice(connection.pk, "invoices", offset=0, size=5) == RecordsSlice((), 0)
    assert marks(connection) == (dataset.pk, 0, [])


@pytest.mark.parametrize("options", [{}, {"where": Q(is_deleted=False)}, {"order_by": ("-modified_at",)}])
def test_far_behind_the_end(many: Connection, options: dict[str, Any]) -> None:
    some = records_slice(many.pk, "invoices", offset=BEYOND, size=5000, **options)
    assert some == RecordsSlice((), 22 if "where" in options else 23)


def test_marks_can_be_forgotten(many: Connection) -> None:
    keys(many)
    add(many, "a")
    forget_page_marks(many.pk, "invoices")
    assert (keys(many, 0, 2), marks(many)[1]) == (["a", "k00"], 24)


def test_marks_of_another_step_are_not_read(many: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    keys(many)
    monkeypatch.setattr(record_page_marks, "STEP", 5)
    assert [key for offset in range(23) for key in keys(many, offset, 1)] == ALL
    assert marks(many)[2] == ["k00", "k05", "k10", "k15", "k20"]


@contextmanager
def read_only() -> Iterator[None]:
    """The rest of this transaction may write nothing."""
    begin, end = ("SET TRANSACTION READ ONLY", "") if database.vendor == "postgresql" else QUERY_ONLY
    with transaction.atomic():
        with database.cursor() as cursor:
            cursor.execute(begin)
            yield
            if end:
                cursor.execute(end)
        transaction.set_rollback(True)


QUERY_ONLY = ("PRAGMA query_only = ON", "PRAGMA query_only = OFF")


def test_a_database_that_cannot_be_written_is_read_all_the_same(many: Connection) -> None:
    with read_only():
        assert [key for offset in range(0, 23, 4) for key in keys(many, offset, 4)] == ALL
        assert marks(many) is None
    keys(many)
    before = marks(many)
    complete(many, created_count=0)
    with read_only():
        assert [key for offset in range(0, 23, 4) for key in keys(many, offset, 4)] == ALL
        assert marks(many) == before


def test_marks_go_with_their_connection(many: Connection) -> None:
    keys(many)
    Dataset.objects.all().delete()
    many.delete()
    assert RecordPageMarks.objects.count() == 0


def test_a_row_is_what_is_stored() -> None:
    connection = make_connection()
    content = {"id": "ö/1", "note": 'say "é" \\ \n', "totalAmount": 12.50, "lines": [{"a": None}]}
    moved = NOON - timedelta(days=1, microseconds=5)
    add(connection, "ö/1", content=content, source_modified_at=moved, is_deleted=True)
    complete(connection)
    record = stored_record(connection.pk, "invoices", "ö/1")
    assert record == StoredRecord("ö/1", record.content, stamp(NOON), stamp(moved), True)
    assert (type(record.content), json.loads(record.content)) == (bytes, content)
    for options in ({}, {"where": Q(is_deleted=True)}):
        assert records_slice(connection.pk, "invoices", offset=0, size=1, **options).rows == (record,)
    assert stored_record(connection.pk, "bills", "ö/1") is None


@pytest.mark.parametrize(("offset", "size"), [(0, 2), (2, 3), (4, 2), (5, 5), (20, 9), (22, 1), (23, 1)])
def test_filtered_and_ordered_lists(many: Connection, offset: int, size: int) -> None:
    some = records_slice(many.pk, "invoices", offset=offset, size=size, where=Q(is_deleted=False))
    kept = [key for key in ALL if key != "k07"]
    assert ([row.source_id for row in some.rows], some.total) == (kept[offset : offset + size], 22)
    assert keys(many, offset, size, order_by=("-source_id",)) == ALL[::-1][offset : offset + size]
    assert keys(many, offset, size, order_by=("modified_at",)) == ALL[offset : offset + size]


@pytest.mark.parametrize(
    ("where", "queries"), [(Q(source_id="k03"), 2), (Q(source_id="no"), 1), (Q(is_deleted=False), 3)]
)
def test_a_filter_that_lets_few_through_runs_once(
    many: Connection, where: Q, queries: int, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(queries):
        records_slice(many.pk, "invoices", offset=0, size=2, where=where)
