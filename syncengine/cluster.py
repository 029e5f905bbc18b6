"""`manage.py worker`: a django-q2 cluster that can be killed anywhere.

A plain one hangs for good when an idle worker is killed (the dead worker holds the lock of the shared queue), leaves
orphans that go on running tasks, and hangs when its whole process group is told to stop. Here:

- a process that dies unasked takes the whole cluster down with exit code 70, and the supervisor starts it again;
- every process dies with the one that started it, by the kernel's hand;
- SIGTERM or SIGINT to the parent ends it after the tasks in hand, which see `stopping()`; a second one, or SIGTERM to
  the whole group, ends it within `FAST_STOP_SECONDS` and a moment.

The sentinel itself touches neither database nor network nor a shared lock, so nothing outside can hold it up.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import wait
from multiprocessing.sharedctypes import RawArray
from queue import Full
from types import FrameType
from typing import Any, NoReturn

from django import db
from django.conf import settings
from django.utils.module_loading import import_string
from django_q.cluster import Cluster as PlainCluster
from django_q.cluster import Sentinel as PlainSentinel
from django_q.cluster import get_mp_context
from django_q.conf import Conf, setproctitle

from syncengine.cluster_keeper import run_keeper
from syncengine.cluster_roles import run_monitor, run_pusher, run_worker
from syncengine.processes import (
    CRASHED,
    die_with_parent,
    notice_stop_signal,
    release_stop_signals,
    stop_signals_held,
    stopping,
)

__all__ = ["Cluster", "Sentinel", "stopping", "warn_of_sqlite"]

log = logging.getLogger(__name__)

TASKS = "syncengine.tasks"
WARM_UP = "syncengine.run.warming.warm_up"
GUARD_SECONDS = 0.2
FAST_STOP_SECONDS = 3.0  # for the tasks in hand, when the group was told to stop or a process died
LINGER_SECONDS = 10.0  # for a worker that says it is done to leave
RESULTS_SECONDS = 10.0  # for the last results to be saved
COMPANION_SECONDS = 20.0  # for a companion to finish what it has in hand
IDLE, RECYCLED, TIMED_OUT = -1, -2, 0  # what django-q2's worker writes into its timer; more than 0 is a task in hand

_NO_BROKER = object()  # django-q2 would open the database here, and every child would inherit the connection


class ClusterBrokenError(Exception):
    """A process of the cluster died unasked; locks it held may be lost."""


# --- the parent -----------------------------------------------------------------------------------------------------


class Cluster(PlainCluster):  # type: ignore[misc]
    """The process that a supervisor starts and signals."""

    def __init__(self) -> None:
        self.asked_to_stop = 0
        super().__init__()

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        self.asked_to_stop += 1

    def run(self) -> int:
        """Run until stopped or broken and return the exit code: 0, or 70 for the supervisor to start us again."""
        warn_of_sqlite()
        # Once, before the fork: workers share the memory, and the first task of none waits for it.
        import_module(TASKS)
        import_string(WARM_UP)()
        self.start()
        log.info("Worker cluster %s: %s workers on queue %s.", self.name, Conf.WORKERS, Conf.CLUSTER_NAME)
        told = 0
        while self.sentinel.is_alive():
            if self.asked_to_stop > told:
                told = self.asked_to_stop
                self._tell_sentinel(told)
            self.sentinel.join(GUARD_SECONDS / 2)
        return self._exit_code()

    def start(self) -> int:
        _name_process("worker")
        db.connections.close_all()
        self.sentinel = _spawn("sentinel", _run_sentinel, self.cluster_id, on_sigterm=None)
        return int(self.pid)

    def stop(self) -> bool:
        self.asked_to_stop += 1
        return bool(self.sentinel.is_alive())

    def _tell_sentinel(self, times: int) -> None:
        order = {1: signal.SIGUSR1, 2: signal.SIGTERM}.get(times, signal.SIGKILL)
        log.info("Worker cluster %s: stopping%s.", self.name, "" if times == 1 else " at once")
        os.kill(self.sentinel.pid, order)

    def _exit_code(self) -> int:
        if self.asked_to_stop and self.sentinel.exitcode == 0:
            log.info("Worker cluster %s: stopped.", self.name)
            return 0
        log.critical("Worker cluster %s: its sentinel ended (%s).", self.name, _how(self.sentinel.exitcode))
        return CRASHED


def warn_of_sqlite() -> None:
    """Log once when this SQLite can corrupt a file that several processes write."""
    affected = (3, 7, 0) <= sqlite3.sqlite_version_info <= (3, 51, 2)
    if affected and db.connection.vendor == "sqlite":
        log.warning(
            "SQLite %s has the WAL-reset bug (3.7.0 to 3.51.2), which can, very rarely, corrupt a database with "
            "several writers. Keep daily backups, or use SQLite 3.51.3 or PostgreSQL.",
            sqlite3.sqlite_version,
        )


# --- the sentinel ---------------------------------------------------------------------------------------------------


def _run_sentinel(cluster_id: object) -> NoReturn:
    sentinel = Sentinel(cluster_id)
    release_stop_signals()
    code = CRASHED
    try:
        sentinel.start()
        code = 0
    except ClusterBrokenError as broken:
        log.critical("%s The cluster ends with exit code %s, to be started again.", broken, CRASHED)
        sentinel.abandon()
    except Exception:
        log.exception("The sentinel failed")
    finally:
        sentinel.kill_all()
        logging.shutdown()
        # Not sys.exit: multiprocessing's farewell waits for queues that a dead process may have locked for ever.
        os._exit(code)


class Sentinel(PlainSentinel):  # type: ignore[misc]
    """Starts the processes of the cluster, watches them, and ends them."""

    def __init__(self, cluster_id: object) -> None:
        super().__init__(None, None, cluster_id, broker=_NO_BROKER, start=False)
        self.orderly_stop = False  # after the tasks in hand
        self.fast_stop = False
        self.fast_ends_at: float | None = None
        self.hurt = False  # somebody was killed, so a shared lock may be lost
        self.keeper: Any = None
        self.companions: list[Any] = []
        self.done = RawArray("Q", self.pool_size)
        signal.signal(signal.SIGUSR1, self._on_orderly_stop)
        signal.signal(signal.SIGTERM, self._on_fast_stop)

    def _on_orderly_stop(self, signum: int, frame: FrameType | None) -> None:
        self.orderly_stop = True

    def _on_fast_stop(self, signum: int, frame: FrameType | None) -> None:
        self.fast_stop = True

    def start(self) -> None:
        self.spawn_cluster()
        self.guard()
        self.stop()

    def spawn_cluster(self) -> None:
        for seat in range(self.pool_size):
            self.spawn_worker(seat)
        self.monitor = _spawn("monitor", run_monitor, self.result_queue, on_sigterm=signal.SIG_IGN)
        self.pusher = _spawn("pusher", run_pusher, self.task_queue, self.done)
        self.keeper = _spawn("keeper", run_keeper, on_sigterm=signal.SIG_IGN)
        self.companions = [_spawn_companion(name) for name in settings.CLUSTER_COMPANIONS]

    def spawn_worker(self, seat: int) -> None:
        timer = multiprocessing.Value("f", IDLE)
        arguments = (self.task_queue, self.result_queue, timer, self.timeout, self.done, seat)
        process = _spawn(f"worker-{seat + 1}", run_worker, *arguments)
        process.timer, process.seat, process.overran, process.lingered = timer, seat, False, 0.0
        self.pool.append(process)

    def processes(self) -> list[Any]:
        helpers = (self.monitor, self.pusher, self.keeper)
        return [process for process in (*self.pool, *helpers, *self.companions) if process]

    # -- while it runs --

    def guard(self) -> None:
        looked_at = time.monotonic()
        while not (self.orderly_stop or self.fast_stop):
            wait([process.sentinel for process in self.processes()], timeout=GUARD_SECONDS)
            elapsed, looked_at = time.monotonic() - looked_at, time.monotonic()
            for process in list(self.pool):
                self._look_after(process, elapsed)
            for process in (self.monitor, self.pusher, self.keeper):
                if not (process.is_alive() or self.fast_stop):
                    raise ClusterBrokenError(f"The {process.name} died ({_how(process.exitcode)}).")
            self.companions = [self._kept_company(process) for process in self.companions]

    def _kept_company(self, process: Any) -> Any:
        """Return the companion, or the one that takes a dead one's place: it shares no lock with the others."""
        if process.is_alive() or self.fast_stop or time.monotonic() - process.started_at < 1:
            return process
        log.critical("The %s died (%s) and is replaced.", process.name, _how(process.exitcode))
        return _spawn_companion(process.name)

    def _look_after(self, process: Any, elapsed: float) -> None:
        if process.is_alive():
            self._mind_the_time(process, elapsed)
        elif _left_as_it_should(process):
            log.info("Replacing %s.", process.name)
            self.pool.remove(process)
            self.spawn_worker(process.seat)
        elif not self.fast_stop:
            raise ClusterBrokenError(f"{process.name} (pid {process.pid}) died ({_how(process.exitcode)}).")

    def _mind_the_time(self, process: Any, elapsed: float) -> None:
        """Kill a worker that overran its time without noticing; django-q2's own alarm rings three seconds earlier."""
        lock = process.timer.get_lock()
        if process.overran or not lock.acquire(block=False):
            return
        try:
            left = _timer(process)
            if left > elapsed:
                process.timer.get_obj().value = left - elapsed
            elif left > 0:
                self.done[process.seat] += 1
                self._end(process, "overran its time")
            elif left in (RECYCLED, TIMED_OUT):
                process.lingered += elapsed
                if process.lingered > LINGER_SECONDS:
                    self._end(process, "finished and did not leave")
        finally:
            lock.release()

    def _end(self, process: Any, because: str) -> None:
        log.critical("%s (pid %s) %s and is killed.", process.name, process.pid, because)
        process.overran = True
        process.kill()

    # -- the end --

    def stop(self) -> None:
        """End the cluster after the tasks in hand, or in a moment. Never waits for what cannot come."""
        self.keeper.kill()
        for companion in self.companions:
            companion.terminate()
        self._until_gone([self.pusher])
        self._until_gone(self.pool, tell=self._offer_stop)
        self._until_gone(self.companions, seconds=COMPANION_SECONDS)
        if not self.hurt:
            self.result_queue.put("STOP")
        self._until_gone([self.monitor], seconds=RESULTS_SECONDS)

    def abandon(self) -> None:
        """After a death: what is in hand gets a moment to leave off, everything else is killed."""
        self.fast_stop = self.hurt = True
        in_hand = [process for process in self.pool if process.is_alive() and _timer(process) > 0]
        for process in self.processes():
            if process not in in_hand:
                process.kill()
        self._until_gone(in_hand)

    def kill_all(self) -> None:
        for process in self.processes():
            process.kill()

    def _until_gone(
        self, processes: list[Any], *, tell: Callable[[], None] = lambda: None, seconds: float | None = None
    ) -> None:
        """Ask `processes` to stop until they have, and kill what is left when there is no more time."""
        ends_at = time.monotonic() + (seconds or self.timeout or RESULTS_SECONDS)
        while alive := [process for process in processes if process.is_alive()]:
            if time.monotonic() > self._ends_at(ends_at):
                self.hurt = True
            for process in alive:
                # SIGTERM is only taken note of, so it may come often; a lost lock lets nobody leave by himself.
                process.kill() if self.hurt and time.monotonic() > self._ends_at(ends_at) else process.terminate()
            if not self.hurt:
                self._still_whole()
                tell()
            wait([process.sentinel for process in alive], timeout=0.05)

    def _ends_at(self, orderly_ends_at: float) -> float:
        if not self.fast_stop:
            return orderly_ends_at
        self.fast_ends_at = self.fast_ends_at or time.monotonic() + FAST_STOP_SECONDS
        return min(orderly_ends_at, self.fast_ends_at)

    def _still_whole(self) -> None:
        for process in self.processes():
            alone = process is self.keeper or process in self.companions
            if process.exitcode and not (alone or process.overran):
                raise ClusterBrokenError(f"{process.name} died while stopping ({_how(process.exitcode)}).")

    def _offer_stop(self) -> None:
        with suppress(Full):
            self.task_queue.put("STOP", block=False)


