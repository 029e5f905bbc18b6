"""The catalogue of platforms, with how this deployment uses each of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Count

from syncengine.connectors import registry
from syncengine.connectors.platforms import Platform
from syncengine.models import Connection, Integration
from syncengine.queries.companies import STATES_BY_URGENCY


@dataclass(frozen=True, slots=True)
class IntegrationCard:
    """An integration and what its connector declares.

    platform:     None when this release has no connector for it any more.
    connections:  how many connections are in each state, most urgent state first; states without any are left out.
    """

    integration: Integration
    platform: Platform | None
    connections: dict[str, int] = field(default_factory=dict)

    @property
    def connection_count(self) -> int:
        return sum(self.connections.values())


def integration_cards() -> list[IntegrationCard]:
    """Return all integrations by source type and name; two queries."""
    counts = _connection_counts()
    platforms = registry.platforms()
    return [
        IntegrationCard(integration, platforms.get(integration.key), counts.get(integration.key, {}))
        for integration in Integration.objects.order_by("source_type", "name", "key")
    ]


def integration_card(integration: Integration) -> IntegrationCard:
    """Return one of them; one query."""
    counts = _connection_counts(integration)
    return IntegrationCard(integration, registry.platforms().get(integration.key), counts.get(integration.key, {}))


def _connection_counts(integration: Integration | None = None) -> dict[str, dict[str, int]]:
    connections = Connection.objects.filter(deleted_at=None, company__deleted_at=None)
    if integration is not None:
        connections = connections.filter(integration=integration)
    counted = connections.order_by().values_list("integration__key", "status").annotate(Count("pk"))
    by_key: dict[str, dict[str, int]] = {}
    for key, status, count in sorted(counted, key=lambda row: STATES_BY_URGENCY.index(row[1])):
        by_key.setdefault(key, {})[status] = count
    return by_key
