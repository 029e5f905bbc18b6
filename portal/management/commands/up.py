"""`make up`: portal, worker cluster and sandbox platform, in one foreground command."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import time
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.db import connections

from portal import demo, demo_login
from portal.supervision import Service, Supervisor, answers, port_is_free, python

MANAGE = str(settings.BASE_DIR / "manage.py")
READY_SECONDS = 60
DEMO_SECONDS = 200
SANDBOX_STEP = 10  # the sandbox's port is the portal's and this


class Command(BaseCommand):
    help = "Start everything on this machine, with demo data on the first run. Ctrl-C stops it all."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        port = _port()
        sandbox_port = int(os.environ.get("SANDBOX_PORT") or port + SANDBOX_STEP)
        _require_free(port, "PORT")
        _require_free(sandbox_port, "SANDBOX_PORT")
        env = environment(port, sandbox_port)
        settings.HEADRACE_SANDBOX_URL = env["HEADRACE_SANDBOX_URL"]
        first_time = demo_login.load(demo_file()) is None
        self._prepare()
        credentials = demo_login.login(demo_file())
        credentials["api_key"] = demo_login.api_key(demo_file())
        connections.close_all()  # the supervisor needs no database while it watches
        supervisor = Supervisor(services(port, sandbox_port, env), self._say)
        supervisor.start()
        try:
            self._wait_until_ready(supervisor, port, sandbox_port)
            if first_time and not supervisor.stopping:
                self._load_demo(supervisor, env)
            if not supervisor.stopping:
                self._announce(env["HEADRACE_PORTAL_URL"], credentials)
            supervisor.run()
        finally:
            self._say("Stopping.")
            supervisor.stop()

    def _prepare(self) -> None:
        self._say("Preparing the database.")
        call_command("migrate", verbosity=0)
        call_command("setup")
        demo.connect_sandbox()
        collect_static()

    def _wait_until_ready(self, supervisor: Supervisor, port: int, sandbox_port: int) -> None:
        ends_at = time.monotonic() + READY_SECONDS
        while not supervisor.stopping:
            if answers(port, "/sign-in/") and answers(sandbox_port, "/"):
                return
            if time.monotonic() > ends_at:
                raise CommandError("The portal did not answer within a minute. Its messages above say why.")
            supervisor.watch()
            time.sleep(0.1)

    def _load_demo(self, supervisor: Supervisor, env: dict[str, str]) -> None:
        self._say("Loading the demo: three companies, read from the sandbox platform.")
        loading = Service("demo", python(MANAGE, "demo"), env, settings.BASE_DIR)
        loading.start()
        ends_at = time.monotonic() + DEMO_SECONDS
        while loading.runs and not supervisor.stopping and time.monotonic() < ends_at:
            supervisor.watch()
            time.sleep(0.1)
        if loading.process is None or supervisor.stopping:
            return
        if loading.runs:
            loading.process.terminate()
        if loading.process.wait() != 0:
            self._say("The demo is not complete; its messages above say why. Everything else works.")

    def _announce(self, portal_url: str, credentials: dict[str, str]) -> None:
        demo_login.save(demo_file(), portal_url=portal_url, **credentials)
        lines = ["", portal_url, f"Sign in as {credentials['email']} with the password {credentials['password']}"]
        if credentials["api_key"]:
            lines.append(f"API at {portal_url}/api with the key {credentials['api_key']}")
        lines.append("")
        self._say("\n  ".join(lines) + "\nCtrl-C stops everything.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def demo_file() -> Path:
    return Path(settings.VAR_DIR) / "demo.json"


def environment(port: int, sandbox_port: int) -> dict[str, str]:
    """The environment of the started processes: this one's, and where portal and sandbox are found."""
    place = f"127.0.0.1:{sandbox_port}"
    allowed = [*settings.HEADRACE_OUTBOUND_ALLOW, place]
    return {
        **os.environ,
        "HEADRACE_PORTAL_URL": os.environ.get("HEADRACE_PORTAL_URL") or f"http://127.0.0.1:{port}",
        "HEADRACE_SANDBOX_URL": f"http://{place}",
        "HEADRACE_OUTBOUND_ALLOW": ",".join(dict.fromkeys(allowed)),
        "SANDBOX_CONTROL_KEY": os.environ.get("SANDBOX_CONTROL_KEY") or secrets.token_urlsafe(16),
        "PYTHONUNBUFFERED": "1",
    }


def services(port: int, sandbox_port: int, env: dict[str, str]) -> list[Service]:
    granian = Path(sys.executable).with_name("granian")
    serve = [str(granian), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    serve += [
        "--blocking-threads",
        "4",
        "--no-ws",
        "--workers-kill-timeout",
        "5",
        "--log-level",
        "warning",
        "portal.served:application",
    ]
    sandbox = ["-m", "syncengine.sandbox", "--port", str(sandbox_port), "--state", str(settings.VAR_DIR / "sandbox")]
    return [
        Service("portal", serve, env, settings.BASE_DIR),
        Service("worker", python(MANAGE, "worker"), env, settings.BASE_DIR),
        Service("sandbox", python(*sandbox), env, settings.BASE_DIR),
    ]


def collect_static() -> None:
    """Collect the static files when any of them changed since the last time."""
    stamp = Path(settings.STATIC_ROOT) / ".stamp"
    found = _static_fingerprint()
    if stamp.exists() and stamp.read_text() == found:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(found)


def _static_fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            about = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{about.st_mtime_ns}\0{about.st_size}\n".encode())
    return digest.hexdigest()


def _port() -> int:
    given = os.environ.get("PORT") or "8000"
    if not (given.isdigit() and 1024 <= int(given) <= 65535 - SANDBOX_STEP):
        raise CommandError(f"PORT is {given!r}; it must be a number from 1024 to {65535 - SANDBOX_STEP}.")
    return int(given)


def _require_free(port: int, name: str) -> None:
    if not port_is_free(port):
        raise CommandError(f"Port {port} on 127.0.0.1 is taken by another program. Choose another: make up {name}=…")
