from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from django.db import connection
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.signing import SignedPackage
from redis import Redis

from syncengine.limits import REDIS_PREFIX

# Playwright's own event loop makes Django think that we are inside async code; the tests are not.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_configure() -> None:
    """A server that is started for many tests warns of a folder for static files that is not there yet."""
    Path(configured.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def _plain_settings(settings: object, tmp_path: object) -> None:
    """No manifest of static files, no second thread (it would not see a test's open transaction), no long waits."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.HEADRACE_PREFETCH = False
    settings.HEADRACE_RETRY_BASE_SECONDS = 0.01
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def queued() -> Callable[[], list[tuple[str, tuple[str, ...]]]]:
    """Return what waits in the real queue, oldest first, without taking it."""

    def look() -> list[tuple[str, tuple[str, ...]]]:
        _send_what_was_committed()
        tasks = _take_all()
        broker = get_broker()
        for task in tasks:
            broker.enqueue(SignedPackage.dumps(task))
        return [(task["func"], tuple(task["args"])) for task in tasks]

    return look


@pytest.fixture
def run_queue() -> Callable[..., int]:
    """Work through the real queue in this process until it is empty, and return how many tasks were done."""

    def run(limit: int = 1000) -> int:
        done = 0
        while done < limit:
            _send_what_was_committed()
            tasks = _take_all()
            if not tasks:
                return done
            for task in tasks:
                import_string(task["func"])(*task["args"])
                done += 1
        raise AssertionError(f"the queue is not empty after {limit} tasks")

    return run


@pytest.fixture(autouse=True)
def _empty_redis(settings: object) -> None:
    """What lies outside the database is not rolled back with the test before this one: queue, buckets, cache."""
    if settings.REDIS_URL:
        get_broker().purge_queue()
        cache.clear()
        with Redis.from_url(settings.REDIS_URL) as server:
            for key in server.scan_iter(f"{REDIS_PREFIX}*"):
                server.delete(key)


def _send_what_was_committed() -> None:
    callbacks, connection.run_on_commit = connection.run_on_commit, []
    for _, callback, *_ in callbacks:
        callback()


def _take_all() -> list[dict[str, object]]:
    broker = get_broker()
    taken = []
    while broker.queue_size():
        for receipt, package in broker.dequeue() or ():
            taken.append(SignedPackage.loads(package))
            broker.acknowledge(receipt)
            break
        else:
            return taken
    return taken
