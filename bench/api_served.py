"""Measure over granian with four clients, each on a connection of its own: `python -m bench.api_served PORT`."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.api_cases import Case, cases

CLIENTS, SECONDS = 4, 3.0


def main(port: int) -> None:
    granian = Path(sys.executable).with_name("granian")
    words = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--blocking-threads", "4", "--no-ws", "--log-level", "warning", "portal.served:application"]
    server = subprocess.Popen([str(granian), *words], stdout=subprocess.DEVNULL)
    try:
        asked = cases()
        tag = _wait_for(port, asked["list, page 1"])
        asked["list, unchanged (304)"].headers["If-None-Match"] = tag
        print(json.dumps({name: _measured(port, case) for name, case in asked.items()}))
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int, case: Case) -> str:
    end = time.monotonic() + 30
    while True:
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            client.request("GET", case.path, headers=case.headers)
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            return answer.headers["ETag"]
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _measured(port: int, case: Case) -> dict[str, float]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = list(pool.map(lambda _: _client(port, case), range(CLIENTS)))
    took = [each for run in runs for each in run]
    return {
        "rate": len(took) / SECONDS,
        "p50": statistics.median(took),
        "p95": statistics.quantiles(took, n=20)[-1],
    }


def _client(port: int, case: Case) -> list[float]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    took = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        began = time.perf_counter()
        client.request("GET", case.path, headers=case.headers)
        answer = client.getresponse()
        answer.read()
        assert answer.status in (200, 304), answer.status
        took.append((time.perf_counter() - began) * 1000)
    client.close()
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]))
