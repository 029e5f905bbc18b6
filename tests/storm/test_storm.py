"""At least 60 kills over 200 datasets: nothing stuck, nothing lost, nothing doubled. Each run prints its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from tests.storm.deployment import ROOT

pytestmark = [pytest.mark.storm, pytest.mark.timeout(900)]
POSTGRES = os.environ.get("STORM_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("STORM_REDIS_URL", "redis://127.0.0.1:6379/7")


@pytest.fixture
def postgres() -> Iterator[str]:
    """A database of the storm's own; no PostgreSQL is a failure, never a skip."""
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS headrace_storm WITH (FORCE)")
        server.execute("CREATE DATABASE headrace_storm")
        yield POSTGRES.rpartition("/")[0] + "/headrace_storm"
        server.execute("DROP DATABASE IF EXISTS headrace_storm WITH (FORCE)")


def blow(program: str = "tests.storm.storm", **urls: str) -> dict[str, object]:
    env = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", **urls}
    result = subprocess.run(
        [sys.executable, "-m", program], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip(), result.stderr[-4000:]
    line = result.stdout.strip().splitlines()[-1]
    print(line)
    return json.loads(line)


def calm(found: dict[str, object]) -> None:
    names = ("stuck", "failed", "lost", "duplicated", "wrong")
    assert {name: found[name] for name in names} == dict.fromkeys(names, 0)
    assert found["kills"] >= 60
    assert found["datasets"] >= 200


def test_on_sqlite():
    calm(blow())


def test_on_postgresql(postgres):
    calm(blow(DATABASE_URL=postgres))


def test_on_postgresql_with_redis(postgres):
    calm(blow(DATABASE_URL=postgres, REDIS_URL=REDIS))
