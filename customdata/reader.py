"""How the engine reads `custom/…`: what is plugged into its socket (`syncengine.plans`)."""

from __future__ import annotations

from django.db.models import QuerySet

from customdata.configuration import Configuration, read_configuration
from customdata.connector import CustomConnector
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import find_custom_data_type
from syncengine import plans
from syncengine.connectors.base import Connector, FetchPlan
from syncengine.exceptions import NotSupported
from syncengine.models import Connection, Dataset
from syncengine.states import ReadMode

PREFIX = "custom"


def register() -> None:
    plans.register(PREFIX, plan, connector=connector, key=key, habits=Habits())


class Habits:
    """Implements plans.Habits: what operators had a platform's custom data types read by themselves."""

    def at_first(self, connection: Connection) -> list[str]:
        found = _configured(connection).filter(fetch_on_first_link=True)
        return [custom.data_type for custom in found.order_by("created_at", "id")]

    def hours(self, connection: Connection) -> dict[str, int]:
        found = _configured(connection).filter(sync_schedule_hours__gt=0)
        return {custom.data_type: custom.sync_schedule_hours for custom in found}


def _configured(connection: Connection) -> QuerySet[CustomDataType]:
    return CustomDataType.objects.filter(integration_id=connection.integration_id, deleted_at=None)


def key(connection: Connection, data_type: str) -> str:
    """Return the data type as the configuration writes it, whatever its case.

    Raises: UnknownCustomDataType where the connection's platform has none of that name.
    """
    return find_custom_data_type(connection.integration, data_type.partition("/")[2]).data_type


def connector(dataset: Dataset, base: Connector) -> Connector:
    """Raises: NotSupported when the configuration was deleted while the dataset waited."""
    return CustomConnector(base, dataset.data_type, _configuration(dataset))


def plan(dataset: Dataset) -> FetchPlan:
    connection = dataset.connection
    return FetchPlan(
        platform=connection.integration.key,
        data_type=dataset.data_type,
        mode=ReadMode(dataset.mode),
        settings={**connection.integration.settings, **connection.settings},
        since=dataset.since,
    )


def _configuration(dataset: Dataset) -> Configuration:
    """What the dataset began with; before that, what is configured now."""
    used = dataset.settings_used.get("custom_data_type")
    if used is not None:
        return read_configuration(used)
    found = CustomDataType.objects.filter(
        integration_id=dataset.connection.integration_id,
        identifier=dataset.data_type.partition("/")[2],
        deleted_at=None,
    ).first()
    if found is None:
        raise NotSupported(f"{dataset.data_type} was deleted after this read was queued.")
    return found.settings
