"""Workers of their own on the test's database and sandbox, and what the database holds beside them."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from multiprocessing.process import BaseProcess
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils.timezone import now

from syncengine.models import Dataset, RateBucket, Record
from tests.syncengine.lab import Lab


def start_worker(dataset: Dataset, lab: Lab, *, prefetch: bool = False, **environment: str) -> Worker:
    """Start a process that runs this dataset and ends."""
    own_settings = {
        "HEADRACE_OUTBOUND_ALLOW": [lab.place],
        "HEADRACE_STORAGE_CHUNK": settings.HEADRACE_STORAGE_CHUNK,
        "HEADRACE_PREFETCH": prefetch,
    }
    return start_process("syncengine.run.runner.run_dataset", str(dataset.pk), own_settings, environment)


def start_process(task: str, key: str, own_settings: Mapping[str, Any], environment: Mapping[str, str]) -> Worker:
    """Start a process that does the task, named by its dotted path, and ends."""
    # Django is imported once, in the server that all workers are forked from.
    workers = multiprocessing.get_context("forkserver")
    workers.set_forkserver_preload(["tests.syncengine.run.worker"])
    given = (task, key, connection.settings_dict["NAME"], own_settings, environment)
    process = workers.Process(target=_work, args=given)
    process.start()
    return Worker(process)


def _work(*given: Any) -> None:
    from tests.syncengine.run.worker import work

    work(*given)


class Worker:
    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    def signal(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def end(self, seconds: float = 20) -> int:
        """Wait for its end; the exit code, or minus the signal that killed it."""
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, "the worker does not end"
        self._process.close()
        return code


def wait_for(happened: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def lapse(dataset: Dataset) -> None:
    """As if the lease of whoever holds it had run out, and the last wake-up were long ago."""
    Dataset.objects.filter(pk=dataset.pk, lease_until__isnull=False).update(lease_until=now() - timedelta(seconds=1))
    Dataset.objects.filter(pk=dataset.pk).update(enqueued_at=now() - timedelta(hours=1))


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of the engine, by table: equal before and after means that nothing was written.

    Buckets are left out: they count what the platform was asked, which a worker may do that has lost its hold.
    """
    return {
        model._meta.label: [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in apps.get_app_config("syncengine").get_models()
        if model is not RateBucket
    }


def records_of(dataset: Dataset) -> dict[str, tuple[object, ...]]:
    """What is stored of the dataset's type, without the times of storing, which no two reads share."""
    columns = ("content", "content_hash", "source_modified_at", "is_deleted")
    stored = Record.objects.filter(connection=dataset.connection_id, data_type=dataset.data_type)
    return {
        key: tuple(bytes(value) if isinstance(value, memoryview) else value for value in rest)
        for key, *rest in stored.values_list("source_id", *columns)
    }
