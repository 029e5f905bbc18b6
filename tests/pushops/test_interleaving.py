"""Reads and writes agree: in whatever order they meet, what was read before never overwrites what a push wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction

from pushops.models import PushOperation
from pushops.run.carrying import carry_out
from pushops.run.lease import Hold as PushHold
from syncengine.actions.datasets import queue_dataset
from syncengine.connectors import registry
from syncengine.connectors.changes import Operation
from syncengine.exceptions import ProcessingFailed
from syncengine.models import Connection, DataStatus, Record, RecordChange
from syncengine.run import lease
from syncengine.run.runner import run_dataset
from syncengine.states import DatasetStatus, ReadMode
from tests.factories import make_connection
from tests.pushops.actors import Actors
from tests.pushops.pushes import ask, skip_waiting
from tests.pushops.small_platform import TYPE, SmallPlatform

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

RECORDS = 12
KINDS = ["stamped", "without stamps", "failing reads"]


@pytest.fixture
def connection() -> Connection:
    return make_connection(secret={"key": "k"})


kinds = pytest.mark.parametrize(
    ("stamped", "fails", "rounds"), [(True, False, 60), (False, False, 20), (True, True, 40)], ids=KINDS
)


@kinds
def test_whatever_the_order_they_end_with_the_platforms_last_write(connection, monkeypatch, stamped, fails, rounds):
    assert play(connection, monkeypatch, range(rounds // 20), stamped=stamped, fails=fails) >= rounds // 20 * 10


@pytest.mark.storm
@kinds
def test_a_thousand_orders_end_with_the_platforms_last_write(connection, monkeypatch, stamped, fails, rounds):
    written = play(connection, monkeypatch, range(100, 100 + rounds), stamped=stamped, fails=fails)
    print(f"{written} writes met {rounds} reads; stamps: {stamped}, failing reads: {fails}; overwritten: 0")
    assert written >= rounds * 10


def play(connection: Connection, monkeypatch: Any, seeds: range, **kind: bool) -> int:
    written = 0
    for seed in seeds:
        with undone(), monkeypatch.context() as patches:
            written += Round(connection, patches, seed, **kind).play()
    return written


@contextmanager
def undone() -> Iterator[None]:
    """Run the block, and put the database back as it was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Round:
    def __init__(self, connection: Connection, patches: Any, seed: int, *, stamped: bool, fails: bool) -> None:
        self.chance = random.Random(seed)
        self.connection, self.stamped = connection, stamped
        self.actors = Actors(self.chance)
        self.platform = SmallPlatform(stamped)
        self.pushes: list[PushOperation] = []
        patches.setattr(registry, "_connectors", lambda: {"mqjo": self.platform})
        for key in (f"k{number:02}" for number in range(RECORDS)):
            self.platform.write(key, "stranger")
        self.read()
        self.platform.step = self.actors.step
        stepping(patches, lease.Hold, "storing", self.actors, fails=self.chance.randint(0, 3) if fails else None)
        stepping(patches, PushHold, "recording", self.actors)

    def play(self) -> int:
        """Return how many records were written while a read was under way."""
        for key in self.chance.sample(sorted(self.platform.kept), 5 if self.stamped else 0):
            self.platform.write(key, "stranger")
        targets = self.chance.sample(sorted(self.platform.kept), 8)
        acts = [self.writer(key) for key in targets] + [self.creator, self.creator]
        acts += [self.stranger] if self.stamped else []
        before = self.cache()
        self.actors.play(self.read, *acts)
        self.require_agreement(before)
        self.platform.step = lambda: None
        if self.stamped:
            self.read(ReadMode.INCREMENTAL)
            assert self.cache() == {key: self.truth(key) for key in self.platform.kept}
        return len(acts)

    def read(self, mode: ReadMode = ReadMode.FULL) -> None:
        dataset = queue_dataset(self.connection, TYPE, actor="test", mode=mode if mode == ReadMode.FULL else "")
        run_dataset(dataset.pk)
        dataset.refresh_from_db()
        assert dataset.status in (DatasetStatus.COMPLETE, DatasetStatus.PROCESSING_ERROR), dataset.error_message
        self.failed = dataset.status != DatasetStatus.COMPLETE

    def writer(self, key: str) -> Any:
        def act() -> None:
            for _ in range(self.chance.choice((1, 1, 2))):
                self.actors.step()
                operation = self.chance.choice((Operation.UPDATE, Operation.UPDATE, Operation.DELETE))
                self.push(operation=operation, record_id=key)

        return act

    def creator(self) -> None:
        self.actors.step()
        self.push(operation=Operation.CREATE)

    def stranger(self) -> None:
        for _ in range(3):
            self.actors.step()
            key = self.chance.choice(sorted(self.platform.kept))
            if not self.platform.kept[key].is_deleted:
                self.platform.write(key, "stranger")

    def push(self, **fields: Any) -> None:
        operation = ask(self.connection, {"customerName": "x"}, force_update=True, **fields)
        while PushOperation.objects.filter(pk=operation.pk, status="Pending").exists():
            skip_waiting(operation)
            carry_out(operation.pk)
            self.actors.step()

    def cache(self) -> dict[str, tuple[str | None, bool]]:
        rows = Record.objects.filter(connection=self.connection, data_type=TYPE)
        return {
            key: shown(content, gone) for key, content, gone in rows.values_list("source_id", "content", "is_deleted")
        }

    def truth(self, key: str) -> tuple[str | None, bool]:
        kept = self.platform.kept[key]
        return shown({"customerName": kept.name}, kept.is_deleted)

    def require_agreement(self, before: dict[str, tuple[str | None, bool]]) -> None:
        cache = self.cache()
        pushed = {key for key, kept in self.platform.kept.items() if kept.by == "push"}
        assert {key: cache[key] for key in pushed} == {key: self.truth(key) for key in pushed}
        if self.failed:
            touched = set(Record.objects.filter(pushed_at__isnull=False).values_list("source_id", flat=True))
            untouched = before.keys() - touched
            assert {key: cache[key] for key in untouched} == {key: before[key] for key in untouched}
            assert not RecordChange.objects.filter(dataset__status=DatasetStatus.PROCESSING_ERROR).exists()
        alive = Record.objects.filter(connection=self.connection, data_type=TYPE, is_deleted=False).count()
        assert DataStatus.objects.get(connection=self.connection, data_type=TYPE).record_count == alive


def shown(content: dict[str, Any], is_deleted: bool) -> tuple[str | None, bool]:
    return (None if is_deleted else content["customerName"], is_deleted)


def stepping(patches: Any, owner: Any, name: str, actors: Actors, fails: int | None = None) -> None:
    """Have others act right before such a transaction begins; it fails instead when it is the `fails`-th."""
    plain, begun = getattr(owner, name), iter(range(10_000))

    @contextmanager
    def with_a_step(self: Any, *given: Any, **columns: Any) -> Iterator[Any]:
        actors.step()
        if fails is not None and "processed_pages" in columns and next(begun) == fails:
            raise ProcessingFailed("On purpose.")
        with plain(self, *given, **columns) as held:
            yield held

    patches.setattr(owner, name, with_a_step)
