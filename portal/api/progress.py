"""How far a read is, as one number: what was really fetched, checked and stored, never what is hoped for."""

from __future__ import annotations

from portal.dataset_page import is_paused
from syncengine.models import Dataset
from syncengine.states import DatasetStatus, ReadMode

# Most of the time of a read goes by while the platform is asked; it is mapped meanwhile.
FETCHING, VALIDATING, PROCESSING = 60, 15, 24


def progress_of(dataset: Dataset) -> int:
    """Return 100 for a Complete read, 0 to 99 for any other; one that failed keeps what it had reached.

    While the platform does not say how many records there are, and no earlier full read tells, fetching counts for
    nothing until it is over.
    """
    if dataset.status == DatasetStatus.COMPLETE:
        return 100
    if not dataset.fetch_done:
        return int(FETCHING * _share(dataset.fetched_count, _expected(dataset)))
    checked = _share(dataset.validated_pages, dataset.page_count)
    stored = _share(dataset.processed_pages, dataset.page_count)
    return int(FETCHING + VALIDATING * checked + PROCESSING * stored)


def description_of(dataset: Dataset) -> str | None:
    """Return the contract's `statusDescription`: until when a read is paused, or what else there is to say."""
    if is_paused(dataset) and dataset.wake_at is not None:
        return f"Paused until {dataset.wake_at:%Y-%m-%dT%H:%M:%S}.{dataset.wake_at.microsecond // 1000:03}Z"
    return dataset.status_description or None


def error_of(dataset: Dataset) -> str | None:
    """Return the contract's `errorMessage`: why a read failed, or what it is paused for."""
    if is_paused(dataset):
        return dataset.status_description.partition("Z. ")[2] or None
    return dataset.error_message or None


def _expected(dataset: Dataset) -> int:
    if dataset.source_total is not None:
        return dataset.source_total
    return dataset.expected_total or 0 if dataset.mode == ReadMode.FULL else 0


def _share(done: int, total: int) -> float:
    return min(1.0, done / total) if total else 0.0
