"""Files of records: asked for at the platform when somebody wants them, never stored here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.connections import deauthorize
from syncengine.authorisation import credentials_for, refreshed
from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.base import Connector, Credentials, Http, TypeSupport
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import AuthExpired, NotLinked, NotSupported
from syncengine.limits import Budget
from syncengine.models import Connection
from syncengine.outbound import Session
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
        connector = connector_for(connection.integration.key)
        try:
            answer = self._once(connector, credentials_for(connection, connector), ask)
        except AuthExpired:
            answer = self._with_a_new_token(connector, ask)
        Connection.objects.filter(pk=connection.pk).update(last_used_at=now())
        return answer

    def _with_a_new_token[Answer](self, connector: Connector, ask: Callable[[Connector, Http], Answer]) -> Answer:
        try:
            fresh = refreshed(self.connection, connector, seen=self.connection.credentials_version)
            return self._once(connector, fresh, ask)
        except AuthExpired as error:
            if error.responsible == Responsible.CUSTOMER:
                with transaction.atomic():
                    deauthorize(self.connection, because=error, actor=self.actor)
            raise

    def _once[Answer](
        self, connector: Connector, credentials: Credentials, ask: Callable[[Connector, Http], Answer]
    ) -> Answer:
        limits = connector.platform.limits
        with Session(
            budgets=(
                Budget(f"connection:{self.connection.pk}", limits.per_connection_minute),
                Budget(f"integration:{connector.platform.key}", limits.per_integration_minute),
            ),
            authorization=connector.authorize(credentials),
            origin=connector.origin(_settings(self.connection)),
        ) as http:
            return ask(connector, http)


def _settings(connection: Connection) -> dict[str, object]:
    return {**connection.integration.settings, **connection.settings}
