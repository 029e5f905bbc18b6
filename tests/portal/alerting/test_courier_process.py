"""The courier as it runs: a process of a real worker cluster, replaced when it is killed, finished when it is told."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from tests.portal.alerting.receiver import Received, Receiver

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes"), pytest.mark.timeout(240)]
PREPARE = """
from django.core.management import call_command; call_command('migrate', verbosity=0)
from portal.alerting.consumers import create_consumer
create_consumer(url={url!r}, event_types=['company.created'], actor='test')
"""
HAPPEN = "from syncengine.actions.companies import create_company; create_company(name={name!r}, actor='test')"


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[Receiver, dict[str, str]]]:
    receiver = Receiver()
    env = {
        **os.environ,
        "HEADRACE_VAR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'courier.sqlite3'}",
        "REDIS_URL": "",
        "HEADRACE_OUTBOUND_ALLOW": receiver.place,
        "HEADRACE_WORKERS": "1",
        "HEADRACE_LEASE_SECONDS": "2",
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
    }
    yield receiver, env
    receiver.stop()


def run_python(code: str, env: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"], env=env, cwd=ROOT, check=True, timeout=90
    )


def until(holds: Callable[[], object], within: float = 60) -> None:
    ends = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def courier_of(cluster: subprocess.Popen[bytes]) -> psutil.Process | None:
    family = psutil.Process(cluster.pid).children(recursive=True)
    return next((one for one in family if "courier" in " ".join(one.cmdline())), None)


def test_it_delivers_is_replaced_and_stops_in_good_order(places: tuple[Receiver, dict[str, str]]) -> None:
    receiver, env = places
    run_python(PREPARE.format(url=receiver.url("good")), env)
    cluster = subprocess.Popen([sys.executable, "manage.py", "worker"], env=env, cwd=ROOT, process_group=0)
    try:
        run_python(HAPPEN.format(name="First"), env)
        until(lambda: len(receiver.received) == 1)
        first = courier_of(cluster)
        assert first is not None
        first.kill()
        run_python(HAPPEN.format(name="Second"), env)
        until(lambda: {one.json["payload"]["name"] for one in receiver.received} == {"First", "Second"})
        second = courier_of(cluster)
        assert second is not None
        assert second.pid != first.pid
        assert cluster.poll() is None
        cluster.send_signal(signal.SIGTERM)
        assert cluster.wait(30) == 0
    finally:
        if cluster.poll() is None:
            os.killpg(cluster.pid, signal.SIGKILL)
            cluster.wait()


WATCH = """
from datetime import timedelta
from django.core.management import call_command; call_command('migrate', verbosity=0)
from django.utils.timezone import now
from portal.actions.alerting_rules import create_rule
from tests.factories import make_company, make_connection
create_rule(type='No Success Within', webhook_url={url!r}, settings={{'hours': 1}}, actor='test')
create_rule(type='DataConnectionStatusChanged', webhook_url={url!r}, actor='test')
for number in range(5):
    make_connection(make_company(str(number)), linked_at=now() - timedelta(hours=2))
"""
LINK = """
from syncengine.events import record_event
from syncengine.models import Connection
for connection in Connection.objects.all():
    record_event('connection.linked', about=connection, before='PendingAuth')
"""


def test_it_looks_into_rules_and_tells_each_alert_though_it_is_killed(places: tuple[Receiver, dict[str, str]]) -> None:
    receiver, env = places
    env |= {"HEADRACE_RULES_SECONDS": "0.4"}
    run_python(WATCH.format(url=receiver.url("rule")), env)
    cluster = subprocess.Popen([sys.executable, "manage.py", "worker"], env=env, cwd=ROOT, process_group=0)
    try:
        until(lambda: receiver.received)
        killed = courier_of(cluster)
        assert killed is not None
        killed.kill()
        run_python(LINK, env)
        until(lambda: len({one.json["AlertId"] for one in receiver.received}) == 10)
        assert Counter(one.json["RuleType"] for one in _first_of_each(receiver)) == {
            "No Success Within": 5, "DataConnectionStatusChanged": 5,
        }  # fmt: skip
        with closing(sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///"))) as database:
            stored = {str(UUID(key)) for (key,) in database.execute("SELECT id FROM portal_alert")}
        assert stored == {one.json["AlertId"] for one in receiver.received}
    finally:
        os.killpg(cluster.pid, signal.SIGKILL)
        cluster.wait()


def _first_of_each(receiver: Receiver) -> list[Received]:
    """What was under way at the kill may come twice."""
    return list({one.json["AlertId"]: one for one in receiver.received}.values())
