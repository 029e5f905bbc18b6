"""Tryton: a key that a person approves inside Tryton, and pages by id over its REST API.

A full read walks the ids upwards. An incremental one does the same over what changed, then sweeps all ids, because
Tryton keeps no trace of a deleted row; whatever the sweep does not name is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.base import (
    Credentials,
    Cursor,
    FetchPlan,
    Http,
    Json,
    LinkStart,
    MappedRecord,
    Page,
    PushReceipt,
)
from syncengine.connectors.changes import Change
from syncengine.connectors.endpoints import Endpoint, Wanted
from syncengine.connectors.platforms import Platform, SettingField, TypeSupport
from syncengine.connectors.push_options import PushOption
from syncengine.connectors.rest_writes import unsent
from syncengine.connectors.tryton import files, mapping
from syncengine.connectors.tryton.endpoint import ModelEndpoint
from syncengine.connectors.tryton.forms import WRITES
from syncengine.connectors.tryton.places import company_of, company_server, server_of, text_of
from syncengine.connectors.tryton.protocol import (
    request_key,
    withdraw_key,
)
from syncengine.connectors.tryton.reading import one_record, read_page
from syncengine.connectors.tryton.sources import SOURCES
from syncengine.connectors.tryton.writes import Writer
from syncengine.exceptions import AuthExpired, NotSupported, PrerequisiteMissing

PLATFORM = Platform(
    key="tryt",
    name="Tryton",
    source_type="Accounting",
    auth="approved-key",
    types={
        data_type: TypeSupport(
            data_type,
            endpoint=source.model,
            incremental=not source.single,
            reports_deletions=not source.single,
            attachments=data_type in files.WITH_FILES,
            writes=WRITES.get(data_type, ()),
        )
        for data_type, source in SOURCES.items()
    },
    # Tryton dates a row by the start of the transaction that wrote it: a long one shows up late, dated early.
    overlap_minutes=60,
    connection_fields=(
        SettingField("base_url", "Address of the Tryton server", "For example https://erp.example.com", kind="url"),
        SettingField("database", "Database", "The name shown on Tryton's sign-in form."),
        SettingField("user", "Tryton user", "The login of the person who will approve the key."),
        SettingField(
            "company", "Company id", "Only needed when that user may enter several companies in Tryton.", required=False
        ),
    ),
    description="Open-source ERP. Read through its REST API with a key that one of its users approves.",
)


class TrytonConnector:
    platform: Platform = PLATFORM

    def start_link(
        self, *, settings: Mapping[str, Json], client: Mapping[str, str], state: str, redirect_uri: str, http: Http
    ) -> LinkStart:
        server, user = server_of(settings, http), text_of(settings, "user")
        key = request_key(server, user)
        instruct = (
            f"Sign in to Tryton (database {server.database}) as {user}, open Preferences, then Applications, and "
            "approve the request for REST API that is marked Requested. Then come back here and check. "
            "Tryton keeps one open request per user: if there was an older one, cancel it there and start again."
        )
        return LinkStart(pending={"key": key}, instruct=instruct)

    def finish_link(
        self,
        *,
        settings: Mapping[str, Json],
        client: Mapping[str, str],
        pending: Mapping[str, str],
        answer: Mapping[str, str],
        redirect_uri: str,
        http: Http,
    ) -> Credentials:
        credentials = Credentials(secret={"key": pending["key"]})
        server = server_of(settings, http, self.authorize(credentials))
        try:
            company_of(settings, server)
        except PrerequisiteMissing:
            # The settings must change first, and then a new key is asked for: leave no open door behind.
            withdraw_key(server, text_of(settings, "user"), pending["key"])
            raise
        except AuthExpired as refusal:
            headline = (
                f"The key is not approved in Tryton yet. Approve it as {text_of(settings, 'user')} under Preferences, "
                "Applications, then check again. If no request is shown there, start linking again."
            )
            raise AuthExpired(headline, upstream=refusal.upstream, status_code=refusal.status_code) from refusal
        return credentials

    def check(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> None:
        company_of(settings, server_of(settings, http, self.authorize(credentials)))

    def refresh(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> Credentials:
        raise AuthExpired(
            "Tryton no longer accepts the key. Someone cancelled it there, so the connection must be linked again."
        )

    def authorize(self, credentials: Credentials) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {credentials.secret['key']}"}

    def origin(self, settings: Mapping[str, Json]) -> str:
        parts = urlsplit(text_of(settings, "base_url"))
        return f"{parts.scheme}://{parts.netloc}"

    def fetch_page(self, plan: FetchPlan, cursor: Cursor | None, http: Http) -> Page:
        return read_page(plan, cursor, server_of(plan.settings, http))

    def endpoint(self, data_source: str, wanted: Wanted) -> Endpoint:
        return ModelEndpoint(data_source, wanted)

    def key_of(self, data_type: str, raw: Json) -> str:
        return mapping.key_of(raw)

    def map_record(self, data_type: str, raw: Json) -> MappedRecord:
        return mapping.map_record(data_type, raw)

    def attachments(
        self, data_type: str, record_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> Sequence[Attachment]:
        resource = files.resource_of(data_type, record_id)
        return files.listed(company_server(settings, http)[0], resource)

    def attachment(
        self, data_type: str, record_id: str, attachment_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> Attachment:
        resource = files.resource_of(data_type, record_id)
        return files.one(company_server(settings, http)[0], resource, attachment_id)

    def download(
        self, data_type: str, record_id: str, attachment_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> File:
        resource = files.resource_of(data_type, record_id)
        return files.download(company_server(settings, http)[0], resource, attachment_id)

    def pdf(self, data_type: str, record_id: str, *, settings: Mapping[str, Json], http: Http) -> File:
        raise NotSupported("Tryton prints documents in formats that its administrator chooses, so none is asked for.")

    def options(self, data_type: str, *, settings: Mapping[str, Json], http: Http) -> PushOption:
        return _writer(settings, http).options(data_type)

    def push(self, change: Change, *, idempotency_key: str, http: Http) -> PushReceipt:
        with unsent():
            if change.data_type not in WRITES:
                raise NotSupported(f"Tryton is not asked to write {change.data_type}.")
            writer = _writer(change.settings, http)
        return writer.push(change)

    def look_up(self, change: Change, *, idempotency_key: str, http: Http) -> PushReceipt | None:
        raise NotSupported("Tryton cannot be searched for what a write left behind.")

    def unlink(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> None:
        withdraw_key(server_of(settings, http), text_of(settings, "user"), credentials.secret["key"])


def _writer(settings: Mapping[str, Json], http: Http) -> Writer:
    server, company = company_server(settings, http)
    return Writer(server, company, lambda data_type, number: one_record(data_type, number, server, company))
