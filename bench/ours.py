"""Measure one read by a worker that has started: `python -m bench.ours full|unchanged|incremental ADDRESS`."""

import sys
from datetime import timedelta

import django

django.setup()

from django.utils.timezone import now  # noqa: E402

from bench.measure import BUSINESS, control, measured  # noqa: E402
from syncengine.actions.companies import create_company  # noqa: E402
from syncengine.actions.connections import create_connection  # noqa: E402
from syncengine.actions.datasets import queue_dataset  # noqa: E402
from syncengine.models import Connection, Dataset, Integration  # noqa: E402
from syncengine.run.runner import run_dataset  # noqa: E402
from syncengine.run.warming import warm_up  # noqa: E402
from syncengine.secrets import seal  # noqa: E402
from syncengine.states import ConnectionStatus, DatasetStatus, ReadMode  # noqa: E402


def connection_to(address: str) -> Connection:
    existing = Connection.objects.first()
    if existing is not None:
        return existing
    integration = Integration.objects.get(key="mqjo")
    integration.settings = {"base_url": address}
    integration.client = seal(integration, "client", {"client_id": "headrace", "client_secret": "headrace-sandbox"})
    integration.save()
    connection = create_connection(create_company(name="Bench", actor="bench"), "mqjo", actor="bench")
    grant = control(address, "POST", f"businesses/{BUSINESS}/grants")
    connection.credentials = seal(
        connection, "credentials", {name: grant[name] for name in ("access_token", "refresh_token")}
    )
    connection.credentials_expire_at = now() + timedelta(hours=12)
    connection.status = ConnectionStatus.LINKED
    connection.save()
    return connection


def main(case: str, address: str) -> None:
    connection = connection_to(address)
    warm_up()
    mode = ReadMode.FULL if case in ("full", "unchanged") else ""
    dataset = queue_dataset(connection, "invoices", actor="bench", mode=mode)
    with measured() as figures:
        run_dataset(dataset.pk)
        dataset = Dataset.objects.get(pk=dataset.pk)
        figures["records"] = dataset.fetched_count
        figures["stages"] = {timing.stage: timing.seconds for timing in dataset.timings.order_by("pk")}
    assert dataset.status == DatasetStatus.COMPLETE, dataset.error_message
    expected = {
        "full": dataset.created_count,
        "unchanged": dataset.unchanged_count,
        "incremental": dataset.changed_count,
    }
    assert expected[case] == dataset.fetched_count, (case, dataset.created_count, dataset.unchanged_count)


if __name__ == "__main__":
    main(*sys.argv[1:])
