"""What a platform takes: which types can be written over a connection, and the model a write must fit."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.cache import cache

from syncengine.authorisation import open_session, with_credentials
from syncengine.connectors.base import Credentials
from syncengine.connectors.changes import WriteSupport
from syncengine.connectors.manifest_writes import model_name
from syncengine.connectors.platforms import Platform
from syncengine.connectors.push_options import PushOption
from syncengine.connectors.registry import connector_for
from syncengine.models import Connection

__all__ = ["known_model", "model_name", "platform_of", "push_model", "settings_of", "support_for", "writable_types"]

KEPT_SECONDS = 600  # how long a model that the platform was asked for holds


def platform_of(connection: Connection) -> Platform:
    return connector_for(connection.integration.key).platform


def writable_types(connection: Connection) -> dict[str, tuple[WriteSupport, ...]]:
    """Return the data types that can be written over this connection, sorted, with their operations."""
    types = platform_of(connection).types
    return {key: types[key].writes for key in sorted(types) if types[key].writes}


def support_for(connection: Connection, data_type: str, operation: str) -> WriteSupport | None:
    """Return how safely the operation can be done; None when the platform does not take it."""
    found = platform_of(connection).types.get(data_type)
    return found.write(operation) if found else None


def push_model(connection: Connection, data_type: str) -> PushOption:
    """Return the model of creating and updating, asked at the platform where it is not the same for everybody.

    What was asked for is kept for ten minutes. Never call it inside a transaction.

    Raises: NotSupported for a type that cannot be written; other ConnectorError where the platform is asked.
    """
    known = known_model(connection, data_type)
    if known is not None:
        return known
    connector, settings = connector_for(connection.integration.key), settings_of(connection)

    def ask(credentials: Credentials) -> PushOption:
        with open_session(connection, connector, credentials, settings) as http:
            return connector.options(data_type, settings=settings, http=http)

    found = with_credentials(connection, connector, ask)
    cache.set(_place(connection, data_type), found, KEPT_SECONDS)
    return found


def known_model(connection: Connection, data_type: str) -> PushOption | None:
    """Return the model where it is known without asking the platform, else None.

    Raises: NotSupported for a type that cannot be written.
    """
    connector = connector_for(connection.integration.key)
    try:
        return connector.options(data_type, settings=settings_of(connection), http=_Nobody())
    except _Asked:
        kept: PushOption | None = cache.get(_place(connection, data_type))
        return kept


def settings_of(connection: Connection) -> dict[str, Any]:
    """Return the connection's own settings laid over the integration's."""
    return {**connection.integration.settings, **connection.settings}


class _Asked(Exception):
    """The connector wants to ask the platform."""


class _Nobody:
    """An Http that is never answered: it shows whether a connector must ask."""

    def request(self, *_: object, **__: object) -> NoReturn:
        raise _Asked


def _place(connection: Connection, data_type: str) -> str:
    return f"push-model:{connection.pk}:{connection.credentials_version}:{data_type}"
