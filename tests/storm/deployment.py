"""A deployment of its own for a storm: a database, a queue, worker clusters in processes that may be killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Deployment:
    """env: what every process of the deployment is started with. Clusters that end are started again."""

    env: dict[str, str]
    log: Path
    clusters: list[subprocess.Popen[bytes]] = field(default_factory=list)
    restarts: int = 0

    def manage(self, *words: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.env, check=True, stdout=subprocess.DEVNULL
        )

    def start_cluster(self) -> None:
        with self.log.open("ab") as log:
            self.clusters.append(
                subprocess.Popen(
                    [sys.executable, "manage.py", "worker"],
                    cwd=ROOT,
                    env=self.env,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def supervise(self) -> None:
        """Start again what has ended, as a supervisor would."""
        for cluster in list(self.clusters):
            if cluster.poll() is not None:
                self.clusters.remove(cluster)
                self.restarts += 1
                self.start_cluster()

    def kill_something(self, chance: random.Random, holders: list[int]) -> str:
        """SIGKILL one process: mostly a worker that holds a dataset, else any of a cluster, or a cluster whole."""
        cluster = chance.choice(self.clusters)
        try:
            if holders and chance.random() < 0.7:
                psutil.Process(chance.choice(holders)).kill()
                return "worker with a dataset"
            family = psutil.Process(cluster.pid).children(recursive=True)
            if chance.random() < 0.3:
                os.killpg(cluster.pid, signal.SIGKILL)
                return "cluster"
            victim = chance.choice(family or [psutil.Process(cluster.pid)])
            name = " ".join(victim.cmdline()).strip() or victim.name()
            victim.kill()
        except (psutil.Error, ProcessLookupError):
            return ""
        return name or "process"

    def stop(self) -> None:
        for cluster in self.clusters:
            cluster.terminate()
        deadline = time.monotonic() + 20
        for cluster in self.clusters:
            try:
                cluster.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                os.killpg(cluster.pid, signal.SIGKILL)


def environment(var: Path, database_url: str, redis_url: str, place: str) -> dict[str, str]:
    """The settings of a storm: short leases, so that a lost worker is noticed within seconds."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.config.settings",
        "HEADRACE_VAR": str(var),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HEADRACE_QUEUE": f"storm-{var.name}",
        "HEADRACE_OUTBOUND_ALLOW": place,
        "HEADRACE_LEASE_SECONDS": "3",
        "HEADRACE_WORKERS": "1",
        "HEADRACE_SWEEP_SECONDS": "1",
        "HEADRACE_REQUEUE_SECONDS": "4",
        "HEADRACE_MAX_LOST_WORKERS": "60",
        "HEADRACE_STORAGE_CHUNK": "100",
        "HEADRACE_RETRY_BASE_SECONDS": "0.2",
        "HEADRACE_LOG_LEVEL": "WARNING",
    }
