"""Tokens: refreshed by one worker at a time, saved before they are used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from syncengine.connectors.base import Connector, Credentials
from syncengine.exceptions import AuthExpired, SourceUnavailable
from syncengine.limits import Budget
from syncengine.models import Connection
from syncengine.outbound import Session
from syncengine.outbound.exchange import Observer
from syncengine.secrets import SecretUnreadable, seal, unseal
from syncengine.states import Responsible

EARLY_SECONDS = 60  # a token that ends this soon is refreshed before it is used
HOLD_SECONDS = 120  # how long one refresher may keep the others waiting
WAIT_SECONDS = 130


def credentials_for(connection: Connection, connector: Connector) -> Credentials:
    """Return credentials that hold for at least a minute, refreshed when they would not.

    Raises: AuthExpired, SourceUnavailable.
    """
    credentials = stored_credentials(connection)
    if credentials.expires_at is None or credentials.expires_at > now() + timedelta(seconds=EARLY_SECONDS):
        return credentials
    return refreshed(connection, connector, seen=connection.credentials_version)


def open_session(
    connection: Connection,
    connector: Connector,
    credentials: Credentials,
    settings: Mapping[str, Any],
    *,
    observer: Observer | None = None,
) -> Session:
    """Return a session that speaks for this connection: its authorisation, its origin, and the budgets it shares.

    settings:  those of the integration with the connection's own laid over them.
    """
    limits = connector.platform.limits
    return Session(
        budgets=(
            Budget(f"connection:{connection.pk}", limits.per_connection_minute),
            Budget(f"integration:{connector.platform.key}", limits.per_integration_minute),
        ),
        authorization=connector.authorize(credentials),
        origin=connector.origin(settings),
        observer=observer,
        integration=connection.integration,
    )


def with_credentials[Answer](
    connection: Connection, connector: Connector, ask: Callable[[Credentials], Answer]
) -> Answer:
    """Ask with the credentials at hand and, when the platform takes them no more, once again with refreshed ones.

    Raises: AuthExpired when it refuses those too, and what `ask` raises.
    """
    try:
        return ask(credentials_for(connection, connector))
    except AuthExpired:
        return ask(refreshed(connection, connector, seen=connection.credentials_version))


def refreshed(connection: Connection, connector: Connector, *, seen: int) -> Credentials:
    """Return credentials newer than version `seen`: those another worker has just saved, or our own refresh.

    Raises: AuthExpired when the platform refuses for good, SourceUnavailable when its token endpoint is down.
    """
    owner = uuid4().hex
    give_up = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up:
        if _take_turn(connection, owner, seen):
            return _refresh(connection, connector, owner)
        connection.refresh_from_db(
            fields=["credentials", "credentials_version", "credentials_expire_at", "refresh_until"]
        )
        if connection.credentials_version != seen:
            return stored_credentials(connection)
        time.sleep(0.05)
    raise SourceUnavailable("Another worker has been refreshing this connection's authorisation for too long.")


def _take_turn(connection: Connection, owner: str, seen: int) -> bool:
    turn_is_free = Q(refresh_until__isnull=True) | Q(refresh_until__lt=now())
    return bool(
        Connection.objects.filter(turn_is_free, pk=connection.pk, credentials_version=seen).update(
            refresh_until=now() + timedelta(seconds=HOLD_SECONDS), refresh_owner=owner
        )
    )


def _refresh(connection: Connection, connector: Connector, owner: str) -> Credentials:
    try:
        with Session(integration=connection.integration) as http:
            fresh = connector.refresh(
                stored_credentials(connection),
                settings={**connection.integration.settings, **connection.settings},
                http=http,
            )
        _save(connection, fresh, owner)
    finally:
        Connection.objects.filter(pk=connection.pk, refresh_owner=owner).update(refresh_until=None, refresh_owner="")
    return fresh


def _save(connection: Connection, fresh: Credentials, owner: str) -> None:
    """Commit the new pair before anybody uses it: the old one may be dead from this moment on."""
    with transaction.atomic():
        # Unlinked, deleted or linked anew meanwhile: the version is another, and this pair belongs to the past.
        ours = Connection.objects.filter(
            pk=connection.pk, refresh_owner=owner, credentials_version=connection.credentials_version
        )
        saved = ours.update(
            credentials=seal(connection, "credentials", fresh.secret),
            credentials_expire_at=fresh.expires_at,
            credentials_version=connection.credentials_version + 1,
            last_used_at=now(),
        )
    if not saved:
        raise SourceUnavailable("This connection's authorisation was refreshed elsewhere meanwhile.")
    connection.credentials_version += 1
    connection.credentials_expire_at = fresh.expires_at


def stored_credentials(connection: Connection) -> Credentials:
    """Raises: AuthExpired when no configured key opens what is stored."""
    try:
        return Credentials(
            secret=unseal(connection, "credentials"),
            client=unseal(connection.integration, "client"),
            expires_at=connection.credentials_expire_at,
        )
    except SecretUnreadable as error:
        raise AuthExpired(
            "The stored authorisation cannot be decrypted with the configured keys. Restore the key, or link again.",
            responsible=Responsible.OPERATOR,
        ) from error
