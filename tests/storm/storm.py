"""The kill storm, a program of its own: `python -m tests.storm.storm --datasets 200 --kills 60`.

Reads the database and the queue from DATABASE_URL and REDIS_URL, links connections to a sandbox of its own, queues
datasets, kills worker processes at random while they run, and when all have ended compares every record with what an
undisturbed read of the same books brought. Prints one JSON line; stuck, lost and duplicated must each be 0.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from syncengine.sandbox.server import start
from tests.storm.deployment import Deployment, environment

# Types with no prerequisite, of sizes between a dozen and 4,000 records.
TYPES = ("invoices", "bills", "payments", "customers", "suppliers", "items", "journalEntries", "creditNotes",
         "billPayments", "chartOfAccounts")  # fmt: skip
SIZE = 4000


def main() -> int:
    asked = _arguments()
    sandbox = start(0, size=SIZE, control_key="storm", requests_per_minute=0)
    var = Path(tempfile.mkdtemp(prefix="storm-"))
    database_url = os.environ.get("DATABASE_URL") or f"sqlite:///{var / 'storm.sqlite3'}"
    env = environment(var, database_url, os.environ.get("REDIS_URL", ""), sandbox.url.removeprefix("http://"))
    os.environ.update(env)
    deployment = Deployment(env, var / "workers.log")
    deployment.manage("migrate", "-v0")
    deployment.manage("setup")

    import django

    django.setup()
    from tests.storm.books import link, queue_all, verdict

    connections = [link(sandbox.url, number) for number in range(asked.datasets // len(TYPES) + 1)]
    reference, storm = connections[0], connections[1:]
    for _ in range(asked.clusters):
        deployment.start_cluster()
    try:
        _wait(deployment, queue_all([reference], TYPES), asked.patience)
        first = time.monotonic()
        datasets = queue_all(storm, TYPES)
        kills = _storm(deployment, datasets, asked)
        _wait(deployment, datasets, asked.patience)
        found = verdict(reference, storm, TYPES, datasets)
    finally:
        deployment.stop()
        sandbox.stop()
    print(
        json.dumps(
            {
                "database": database_url.partition(":")[0],
                "queue": "redis" if env["REDIS_URL"] else "database",
                "datasets": len(datasets),
                "kills": sum(kills.values()),
                "killed": dict(kills.most_common(4)),
                "clusters_restarted": deployment.restarts,
                "seconds": round(time.monotonic() - first, 1),
                **found,
            }
        )
    )
    return 0 if found["stuck"] == found["lost"] == found["duplicated"] == found["failed"] == 0 else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--datasets", type=int, default=200)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--clusters", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--patience", type=float, default=180)
    return parser.parse_args()


def _storm(deployment: Deployment, datasets: list[str], asked: argparse.Namespace) -> Counter[str]:
    """Kill at random moments until all kills are done; datasets are queued anew when they end too soon."""
    from tests.storm.books import holders, queue_again, still_active

    chance, kills = random.Random(asked.seed), Counter[str]()
    while sum(kills.values()) < asked.kills:
        deployment.supervise()
        _wait_for_work(datasets)
        time.sleep(chance.uniform(0.0, 0.4))
        if not still_active(datasets):
            datasets.extend(queue_again(datasets, 40))
        name = deployment.kill_something(chance, holders(datasets))
        if name:
            kills[name] += 1
        if deployment.env["DATABASE_URL"].startswith("postgres") and chance.random() < 0.1:
            _cut_database(chance)
            kills["database connection"] += 1
    return kills


def _wait_for_work(datasets: list[str]) -> None:
    """Let the clusters that were killed come up again, so that the next kill hits somebody at work."""
    from tests.storm.books import holders

    end = time.monotonic() + 4
    while not holders(datasets) and time.monotonic() < end:
        time.sleep(0.1)


def _cut_database(chance: random.Random) -> None:
    """End some other process's connection to the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        others = [pid for (pid,) in cursor.fetchall()]
        if others:
            cursor.execute("SELECT pg_terminate_backend(%s)", [chance.choice(others)])


def _wait(deployment: Deployment, datasets: list[str], patience: float) -> None:
    from tests.storm.books import still_active

    end = time.monotonic() + patience
    while still_active(datasets) and time.monotonic() < end:
        deployment.supervise()
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
