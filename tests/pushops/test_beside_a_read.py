"""One write while a page is on its way: what the page says of that record is older, and is left alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pushops.run.carrying import carry_out
from syncengine.actions.datasets import queue_dataset
from syncengine.connectors import registry
from syncengine.connectors.changes import Operation
from syncengine.models import Connection, Dataset, DataStatus
from syncengine.run.runner import run_dataset
from syncengine.states import DatasetStatus, ReadMode
from tests.factories import make_connection
from tests.pushops.pushes import again, ask, cached
from tests.pushops.small_platform import TYPE, SmallPlatform

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    return make_connection(secret={"key": "k"})


@pytest.fixture(params=[True, False], ids=["stamped", "without stamps"])
def platform(request, monkeypatch, connection) -> SmallPlatform:
    """Three records that were read, of which one changed since."""
    platform = SmallPlatform(request.param)
    monkeypatch.setattr(registry, "_connectors", lambda: {"mqjo": platform})
    for key in ("k1", "k2", "k3"):
        platform.write(key, "stranger")
    read(connection)
    platform.write("k2", "stranger")
    return platform


def read(connection: Connection) -> Dataset:
    dataset = queue_dataset(connection, TYPE, actor="test", mode=ReadMode.FULL)
    run_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.status == DatasetStatus.COMPLETE
    return dataset


def after_the_snapshot(platform: SmallPlatform, act: Callable[[], None]) -> None:
    """Act when the platform has written its page, and before anybody has it."""
    steps = iter(range(1000))

    def step() -> None:
        if next(steps) == 1:
            act()

    platform.step = step


def write(connection: Connection, **fields: object) -> str:
    operation = ask(connection, {"customerName": "x"}, force_update=True, **fields)
    carry_out(operation.pk)
    done = again(operation)
    assert (done.status, done.error_message) == ("Success", "")
    return done.result_record_id


def count(connection: Connection) -> int:
    return DataStatus.objects.get(connection=connection, data_type=TYPE).record_count


def test_an_updated_record_keeps_what_was_written(connection, platform):
    update = {"operation": Operation.UPDATE, "record_id": "k2"}
    after_the_snapshot(platform, lambda: write(connection, **update) and None)
    dataset = read(connection)
    assert cached(connection, "k2").content["customerName"] == platform.kept["k2"].name
    assert platform.kept["k2"].by == "push"
    assert (dataset.changed_count, dataset.unchanged_count, dataset.push_count, count(connection)) == (0, 3, 1, 3)


def test_a_deleted_record_stays_deleted(connection, platform):
    delete = {"operation": Operation.DELETE, "record_id": "k2"}
    after_the_snapshot(platform, lambda: write(connection, **delete) and None)
    dataset = read(connection)
    assert cached(connection, "k2").is_deleted
    assert (dataset.created_count, dataset.changed_count, count(connection)) == (0, 0, 2)


def test_a_new_record_that_the_listing_does_not_hold_is_not_taken_for_deleted(connection, platform):
    made: list[str] = []
    after_the_snapshot(platform, lambda: made.append(write(connection)))
    dataset = read(connection)
    assert not cached(connection, made[0]).is_deleted
    assert (dataset.changed_count, dataset.deleted_count, count(connection)) == (1, 0, 4)


def test_a_later_read_is_newer_again(connection, platform):
    key = write(connection, operation=Operation.UPDATE, record_id="k2")
    platform.write(key, "stranger")
    assert read(connection).changed_count == 1
    assert cached(connection, key).content["customerName"] == platform.kept[key].name
