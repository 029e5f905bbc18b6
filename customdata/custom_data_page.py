"""What the pages of custom data types show: the list, the connections of one, and an example to begin with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet, Sum

from customdata.configuration import Configuration
from customdata.models import CustomDataType
from portal.access import Viewer, connections_for
from portal.dataset_page import version_of
from syncengine.connectors.manifest_parts import TypeManifest
from syncengine.connectors.registry import connector_for, platforms
from syncengine.connectors.rest import RestConnector
from syncengine.models import Connection, DataStatus, Integration
from syncengine.states import DATASET_ERRORS, ConnectionStatus

MAX_CHOICES = 100
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXAMPLE_NAMES = 4


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A custom data type in the list.

    connection_count:  connections that were read for it.
    failed_count:      those among them whose latest read failed.
    """

    custom_data_type: CustomDataType
    configuration: Configuration
    connection_count: int = 0
    failed_count: int = 0
    record_count: int = 0
    last_good_at: datetime | None = None


def types_listed(*, search: str = "", platform: str = "") -> QuerySet[CustomDataType]:
    """Return those that are configured, by platform and identifier."""
    rows = CustomDataType.objects.filter(deleted_at=None).select_related("integration")
    if platform:
        rows = rows.filter(integration__key=platform)
    if search:
        rows = rows.filter(Q(identifier__icontains=search) | Q(configuration__dataSource__icontains=search))
    return rows.order_by("integration__name", "integration_id", "identifier")


def type_rows(user: Viewer, rows: Sequence[CustomDataType]) -> list[TypeRow]:
    """Return what the list shows of these; one query."""
    figures = _figures(user, rows)
    return [TypeRow(row, row.settings, **figures.get((row.integration_id, row.data_type), {})) for row in rows]


def _figures(user: Viewer, rows: Sequence[CustomDataType]) -> dict[tuple[UUID, str], dict[str, Any]]:
    statuses = DataStatus.objects.filter(
        connection__in=connections_for(user), data_type__in={row.data_type for row in rows}
    )
    counted = (
        statuses.values("connection__integration_id", "data_type")
        .annotate(
            connections=Count("pk"),
            failed=Count("pk", filter=Q(latest_dataset__status__in=DATASET_ERRORS)),
            records=Sum("record_count"),
            good_at=Max("last_successful_sync_at"),
        )
        .order_by()
    )
    return {
        (found["connection__integration_id"], found["data_type"]): {
            "connection_count": found["connections"],
            "failed_count": found["failed"],
            "record_count": found["records"],
            "last_good_at": found["good_at"],
        }
        for found in counted
    }


# --- the connections of one


@dataclass(frozen=True, slots=True)
class UseRow:
    """A connection that can be read for the type, or was. status: None when it never was."""

    connection: Connection
    status: DataStatus | None

    @property
    def can_read(self) -> bool:
        return self.connection.status == ConnectionStatus.LINKED and not self.is_active

    @property
    def is_active(self) -> bool:
        return bool(self.status and self.status.latest_dataset and self.status.latest_dataset.is_active)

    @property
    def last_good_at(self) -> datetime | None:
        return self.status.last_successful_sync_at if self.status else None


def connections_of(user: Viewer, custom_data_type: CustomDataType) -> QuerySet[Connection]:
    """Return the platform's connections that are linked or hold data of the type, by company."""
    read = DataStatus.objects.filter(data_type=custom_data_type.data_type).values("connection_id")
    return (
        connections_for(user)
        .filter(Q(status=ConnectionStatus.LINKED) | Q(pk__in=read), integration_id=custom_data_type.integration_id)
        .select_related("company", "integration")
        .order_by("company__name", "id")
    )


def use_rows(custom_data_type: CustomDataType, connections: Sequence[Connection]) -> list[UseRow]:
    """One query."""
    statuses = DataStatus.objects.filter(connection__in=connections, data_type=custom_data_type.data_type)
    by_connection = {status.connection_id: status for status in statuses.select_related("latest_dataset")}
    return [UseRow(connection, by_connection.get(connection.pk)) for connection in connections]


def version_of_uses(uses: Iterable[UseRow]) -> str:
    """Return a short token that changes when one of the reads does."""
    found = list(uses)
    datasets = [use.status.latest_dataset for use in found if use.status and use.status.latest_dataset]
    return version_of(datasets, [str(use.connection.pk) for use in found])


def trial_choices(user: Viewer, integration: Integration) -> list[Connection]:
    """Return the linked connections that a configuration can be tried over, by company; MAX_CHOICES at most."""
    linked = connections_for(user).filter(integration=integration, status=ConnectionStatus.LINKED)
    return list(linked.select_related("company", "integration").order_by("company__name", "id")[:MAX_CHOICES])


def freshest(connections: Sequence[Connection]) -> Connection | None:
    """Return the connection that was read last, the first where none was; None where there is none."""
    read = [connection for connection in connections if connection.last_sync_at]
    return max(read, key=lambda one: one.last_sync_at, default=next(iter(connections), None))


# --- something to begin with


def configurable(*, search: str = "") -> list[Integration]:
    """Return the integrations that can be configured, by name: those that this release has a connector for."""
    rows = Integration.objects.filter(key__in=platforms(), name__icontains=search).order_by("name", "key")
    return list(rows)


def example_for(integration: Integration) -> Configuration | None:
    """Return a configuration that the platform would answer: one of its own types, with some members where a manifest
    names them; None for a platform without types.
    """
    connector = connector_for(integration.key)
    if not isinstance(connector, RestConnector):
        support = next(iter(connector.platform.types.values()), None)
        return Configuration(support.endpoint, {}, ("$.id",)) if support else None
    for kind in connector.manifest.types.values():
        if not kind.single and len(kind.key) == 1 and "{" not in kind.endpoint:
            return _example(kind)
    return None


def _example(kind: TypeManifest) -> Configuration:
    names: dict[str, str] = {}
    for name, one in kind.fields.items():
        if one.how == "path" and len(one.paths) == 1 and len(names) < _EXAMPLE_NAMES:
            names[name] = json_path(one.paths[0])
    modified = (json_path(kind.modified),) if kind.modified else ()
    return Configuration(kind.endpoint, names, (json_path(kind.key[0]),), modified)


def json_path(steps: Iterable[str | int]) -> str:
    """Return the JSONPath of a manifest's path."""
    return "$" + "".join(map(_step, steps))


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN.fullmatch(step):
        return f".{step}"
    escaped = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"
