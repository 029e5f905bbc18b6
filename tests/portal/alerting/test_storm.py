"""Kills: of those who write events, of those who deliver them. A short storm in every build, the long one by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[3]
POSTGRES = os.environ.get("STORM_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
NOTHING_WRONG = dict.fromkeys(
    ("lost", "bad_signatures", "doubled", "early", "late", "unplanned", "connections_inside"), 0
)


def blow(*words: str, database_url: str = "", timeout: float = 280) -> dict[str, Any]:
    env = {**os.environ, "DATABASE_URL": database_url}
    command = [sys.executable, "-m", "tests.portal.alerting.storm", *words]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)
    assert result.stdout.strip(), result.stderr[-4000:]
    line = result.stdout.strip().splitlines()[-1]
    print(line)
    return json.loads(line)


@pytest.fixture
def postgres() -> Iterator[str]:
    """A database of the storm's own; no PostgreSQL is a failure, never a skip."""
    name = f"headrace_webhook_storm_{os.getpid()}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        yield POSTGRES.rpartition("/")[0] + f"/{name}"
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.mark.storm
@pytest.mark.timeout(600)
def test_a_hundred_kills_between_commit_and_delivery_lose_nothing() -> None:
    found = blow("--outbox", "--kills", "100")
    assert sum(found["kills"].values()) >= 100
    assert found["committed"] >= 100
    assert [found[name] for name in ("lost", "doubled", "invented", "bad_signatures")] == [0, 0, 0, 0]


@pytest.mark.storm
@pytest.mark.timeout(600)
def test_a_short_storm() -> None:
    found = blow("--deliveries", "150", "--kills", "8")
    assert {name: found[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert found["kills"] >= 8
    assert found["deliveries"] >= 140


@pytest.mark.storm
@pytest.mark.timeout(1800)
def test_five_thousand_deliveries_on_sqlite() -> None:
    found = blow("--deliveries", "5000", "--kills", "100", timeout=1700)
    assert {name: found[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert found["kills"] >= 100
    assert found["deliveries"] >= 4900


@pytest.mark.storm
@pytest.mark.timeout(1800)
def test_five_thousand_deliveries_on_postgresql(postgres: str) -> None:
    found = blow("--deliveries", "5000", "--kills", "100", database_url=postgres, timeout=1700)
    assert {name: found[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert found["kills"] >= 100
    assert found["deliveries"] >= 4900


@pytest.mark.storm
@pytest.mark.timeout(600)
def test_a_hundred_kills_on_postgresql(postgres: str) -> None:
    found = blow("--outbox", "--kills", "100", database_url=postgres, timeout=500)
    assert [found[name] for name in ("lost", "doubled", "invented", "bad_signatures")] == [0, 0, 0, 0]
