"""Fill a store with invoices of about a kilobyte, read by one good dataset: `python -m bench.api_store COUNT`."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.utils.timezone import now  # noqa: E402

from portal.actions.api_keys import create_api_key  # noqa: E402
from portal.keys import header_of  # noqa: E402
from syncengine.actions.companies import create_company  # noqa: E402
from syncengine.actions.connections import create_connection  # noqa: E402
from syncengine.models import Connection, Dataset, DataStatus  # noqa: E402
from syncengine.queries.record_pages import records_slice  # noqa: E402
from syncengine.run import records  # noqa: E402
from syncengine.run.staging import Row  # noqa: E402
from syncengine.states import ConnectionStatus, DatasetStatus  # noqa: E402

CHUNK = 20_000
TYPES = ("invoices", "customers", "bills", "payments", "items", "suppliers", "chartOfAccounts")


def main(count: int) -> None:
    company = create_company(name="Bench", actor="bench")
    place = create_connection(company, "mqjo", actor="bench")
    Connection.objects.filter(pk=place.pk).update(status=ConnectionStatus.LINKED, linked_at=now())
    for data_type in TYPES:
        _read(place, data_type, count if data_type == "invoices" else 0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    records_slice(place.pk, "invoices", offset=0, size=1)
    key = create_api_key(name="bench", scopes=("read",), actor="bench")
    name = os.environ["DATABASE_URL"].rpartition("/")[2]
    folder = Path(os.environ["HEADRACE_VAR"])
    found = {"authorization": header_of(key.secret), "company": str(company.pk), "records": count}
    (folder / f"key-{name}.json").write_text(json.dumps(found))
    (folder / f"filled-{connection.vendor}-{name}").touch()
    print("{}")


def _read(place: Connection, data_type: str, count: int) -> None:
    moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
    dataset = Dataset.objects.create(
        company_id=place.company_id,
        connection=place,
        data_type=data_type,
        status=DatasetStatus.COMPLETE,
        created_count=count,
        completed_at=moment,
    )
    for first in range(0, count, CHUNK):
        rows = [_row(number) for number in range(first, min(first + CHUNK, count))]
        with transaction.atomic():
            records.insert(place.pk, data_type, rows, dataset_id=dataset.pk, modified_at=moment)
    DataStatus.objects.update_or_create(
        connection=place,
        data_type=data_type,
        defaults={
            "latest_dataset": dataset,
            "latest_successful_dataset": dataset,
            "last_successful_sync_at": moment,
            "last_sync_at": moment,
            "high_water_at": moment,
            "record_count": count,
        },
    )


_LINES = ",".join(
    f'{{"description":"Widgets, box of {size}","unitAmount":{size}.25,"quantity":3,"subTotal":{size * 3}.75,'
    f'"taxAmount":{size}.15,"totalAmount":{size * 4}.9,"accountRef":{{"id":"acc-{size}","name":"Product sales"}},'
    f'"taxRateRef":{{"id":"tax-1","name":"Standard","effectiveTaxRate":20}}}}'
    for size in (10, 25, 50)
)


def _row(number: int) -> Row:
    key = f"inv-{number:08d}"
    content = (
        f'{{"id":"{key}","invoiceNumber":"{key.upper()}","customerRef":{{"id":"cus-{number % 5000}",'
        f'"companyName":"Brightwater Supplies"}},"issueDate":"2026-{number % 12 + 1:02d}-01T00:00:00",'
        f'"currency":"GBP","lineItems":[{_LINES}],"totalTaxAmount":30.45,"totalAmount":{number % 9000}.35,'
        f'"amountDue":0,"status":"Paid"}}'
    )
    moved = 1_790_000_000_000_000 + number
    return Row(key, content, number.to_bytes(16), number.to_bytes(16), moved, False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
