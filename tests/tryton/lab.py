"""A real Tryton server for the tests: installed once, seeded once, a fresh copy of its database for each run.

Everything lies under `<var>/tryton`: `venv` (Tryton and its modules) and `seeded-<mark>` (the database after seeding).
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
SEED = HERE / "seed.py"
DATABASE = "books"
PASSWORD = "a-password-for-tests-only"
MODULES = ("account_invoice", "account_product", "company", "country", "party", "product")
READY_SECONDS = 60
PR_SET_PDEATHSIG = 1


class Server:
    """One running Tryton on a loopback port."""

    def __init__(self, home: Path, venv: Path, port: int) -> None:
        self.home, self.venv, self.port = home, venv, port
        self.url = f"http://127.0.0.1:{port}"
        self.database = DATABASE
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.home / "server.log").open("ab")
        command = [self.venv / "bin" / "gunicorn", "trytond.application:app", "-b", f"127.0.0.1:{self.port}"]
        with log:
            self._process = subprocess.Popen(
                [*command, "--workers", "1", "--threads", "4", "--timeout", "300"],
                env=_environment(self.home),
                cwd=self.home,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/{DATABASE}/rest/model/res.user", timeout=30):
                    return
            except urllib.error.HTTPError as answer:
                answer.close()
                if answer.code == 401:  # awake, and asking who we are
                    return
            except OSError:
                pass
            time.sleep(0.1)
        words = (self.home / "server.log").read_text(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"Tryton did not come up:\n{words}")


@contextmanager
def running(var: Path, work: Path) -> Iterator[Server]:
    """A server on its own copy of the seeded database; `work` is an empty directory for it."""
    seeded = prepare(var)
    shutil.copytree(seeded / "db", work / "db")
    server = Server(work, var / "tryton" / "venv", free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()


def prepare(var: Path) -> Path:
    """Install and seed unless that is done already, and return the directory of the seeded database."""
    home = var / "tryton"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        install(home / "venv")
        # The documents are dated in the current year, so a new year asks for a new seed.
        mark = _digest(REQUIREMENTS, SEED, Path(__file__))[:12]
        seeded = home / f"seeded-{datetime.now(UTC).year}-{mark}"
        if not seeded.exists():
            _seed(home, seeded)
    return seeded


def install(venv: Path) -> None:
    ready = venv / ".ready"
    digest = _digest(REQUIREMENTS) + sys.version
    if ready.exists() and ready.read_text() == digest:
        return
    shutil.rmtree(venv, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, venv])
        _run([uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python", "-r", REQUIREMENTS])
    else:
        _run([sys.executable, "-m", "venv", venv])
        _run([venv / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS])
    ready.write_text(digest)


def free_port() -> int:
    """Return a free loopback port, within HEADRACE_TEST_PORTS (`first-last`) when that is set."""
    first, _, last = os.environ.get("HEADRACE_TEST_PORTS", "").partition("-")
    for port in range(int(first), int(last) + 1) if last else (0,):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("No port is free.")


def _seed(home: Path, seeded: Path) -> None:
    """Make the database, start a server on it and seed it through the server; keep it only when all went well."""
    draft = home / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "db").mkdir(parents=True)
    (draft / "db" / f"{DATABASE}.sqlite").touch()
    (draft / "password").write_text(PASSWORD)
    venv = home / "venv"
    environment = _environment(draft) | {"TRYTONPASSFILE": str(draft / "password")}
    admin = [venv / "bin" / "trytond-admin", "-c", draft / "trytond.conf", "-d", DATABASE, "--email", "a@example.com"]
    _run([*admin, "-u", *MODULES, "--activate-dependencies"], environment)
    server = Server(draft, venv, free_port())
    server.start()
    try:
        _run([venv / "bin" / "python", SEED, f"{server.url}/{DATABASE}/rpc/", PASSWORD])
    finally:
        server.stop()
    with closing(sqlite3.connect(draft / "db" / f"{DATABASE}.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    draft.rename(seeded)


def _environment(home: Path) -> dict[str, str]:
    config = home / "trytond.conf"
    config.write_text(f"[database]\nuri = sqlite://\npath = {home / 'db'}\nlist = True\n")
    # Under gunicorn the first request fails unless the database is named beforehand.
    return {**os.environ, "TRYTOND_CONFIG": str(config), "TRYTOND_DATABASE_NAMES": DATABASE}


def _run(command: list[str | Path], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
