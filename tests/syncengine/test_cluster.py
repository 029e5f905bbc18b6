"""Kill tests of the worker command. They gate every django-q2 upgrade: our cluster subclasses its private classes.

Each test starts `manage.py worker` as a supervisor would, on a database file of its own (or on PostgreSQL and Redis,
when DATABASE_URL and REDIS_URL say so), and kills pieces of it.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")
TASKS = "tests.syncengine.cluster_tasks"
pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


def run_python(code: str, env: dict[str, str]) -> str:
    setup = "import django; django.setup()\n"
    done = subprocess.run(
        [sys.executable, "-c", setup + code], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_env(var: Path, **more: str) -> dict[str, str]:
    here = {
        "DJANGO_SETTINGS_MODULE": "tests.syncengine.cluster_settings",
        "HEADRACE_VAR": str(var),
        "HEADRACE_QUEUE": f"test-{uuid.uuid4().hex}",
        "HEADRACE_SWEEP_SECONDS": "3600",
        "HEADRACE_LOG_LEVEL": "INFO",
        "PYTHONPATH": str(ROOT),
        "CLUSTER_TEST_LOG": str(var / "log"),
    }
    return {**os.environ, **here, **more}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A migrated database: a file to copy, or a PostgreSQL database that all tests of this file share."""
    var = tmp_path_factory.mktemp("cluster")
    if not POSTGRES:
        run_python(
            "from django.core.management import call_command; call_command('migrate', verbosity=0)", make_env(var)
        )
        yield var, {}
        return
    url, name = os.environ["DATABASE_URL"], f"headrace_cluster_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        more = {"DATABASE_URL": url.rsplit("/", 1)[0] + f"/{name}"}
        run_python(
            "from django.core.management import call_command; call_command('migrate', verbosity=0)",
            make_env(var, **more),
        )
        yield var, more
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@dataclass
class Running:
    """A cluster under test: the supervised process, and what its tasks told."""

    parent: subprocess.Popen[bytes]
    env: dict[str, str]
    family: list[psutil.Process]

    def log(self) -> list[str]:
        path = Path(self.env["CLUSTER_TEST_LOG"])
        return path.read_text().splitlines() if path.exists() else []

    def role(self, words: str) -> Any:
        return next((process for process in self.family if words in title(process)), None)

    def enqueue(self, *calls: tuple[str, ...]) -> None:
        if not calls:
            return
        lines = [f"enqueue('{TASKS}.{task}', {', '.join(map(repr, args))})" for task, *args in calls]
        run_python("from syncengine.queue import enqueue\n" + "\n".join(lines), self.env)

    def gather(self) -> int:
        """Look anew at who belongs to the cluster, and return how many have begun their part."""
        self.family = [psutil.Process(self.parent.pid), *psutil.Process(self.parent.pid).children(recursive=True)]
        return sum(title(process).startswith(("headrace", "qcluster")) for process in self.family)

    def exit_code(self, within: float) -> int:
        return self.parent.wait(timeout=within)

    def survivors(self, within: float) -> list[str]:
        """The processes that still live after `within` seconds, by their titles."""
        _gone, alive = psutil.wait_procs(self.family, timeout=within)
        return [title(process) for process in alive]


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def until(holds: Callable[[], object], within: float = 20) -> None:
    ends_at = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def start(template: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a cluster in a process group of its own and wait until all its processes are there."""
    started: list[Running] = []

    def start_cluster(*calls: tuple[str, ...], **more: str) -> Running:
        var, shared = template
        home = tmp_path / uuid.uuid4().hex
        shutil.copytree(var, home)
        env = make_env(home, **shared, **more)
        parent = subprocess.Popen([sys.executable, "manage.py", "worker"], env=env, cwd=ROOT, process_group=0)
        running = Running(parent, env, [])
        started.append(running)
        running.enqueue(*calls)
        count = 2 + int(more.get("HEADRACE_WORKERS", "2")) + 3  # parent, sentinel, workers, pusher, monitor, keeper
        until(lambda: running.gather() == count, within=90)  # three at once on a busy machine
        return running

    yield start_cluster
    for running in started:
        for process in running.family:
            if process.is_running():
                process.kill()
        running.parent.kill()
        running.parent.wait()


def three(start: Callable[..., Running]) -> list[Running]:
    with ThreadPoolExecutor(3) as threads:
        return list(threads.map(lambda _: start(), range(3)))


def test_a_killed_idle_worker_ends_the_cluster_with_70(start: Callable[..., Running]) -> None:
    """Three times: a plain django-q2 cluster hangs for good in about half of the cases."""
    for cluster in three(start):
        until(lambda cluster=cluster: cluster.role("idle"))
        cluster.role("idle").kill()
        assert cluster.exit_code(within=4) == 70
        assert cluster.survivors(within=2) == []


def test_a_killed_helper_ends_the_cluster_with_70(start: Callable[..., Running]) -> None:
    for cluster, role in zip(three(start), ("pusher", "monitor", "keeper"), strict=True):
        cluster.role(role).kill()
        assert cluster.exit_code(within=4) == 70, role
        assert cluster.survivors(within=2) == [], role


def test_a_killed_busy_worker_ends_the_cluster_and_its_neighbour_may_leave_off(start: Callable[..., Running]) -> None:
    cluster = start(("nap", "victim", "60"), ("until_stopping", "neighbour"))
    until(lambda: {"victim begun", "neighbour begun"} <= set(cluster.log()))
    cluster.role("nap").kill()
    assert cluster.exit_code(within=5) == 70
    assert cluster.survivors(within=2) == []
    assert "neighbour left off" in cluster.log()


@pytest.mark.parametrize("role", ["headrace worker", "headrace sentinel"])
def test_nobody_outlives_the_parent_or_the_sentinel(start: Callable[..., Running], role: str) -> None:
    cluster = start(("nap", "long", "60"))
    until(lambda: cluster.log() == ["long begun"])
    cluster.role(role).kill()
    assert cluster.exit_code(within=3) == (70 if role == "headrace sentinel" else -signal.SIGKILL)
    assert cluster.survivors(within=3) == []


def test_sigterm_to_the_parent_ends_it_after_the_task_in_hand(start: Callable[..., Running]) -> None:
    cluster = start(("nap", "first", "1.5"), ("nap", "second", "1.5"), HEADRACE_WORKERS="1")
    until(lambda: cluster.log() == ["first begun"])
    cluster.parent.terminate()
    assert cluster.exit_code(within=6) == 0
    assert cluster.survivors(within=1) == []
    assert cluster.log() == ["first begun", "first ended stopping=True"]
    # What was not begun waits for another cluster, free to be taken at once.
    take_all = (
        "from syncengine.cluster_roles import own_broker; from django_q.signing import SignedPackage\n"
        "broker = own_broker()\n"
        "while taken := broker.dequeue(): print(*SignedPackage.loads(taken[0][1])['args'])"
    )
    assert run_python(take_all, cluster.env).split("\n")[-1] == "second 1.5"


def test_sigterm_to_the_group_ends_it_in_five_seconds(start: Callable[..., Running]) -> None:
    cluster = start(("nap", "stubborn", "60"), ("until_stopping", "willing"))
    until(lambda: {"stubborn begun", "willing begun"} <= set(cluster.log()))
    os.killpg(cluster.parent.pid, signal.SIGTERM)
    assert cluster.exit_code(within=5) == 0
    assert cluster.survivors(within=0.5) == []
    assert "willing left off" in cluster.log()


def test_sigterm_to_the_group_of_an_idle_cluster(start: Callable[..., Running]) -> None:
    cluster = start()
    os.killpg(cluster.parent.pid, signal.SIGTERM)
    assert cluster.exit_code(within=3) == 0
    assert cluster.survivors(within=0.5) == []


def test_sixty_tasks_run_once_each_across_recycling(start: Callable[..., Running]) -> None:
    cluster = start(*[("nap", f"task-{number}", "0") for number in range(60)], CLUSTER_TEST_RECYCLE="7")
    until(lambda: len(cluster.log()) == 120, within=40)
    cluster.parent.terminate()
    assert cluster.exit_code(within=8) == 0
    ended = [line for line in cluster.log() if "ended" in line]
    assert sorted(ended) == sorted(f"task-{number} ended stopping=False" for number in range(60))


def test_a_task_past_its_time_costs_its_worker_only(start: Callable[..., Running]) -> None:
    cluster = start(("spin", "stuck"), ("nap", "next", "0"), HEADRACE_TASK_TIMEOUT="1", HEADRACE_WORKERS="1")
    until(lambda: cluster.log() == ["stuck begun", "next begun", "next ended stopping=False"])
    assert cluster.parent.poll() is None


def test_the_tick_and_the_heartbeat_stand_in_the_database(start: Callable[..., Running]) -> None:
    cluster = start()
    rows = (
        "from django_q.models import Schedule; from syncengine.models import WorkerHeartbeat; import os\n"
        f"print(list(Schedule.objects.values_list('func', 'minutes')), "
        f"WorkerHeartbeat.objects.filter(pid={cluster.role('sentinel').pid}).count())"
    )
    until(lambda: run_python(rows, cluster.env) == "[('syncengine.tasks.tick', 1)] 1")


@pytest.mark.skipif(not POSTGRES, reason="SQLite has no connection to lose")
def test_a_lost_database_connection_is_made_again(start: Callable[..., Running]) -> None:
    cluster = start(("note", "before"))
    until(lambda: len(cluster.log()) == 1)
    with psycopg.connect(cluster.env["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    cluster.enqueue(("note", "after"))
    until(lambda: [line.split()[0] for line in cluster.log()] == ["before", "after"])
    assert cluster.parent.poll() is None
