"""Measure in process, through the whole WSGI application: `python -m bench.api_inside ROUNDS`."""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
from typing import Any
from wsgiref.util import setup_testing_defaults

import django

django.setup()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402

from bench.api_cases import Case, cases  # noqa: E402

BLOCK = 40


def main(rounds: int) -> None:
    application = WSGIHandler()
    asked = cases()
    first = _once(application, asked["list, page 1"])
    unchanged = asked["list, unchanged (304)"]
    unchanged.headers["If-None-Match"] = first[1]["ETag"]
    _check(application, asked)
    spent: dict[str, list[float]] = {name: [] for name in asked}
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, case in asked.items():
            cpu = time.process_time()
            for _ in range(BLOCK):
                began = time.perf_counter()
                _once(application, case)
                took[name].append((time.perf_counter() - began) * 1000)
            spent[name].append((time.process_time() - cpu) * 1000 / BLOCK)
    print(json.dumps({name: _figures(took[name], spent[name]) for name in asked}))


def _figures(took: list[float], spent: list[float]) -> dict[str, Any]:
    return {
        "rate": 1000 / statistics.median(took),
        "p50": statistics.median(took),
        "p95": statistics.quantiles(took, n=20)[-1],
        "cpu": statistics.median(spent),
        "rounds": spent,
    }


def _check(application: Any, asked: dict[str, Case]) -> None:
    """Every case answers as it should, and the bare views with the very bytes of the list; this also warms up."""
    answers = {name: _once(application, case) for name, case in asked.items()}
    statuses = {name: answer[0] for name, answer in answers.items()}
    assert statuses == dict.fromkeys(asked, 200) | {"list, unchanged (304)": 304}, statuses
    for name in ("bare rows", "bare bytes"):
        assert answers[name][2] == answers["list, page 1"][2], name
    assert len(json.loads(answers["list, deep page"][2])["results"]) == 100
    for case in asked.values():
        for _ in range(10):
            _once(application, case)


def _once(application: Any, case: Case) -> tuple[int, dict[str, str], bytes]:
    path, _, query = case.path.partition("?")
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query}
    environ |= {"wsgi.input": io.BytesIO(), "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1"}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in case.headers.items()}
    setup_testing_defaults(environ)
    told: list[Any] = []
    response = application(environ, lambda status, headers: told.extend((status, headers)))
    body = b"".join(response)
    response.close()
    return int(told[0].split()[0]), dict(told[1]), body


if __name__ == "__main__":
    main(int(sys.argv[1]))
