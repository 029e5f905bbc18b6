"""What pages and features ask about offline platforms."""

from __future__ import annotations

from dataclasses import dataclass

from syncengine.connector_presence import WAITING, is_present, latest_processes, missing_words
from syncengine.models import Connection, ConnectorProcess, Integration


@dataclass(frozen=True, slots=True)
class ConnectorState:
    """The connectors of one integration: those that are there now, and the one that was seen last."""

    present: list[ConnectorProcess]
    last: ConnectorProcess | None


def connector_is_missing(connection: Connection) -> str:
    """Return the words for why nothing can be sent over this connection just now, "" when it can.

    No query unless its integration is offline, and one then.
    """
    integration = connection.integration
    return missing_words(integration.pk) if integration.is_offline else ""


def connector_state(integration: Integration) -> ConnectorState:
    """One query."""
    processes = latest_processes(integration.pk)
    return ConnectorState([one for one in processes if is_present(one)], processes[0] if processes else None)


def waits_for_connector(words: str) -> bool:
    """Say whether these are the words of something that waits for a connector."""
    return words.startswith(WAITING)
