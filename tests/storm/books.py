"""What a storm reads and how it is judged: every record against an undisturbed read of the same books."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Count
from django.utils.timezone import now

from syncengine.actions.companies import create_company
from syncengine.actions.connections import create_connection
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection, Dataset, Event, Integration, Record, StagedPage
from syncengine.sandbox.businesses import BUSINESSES
from syncengine.secrets import seal
from syncengine.states import DATASET_ACTIVE, ConnectionStatus, DatasetStatus, ReadMode

BUSINESS = next(iter(BUSINESSES))


def link(url: str, number: int) -> Connection:
    """A company linked to the sandbox's first business, with a grant of its own."""
    integration = Integration.objects.get(key="mqjo")
    integration.settings = {"base_url": url}
    integration.client = seal(integration, "client", {"client_id": "headrace", "client_secret": "headrace-sandbox"})
    integration.save()
    connection = create_connection(create_company(name=f"Storm {number}", actor="storm"), "mqjo", actor="storm")
    request = urllib.request.Request(
        f"{url}/_control/businesses/{BUSINESS}/grants", method="POST", headers={"X-Control-Key": "storm"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        grant = json.loads(answer.read())
    connection.credentials = seal(
        connection, "credentials", {name: grant[name] for name in ("access_token", "refresh_token")}
    )
    connection.credentials_expire_at = now() + timedelta(seconds=grant["expires_in"])
    connection.status = ConnectionStatus.LINKED
    connection.save()
    return connection


def queue_all(connections: Sequence[Connection], types: Sequence[str]) -> list[str]:
    return [
        str(queue_dataset(connection, data_type, actor="storm").pk) for connection in connections for data_type in types
    ]


def queue_again(datasets: Sequence[str], count: int) -> list[str]:
    """Queue full reads of types that have been read, so that the storm has something to hit."""
    done = Dataset.objects.filter(pk__in=datasets).select_related("connection").order_by("completed_at")[:count]
    keys = {(dataset.connection_id, dataset.data_type): dataset for dataset in done}
    return [
        str(queue_dataset(dataset.connection, dataset.data_type, actor="storm", mode=ReadMode.FULL).pk)
        for dataset in keys.values()
    ]


def still_active(datasets: Sequence[str]) -> int:
    return Dataset.objects.filter(pk__in=datasets, status__in=DATASET_ACTIVE).count()


def holders(datasets: Sequence[str]) -> list[int]:
    """Return the process ids of the workers that hold one of these datasets now."""
    held = Dataset.objects.filter(pk__in=datasets, lease_until__gt=now()).exclude(lease_owner="")
    return [int(owner.rpartition(":")[2]) for owner in held.values_list("lease_owner", flat=True)]


def verdict(
    reference: Connection, storm: Sequence[Connection], types: Sequence[str], datasets: Sequence[str]
) -> dict[str, int]:
    """Count what went wrong; every figure but `records` and `lost_workers` should be 0."""
    ended = Dataset.objects.filter(pk__in=datasets)
    lost = wrong = extra = records = 0
    for data_type in types:
        true = _contents(reference, data_type)
        for connection in storm:
            found = _contents(connection, data_type)
            records += len(found)
            lost += len(true.keys() - found.keys())
            extra += len(found.keys() - true.keys())
            wrong += sum(1 for key in true.keys() & found.keys() if true[key] != found[key])
    twice_complete = (
        Event.objects.filter(kind="dataset.completed", dataset_id__in=datasets)
        .values("dataset_id")
        .annotate(times=Count("id"))
        .filter(times__gt=1)
        .count()
    )
    complete = ended.filter(status=DatasetStatus.COMPLETE)
    events = Event.objects.filter(kind="dataset.completed", dataset_id__in=datasets).count()
    return {
        "stuck": still_active(datasets),
        "failed": ended.exclude(status__in=[DatasetStatus.COMPLETE, *DATASET_ACTIVE]).count(),
        "lost": lost + abs(complete.count() - events),
        "duplicated": extra + twice_complete,
        "wrong": wrong,
        "staged_left": StagedPage.objects.filter(dataset__in=complete).count(),
        "records": records,
        "lost_workers": sum(ended.values_list("lost_count", flat=True)),
    }


def _contents(connection: Connection, data_type: str) -> dict[str, bytes]:
    rows = Record.objects.filter(connection=connection, data_type=data_type, is_deleted=False)
    return {key: bytes(content_hash) for key, content_hash in rows.values_list("source_id", "content_hash")}
