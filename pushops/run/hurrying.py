"""Carrying an operation out in the process that was asked for it, so that a quick platform's answer is told at once."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from datetime import timedelta
from functools import cache
from uuid import UUID

from django.db import connection
from django.utils.timezone import now

from pushops.models import PushOperation
from pushops.run.carrying import carry_out
from pushops.states import PushStatus

log = logging.getLogger(__name__)

THREADS = 8
LOOK_SECONDS = 0.05


def carry_out_here(operation_id: UUID, within: timedelta) -> None:
    """Carry the operation out in a thread of its own, and wait for its end, but no longer than `within`.

    The thread goes on after that. Where a worker was faster, it is waited for as long. Inside a transaction, which no
    other thread sees, it is done in this one.
    """
    if connection.in_atomic_block:
        carry_out(operation_id)
        return
    end = time.monotonic() + within.total_seconds()
    work = _threads().submit(_carry_out, operation_id)
    try:
        work.result(timeout=max(end - time.monotonic(), 0))
    except StillRunning:
        work.cancel()  # all threads are at work: it is left to the workers
        return
    while time.monotonic() < end and _is_moving(operation_id):
        time.sleep(LOOK_SECONDS)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "push")


def _carry_out(operation_id: UUID) -> None:
    try:
        carry_out(operation_id)
    except Exception:
        log.exception("Push operation %s went wrong.", operation_id)
    finally:
        connection.close()


def _is_moving(operation_id: UUID) -> bool:
    """Whether another holds the operation, or a short pause is about to end."""
    found = PushOperation.objects.filter(pk=operation_id, status=PushStatus.PENDING)
    held = found.values_list("lease_owner", "not_before").first()
    return held is not None and (bool(held[0]) or (held[1] is not None and held[1] < now() + timedelta(seconds=1)))
