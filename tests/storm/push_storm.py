"""The push storm, a program of its own: `python -m tests.storm.push_storm --pushes 300 --kills 30`.

Asks for creates over connections to a sandbox of its own, which is slow and loses answers, kills worker processes at
random while they are carried out, and when all have ended compares what the platform did with what each operation says.
Prints one JSON line; doubled, past_deadline, untold and wrong must each be 0.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from syncengine.sandbox.server import RunningSandbox, start
from tests.storm.deployment import Deployment, environment

CONNECTIONS = 3


def main() -> int:
    asked = _arguments()
    sandbox = start(0, size=10, control_key="storm", requests_per_minute=0)
    var = Path(tempfile.mkdtemp(prefix="push-storm-"))
    database_url = os.environ.get("DATABASE_URL") or f"sqlite:///{var / 'storm.sqlite3'}"
    # A request that was cut off is at work for no longer than a stalled write takes.
    env = {"HEADRACE_PUSH_SETTLE_SECONDS": "5"} | environment(
        var, database_url, os.environ.get("REDIS_URL", ""), sandbox.url.removeprefix("http://")
    )
    os.environ.update(env)
    deployment = Deployment(env, var / "workers.log")
    deployment.manage("migrate", "-v0")
    deployment.manage("setup")

    import django

    django.setup()
    _make_the_platform_unreliable(sandbox, asked.pushes)
    for _ in range(asked.clusters):
        deployment.start_cluster()
    began = time.monotonic()
    try:
        _ask_for_pushes(sandbox, asked.pushes)
        kills = _storm(deployment, asked)
        _wait(deployment, asked.patience)
        found = _verdict(_control(sandbox, "GET", "creates"))
    finally:
        deployment.stop()
        sandbox.stop()
    figures = {
        "database": database_url.partition(":")[0],
        "queue": "redis" if env["REDIS_URL"] else "database",
        "pushes": asked.pushes,
        "kills": sum(kills.values()),
        "killed": dict(kills.most_common(4)),
        "seconds": round(time.monotonic() - began, 1),
        **found,
    }
    print(json.dumps(figures))
    return 0 if found["doubled"] == found["past_deadline"] == found["untold"] == found["wrong"] == 0 else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--pushes", type=int, default=300)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--clusters", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--patience", type=float, default=240)
    return parser.parse_args()


def _make_the_platform_unreliable(sandbox: RunningSandbox, pushes: int) -> None:
    """Each write takes its time; of some the answer is lost, and some are lost before they are done."""
    _control(sandbox, "POST", "faults", {"fault": "stall", "seconds": 0.1, "method": "POST", "type": "customers"})
    for fault, skip in (("reset-after", 5), ("error-after", 25), ("reset-before", 45)):
        for number in range(pushes // 60):
            lost = {"fault": fault, "type": "customers", "method": "POST", "skip": skip + 60 * number, "times": 1}
            _control(sandbox, "POST", "faults", lost)


def _ask_for_pushes(sandbox: RunningSandbox, pushes: int) -> None:
    """Every second one has a minute."""
    from pushops.actions.pushing import request_push
    from tests.storm.books import link

    connections = [link(sandbox.url, number) for number in range(CONNECTIONS)]
    for number in range(pushes):
        request_push(
            connections[number % CONNECTIONS],
            data_type="customers",
            operation="Create",
            body={"customerName": f"Customer {number}"},
            timeout_minutes=1 if number % 2 else None,
            actor="storm",
        )


def _storm(deployment: Deployment, asked: argparse.Namespace) -> Counter[str]:
    chance, kills = random.Random(asked.seed), Counter[str]()
    while sum(kills.values()) < asked.kills and _pending():
        deployment.supervise()
        holders = _wait_for_holders()
        time.sleep(chance.uniform(0.0, 0.15))
        name = deployment.kill_something(chance, holders)
        if name:
            kills[name] += 1
    return kills


def _wait_for_holders() -> list[int]:
    """Let the clusters that were killed come up again, and return who holds an operation now."""
    from django.utils.timezone import now

    from pushops.models import PushOperation

    end = time.monotonic() + 30
    while True:
        held = PushOperation.objects.filter(lease_until__gt=now()).exclude(lease_owner="")
        found = [int(owner.rpartition(":")[2]) for owner in held.values_list("lease_owner", flat=True)]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def _pending() -> int:
    from pushops.models import PushOperation

    return PushOperation.objects.filter(look_at__isnull=False).count()


def _wait(deployment: Deployment, patience: float) -> None:
    end = time.monotonic() + patience
    while _pending() and time.monotonic() < end:
        deployment.supervise()
        time.sleep(0.3)


def _verdict(creates: list[dict[str, Any]]) -> dict[str, Any]:
    """Hold what the platform did against what the operations say.

    doubled:  records that the platform made twice for one operation.
    untold:   operations without exactly one event for their start and one for their end.
    wrong:    operations whose word is not what happened, and successes without their record in the cache.
    unknown:  operations that an operator must settle; none, since the platform can be searched.
    """
    from django.utils.timezone import now

    from pushops.models import PushAttempt, PushOperation
    from syncengine.models import Event, Record

    made = Counter(create["client_ref"] for create in creates)
    told: dict[str, list[str]] = {}
    for data in Event.objects.filter(kind="push.status_changed").order_by("pk").values_list("data", flat=True):
        told.setdefault(data["push_operation_key"], []).append(data["status"])
    cached = set(Record.objects.filter(data_type="customers").values_list("connection_id", "source_id"))
    wrong = unknown = 0
    for row in PushOperation.objects.all():
        done = made[row.marker] > 0
        says = row.status == "Success" or row.needs_attention == "LateSuccess"
        stored = (row.connection_id, row.result_record_id) in cached
        if row.needs_attention == "OutcomeUnknown":
            unknown += 1
            continue
        wrong += says != done or (row.status == "Success" and not stored) or row.status == "Failed"
    rows = PushOperation.objects.all()
    statuses = Counter(rows.values_list("status", flat=True))
    return {
        "doubled": sum(1 for times in made.values() if times > 1),
        "past_deadline": rows.filter(status="Pending", deadline_at__lt=now()).count(),
        "pending": statuses["Pending"],
        "untold": sum(told.get(str(row.pk)) != ["Pending", row.status] for row in rows if row.status != "Pending"),
        "wrong": wrong,
        "unknown": unknown,
        "statuses": dict(statuses),
        "lost_workers": sum(rows.values_list("lost_count", flat=True)),
        "attempts": dict(Counter(PushAttempt.objects.values_list("outcome", flat=True))),
    }


def _control(sandbox: RunningSandbox, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{sandbox.url}/_control/{path}",
        None if body is None else json.dumps(body).encode(),
        {"X-Control-Key": "storm", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main())
