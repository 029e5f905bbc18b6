"""One measured piece of work: wall clock, CPU of this process, and the highest memory above what it was before."""

from __future__ import annotations

import json
import resource
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSINESS = "brightwater"


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    figures: dict[str, Any] = {}
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    idle, cpu, started = _resident(), _cpu(), time.perf_counter()
    yield figures
    figures["seconds"] = time.perf_counter() - started
    figures["cpu_seconds"] = _cpu() - cpu
    figures["peak_mib"] = (_peak() - idle) / 1024
    print(json.dumps(figures))


def control(address: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{address}/_control/{path}",
        None if body is None else json.dumps(body).encode(),
        {"X-Control-Key": "bench", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident() -> int:
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise LookupError(name)
