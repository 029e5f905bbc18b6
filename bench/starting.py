"""How long a queued dataset waits for an idle worker: from `queue_dataset` to the move to Fetching.

    python -m bench.starting [--datasets 100] [--redis redis://127.0.0.1:6379/9]

Starts a sandbox, a database and a worker cluster of its own, once with the queue in SQLite, once in Redis (left out
without --redis), and queues datasets one after the other, each when the one before has ended.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GOALS = {"sqlite": 150, "redis": 25}  # p95, milliseconds
ENDED = 20  # seconds after which a dataset that has not ended is given up


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--datasets", type=int, default=100)
    parser.add_argument("--redis", default="")
    asked = parser.parse_args()
    print(f"{'queue':<10}{'datasets':>10}{'p50 ms':>10}{'p95 ms':>10}{'most ms':>10}   goal for p95")
    for queue, redis in (("sqlite", ""), ("redis", asked.redis)):
        if queue == "redis" and not redis:
            continue
        waits = sorted(_waits(asked.datasets, redis))
        p95 = statistics.quantiles(waits, n=20)[-1]
        print(
            f"{queue:<10}{len(waits):>10}{statistics.median(waits):>10.0f}{p95:>10.0f}{waits[-1]:>10.0f}"
            f"   <= {GOALS[queue]}"
        )


def _waits(count: int, redis: str) -> list[float]:
    """Return the milliseconds each dataset waited, measured by processes of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as var,
        subprocess.Popen(
            [sys.executable, "-m", "bench.source", "20"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as source,
    ):
        assert source.stdout is not None
        address = source.stdout.readline().strip()
        env = _environment(Path(var), address, redis)
        worker = None
        try:
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
            subprocess.run([sys.executable, "manage.py", "setup"], cwd=ROOT, env=env, check=True)
            worker = subprocess.Popen([sys.executable, "manage.py", "worker"], cwd=ROOT, env=env)
            words = [sys.executable, "-m", "bench.starting", "--inside"]
            result = subprocess.run(
                [*words, address, str(count)], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
            )
        finally:
            if worker is not None:
                worker.terminate()
                worker.wait(30)
            source.terminate()
    waits: list[float] = json.loads(result.stdout.strip().splitlines()[-1])
    return waits


def _environment(var: Path, address: str, redis: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
        "HEADRACE_VAR": str(var),
        "DATABASE_URL": f"sqlite:///{var / 'bench.sqlite3'}",
        "REDIS_URL": redis,
        "HEADRACE_QUEUE": f"bench-{var.name}",
        "HEADRACE_OUTBOUND_ALLOW": address.removeprefix("http://"),
        "HEADRACE_LOG_LEVEL": "WARNING",
    }


def inside(address: str, count: int) -> None:
    """Queue datasets in the deployment that the environment names, and print what each waited."""
    import django

    django.setup()

    from bench.ours import connection_to
    from syncengine.actions.datasets import queue_dataset

    connection = connection_to(address)
    waits = []
    for number in range(-3, count):  # the first few warm the workers up
        asked = time.time()
        dataset = queue_dataset(connection, "customers", actor="bench")
        started = _started_at(dataset.pk)
        if number >= 0:
            waits.append((started - asked) * 1000)
        time.sleep(0.05 + 0.013 * (number % 7))  # in no step with the queue's polling
    print(json.dumps(waits))


def _started_at(pk: object) -> float:
    """Return when the dataset moved to Fetching, once it has ended. Raises: TimeoutError."""
    from syncengine.models import Dataset
    from syncengine.states import DATASET_ENDS

    end = time.monotonic() + ENDED
    while time.monotonic() < end:
        dataset = Dataset.objects.get(pk=pk)
        if dataset.status in DATASET_ENDS:
            assert dataset.started_at is not None, dataset.error_message
            return dataset.started_at.timestamp()
        time.sleep(0.02)
    raise TimeoutError(f"Dataset {pk} has not ended in {ENDED} s.")


if __name__ == "__main__":
    if "--inside" in sys.argv:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        main()
