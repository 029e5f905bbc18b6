"""Connections: made, deauthorised, unlinked, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from syncengine.actions.datasets import cancel_dataset
from syncengine.authorisation import stored_credentials
from syncengine.connectors.platforms import SettingField
from syncengine.connectors.registry import connector_for
from syncengine.events import record_event
from syncengine.exceptions import ConnectorError, DatasetError, Refused, StaleState
from syncengine.models import Company, Connection, Dataset, DataStatus, Integration
from syncengine.outbound import Session
from syncengine.states import CONNECTION_MOVES, DATASET_ACTIVE, ConnectionStatus, Responsible
from syncengine.transitions import move


@transaction.atomic
def create_connection(
    company: Company,
    platform_key: str,
    *,
    settings: Mapping[str, str] | None = None,
    settings_later: bool = False,
    actor: str,
) -> Connection:
    """Create a connection that waits for the customer's consent.

    settings:        what the platform asks for (`platform.connection_fields`), by name.
    settings_later:  those it needs may be missing now; they must be there when it is linked.
    Raises:          UnknownPlatform; Refused when the integration is switched off, or naming the setting at fault.
    """
    connector = connector_for(platform_key)
    integration = Integration.objects.get(key=connector.platform.key)
    if not integration.enabled:
        raise Refused(f"{integration.name} is switched off. Enable it under Integrations first.", field="platform_key")
    connection = Connection.objects.create(
        company=company,
        integration=integration,
        settings=checked_settings(connector.platform.connection_fields, settings or {}, later=settings_later),
        created_by=actor,
    )
    record_event("connection.created", about=connection, actor=actor, platform=integration.key)
    return connection


def deauthorize(connection: Connection, *, because: DatasetError, actor: str) -> None:
    """Note that the platform no longer accepts us. Called inside the transaction of what found it out."""
    if connection.status != ConnectionStatus.LINKED:
        return
    try:
        move(
            connection,
            ConnectionStatus.DEAUTHORIZED,
            CONNECTION_MOVES,
            status_changed_at=now(),
            status_reason=because.headline,
            status_actor=actor,
            status_responsible=because.responsible,
            upstream_words=because.upstream,
        )
    except StaleState:
        # Another dataset of the connection found it out at the same time, or somebody has just unlinked it.
        return
    record_event(
        "connection.deauthorized",
        about=connection,
        actor=actor,
        reason=because.headline,
        status_code=because.status_code,
    )


def unlink_connection(connection: Connection, *, actor: str) -> None:
    """End our access: revoked at the platform where it can be, forgotten here always. Data stays readable.

    Raises: Refused when the connection is not linked.
    """
    if connection.status not in (ConnectionStatus.LINKED, ConnectionStatus.DEAUTHORIZED):
        raise Refused(f"Only a linked connection can be unlinked; this one is {connection.status}.")
    revoke_access(connection)
    before = connection.status
    with transaction.atomic():
        move(
            connection,
            ConnectionStatus.UNLINKED,
            CONNECTION_MOVES,
            status_changed_at=now(),
            status_reason="Unlinked here.",
            status_actor=actor,
            status_responsible=Responsible.NOBODY,
            upstream_words="",
            credentials=b"",
            credentials_expire_at=None,
            credentials_version=F("credentials_version") + 1,  # a refresh under way must not bring them back
        )
        connection.refresh_from_db(fields=["credentials_version"])
        _stop_reads(connection, actor=actor)
        record_event("connection.unlinked", about=connection, actor=actor, before=before)


def delete_connection(connection: Connection, *, actor: str) -> None:
    """End our access, at the platform too where it can be, and make the connection vanish."""
    revoke_access(connection)
    forget_connection(connection, actor=actor)


def forget_connection(connection: Connection, *, actor: str) -> None:
    """Make the connection vanish. Its secrets are gone now, its records are purged later."""
    with transaction.atomic():
        connection.deleted_at = now()
        connection.credentials = b""
        connection.credentials_version = F("credentials_version") + 1  # a refresh under way must not bring them back
        connection.save(update_fields=["deleted_at", "credentials", "credentials_version"])
        connection.refresh_from_db(fields=["credentials_version"])
        connection.link_attempts.update(pending=b"")
        _stop_reads(connection, actor=actor)
        record_event("connection.deleted", about=connection, actor=actor)


def checked_settings(
    fields: tuple[SettingField, ...], given: Mapping[str, Any], *, later: bool = False
) -> dict[str, str]:
    """Return the settings a platform asks for, trimmed, with defaults.

    later:   what is needed may still be missing.
    Raises:  Refused naming the field that is missing, unknown or no web address.
    """
    unknown = set(given) - {field.name for field in fields}
    if unknown:
        raise Refused(f"{sorted(unknown)[0]} is not a setting of this platform.", field=sorted(unknown)[0])
    checked = {}
    for field in fields:
        value = str(given.get(field.name, "") or field.default).strip()
        if field.required and not value and not later:
            raise Refused(f"{field.label} is needed.", field=field.name)
        if value and field.kind == "url" and not value.startswith(("https://", "http://")):
            raise Refused(f"{field.label} must begin with https:// or http://.", field=field.name)
        checked[field.name] = value.rstrip("/") if field.kind == "url" else value
    return checked


def _stop_reads(connection: Connection, *, actor: str) -> None:
    for dataset in Dataset.objects.filter(connection=connection, status__in=DATASET_ACTIVE):
        with suppress(Refused):  # it has ended this moment
            cancel_dataset(dataset, actor=actor)
    DataStatus.objects.filter(connection=connection).update(next_sync_at=None)


def revoke_access(connection: Connection) -> None:
    """Give the authorisation back at the platform. Best effort, and never inside a transaction: it is a network call.

    What the platform still allows is worthless to us once our copy of the secret is gone.
    """
    if not connection.credentials:
        return
    try:
        connector = connector_for(connection.integration.key)
        with Session(integration=connection.integration) as http:
            connector.unlink(
                stored_credentials(connection),
                settings={**connection.integration.settings, **connection.settings},
                http=http,
            )
    except ConnectorError:
        return
