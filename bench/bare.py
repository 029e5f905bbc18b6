"""Measure the bare loop: `python -m bench.bare full|unchanged|incremental ADDRESS`. HTTP, JSON decode, bulk upsert."""

import hashlib
import sys
from datetime import UTC, datetime, timedelta

import django
import httpx2
import msgspec

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from bench.measure import BUSINESS, control, measured  # noqa: E402

COLUMNS = (
    "connection_id, data_type, source_id, content, content_hash, raw_hash, "
    "modified_at, source_modified_at, is_deleted, first_dataset_id, last_dataset_id"
)
SET = "content=excluded.content, content_hash=excluded.content_hash, modified_at=excluded.modified_at"
PLACE = "0" * 32


def main(case: str, address: str) -> None:
    prepare()
    if case == "incremental":
        total = control(address, "GET", "businesses")[BUSINESS]["invoices"]
        control(
            address, "POST", f"businesses/{BUSINESS}/invoices/touch", {"first": 0, "every": 100, "count": total // 100}
        )
    token = control(address, "POST", f"businesses/{BUSINESS}/grants")["access_token"]
    since = {"updated_since": (now() - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")}
    params = {"limit": "1000", **(since if case == "incremental" else {})}
    with measured() as figures, httpx2.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        count, cursor = 0, None
        while True:
            answer = http.get(f"{address}/api/v1/invoices", params={**params, **({"cursor": cursor} if cursor else {})})
            page = msgspec.json.decode(answer.content)
            with transaction.atomic():
                upsert(page["invoices"])
            count += len(page["invoices"])
            cursor = page.get("next_cursor")
            if not cursor:
                break
        figures["records"] = count


def prepare() -> None:
    with connection.cursor() as cursor:
        if "bench_record" in connection.introspection.table_names():
            return
        if connection.vendor == "postgresql":
            cursor.execute("CREATE TABLE bench_record (LIKE syncengine_record INCLUDING ALL)")
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'syncengine_record'")
        ddl = cursor.fetchone()[0].replace("syncengine_record", "bench_record")
        cursor.execute(ddl.replace(' REFERENCES "syncengine_connection" ("id") DEFERRABLE INITIALLY DEFERRED', ""))


def upsert(records: list[dict[str, object]]) -> None:
    moment = datetime.now(UTC)
    rows = []
    for record in records:
        text = msgspec.json.encode(record)
        rows.append((PLACE, "invoices", record["id"], text.decode(), hashlib.blake2b(text, digest_size=16).digest(),
                     None, moment, None, False, None, None))  # fmt: skip
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS bench_page ON COMMIT DELETE ROWS "
                f"AS SELECT {COLUMNS} FROM bench_record WITH NO DATA"
            )
            with cursor.copy(f"COPY bench_page ({COLUMNS}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(
                f"INSERT INTO bench_record ({COLUMNS}) SELECT {COLUMNS} FROM bench_page "
                f"ON CONFLICT (connection_id, data_type, source_id) DO UPDATE SET {SET}"
            )
            return
        cursor.executemany(
            f"INSERT INTO bench_record ({COLUMNS}) VALUES (%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s) "
            f"ON CONFLICT (connection_id, data_type, source_id) DO UPDATE SET {SET}",
            [(*row[:6], connection.ops.adapt_datetimefield_value(moment), *row[7:]) for row in rows],
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
