"""How an expression would fare before it is saved: over the newest kept records of every connection it would hold for.

Nothing is stored. For the lints of an expression see `customdata.lints`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import QuerySet

from customdata.expressions import Resolution, resolve
from customdata.raw_records import newest_raw_of
from customdata.resolving import Coverage
from syncengine.models import Connection, Integration

RECORDS = 20


@dataclass(slots=True)
class ConnectionPreview:
    """One connection's part.

    resolutions:  of its newest records, newest first; empty when none is kept.
    """

    connection: Connection
    resolutions: list[Resolution] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)


@dataclass(slots=True)
class Preview:
    """All connections together, and each for itself."""

    coverage: Coverage
    connections: list[ConnectionPreview]


def preview_expression(
    json_path: str, connections: Sequence[Connection], data_type: str, *, records: int = RECORDS
) -> Preview:
    """Evaluate an expression on the newest `records` of each connection; one query.

    An expression that does not compile is invalid on every record (`coverage.reason` says why).
    """
    raws = newest_raw_of(connections, data_type, records)
    preview = Preview(Coverage(), [ConnectionPreview(connection) for connection in connections])
    for part in preview.connections:
        for document in raws.get(part.connection.pk, ()):
            resolution = resolve(json_path, document)
            part.resolutions.append(resolution)
            part.coverage.count(resolution)
            preview.coverage.count(resolution)
    return preview


def connections_of(integration: Integration) -> QuerySet[Connection]:
    """Return the connections that a mapping of this integration holds for, newest link first."""
    rows = Connection.objects.filter(integration=integration, deleted_at=None, company__deleted_at=None)
    return rows.select_related("company", "integration").order_by("-linked_at", "-created_at")
