"""Files of records: asked for at the platform when somebody wants them, never stored here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.connections import deauthorize
from syncengine.authorisation import open_session, with_credentials
from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.base import Connector, Credentials, Http
from syncengine.connectors.platforms import TypeSupport
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import AuthExpired, NotLinked, NotSupported
from syncengine.models import Connection
from syncengine.states import ConnectionStatus, Responsible


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """The files of one record, at the platform.

    Each of its calls raises NotLinked before anything is sent, NotSupported where the platform has no such files,
    SourceRefused with status 404 for what it does not know, and other ConnectorError as connectors do. A token that
    has ended is refreshed once; when the platform refuses that too, the connection is Deauthorized.
    """

    connection: Connection
    data_type: str
    record_id: str
    actor: str

    def attachments(self) -> Sequence[Attachment]:
        self._require(lambda support: support.attachments, "attachments")
        return self._ask(
            lambda connector, http: connector.attachments(
                self.data_type, self.record_id, settings=_settings(self.connection), http=http
            )
        )

    def attachment(self, attachment_id: str) -> Attachment:
        self._require(lambda support: support.attachments, "attachments")
        return self._ask(
            lambda connector, http: connector.attachment(
                self.data_type, self.record_id, attachment_id, settings=_settings(self.connection), http=http
            )
        )

    def download(self, attachment_id: str) -> File:
        self._require(lambda support: support.attachments, "attachments")
        return self._ask(
            lambda connector, http: connector.download(
                self.data_type, self.record_id, attachment_id, settings=_settings(self.connection), http=http
            )
        )

    def pdf(self) -> File:
        self._require(lambda support: support.pdf, "PDFs")
        return self._ask(
            lambda connector, http: connector.pdf(
                self.data_type, self.record_id, settings=_settings(self.connection), http=http
            )
        )

    def _require(self, able: Callable[[TypeSupport], bool], what: str) -> None:
        platform = connector_for(self.connection.integration.key).platform
        support = platform.types.get(self.data_type)
        if support is None or not able(support):
            raise NotSupported(f"{platform.name} has no {what} of {self.data_type}.")

    def _ask[Answer](self, ask: Callable[[Connector, Http], Answer]) -> Answer:
        connection = self.connection
        if connection.status != ConnectionStatus.LINKED:
            raise NotLinked(connection)
        connector, settings = connector_for(connection.integration.key), _settings(connection)

        def once(credentials: Credentials) -> Answer:
            with open_session(connection, connector, credentials, settings) as http:
                return ask(connector, http)

        try:
            answer = with_credentials(connection, connector, once)
        except AuthExpired as error:
            if error.responsible == Responsible.CUSTOMER:
                with transaction.atomic():
                    deauthorize(connection, because=error, actor=self.actor)
            raise
        Connection.objects.filter(pk=connection.pk).update(last_used_at=now())
        return answer


def _settings(connection: Connection) -> dict[str, object]:
    return {**connection.integration.settings, **connection.settings}
