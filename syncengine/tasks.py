"""What workers are woken for. Each takes ids and calls one action; each may run twice or die half-way."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from syncengine.actions.due import queue_due
from syncengine.run.runner import run_dataset as _run_dataset
from syncengine.run.sweeping import drop_leftovers, purge, wake_forgotten


def run_dataset(dataset_id: str) -> None:
    _run_dataset(dataset_id)


def sweep() -> None:
    """Every few seconds: wake workers for datasets that nobody holds."""
    wake_forgotten()


def tick() -> None:
    """Each minute: queue what is due, tidy up, and what features have to do."""
    queue_due()
    wake_forgotten()
    drop_leftovers()
    purge()
    for name in settings.TICK_DUTIES:
        import_string(name)()
