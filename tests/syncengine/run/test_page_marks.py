"""Pages of records stay whole around real reads: while they store, after they fail, after they complete."""

from __future__ import annotations

import pytest

from syncengine.actions.datasets import cancel_dataset, queue_dataset
from syncengine.models import Connection, Dataset, Record, RecordPageMarks
from syncengine.queries import record_page_marks
from syncengine.queries.record_pages import records_slice
from syncengine.run import ending
from syncengine.run.lease import Hold
from syncengine.states import DatasetStatus
from tests.syncengine.run.test_failing import refusing

pytestmark = pytest.mark.django_db
S = DatasetStatus


@pytest.fixture(autouse=True)
def _small(settings, monkeypatch):
    settings.HEADRACE_STORAGE_CHUNK = 50
    monkeypatch.setattr(record_page_marks, "STEP", 20)


@pytest.fixture
def read(lab, run_queue):
    connection = lab.connection()

    def go(status: str = S.COMPLETE) -> Connection:
        dataset = queue_dataset(connection, "invoices", actor="test", mode="full")
        run_queue()
        dataset.refresh_from_db()
        assert dataset.status == status
        return connection

    return go


def pages(connection: Connection, size: int = 35) -> tuple[list[str], set[int]]:
    """Return the keys of all pages, one after the other, and the totals they named."""
    slices = [records_slice(connection.pk, "invoices", offset=offset, size=size) for offset in range(0, 500, size)]
    return [row.source_id for one in slices for row in one.rows], {one.total for one in slices}


def listed(connection: Connection) -> tuple[list[str], set[int]]:
    keys = Record.objects.filter(connection=connection, data_type="invoices").order_by("source_id")
    return list(keys.values_list("source_id", flat=True)), {keys.count()}


def test_pages_are_whole_while_a_read_stores_and_after_it(lab, read, monkeypatch):
    connection = read()
    assert (pages(connection), RecordPageMarks.objects.get().total) == (listed(connection), 250)
    lab.sizes(invoices=400)
    look, seen = Hold.look, []

    def look_around(self, **how):
        look(self, **how)
        if self.dataset.status == S.PROCESSING:
            assert pages(connection) == listed(connection)
            seen.append(len(listed(connection)[0]))

    monkeypatch.setattr(Hold, "look", look_around)
    read()
    assert sorted(set(seen)) == [250, 300, 350, 400]
    assert (pages(connection), RecordPageMarks.objects.get().total) == (listed(connection), 400)


def test_pages_are_whole_after_a_read_that_was_cancelled_while_it_stored(lab, read, monkeypatch):
    connection = read()
    before, marks = pages(connection), RecordPageMarks.objects.values().get()
    lab.sizes(invoices=400)
    look = Hold.look

    def press(self, **how):
        if self.dataset.status == S.PROCESSING and self.dataset.created_count and not self.dataset.cancel_requested_at:
            cancel_dataset(Dataset.objects.get(pk=self.dataset.pk), actor="test")
            self._looked = 0.0
        look(self, **how)

    monkeypatch.setattr(Hold, "look", press)
    read(S.CANCELLED)
    assert (pages(connection), RecordPageMarks.objects.values().get()) == (before, marks)


def test_pages_are_whole_after_a_read_that_could_not_be_undone(lab, read, monkeypatch):
    lab.sizes(invoices=30)
    connection = read()
    pages(connection)
    lab.sizes(invoices=250)
    monkeypatch.setattr(ending, "_beyond_help", lambda dataset: True)
    with refusing("inv"):  # no more than 100
        read(S.PROCESSING_ERROR)
    queue_dataset(connection, "invoices", actor="test")  # another one is under way
    assert len(listed(connection)[0]) > 30
    assert pages(connection) == listed(connection)
