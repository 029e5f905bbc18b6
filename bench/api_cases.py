"""What is asked in the benchmark of the API, by name: method, path, headers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    path: str
    headers: dict[str, str]


def cases() -> dict[str, Case]:
    folder = Path(os.environ["HEADRACE_VAR"])
    name = os.environ["DATABASE_URL"].rpartition("/")[2]
    found = json.loads((folder / f"key-{name}.json").read_text())
    key = {"Authorization": found["authorization"], "Accept-Encoding": "identity"}
    company = f"/api/companies/{found['company']}"
    listed = f"{company}/data/invoices?page=1&pageSize=100"
    return {
        "list, page 1": Case(listed, key),
        "bare rows": Case("/bare/rows", {}),
        "bare bytes": Case("/bare/bytes", {}),
        "list, deep page": Case(f"{company}/data/invoices?page={found['records'] // 200}&pageSize=100", key),
        "list, unchanged (304)": Case(listed, key | {"If-None-Match": ""}),  # the tag is filled in
        "one record": Case(f"{company}/data/invoices/inv-{found['records'] // 2:08d}", key),
        "dataStatus": Case(f"{company}/dataStatus", key),
    }
