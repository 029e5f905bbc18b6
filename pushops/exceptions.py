"""What push operations refuse, by name. Nothing is sent and nothing is changed by what is refused."""

from __future__ import annotations

from syncengine.exceptions import Refused
from syncengine.models import Connection, Dataset


class ConnectionNotLinked(Refused):
    """Nothing can be written over this connection (409 on the wire)."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            f"Data connection {connection.pk} is {connection.status}; only a Linked one can be written to."
        )
        self.connection = connection


class NotWritable(Refused):
    """The platform does not take this operation on this data type, or the type is none (404 on the wire)."""

    def __init__(self, data_type: str, operation: str, platform_name: str) -> None:
        super().__init__(
            f"{platform_name} does not support the operation {operation} on {data_type}.", field="data_type"
        )
        self.data_type, self.operation = data_type, operation


class BadRequest(Refused):
    """An input that is not a record's content is wrong; `field` names it (400 on the wire)."""


class ReadInProgress(Refused):
    """Records of this type are being stored just now, and this deployment refuses to write meanwhile (409)."""

    def __init__(self, running: Dataset) -> None:
        super().__init__(
            f"Dataset {running.pk} is storing {running.data_type} just now. Try again when it has ended.",
        )
        self.dataset = running


class OperationEnded(Refused):
    """The operation has ended, or has gone too far, for what was asked (409)."""
