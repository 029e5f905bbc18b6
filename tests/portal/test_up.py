"""`make up`: one command that keeps everything alive and leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.core.management import CommandError, call_command

from portal import demo_login
from portal.actions.api_keys import revoke_api_key
from portal.api.principals import authenticate
from portal.keys import header_of
from portal.management.commands import up
from portal.models import ApiKey, Role, User
from portal.scopes import SCOPES

ROOT = Path(__file__).resolve().parents[2]


# --- the login ------------------------------------------------------------------------------------------------------


def test_the_first_login_is_an_administrator_with_a_fresh_password(db: None, tmp_path: Path) -> None:
    given = demo_login.login(tmp_path / "demo.json")
    user = User.objects.get(email=given["email"])
    assert (user.role, user.is_superuser, user.check_password(given["password"])) == (Role.ADMINISTRATOR, True, True)


def test_a_later_start_gives_the_same_login_and_a_lost_file_a_new_password(db: None, tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    first = demo_login.login(path)
    demo_login.save(path, portal_url="http://127.0.0.1:8000", **first)
    assert demo_login.login(path) == first
    path.unlink()
    second = demo_login.login(path)
    assert second["email"] == first["email"]
    assert second["password"] != first["password"]
    assert User.objects.get().check_password(second["password"])


def test_the_file_is_for_its_owner_and_keeps_an_api_key(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    demo_login.save(path, portal_url="http://127.0.0.1:8000", email="a@example.com", password="secret")
    assert json.loads(path.read_text()) == {
        "portal_url": "http://127.0.0.1:8000",
        "api_url": "http://127.0.0.1:8000/api",
        "email": "a@example.com",
        "password": "secret",
        "api_key": "",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text(json.dumps({**json.loads(path.read_text()), "api_key": "kept"}))
    demo_login.save(path, portal_url="http://127.0.0.1:9000", email="a@example.com", password="secret")
    assert json.loads(path.read_text())["api_key"] == "kept"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_demo_has_one_api_key_with_every_scope(db: None, tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    first = demo_login.api_key(path)
    bearer = authenticate(first)
    assert bearer is not None
    assert (bearer.name, bearer.scopes, bearer.company_ids) == ("demo", frozenset(SCOPES), None)
    demo_login.save(path, portal_url="http://127.0.0.1:8000", email="a@example.com", password="secret", api_key=first)
    assert (demo_login.api_key(path), json.loads(path.read_text())["api_key"]) == (first, first)
    path.unlink()
    second = demo_login.api_key(path)
    assert (authenticate(first), ApiKey.objects.count(), authenticate(second) is not None) == (None, 1, True)
    revoke_api_key(ApiKey.objects.get(), actor="test")
    assert (demo_login.api_key(path), ApiKey.objects.count()) == ("", 1)


# --- ports and environment ------------------------------------------------------------------------------------------


def test_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 is taken by another program"):
            call_command("up")


@pytest.mark.parametrize("port", ["eighty", "80", "65530", "-1"])
def test_a_senseless_port_is_refused(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CommandError, match="PORT is"):
        call_command("up")


def test_the_processes_are_told_where_everything_is(monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    monkeypatch.delenv("HEADRACE_PORTAL_URL", raising=False)
    settings.HEADRACE_OUTBOUND_ALLOW = ["erp.internal:8443"]  # type: ignore[attr-defined]
    env = up.environment(8100, 8110)
    assert {name: env[name] for name in ("HEADRACE_PORTAL_URL", "HEADRACE_SANDBOX_URL", "HEADRACE_OUTBOUND_ALLOW")} == {
        "HEADRACE_PORTAL_URL": "http://127.0.0.1:8100",
        "HEADRACE_SANDBOX_URL": "http://127.0.0.1:8110",
        "HEADRACE_OUTBOUND_ALLOW": "erp.internal:8443,127.0.0.1:8110",
    }


# --- the whole of it ------------------------------------------------------------------------------------------------


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def titled(processes: list[psutil.Process], words: str) -> list[psutil.Process]:
    return [process for process in processes if words in title(process)]


def title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


@pytest.fixture
def start_up(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    port, sandbox_port = free_ports()
    env = {**os.environ, "HEADRACE_VAR": str(tmp_path), "PORT": str(port), "SANDBOX_PORT": str(sandbox_port)}
    for name in ("DATABASE_URL", "REDIS_URL", "MAKELEVEL"):
        env.pop(name, None)
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert any(line.startswith("Ctrl-C stops everything") for line in process.stdout), process.wait(5)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.processes
@pytest.mark.timeout(300)
def test_it_comes_up_with_its_demo_revives_the_dead_and_leaves_nothing_behind(
    start_up: Callable[[], subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start_up()
    told = json.loads((tmp_path / "demo.json").read_text())
    companies = urllib.request.Request(f"{told['api_url']}/companies?page=1")
    companies.add_header("Authorization", header_of(told["api_key"]))
    with urllib.request.urlopen(companies) as answer:  # the key that was told opens the API
        assert (answer.status, json.load(answer)["totalResults"]) == (200, 3)
    assert demo_statuses(tmp_path) == {
        "Alder & Finch Studio": ("PendingAuth", {}),
        "Brightwater Bakery": ("Linked", {"Complete": 27}),
        "Northgate Cycles": ("Deauthorized", {"AuthError": 1, "Complete": 25}),
    }
    titled(family(process), "headrace worker")[0].kill()
    titled(family(process), "syncengine.sandbox")[0].kill()
    until(lambda: titled(family(process), "headrace keeper") and titled(family(process), "syncengine.sandbox"))
    everybody = family(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert psutil.wait_procs(everybody, timeout=1)[1] == []

    again = start_up()
    everybody = family(again)
    again.kill()
    assert psutil.wait_procs(everybody, timeout=5)[1] == []


def demo_statuses(var: Path) -> dict[str, tuple[str, dict[str, int]]]:
    """Each company's connection status, and how many datasets of it ended how."""
    look = (
        "import django; django.setup(); import json; from collections import Counter\n"
        "from syncengine.models import Connection, Dataset\n"
        "print(json.dumps({c.company.name: [c.status, Counter(c.datasets.values_list('status', flat=True))]"
        " for c in Connection.objects.select_related('company')}))"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.config.settings", "HEADRACE_VAR": str(var)}
    for name in ("DATABASE_URL", "REDIS_URL"):
        env.pop(name, None)
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return {name: (status, counts) for name, (status, counts) in json.loads(done.stdout).items()}


def until(holds: Callable[[], object], within: float = 30) -> None:
    ends_at = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends_at, "it did not happen in time"
        time.sleep(0.1)
