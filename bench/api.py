"""The JSON API's reads, beside bare Django views that answer with the same bytes through the same middleware.

    python -m bench.api [--records 1000000] [--database sqlite|postgresql] [--rounds 7] [--keep FOLDER]

Cases: a list of 100 records (page 1, and the page in the middle of the store), one record, dataStatus, and a list that
the client has already (304). In process, one request after the other, both sides taking turns in blocks; then over
granian with four clients. Two bare views stand beside the list: `rows` reads the same rows by key and joins their text,
without keys, quotas, rights, paging or freshness; `bytes` has the answer at hand. The goals are judged by CPU time
against `rows`, as the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
LIST_GOAL, DEEP_GOAL = 1.5, 2.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keep", help="where the filled databases stay, so that the next run need not fill them")
    parser.add_argument("--port", type=int, default=21790)
    asked = parser.parse_args()
    for database in ("sqlite", "postgresql") if asked.database == "both" else (asked.database,):
        with nullcontext(asked.keep) if asked.keep else tempfile.TemporaryDirectory(prefix="bench-") as folder:
            env = _environment(database, Path(folder), asked)
            if not _is_filled(database, env):
                _make(database, env)
                _run("bench.api_store", str(asked.records), env=env)
            inside = _run("bench.api_inside", str(asked.rounds), env=env)
            served = _run("bench.api_served", str(asked.port), env=env)
        _report(database, asked.records, inside, served)


def _environment(database: str, folder: Path, asked: argparse.Namespace) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"headrace_bench_{asked.records}"
    url = f"sqlite:///{folder / f'{name}.sqlite3'}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bench.api_settings",
        "HEADRACE_VAR": str(folder),
        "DATABASE_URL": url if database == "sqlite" else f"{POSTGRES.rpartition('/')[0]}/{name}",
        "REDIS_URL": "",
        "HEADRACE_LOG_LEVEL": "WARNING",
        "HEADRACE_API_ADDRESS_PER_MINUTE": "1000000000",
        "HEADRACE_API_DAILY_QUOTA": "1000000000",
    }


def _is_filled(database: str, env: dict[str, str]) -> bool:
    return (Path(env["HEADRACE_VAR"]) / f"filled-{database}-{env['DATABASE_URL'].rpartition('/')[2]}").exists()


def _make(database: str, env: dict[str, str]) -> None:
    name = env["DATABASE_URL"].rpartition("/")[2]
    if database == "postgresql":
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {name}")
    else:
        for file in Path(env["HEADRACE_VAR"]).glob(f"{name}*"):
            file.unlink()
    for words in (["migrate", "-v0"], ["setup"]):
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=env, check=True, capture_output=True)


def _run(module: str, *words: str, env: dict[str, str]) -> dict[str, dict[str, float]]:
    result = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, dict[str, float]] = json.loads(result.stdout.strip().splitlines()[-1])
    return found


def _report(
    database: str, records: int, inside: dict[str, dict[str, float]], served: dict[str, dict[str, float]]
) -> None:
    print(f"\n{database}: {records:,} records in the store")
    print(f"{'':26}{'in process':>12}{'':>10}{'':>10}{'':>10}{'granian, 4 clients':>24}")
    columns = ("p50 ms", "p95 ms")
    inside_head = "".join(f"{name:>10}" for name in (*columns, "CPU ms"))
    print(f"{'':26}{'requests/s':>12}{inside_head}{'requests/s':>14}" + "".join(f"{name:>10}" for name in columns))
    for case, figures in inside.items():
        over = served.get(case, {})
        outside = f"{over['rate']:>14,.0f}{over['p50']:>10.2f}{over['p95']:>10.2f}" if over else ""
        print(
            f"{case:<26}{figures['rate']:>12,.0f}{figures['p50']:>10.2f}{figures['p95']:>10.2f}{figures['cpu']:>10.2f}"
            + outside
        )
    for name, above, below, goal in (
        ("list against bare rows", "list, page 1", "bare rows", LIST_GOAL),
        ("list against bare bytes", "list, page 1", "bare bytes", None),
        ("deep page against page 1", "list, deep page", "list, page 1", DEEP_GOAL),
    ):
        ratios = [a / b for a, b in zip(inside[above]["rounds"], inside[below]["rounds"], strict=True)]
        wanted = f" (<= {goal}x)" if goal else ""
        print(f"  {name}: {statistics.median(ratios):.2f}x{wanted}")


if __name__ == "__main__":
    main()
