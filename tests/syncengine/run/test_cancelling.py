"""Cancel works at any stage and keeps the last good data."""

from __future__ import annotations

import pytest
from django.db.models import TextField
from django.db.models.functions import Cast

from syncengine.actions.datasets import cancel_dataset, queue_dataset
from syncengine.exceptions import Refused
from syncengine.models import Dataset, Event, Record, RecordChange
from syncengine.run.lease import Hold
from syncengine.states import DatasetStatus
from tests.syncengine.lab import BUSINESS

pytestmark = pytest.mark.django_db
S = DatasetStatus


def snapshot() -> dict[str, tuple[object, ...]]:
    columns = ("text", "modified_at", "source_modified_at", "is_deleted")
    rows = Record.objects.annotate(text=Cast("content", TextField())).order_by("source_id")
    return {key: rest for key, *rest in rows.values_list("source_id", *columns)}


def test_a_queued_dataset_ends_at_once(lab, queued):
    dataset = queue_dataset(lab.connection(), "invoices", actor="test")
    cancel_dataset(dataset, actor="user:7")
    dataset.refresh_from_db()
    assert (dataset.status, dataset.status_description) == (
        S.CANCELLED,
        "Cancelled while Queued. The last good data was kept.",
    )
    assert [event.kind for event in Event.objects.filter(dataset_id=dataset.pk).order_by("id")] == [
        "dataset.queued",
        "dataset.cancel_requested",
        "dataset.cancelled",
    ]


@pytest.mark.parametrize("stage", [S.FETCHING, S.MAPPING, S.VALIDATING, S.PROCESSING])
def test_a_running_dataset_stops_in_any_stage_and_puts_everything_back(lab, run_queue, monkeypatch, settings, stage):
    settings.HEADRACE_STORAGE_CHUNK = 50
    connection = lab.connection()
    queue_dataset(connection, "invoices", actor="test")
    run_queue()
    before = snapshot()
    lab.control("POST", f"businesses/{BUSINESS}/invoices/touch", {"first": 0, "count": 120})
    lab.control("POST", f"businesses/{BUSINESS}/invoices/delete", {"first": 130, "count": 20})
    lab.sizes(invoices=300)
    dataset = queue_dataset(connection, "invoices", actor="test", mode="full")
    cancel_in(monkeypatch, dataset, stage)
    run_queue()
    dataset.refresh_from_db()
    assert dataset.status == S.CANCELLED
    assert dataset.status_description == f"Cancelled while {stage}. The last good data was kept."
    assert snapshot() == before
    assert RecordChange.objects.filter(dataset=dataset).count() == 0
    assert dataset.staged_pages.count() == 0
    assert dataset.attempts.get().outcome == "Cancelled"


def test_an_ended_dataset_cannot_be_cancelled(lab, run_queue):
    dataset = queue_dataset(lab.connection(), "taxRates", actor="test")
    run_queue()
    with pytest.raises(Refused, match="already ended as Complete"):
        cancel_dataset(dataset, actor="test")


def cancel_in(monkeypatch: pytest.MonkeyPatch, dataset: Dataset, stage: str) -> None:
    """Have somebody press Cancel while the dataset is in that stage; in Processing after its first page."""
    look, move, pressed = Hold.look, Hold.move, []

    def press(hold):
        if hold.dataset.status == stage and not pressed and (stage != S.PROCESSING or hold.dataset.processed_pages):
            pressed.append(True)
            cancel_dataset(Dataset.objects.get(pk=dataset.pk), actor="user:7")
            hold._looked = 0.0

    def press_and_look(self, **how):
        press(self)
        look(self, **how)

    def press_and_move(self, *where, **columns):
        press(self)
        move(self, *where, **columns)

    monkeypatch.setattr(Hold, "look", press_and_look)
    monkeypatch.setattr(Hold, "move", press_and_move)
