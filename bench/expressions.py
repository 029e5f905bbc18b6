"""What a path or an expression costs on one record, beside a walk written by hand and beside the libraries.

    python -m bench.expressions

Each figure is the best of seven rounds, in microseconds a record; `ratio` is to the walk by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jmespath
import jsonpath_ng.ext

from customdata.expressions import compile_expression
from customdata.paths import compile_path

ROUNDS, RECORDS = 7, 20_000
RECORD: dict[str, Any] = {
    "expenseId": "exp-1",
    "accountId": "6070",
    "expenseDetails": {"notes": "Taxi to the station", "receipt": {"file": "r.pdf"}},
    "lines": [{"account": {"id": f"a{n}"}, "amount": n, "modifiedDate": f"2026-01-{n:02d}"} for n in range(1, 6)],
    **{f"member{n}": n for n in range(30)},
}


def _member(name: str) -> Callable[[Any], Any]:
    return lambda record: record.get(name) if isinstance(record, dict) else None


def _notes(record: Any) -> Any:
    details = record.get("expenseDetails") if isinstance(record, dict) else None
    return details.get("notes") if isinstance(details, dict) else None


def _file(record: Any) -> Any:
    details = record.get("expenseDetails") if isinstance(record, dict) else None
    receipt = details.get("receipt") if isinstance(details, dict) else None
    return receipt.get("file") if isinstance(receipt, dict) else None


def _accounts(record: Any) -> list[Any]:
    lines = record.get("lines") if isinstance(record, dict) else None
    found = []
    for line in lines if isinstance(lines, list) else ():
        account = line.get("account") if isinstance(line, dict) else None
        if isinstance(account, dict) and "id" in account:
            found.append(account["id"])
    return found


def _fifth(record: Any) -> Any:
    lines = record.get("lines") if isinstance(record, dict) else None
    line = lines[4] if isinstance(lines, list) and len(lines) > 4 else None
    return line.get("amount") if isinstance(line, dict) else None


# what is read → by hand, as JSONPath, as JMESPath
CASES: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "a member": (
        lambda record: record.get("expenseId") if isinstance(record, dict) else None,
        "$.expenseId",
        "expenseId",
    ),
    "two levels": (_notes, "$.expenseDetails.notes", "expenseDetails.notes"),
    "three levels": (_file, "$.expenseDetails.receipt.file", "expenseDetails.receipt.file"),
    "a missing member": (_member("no"), "$.no", "no"),
    "a place in a list": (_fifth, "$.lines[4].amount", "lines[4].amount"),
    "of every line": (_accounts, "$.lines[*].account.id", "lines[*].account.id"),
}


def main() -> None:
    head = ("", "by hand", "JSONPath", "ratio", "jsonpath-ng", "JMESPath", "ratio", "jmespath")
    print("{:20}{:>9}{:>10}{:>7}{:>13}{:>10}{:>7}{:>10}".format(*head))
    for name, (by_hand, path, expression) in CASES.items():
        base = _microseconds(by_hand)
        ours, other = _microseconds(compile_path(path).value), _microseconds(jsonpath_ng.ext.parse(path).find)
        jmes, library = (
            _microseconds(compile_expression(expression).resolve),
            _microseconds(jmespath.compile(expression).search),
        )
        figures = (base, ours, ours / base, other, jmes, jmes / base, library)
        print("{:20}{:9.3f}{:10.3f}{:7.1f}{:13.2f}{:10.3f}{:7.1f}{:10.2f}".format(name, *figures))


def _microseconds(read: Callable[[Any], Any]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(RECORDS):
            read(RECORD)
        best = min(best, time.process_time() - started)
    return best / RECORDS * 1e6


if __name__ == "__main__":
    main()
