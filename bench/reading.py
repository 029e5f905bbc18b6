"""One full read, one without changes and one with 1 % changed, beside a bare loop over the same HTTP source.

    python -m bench.reading [--records 100000] [--database sqlite|postgresql] [--rounds 3]

The bare loop fetches the same pages one after the other, decodes them, and upserts each record's JSON into a table with
the same key and columns, by the fastest way each database offers. It maps nothing, checks nothing and survives nothing.
Each measurement is a process of its own; the two take turns, and the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[1]
POSTGRES = os.environ.get("BENCH_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
CASES = ("full", "unchanged", "incremental")
GOALS = {"full": 1.5, "unchanged": 0.8, "incremental": 1.5}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    for database in ("sqlite", "postgresql") if asked.database == "both" else (asked.database,):
        runs = [_round(database, asked.records) for _ in range(asked.rounds)]
        _report(database, asked.records, runs)


def _round(database: str, records: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return {"ours" | "bare": {case: {seconds, cpu_seconds, peak_mib, …}}} of one go over a fresh database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as var:
        url = _fresh_database(database, Path(var))
        with subprocess.Popen(
            [sys.executable, "-m", "bench.source", str(records)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as source:
            assert source.stdout is not None
            address = source.stdout.readline().strip()
            env = {
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "portal.config.settings",
                "HEADRACE_VAR": var,
                "DATABASE_URL": url,
                "REDIS_URL": "",
                "HEADRACE_OUTBOUND_ALLOW": address.removeprefix("http://"),
                "HEADRACE_LOG_LEVEL": "WARNING",
            }
            found: dict[str, dict[str, dict[str, float]]] = {"ours": {}, "bare": {}}
            try:
                subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
                subprocess.run([sys.executable, "manage.py", "setup"], cwd=ROOT, env=env, check=True)
                for case in CASES:
                    for who in ("bare", "ours"):
                        found[who][case] = _measure(who, case, address, env)
            finally:
                source.terminate()
        return found


def _measure(who: str, case: str, address: str, env: dict[str, str]) -> dict[str, float]:
    result = subprocess.run(
        [sys.executable, "-m", f"bench.{who}", case, address],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(result.stdout.strip().splitlines()[-1])


def _fresh_database(database: str, var: Path) -> str:
    if database == "sqlite":
        return f"sqlite:///{var / 'bench.sqlite3'}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS headrace_bench WITH (FORCE)")
        server.execute("CREATE DATABASE headrace_bench")
    return POSTGRES.rpartition("/")[0] + "/headrace_bench"


def _report(database: str, records: int, runs: list[dict[str, dict[str, dict[str, float]]]]) -> None:
    print(f"\n{database}: {records:,} invoices, median of {len(runs)}")
    print(f"{'':14}{'records/s':>12}{'seconds':>10}{'CPU s':>8}{'MiB over idle':>15}   against the bare loop (goal)")
    for case in CASES:
        for who in ("bare", "ours"):
            figures = {name: statistics.median(run[who][case][name] for run in runs) for name in runs[0][who][case]
                       if name not in ("stages",)}  # fmt: skip
            ratio = statistics.median(run["ours"][case]["seconds"] / run["bare"][case]["seconds"] for run in runs)
            verdict = f"   {ratio:.2f}x (<= {GOALS[case]}x)" if who == "ours" else ""
            print(
                f"{case + ' ' + who:<18}{figures['records'] / figures['seconds']:>8,.0f}{figures['seconds']:>10.2f}"
                f"{figures['cpu_seconds']:>8.2f}{figures['peak_mib']:>15.0f}{verdict}"
            )
        stages = runs[0]["ours"][case].get("stages", {})
        print("  where the time goes: " + ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in stages.items()))


if __name__ == "__main__":
    main()
