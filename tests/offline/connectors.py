"""Connectors as tests start them: in a thread, or as the process that a customer starts."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections
from django.utils.module_loading import import_string

from portal.actions.connector_keys import make_connector_key
from portal.api import connector_door
from pushops.run.attending import attend
from syncengine import connector_process
from syncengine.actions.offline import set_offline
from syncengine.connector_process import Connector, Hub, Platforms
from syncengine.models import Connection, ConnectorProcess, Integration
from syncengine.run.sweeping import wake_forgotten
from syncengine.secrets import unseal


def make_offline(integration: Integration, folder: Path) -> Path:
    """Mark the integration as offline and return the file with its connector's key."""
    set_offline(integration, True, actor="test")
    key_file = folder / f"{integration.key}.key"
    key_file.write_text(make_connector_key(integration, actor="test") + "\n")
    return key_file


@contextmanager
def running_connector(hub_url: str, key_file: Path, *platforms: str, concurrency: int = 4) -> Iterator[Connector]:
    tls = ssl.create_default_context()
    connector = Connector(Hub(hub_url, key_file, tls), Platforms(platforms, tls), platforms, concurrency=concurrency)
    thread = threading.Thread(target=connector.run)
    thread.start()
    try:
        wait_until(lambda: ConnectorProcess.objects.filter(run=connector._run).exists(), "at the door")
        yield connector
    finally:
        connector.stop()
        thread.join(20)
        assert not thread.is_alive()
        until_the_door_is_quiet()


def until_the_door_is_quiet() -> None:
    """Wait for the question of a connector that is gone, which the server still holds open."""
    places = connector_door._holds()
    assert places.acquire(timeout=10)
    places.release()


@contextmanager
def connector_process_of(hub_url: str, key_file: Path, *platforms: str) -> Iterator[subprocess.Popen[bytes]]:
    """The file alone, in an empty folder, with a Python that finds no packages: as on a customer's machine."""
    copy = key_file.parent / "connector_process.py"
    copy.write_bytes(Path(connector_process.__file__).read_bytes())
    given = [sys.executable, "-I", "-S", str(copy), "--hub", hub_url, "--key-file", str(key_file)]
    for url in platforms:
        given += ["--platform", url]
    log = (key_file.parent / "connector.log").open("wb")
    process = subprocess.Popen(given, cwd=key_file.parent, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
    try:
        yield process
    finally:
        log.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        until_the_door_is_quiet()


class QueueInThread:
    """A worker and its keeper for the real queue, in a thread with a database connection of its own."""

    def __init__(self, take: Callable[[], list[dict[str, Any]]]) -> None:
        self._take, self._stop = take, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> QueueInThread:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for task in self._take():
                    import_string(task["func"])(*task["args"])
                attend()
                wake_forgotten()
                time.sleep(0.02)
        finally:
            connections.close_all()


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"in {seconds} s: not {what}"
        time.sleep(0.02)


def assert_without_secrets(text: str, key_file: Path, connection: Connection) -> None:
    """Neither the connector's key nor a token of the platform stands in it."""
    secrets = [key_file.read_text().strip(), *unseal(Connection.objects.get(pk=connection.pk), "credentials").values()]
    assert [secret for secret in secrets if secret in text] == []
