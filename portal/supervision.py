"""Keeping a handful of processes alive beside each other, for `manage.py up`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncengine.processes import die_with_parent

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
HEALTHY_SECONDS = 30.0  # who ran this long starts again without a pause
STOP_SECONDS = 20.0  # for the tasks in hand; after that, at once
LAST_SECONDS = 5.0


@dataclass
class Service:
    """One process to keep alive."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    cwd: Path | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0  # time.monotonic()
    start_again_at: float = 0.0
    pause_seconds: float = field(default=FIRST_PAUSE_SECONDS)

    def start(self) -> None:
        supervisor = os.getpid()
        # A group of its own: Ctrl-C reaches the supervisor alone, which then stops everybody in order.
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=lambda: die_with_parent(supervisor),
        )
        self.started_at = time.monotonic()

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts services, starts again what dies, and stops them all."""

    def __init__(self, services: Sequence[Service], say: Callable[[str], None]) -> None:
        self.services = list(services)
        self.say = say
        self.stop_asked = 0
        self.began_under = os.getppid()
        for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(wanted, self._on_stop)

    def _on_stop(self, signum: int, frame: object) -> None:
        self.stop_asked += 1

    def start(self) -> None:
        for service in self.services:
            service.start()

    def run(self) -> None:
        """Watch until asked to stop."""
        while not self.stopping:
            self.watch()
            time.sleep(0.2)

    @property
    def stopping(self) -> bool:
        # make does not pass every signal on; when it is gone, nobody is left who could stop us.
        orphaned = "MAKELEVEL" in os.environ and os.getppid() != self.began_under
        return bool(self.stop_asked) or orphaned

    def watch(self) -> None:
        """Look at every service once, and start again what died and has paused long enough."""
        for service in self.services:
            if not service.runs:
                self._revive(service)

    def _revive(self, service: Service) -> None:
        now = time.monotonic()
        if service.process is not None:
            self._note_death(service, now)
        elif now >= service.start_again_at:
            service.start()

    def _note_death(self, service: Service, now: float) -> None:
        if now - service.started_at > HEALTHY_SECONDS:
            service.pause_seconds = FIRST_PAUSE_SECONDS
        code = service.process.returncode if service.process else None
        self.say(f"The {service.name} ended (exit code {code}); it starts again in {service.pause_seconds:g} s.")
        service.process = None
        service.start_again_at = now + service.pause_seconds
        service.pause_seconds = min(2 * service.pause_seconds, LONGEST_PAUSE_SECONDS)

    def stop(self) -> None:
        """Ask everybody to stop, wait, insist, and in the end kill. Nothing is left when this returns."""
        asked_before = self.stop_asked
        self._signal(signal.SIGTERM)
        self._wait(STOP_SECONDS, unless=lambda: self.stop_asked > max(asked_before, 1))
        self._signal(signal.SIGTERM)
        self._wait(LAST_SECONDS)
        self._signal(signal.SIGKILL)
        self._wait(LAST_SECONDS)

    def _signal(self, wanted: signal.Signals) -> None:
        for service in self.services:
            if service.process is not None and service.runs:
                service.process.send_signal(wanted)

    def _wait(self, seconds: float, unless: Callable[[], bool] = lambda: False) -> None:
        ends_at = time.monotonic() + seconds
        while any(service.runs for service in self.services) and time.monotonic() < ends_at and not unless():
            time.sleep(0.05)


# --- ports ----------------------------------------------------------------------------------------------------------


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, path: str, host: str = "127.0.0.1") -> bool:
    """Say whether an HTTP server answers there, whatever it answers short of a fault of its own."""
    try:
        with socket.create_connection((host, port), timeout=5) as line:
            line.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            status = line.recv(64).split(b" ")
    except OSError:
        return False
    return len(status) > 1 and status[1].isdigit() and int(status[1]) < 500


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
