"""The platform's own records to look at: the newest that was read, or what its manifest says one looks like."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from customdata.raw_records import newest_raw
from syncengine.connectors.registry import connector_for, platforms
from syncengine.connectors.rest import RestConnector
from syncengine.connectors.samples import sample_record
from syncengine.models import Connection

type Json = Any


class RawSource(StrEnum):
    """Where a raw record comes from, in the wire's words."""

    CONNECTOR_SYNC = "connector_sync"
    INTEGRATION_SAMPLE = "integration_sample"
    INLINE = "inline"


def connection_sample(connection: Connection, data_type: str) -> tuple[Json, RawSource]:
    """Return the newest record as the platform sent it, or the integration's sample before the first one; one query."""
    newest = newest_raw(connection, data_type)
    if newest:
        return newest[0], RawSource.CONNECTOR_SYNC
    return integration_sample(connection.integration.key, data_type), RawSource.INTEGRATION_SAMPLE


def integration_sample(platform_key: str, data_type: str) -> Json:
    """Return a made-up record as this platform would send it; None where no manifest says what it sends.

    It holds what the mapping reads, and nothing of any company.
    """
    if platform_key not in platforms():
        return None
    connector = connector_for(platform_key)
    found = connector.manifest.types.get(data_type) if isinstance(connector, RestConnector) else None
    return None if found is None else sample_record(found)
