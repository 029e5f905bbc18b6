"""Rows for the tests of the queries, and platforms that need no manifest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncengine.connectors import registry
from syncengine.connectors.platforms import Platform, TypeSupport
from syncengine.models import Company, Connection, Dataset, DataStatus, Integration, Record
from syncengine.states import ConnectionStatus, DatasetStatus

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def platform(key: str, name: str = "Books", *types: str, idle_days: int | None = None) -> Platform:
    supported = {key: TypeSupport(key, endpoint=f"/{key}") for key in types or ("invoices", "customers")}
    return Platform(key, name, "Accounting", "oauth2", supported, idle_days=idle_days)


def use_platforms(monkeypatch: pytest.MonkeyPatch, *platforms: Platform) -> None:
    monkeypatch.setattr(registry, "platforms", lambda: {one.key: one for one in platforms})


def make_integration(key: str = "book", name: str = "Books") -> Integration:
    return Integration.objects.get_or_create(key=key, defaults={"name": name, "source_type": "Accounting"})[0]


def make_company(name: str = "Acme", **columns) -> Company:
    return Company.objects.create(name=name, **columns)


def make_connection(company: Company | None = None, **columns) -> Connection:
    columns.setdefault("status", ConnectionStatus.LINKED)
    columns.setdefault("integration", make_integration() if "integration" not in columns else None)
    return Connection.objects.create(company=company or make_company(), **columns)


def make_dataset(connection: Connection | None = None, *, at: datetime = NOON, took: float | None = None, **columns):
    """`at` is when it was asked for; `took` seconds make it a Complete one unless a status is given."""
    connection = connection or make_connection()
    if took is not None:
        columns.setdefault("status", DatasetStatus.COMPLETE)
        columns |= {"started_at": at, "completed_at": at + timedelta(seconds=took)}
    columns.setdefault("data_type", "invoices")
    columns.setdefault("status", DatasetStatus.COMPLETE)
    dataset = Dataset.objects.create(company=connection.company, connection=connection, **columns)
    Dataset.objects.filter(pk=dataset.pk).update(requested_at=at)
    dataset.refresh_from_db()
    return dataset


def make_data_status(connection: Connection, data_type: str = "invoices", **columns) -> DataStatus:
    return DataStatus.objects.create(connection=connection, data_type=data_type, **columns)


def make_record(connection: Connection, source_id: str = "1", content: dict | None = None, **columns) -> Record:
    columns = {"data_type": "invoices", "content_hash": b"", "modified_at": NOON} | columns
    return Record.objects.create(
        connection=connection, source_id=source_id, content={"id": source_id} if content is None else content, **columns
    )
