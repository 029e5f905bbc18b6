"""Waking a worker. The queue carries ids only; the rows they name are the truth."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

log = logging.getLogger(__name__)


def enqueue(task: str, *ids: str) -> None:
    """Ask a worker to call `task(*ids)`, at least once, after the caller's transaction has committed.

    With the database as broker the task is a row of the same transaction: it rolls back with it. With Redis it is
    sent after the commit, and the sweeper makes up for what was committed but never sent.
    """
    if "orm" in settings.Q_CLUSTER:
        async_task(task, *ids)
    else:
        transaction.on_commit(lambda: async_task(task, *ids), robust=True)


def waiting_count() -> int:
    """Return how many tasks wait in the queue, those being worked on included."""
    return int(get_broker().queue_size())