def _left_as_it_should(process: Any) -> bool:
    return bool(process.overran or (process.exitcode == 0 and _timer(process) in (RECYCLED, TIMED_OUT)))


def _timer(process: Any) -> float:
    return float(process.timer.get_obj().value)  # without its lock, which a killed worker may hold for ever


# --- shared ---------------------------------------------------------------------------------------------------------


def _spawn(name: str, target: Callable[..., None], *arguments: Any, on_sigterm: Any = notice_stop_signal) -> Any:
    """Start a child that dies with this process. `on_sigterm` None: the target sets its own handlers and opens up."""
    process = get_mp_context().Process(
        target=_run_child, name=name, args=(os.getpid(), on_sigterm, target, *arguments), daemon=on_sigterm is not None
    )
    process.overran = False
    with stop_signals_held():
        process.start()
    return process


def _spawn_companion(name: str) -> Any:
    """Start the process that CLUSTER_COMPANIONS names: work of another package that must not wait behind tasks."""
    process = _spawn(name, _run_companion, settings.CLUSTER_COMPANIONS[name])
    process.started_at = time.monotonic()
    return process


def _run_companion(path: str) -> None:
    import_string(path)()


def _run_child(parent_pid: int, on_sigterm: Any, target: Callable[..., None], *arguments: Any) -> None:
    die_with_parent(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent alone decides
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    _name_process(multiprocessing.current_process().name)
    if on_sigterm is not None:
        signal.signal(signal.SIGTERM, on_sigterm)
        release_stop_signals()
    target(*arguments)


def _name_process(name: str) -> None:
    if setproctitle:
        setproctitle.setproctitle(f"headrace {name}")


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"killed by {signal.Signals(-exitcode).name}"
    return f"exit code {exitcode}"
