"""Integrations: the catalogue written into the database, and what this deployment sets up for each."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from syncengine.actions.connections import checked_settings
from syncengine.connectors.registry import connector_for, platforms
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Integration
from syncengine.secrets import seal, unseal


def install_integrations() -> None:
    """Give each platform of the catalogue its row; names follow the manifests, set-up stays as it is."""
    for platform in platforms().values():
        Integration.objects.update_or_create(
            key=platform.key, defaults={"name": platform.name, "source_type": platform.source_type}
        )


@transaction.atomic
def save_integration(
    integration: Integration, *, settings: Mapping[str, str], client: Mapping[str, str], actor: str
) -> None:
    """Save what the platform asks of the deployment. A secret left blank stays as it was.

    Raises: Refused naming the field at fault.
    """
    fields = connector_for(integration.key).platform.client_fields
    secret_names = {field.name for field in fields if field.kind == "password" or field.name.startswith("client_")}
    stored = unseal(integration, "client")
    given = {**settings, **{name: value or stored.get(name, "") for name, value in client.items()}}
    checked = checked_settings(fields, given)
    integration.settings = {name: value for name, value in checked.items() if name not in secret_names}
    integration.client = seal(
        integration, "client", {name: value for name, value in checked.items() if name in secret_names}
    )
    integration.save(update_fields=["settings", "client"])
    record_event("integration.changed", actor=actor, platform=integration.key, settings=integration.settings)


@transaction.atomic
def set_enabled(integration: Integration, enabled: bool, *, actor: str) -> None:
    """Offer the integration to new connections, or stop offering it. Existing connections go on."""
    if integration.enabled == enabled:
        raise Refused(f"{integration.name} is already {'enabled' if enabled else 'switched off'}.")
    integration.enabled = enabled
    integration.save(update_fields=["enabled"])
    record_event("integration.enabled" if enabled else "integration.disabled", actor=actor, platform=integration.key)
