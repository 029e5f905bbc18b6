"""Prism (@stoplight/prism-cli): a platform played from its vendor's own OpenAPI document."""

from __future__ import annotations

import fcntl
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "@stoplight/prism-cli@5.16.0"
READY_SECONDS = 120


@contextmanager
def playing(document: Path, var: Path) -> Iterator[str]:
    """Yield the address of a server that plays the document; Prism is installed into `var` first, once."""
    main = _installed(var / "prism")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = var / "prism" / f"{document.stem}.log"
    with log.open("wb") as written:
        # Not npx: killing that leaves the server behind.
        process = subprocess.Popen(
            ["node", main, "mock", "-h", "127.0.0.1", "-p", str(port), document], stdout=written, stderr=written
        )
    try:
        _wait(process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _installed(folder: Path) -> Path:
    main = folder / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not main.exists():
            assert shutil.which("npm"), "This part needs Node 20 and npm."
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", folder, PACKAGE],
                check=True,
                timeout=300,
            )
    return main


def _wait(process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while "Prism is listening" not in log.read_text():
        assert process.poll() is None, f"Prism ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < end, f"Prism does not start: {log.read_text()[-2000:]}"
        time.sleep(0.2)
