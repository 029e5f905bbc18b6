"""Entry points of the queue: ids in, one look-up, one action."""

from __future__ import annotations

from uuid import UUID

from customdata import coverage
from syncengine.models import Connection


def measure_coverage(connection_id: str, data_type: str, dataset_id: str = "") -> None:
    connection = Connection.objects.select_related("integration").filter(pk=connection_id, deleted_at=None).first()
    if connection is not None:
        coverage.measure_coverage(connection, data_type, UUID(dataset_id) if dataset_id else None)


def measure_coverage_of_all(platform_key: str, data_type: str) -> None:
    coverage.measure_all(platform_key, data_type)
