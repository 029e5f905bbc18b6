"""What the pages of datasets say beside the bare columns: progress, outcome, who asked, which tab holds what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from portal import formats
from portal.history_filters import TRIGGER_WORDS
from portal.models import User
from syncengine.models import Dataset, StageTiming
from syncengine.queries.data_status import label_of
from syncengine.queries.read_history import SLOW_AT_LEAST, SLOW_FACTOR
from syncengine.states import DATASET_ACTIVE, DatasetStatus, Stage

S = DatasetStatus
STAGES = (Stage.FETCH, Stage.MAP, Stage.VALIDATE, Stage.PROCESS)
# What a version covers: everything about a dataset that a page shows and that moves.
_MOVING = (
    "status",
    "status_description",
    "wake_at",
    "cancel_requested_at",
    "source_total",
    "fetched_count",
    "mapped_count",
    "validated_count",
    "processed_count",
    "created_count",
    "changed_count",
    "deleted_count",
    "invalid_count",
    "warning_count",
    "request_count",
    "completed_at",
    "fence",
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of the stage bar. `state` is "done", "now", "failed", "stopped" or "" for not reached."""

    name: str
    state: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running stage is. Without a total it counts up; `is_estimate` says the total is the last read's."""

    done: int
    verb: str
    total: int | None = None
    is_estimate: bool = False

    @property
    def percent(self) -> int | None:
        return None if not self.total else min(100, self.done * 100 // self.total)


def version_of(datasets: Iterable[Dataset], *more: object) -> str:
    """Return a short token that changes when anything shown of these datasets changes."""
    shown = [(str(dataset.pk), *(getattr(dataset, name) for name in _MOVING)) for dataset in datasets]
    return hashlib.blake2b(repr((shown, more)).encode(), digest_size=8).hexdigest()


def segments(dataset: Dataset, timings: Mapping[str, StageTiming] | None = None) -> list[Segment]:
    """Return the five pieces of the stage bar.

    A status that does not name its stage (InternalError, Cancelled …) stops at the last stage that began.
    """
    timings = timings or {}
    states = formats.stages_of(dataset.status)
    began = [place for place, stage in enumerate(STAGES) if stage in timings]
    if not any(state for _, state in states) and not dataset.is_active and dataset.started_at:
        here = "failed" if dataset.is_errored else "stopped"
        reached = max(began, default=0)
        states = [
            (name, "done" if place < reached else here if place == reached else "")
            for place, (name, _) in enumerate(states)
        ]
    seconds = [timings[stage].seconds if stage in timings else None for stage in STAGES]
    return [Segment(name, state, took) for (name, state), took in zip(states, [*seconds, None], strict=True)]


def progress(dataset: Dataset) -> Progress | None:
    """Return how far the running stage is, None where nothing is counted."""
    if dataset.status == S.FETCHING:
        return _fetched(dataset)
    counted = {
        S.MAP_QUEUED: (dataset.mapped_count, "mapped"),
        S.MAPPING: (dataset.mapped_count, "mapped"),
        S.VALIDATION_QUEUED: (dataset.validated_count, "validated"),
        S.VALIDATING: (dataset.validated_count, "validated"),
        S.PROCESSING_QUEUED: (dataset.processed_count, "stored"),
        S.PROCESSING: (dataset.processed_count, "stored"),
    }
    if dataset.status not in counted:
        return None
    done, verb = counted[S(dataset.status)]
    return Progress(done, verb, dataset.fetched_count or None)


def _fetched(dataset: Dataset) -> Progress:
    done = dataset.fetched_count
    if dataset.source_total is not None and dataset.source_total >= done:
        return Progress(done, "fetched", dataset.source_total or None)
    if dataset.mode == "full" and dataset.expected_total is not None and dataset.expected_total >= done:
        return Progress(done, "fetched", dataset.expected_total or None, is_estimate=True)
    return Progress(done, "fetched")


def is_paused(dataset: Dataset, now: datetime | None = None) -> bool:
    """True while an unfinished dataset waits for a moment that it named itself (a rate limit, a retry)."""
    return dataset.is_active and dataset.wake_at is not None and dataset.wake_at > (now or timezone.now())


def took_seconds(dataset: Dataset) -> float | None:
    """Return how long it took, or has taken so far; None before a worker claimed it."""
    if dataset.started_at is None:
        return None
    end = dataset.completed_at or (timezone.now() if dataset.status in DATASET_ACTIVE else None)
    return max(0.0, (end - dataset.started_at).total_seconds()) if end else None


def is_slow(took: float | None, usual: float | None) -> bool:
    """True when it took clearly longer than such reads usually do, as the history's filter counts it."""
    if took is None or usual is None:
        return False
    return took >= usual * SLOW_FACTOR and took >= usual + SLOW_AT_LEAST.total_seconds()


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A dataset as a row of the history."""

    dataset: Dataset
    label: str
    trigger: str
    segments: list[Segment]
    progress: Progress | None
    is_paused: bool
    took: float | None
    usual: float | None
    is_slow: bool


def history_row(dataset: Dataset) -> HistoryRow:
    """Return the row of a dataset that `read_history` brought (it carries `usual_duration`)."""
    took = took_seconds(dataset)
    usual = dataset.usual_duration.total_seconds() if dataset.usual_duration else None  # type: ignore[attr-defined]
    return HistoryRow(
        dataset=dataset,
        label=label_of(dataset.data_type),
        trigger=TRIGGER_WORDS.get(dataset.trigger, dataset.trigger),
        segments=segments(dataset),
        progress=progress(dataset),
        is_paused=is_paused(dataset),
        took=took,
        usual=usual,
        is_slow=dataset.status == S.COMPLETE and is_slow(took, usual),
    )


def asked_by(dataset: Dataset) -> str:
    """Return who or what asked for the dataset, in words."""
    kind, _, name = dataset.actor.partition(":")
    if kind == "user":
        return _user_name(name)
    if kind == "api-key":
        return f"API key {name}"
    words = {"schedule": "the schedule", "first-link": "the first link", "relink": "the new link"}
    return words.get(dataset.actor, dataset.actor or "the system")


def _user_name(user_id: str) -> str:
    try:
        user = User.objects.filter(pk=UUID(user_id)).first()
    except ValueError:
        user = None
    return str(user) if user else "a user who is no longer here"
