"""The delivery storm, a program of its own: `python -m tests.portal.alerting.storm --deliveries 5000 --kills 100`.

Endpoints of every kind are told of events by couriers that are killed at random moments, while a clock that all
processes share is moved from one planned attempt to the next. Prints one JSON line; `lost`, `bad_signatures`,
`doubled`, `early`, `late`, `unplanned` and `connections_inside` must each be 0. With --outbox the processes that write
events are killed, too, and nothing else happens.

The parent has one thread only, so that it may fork: what it starts is ready at once, and is killed as often as wished.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
COURIERS = 2
LEASE_SECONDS = 1.5
SECONDS = 0.4  # for one request
# Path, and whether it is told of a few events only: each of its attempts takes its whole time.
ENDPOINTS = {
    "good/1": False, "good/2": False, "good/3": False, "flaky": False, "huge": False, "bad": False, "reset": False,
    "busy": False, "redirect": False, "gone": False, "stall": True, "drip": True, "garbage": True, "inside": True,
}  # fmt: skip
HOSTILE = ("http://127.0.0.1:22/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:10.0.0.1]/", "http://0/")
PLAN = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)


def main() -> int:
    asked = _arguments()
    var = Path(tempfile.mkdtemp(prefix="webhook-storm-"))
    endpoint = subprocess.Popen(
        [sys.executable, "-m", "tests.portal.alerting.storm", "--receive", str(var)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert endpoint.stdout is not None
    place = endpoint.stdout.readline().decode().strip()
    try:
        os.environ.update(_environment(var, place))
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _warm_up()
        storm = Storm(var, place, asked)
        found = storm.outbox() if asked.outbox else storm.blow()
    finally:
        endpoint.kill()
    print(json.dumps(found))
    wrong = ("lost", "bad_signatures", "doubled", "early", "late", "unplanned", "connections_inside")
    return 1 if any(found.get(name) for name in wrong) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deliveries", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--outbox", action="store_true")
    parser.add_argument("--receive", default="")
    asked = parser.parse_args()
    if asked.receive:
        receive(Path(asked.receive))
    return asked


def _environment(var: Path, place: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
        "HEADRACE_VAR": str(var),
        "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{var / 'storm.sqlite3'}",
        "HEADRACE_OUTBOUND_ALLOW": place,
        "HEADRACE_LEASE_SECONDS": str(LEASE_SECONDS),
        "HEADRACE_WEBHOOK_SECONDS": str(SECONDS),
        "HEADRACE_WEBHOOK_CONCURRENCY": "32",
        "HEADRACE_WEBHOOK_POLL_SECONDS": "0.02",
        "HEADRACE_LOG_LEVEL": "CRITICAL",
    }


def receive(var: Path) -> None:
    """Be the endpoints, in a process of their own; write down what came, one JSON line each."""
    from tests.portal.alerting.receiver import Receiver

    running = Receiver()
    running.statuses |= {"bad": [500], "busy": [429], "gone": [410]}
    running.retry_after["busy"] = "86400"
    running.delays["stall"] = 3
    running.flaky = 3
    print(running.place, flush=True)
    written = 0
    with (var / "received").open("a") as log:
        while True:
            time.sleep(0.05)
            for one in running.received[written:]:
                line = {"path": one.path.strip("/"), "headers": one.headers, "body": one.body.decode("latin-1")}
                log.write(json.dumps(line) + "\n")
                written += 1
            log.flush()


class Storm:
    def __init__(self, var: Path, place: str, asked: argparse.Namespace) -> None:
        self.var, self.place, self.asked = var, place, asked
        self.chance = random.Random(asked.seed)
        self.kills: Counter[str] = Counter()
        self.ahead = timedelta(0)  # how far the shared clock is ahead of the real one
        self.couriers: list[int] = []
        self.secrets: dict[str, str] = {}

    # --- processes

    def fork(self, do: Callable[[], Any]) -> int:
        from django.db import connections

        connections.close_all()
        child = os.fork()
        if child:
            return child
        try:
            self._travel()
            _record_connections(self.var / "connections")
            do()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)

    def _travel(self) -> None:
        import time_machine
        from django.utils.timezone import now

        # For as long as the process lives, so nobody ever leaves it.
        time_machine.travel(now() + self.ahead, tick=True).start()

    def start_couriers(self) -> None:
        from portal.alerting.courier import run_courier

        while len(self.couriers) < COURIERS:
            self.couriers.append(self.fork(run_courier))

    def kill_courier(self) -> None:
        victim = self.couriers.pop(self.chance.randrange(len(self.couriers)))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        self.kills["courier"] += 1

    def stop_couriers(self) -> None:
        for pid in self.couriers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.couriers.clear()

    # --- the outbox

    def outbox(self) -> dict[str, Any]:
        """Kill writers and couriers alike; whatever was committed must arrive."""
        self._endpoint("good/1")
        while self.kills.total() < self.asked.kills:
            self.start_couriers()
            writer = self.fork(_write_for_ever)
            time.sleep(self.chance.uniform(0.02, 0.3))
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
            self.kills["writer"] += 1
            if self.chance.random() < 0.7:
                self.kill_courier()
        self._settle(patience=60)
        self.stop_couriers()
        return self._outbox_verdict()

    def _outbox_verdict(self) -> dict[str, Any]:
        from portal.models.webhook import WebhookMessage
        from syncengine.models import Company, Event

        made = {str(pk) for pk in Company.objects.values_list("pk", flat=True)}
        events = Event.objects.filter(kind="company.created")
        told = [str(pk) for pk in WebhookMessage.objects.values_list("company_id", flat=True)]
        arrived = {json.loads(one["body"])["payload"]["id"] for one in self.received()}
        return {
            "kills": dict(self.kills),
            "committed": len(made),
            "lost": len(made - arrived) + abs(len(made) - events.count()) + events.filter(told_at=None).count(),
            "doubled": len(told) - len(set(told)),
            "invented": len(arrived - made),
            "bad_signatures": sum(not self._is_signed(one) for one in self.received()),
        }

    # --- the storm

    def blow(self) -> dict[str, Any]:
        began = time.monotonic()
        for path, is_rare in ENDPOINTS.items():
            self._endpoint(path, tags=["slow:yes"] if is_rare else [])
        self._hostile_addresses()
        self._events()
        phases = 0
        while phases < 60:
            self._blow_until_settled()
            phases += 1
            if self._next_due() is None:
                break
            self._forward()
        self.stop_couriers()
        time.sleep(0.3)  # for the endpoints to write down what came last
        return {**self._verdict(), "phases": phases, "seconds": round(time.monotonic() - began, 1)}

    def _blow_until_settled(self) -> None:
        # Kills are spread over the phases that have work worth disturbing.
        quota = self.asked.kills // 6 + 1
        ends = time.monotonic() + 120
        while self._is_busy() and time.monotonic() < ends:
            self.start_couriers()
            time.sleep(self.chance.uniform(0.05, 0.5))
            if quota and self.kills.total() < self.asked.kills:
                self.kill_courier()
                quota -= 1

    def _forward(self) -> None:
        """Move the clock to the next planned attempt."""
        from django.utils.timezone import now

        self.stop_couriers()
        coming = self._next_due()
        if coming is not None:
            self.ahead = max(self.ahead, coming - now())

    def _next_due(self) -> Any:
        from django.db.models import Min

        from portal.models.webhook import ACTIVE, WebhookMessage

        waiting = WebhookMessage.objects.filter(state__in=ACTIVE, held=False)
        return waiting.aggregate(next=Min("next_attempt_at"))["next"]

    def _is_busy(self) -> bool:
        from django.db.models import Q
        from django.utils.timezone import now

        from portal.models.webhook import ACTIVE, WebhookMessage
        from syncengine.models import Event

        # All that is due within the shortest step belongs to this phase: nothing waits for the clock to jump past it.
        moment = now() + self.ahead + timedelta(seconds=2 * PLAN[0])
        waiting = WebhookMessage.objects.filter(state__in=ACTIVE, held=False)
        open_ = waiting.filter(Q(next_attempt_at__lte=moment) | ~Q(lease_owner=""))
        return open_.exists() or Event.objects.filter(told_at__isnull=True).exists()

    def _settle(self, patience: float) -> None:
        ends = time.monotonic() + patience
        while self._is_busy() and time.monotonic() < ends:
            self.start_couriers()
            time.sleep(0.1)
        time.sleep(0.3)  # for the endpoints to write down what came last

    def _endpoint(self, path: str, tags: list[str] | None = None) -> None:
        from portal.alerting.consumers import create_consumer
        from syncengine.secrets import unseal

        consumer = create_consumer(
            url=f"http://{self.place}/{path}",
            event_types=["company.created"],
            company_tags=tags or [],
            description=path,
            actor="storm",
        )
        self.secrets[path] = unseal(consumer, "secret")["secret"]

    def _hostile_addresses(self) -> None:
        """Addresses that were good when they were saved, and lead inside now."""
        from portal.models.webhook import WebhookConsumer

        inside = WebhookConsumer.objects.get(description="inside")
        for number, url in enumerate(HOSTILE):
            inside.pk, inside.url, inside.description = None, url, f"inside/{number}"
            inside.id = WebhookConsumer._meta.pk.get_default()
            from portal.alerting.signing import new_secret
            from syncengine.secrets import seal

            inside.secret = seal(inside, "secret", {"secret": new_secret()})
            inside.save(force_insert=True)
        WebhookConsumer.objects.filter(description="inside").update(url=HOSTILE[0])

    def _events(self) -> None:
        from syncengine.actions.companies import create_company

        often = sum(not is_rare for is_rare in ENDPOINTS.values())
        rare = sum(ENDPOINTS.values()) + len(HOSTILE)
        few = max(self.asked.deliveries // 250, 2)
        many = (self.asked.deliveries - few * rare) // often
        for number in range(many):
            tags = {"slow": "yes"} if number < few else {}
            create_company(name=f"Company {number}", tags=tags, actor="storm")
        self.many, self.few = many, few

    # --- the verdict

    def received(self) -> list[dict[str, Any]]:
        path = self.var / "received"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _is_signed(self, one: dict[str, Any]) -> bool:
        from tests.portal.alerting.receiver import Received, is_signed

        got = Received(one["path"], one["headers"], one["body"].encode("latin-1"), 0)
        return is_signed(got, self.secrets[one["path"]], now=int(got.headers["webhook-timestamp"]))

    def _verdict(self) -> dict[str, Any]:
        from portal.models.webhook import WebhookAttempt, WebhookMessage

        messages = list(WebhookMessage.objects.select_related("consumer"))
        attempts: dict[str, list[WebhookAttempt]] = {}
        for attempt in WebhookAttempt.objects.order_by("message_id", "number"):
            attempts.setdefault(attempt.message_id, []).append(attempt)
        received = self.received()
        arrived = Counter(one["headers"]["webhook-id"] for one in received)
        by_path = Counter(message.consumer.description for message in messages)
        # Whole backlogs come due at once, and the machine takes its time to work through them.
        patience = 30 + self.asked.deliveries / 25
        judged = [Judged(message, attempts.get(message.pk, []), arrived[message.pk], patience) for message in messages]
        starts = sorted(start for one in judged for start in one.starts)
        wanted = {path: self.few if is_rare else self.many for path, is_rare in ENDPOINTS.items()}
        wanted["gone"] = by_path["gone"]  # switched off at its first answer; it is told no more from then on
        return {
            "database": os.environ["DATABASE_URL"].partition(":")[0],
            "deliveries": len(messages),
            "attempts": sum(len(tried) for tried in attempts.values()),
            "requests": len(received),
            "kills": self.kills.total(),
            "worker_lost": sum(one.lost_attempts for one in judged),
            "lost": sum(one.is_lost for one in judged) + sum(abs(by_path[path] - n) for path, n in wanted.items()),
            "bad_signatures": sum(not self._is_signed(one) for one in received),
            "doubled": sum(one.is_doubled for one in judged),
            "early": sum(one.early for one in judged),
            "late": sum(one.late for one in judged),
            "unplanned": sum(one.unplanned for one in judged),
            "start_seconds_p50": round(starts[len(starts) // 2], 2),
            "start_seconds_max": round(starts[-1], 1),
            "connections_inside": self._connections_inside(),
        }

    def _connections_inside(self) -> int:
        path = self.var / "connections"
        return sum(line != self.place for line in path.read_text().splitlines()) if path.exists() else 0


class Judged:
    """One message against what its endpoint should have made of it."""

    def __init__(self, message: Any, attempts: list[Any], arrived: int, patience: float) -> None:
        kind = message.consumer.description.partition("/")[0]
        self.finished = [attempt for attempt in attempts if attempt.duration_ms is not None]
        self.lost_attempts = len(attempts) - len(self.finished)
        good = kind in ("good", "huge", "flaky")
        tries = {"flaky": 4, "good": 1, "huge": 1}.get(kind, 8)
        self.is_lost = (
            (good and (message.state != "Success" or not arrived))
            or (kind == "gone" and not (message.held or message.state == "Failure"))
            or (not good and kind != "gone" and (message.state != "Failure" or len(self.finished) != tries))
        )
        # More often than it was tried, or after it had succeeded.
        self.is_doubled = arrived > len(attempts) or sum(a.outcome == "Success" for a in self.finished) > 1
        self.starts = starts = [(a.started_at - a.planned_at).total_seconds() for a in attempts if a.planned_at]
        self.early = sum(start < 0 for start in starts)
        self.late = sum(start > patience for start in starts)
        self.unplanned = sum(self._is_unplanned(step) for step in range(1, len(self.finished)))

    def _is_unplanned(self, step: int) -> bool:
        before, here = self.finished[step - 1], self.finished[step]
        planned = PLAN[step - 1]
        # It asks for a day; an hour is the most that is listened to, and twice the planned wait the most that is done.
        delay = min(max(3600, planned), 2 * planned) if before.status_code == 429 else planned
        return abs((here.planned_at - before.ended_at).total_seconds() - delay) > 0.001


def _warm_up() -> None:
    """Import in the parent what every child would import for itself."""
    import time_machine  # noqa: F401
    from django.urls import reverse

    import portal.alerting.consumer_channel
    import portal.alerting.courier
    import portal.alerting.matching  # noqa: F401
    import syncengine.actions.companies  # noqa: F401

    reverse("overview")


def _write_for_ever() -> None:
    from syncengine.actions.companies import create_company

    number = 0
    while True:
        create_company(name=f"Company {os.getpid()} {number}", actor="storm")
        number += 1


def _record_connections(path: Path) -> None:
    """Write down every address this process connects to, before it does; the database's own library is not asked."""
    original = socket.socket.connect
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            os.write(log, f"{address[0]}:{address[1]}\n".encode())
        return original(self, address)

    socket.socket.connect = connect  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
