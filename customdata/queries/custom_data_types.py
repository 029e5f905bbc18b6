"""Custom data types: one by its identifier, all of a platform, and which connections hold data of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from customdata.exceptions import UnknownCustomDataType
from customdata.models import CustomDataType
from syncengine.models import Connection, Dataset, DataStatus, Integration


def custom_data_types(integration: Integration) -> QuerySet[CustomDataType]:
    """Return those that are not deleted, by identifier."""
    return CustomDataType.objects.filter(integration=integration, deleted_at=None).order_by("identifier")


def find_custom_data_type(integration: Integration, identifier: str) -> CustomDataType:
    """Return the one with this identifier, whatever its case; one query.

    Raises: UnknownCustomDataType.
    """
    found = custom_data_types(integration).filter(identifier__iexact=identifier).first()
    if found is None:
        raise UnknownCustomDataType(identifier, integration.name)
    return found


@dataclass(frozen=True, slots=True)
class Use:
    """One connection that has been read for a custom data type, and how its latest read ended."""

    connection: Connection
    record_count: int
    latest: Dataset | None
    last_successful_at: datetime | None


def uses_of(custom_data_type: CustomDataType) -> list[Use]:
    """Return the connections with data of this type, latest good read first; one query."""
    statuses = (
        DataStatus.objects.filter(
            connection__integration_id=custom_data_type.integration_id,
            connection__deleted_at=None,
            connection__company__deleted_at=None,
            data_type=custom_data_type.data_type,
        )
        .select_related("connection__company", "connection__integration", "latest_dataset")
        .order_by("-last_successful_sync_at", "connection_id")
    )
    return [
        Use(status.connection, status.record_count, status.latest_dataset, status.last_successful_sync_at)
        for status in statuses
    ]


def stored_data_type(connection: Connection, identifier: str) -> str:
    """Return the data type whose records are read for this identifier, of a deleted configuration as well.

    Raises: UnknownCustomDataType when the platform never had one of that name.
    """
    rows = CustomDataType.objects.filter(integration_id=connection.integration_id, identifier__iexact=identifier)
    found = rows.values_list("identifier", flat=True).first()
    if found is None:
        raise UnknownCustomDataType(identifier, connection.integration.name)
    return f"custom/{found}"
