"""300 pushes under kills: no create twice, nothing Pending past its deadline. Each run prints its figures."""

from __future__ import annotations

import pytest

from tests.storm.test_storm import REDIS, blow, postgres

__all__ = ["postgres"]

pytestmark = [pytest.mark.storm, pytest.mark.timeout(600)]
PROGRAM = "tests.storm.push_storm"


def calm(found: dict[str, object]) -> None:
    names = ("doubled", "past_deadline", "pending", "untold", "wrong", "unknown")
    assert {name: found[name] for name in names} == dict.fromkeys(names, 0)
    assert found["pushes"] >= 300
    assert found["kills"] >= 20
    assert found["lost_workers"] > 0


def test_on_sqlite():
    calm(blow(PROGRAM))


def test_on_postgresql(postgres):
    calm(blow(PROGRAM, DATABASE_URL=postgres))


def test_on_postgresql_with_redis(postgres):
    calm(blow(PROGRAM, DATABASE_URL=postgres, REDIS_URL=REDIS))
