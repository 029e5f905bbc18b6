"""Speaking to the platform for an operation: one write, or one search for what an earlier attempt wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pushops.models import PushFile, PushOperation
from pushops.queries.push_models import settings_of
from pushops.run.lease import Hold
from pushops.run.storing import cached_stamp
from syncengine.authorisation import open_session, with_credentials
from syncengine.connectors.attachments import File
from syncengine.connectors.base import Connector, Credentials, Http, PushReceipt
from syncengine.connectors.changes import Change, Operation
from syncengine.failpoints import reach


@dataclass(frozen=True, slots=True)
class Sender:
    """sent: the body as it leaves, without what the model does not have; None for a delete or an upload."""

    hold: Hold
    connector: Connector
    sent: Mapping[str, Any] | None = None

    def push(self) -> PushReceipt:
        """Send the write. Raises: as Connector.push, and AuthExpired after one refresh."""
        change = _change(self.hold.operation, self.sent)
        reach("before_send")
        receipt = self._ask(
            lambda http: self.connector.push(change, idempotency_key=self.hold.operation.marker, http=http)
        )
        reach("after_send")
        return receipt

    def look_up(self) -> PushReceipt | None:
        """Search for what was written; None when the platform holds no such record. Raises: ConnectorError."""
        change = _change(self.hold.operation, self.sent)
        return self._ask(
            lambda http: self.connector.look_up(change, idempotency_key=self.hold.operation.marker, http=http)
        )

    def _ask[Answer](self, ask: Callable[[Http], Answer]) -> Answer:
        connection = self.hold.operation.connection

        def once(credentials: Credentials) -> Answer:
            settings = settings_of(connection)
            with open_session(connection, self.connector, credentials, settings, observer=self.hold) as http:
                return ask(http)

        return with_credentials(connection, self.connector, once)


def _change(row: PushOperation, sent: Mapping[str, Any] | None) -> Change:
    is_update = row.operation == Operation.UPDATE
    return Change(
        platform=row.connection.integration.key,
        data_type=row.data_type,
        operation=Operation(row.operation),
        record_id=row.record_id,
        body=sent,
        file=_file(row) if row.operation == Operation.UPLOAD else None,
        # Of a deletion the contract has no way to insist, so its copy's age is not judged.
        if_unmodified_since=cached_stamp(row.connection, row.data_type, row.record_id) if is_update else None,
        force=row.force_update or not is_update,
        settings=settings_of(row.connection),
    )


def _file(row: PushOperation) -> File | None:
    kept = PushFile.objects.filter(operation=row).first()
    return File(bytes(kept.content), kept.content_type, kept.name) if kept else None
