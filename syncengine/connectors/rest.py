"""The declarative REST engine: one connector for every platform that a manifest describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings as deployment

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
from syncengine.connectors.manifest import Manifest
from syncengine.connectors.manifest_files import AttachmentsManifest
from syncengine.connectors.manifest_parts import Incremental, Stamp, TypeManifest
from syncengine.connectors.mapping import Mapper
from syncengine.connectors.oauth2 import OAuth2
from syncengine.connectors.paging import Position, next_position, page_params, page_size, total_of
from syncengine.connectors.platforms import Platform
from syncengine.connectors.push_options import PushOption
from syncengine.connectors.rest_endpoint import RestEndpoint
from syncengine.connectors.rest_files import Attachments, download, download_pdf, picked
from syncengine.connectors.rest_places import Places
from syncengine.connectors.rest_writes import Pushing, unsent
from syncengine.connectors.stamps import stamp_text
from syncengine.connectors.templates import fill_text
from syncengine.connectors.wire import Envelope, split_object, split_records
from syncengine.exceptions import AuthExpired, NotSupported
from syncengine.states import ReadMode

_NO_CONTENT = (204, 304)


@dataclass(frozen=True, slots=True)
class _Request:
    url: str
    params: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    accept: Sequence[int] = ()


class RestConnector:
    """Implements connectors.base.Connector for one manifest. Holds nothing that changes."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.platform: Platform = manifest.platform
        self._oauth2 = OAuth2(manifest.auth, manifest.name) if manifest.auth.kind == "oauth2" else None
        self._mappers = {name: Mapper(found, manifest.zone) for name, found in manifest.types.items()}
        self._places = Places(manifest)
        self._files = {
            name: Attachments(found.attachments) for name, found in manifest.types.items() if found.attachments
        }
        self._pushing = {
            name: Pushing(found, found.writes, self._mappers[name], self._places)
            for name, found in manifest.types.items()
            if found.writes
        }

    # --- linking

    def start_link(
        self, *, settings: Mapping[str, Json], client: Mapping[str, str], state: str, redirect_uri: str, http: Http
    ) -> LinkStart:
        """Raises: PrerequisiteMissing when a setting or the client's id is not filled in."""
        if self._oauth2 is None:
            return LinkStart(instruct=f"{self.platform.name} needs no approval; carry on to link it.")
        return self._oauth2.start(self._places.filled(settings, client), client, state=state, redirect_uri=redirect_uri)

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
        """Get credentials and try them once. Raises: AuthExpired and whatever the try runs into."""
        filled = self._places.filled(settings, client)
        credentials = Credentials(client=client)
        if self._oauth2 is not None:
            credentials = self._oauth2.finish(
                filled, client, pending=pending, answer=answer, redirect_uri=redirect_uri, http=http
            )
        self.check(credentials, settings=settings, http=http)
        return credentials

    def refresh(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> Credentials:
        """Raises: AuthExpired when the authorisation has ended for good."""
        if self._oauth2 is None:
            raise AuthExpired(f"{self.platform.name} refuses us, and there is no authorisation that could be renewed.")
        return self._oauth2.refresh(credentials, self._places.filled(settings, credentials.client), http)

    def check(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> None:
        """Raises: what the manifest's `test` request runs into; nothing without one."""
        filled = self._places.filled(settings, credentials.client)
        if self.manifest.test:
            headers = {**self._places.headers(filled), **self.authorize(credentials)}
            http.request("GET", self._places.url(self.manifest.test, filled), headers=headers)

    def authorize(self, credentials: Credentials) -> Mapping[str, str]:
        if self._oauth2 is None:
            return {}
        token = credentials.secret.get("access_token")
        if not token:
            raise AuthExpired(f"There is no authorisation for {self.platform.name}. Link the connection again.")
        return {"Authorization": f"Bearer {token}"}

    def unlink(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> None:
        if self._oauth2 is not None:
            self._oauth2.revoke(credentials, self._places.filled(settings, credentials.client), http)

    def origin(self, settings: Mapping[str, Json]) -> str:
        """Return scheme://host[:port] of this connection's platform, for the outbound session's guard.

        Raises: PrerequisiteMissing when a setting is not filled in.
        """
        parts = urlsplit(self._places.base_url(self._places.filled(settings)))
        return f"{parts.scheme}://{parts.netloc}"

    # --- reading

    def fetch_page(self, plan: FetchPlan, cursor: Cursor | None, http: Http) -> Page:
        """Raises: ConnectorError subclasses: NotSupported, PrerequisiteMissing, BadAnswer, and what `http` raises."""
        found = self._type(plan.data_type)
        asked = Position.of(cursor)
        size = page_size(found.paging, plan.page_size)
        request = self._request(found, plan, asked, size)
        answer = http.request("GET", request.url, params=request.params, headers=request.headers, accept=request.accept)
        if answer.status in _NO_CONTENT:
            return Page((), None)
        envelope = _opened(found, answer.body)
        counted = asked.after(envelope.records)
        following = next_position(found.paging, asked, counted, envelope.records, envelope.outside, answer, size)
        return Page(
            envelope.records,
            None if following is None else following.as_cursor(),
            total=len(envelope.records) if found.single else total_of(found.paging, envelope.outside),
            warnings=envelope.warnings,
        )

    def endpoint(self, data_source: str, wanted: Wanted) -> Endpoint:
        return RestEndpoint(self.manifest, data_source)

    def key_of(self, data_type: str, raw: Json) -> str:
        """Raises: RecordRefused when the record has no key that can be kept."""
        return self._mappers[data_type].key_of(raw)

    def quick_key(self, data_type: str) -> Callable[[bytes], str] | None:
        return self._mappers[data_type].quick_key()

    def map_text(self, data_type: str) -> Callable[[bytes], MappedRecord]:
        return self._mappers[data_type].map_text

    def map_record(self, data_type: str, raw: Json) -> MappedRecord:
        """Raises: RecordRefused."""
        return self._mappers[data_type].map_record(raw)

    # --- files

    def attachments(
        self, data_type: str, record_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> Sequence[Attachment]:
        """Raises: NotSupported, and what `http` raises: SourceRefused with status 404 for an unknown record."""
        found = self._attachments(data_type)
        url, headers = self._places.of_record(found.endpoint, settings, record_id)
        return self._files[data_type].listed(http.request("GET", url, headers=headers))

    def attachment(
        self, data_type: str, record_id: str, attachment_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> Attachment:
        """Raises: as `attachments`, also for an unknown file."""
        found = self._attachments(data_type)
        if not found.one:
            return picked(list(self.attachments(data_type, record_id, settings=settings, http=http)), attachment_id)
        url, headers = self._places.of_record(found.one, settings, record_id, attachment_id)
        return self._files[data_type].one(http.request("GET", url, headers=headers))

    def download(
        self, data_type: str, record_id: str, attachment_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> File:
        """Raises: as `attachment`, and BadAnswer for a file that is too large."""
        found = self._attachments(data_type)
        return download(http, *self._places.of_record(found.download, settings, record_id, attachment_id))

    def pdf(self, data_type: str, record_id: str, *, settings: Mapping[str, Json], http: Http) -> File:
        """Raises: as `download`, and BadAnswer for what is no PDF."""
        found = self._type(data_type)
        if not found.pdf:
            raise NotSupported(f"{self.platform.name} has no PDFs of {data_type}.")
        return download_pdf(http, *self._places.of_record(found.pdf, settings, record_id))

    def _attachments(self, data_type: str) -> AttachmentsManifest:
        found = self._type(data_type).attachments
        if found is None:
            raise NotSupported(f"{self.platform.name} has no attachments of {data_type}.")
        return found

    # --- writing

    def options(self, data_type: str, *, settings: Mapping[str, Json], http: Http) -> PushOption:
        """Raises: NotSupported."""
        return self._writable(data_type).option

    def push(self, change: Change, *, idempotency_key: str, http: Http) -> PushReceipt:
        """Raises: as base.Connector.push."""
        return self._writable(change.data_type).push(change, idempotency_key, http)

    def look_up(self, change: Change, *, idempotency_key: str, http: Http) -> PushReceipt | None:
        """Raises: as base.Connector.look_up."""
        return self._writable(change.data_type).look_up(change, idempotency_key, http)

    def _writable(self, data_type: str) -> Pushing:
        with unsent():
            self._type(data_type)
            if data_type not in self._pushing:
                raise NotSupported(f"{self.platform.name} takes no {data_type}.")
            return self._pushing[data_type]

    # --- one request

    def _request(self, found: TypeManifest, plan: FetchPlan, asked: Position, size: int | None) -> _Request:
        filled = self._places.filled(plan.settings)
        changes = found.incremental if plan.mode == ReadMode.INCREMENTAL and plan.since is not None else None
        headers = self._places.headers(filled)
        accept: Sequence[int] = ()
        if changes is not None and changes.stamp.header and plan.since is not None:
            headers[changes.stamp.header] = stamp_text(plan.since, changes.stamp.format)
            accept = (304,)
        if found.paging.style == "link" and asked.at is not None:
            return _Request(str(asked.at), (), headers, accept)
        params = [
            *((name, fill_text(text, filled)) for name, text in found.query.items()),
            *_plan_params(found, changes, plan),
            *page_params(found.paging, asked, size),
        ]
        return _Request(self._places.url(found.endpoint, filled), params, headers, accept)

    def _type(self, data_type: str) -> TypeManifest:
        found = self.manifest.types.get(data_type)
        if found is None:
            raise NotSupported(f"{self.platform.name} offers no {data_type}.")
        return found


def _plan_params(found: TypeManifest, changes: Incremental | None, plan: FetchPlan) -> list[tuple[str, str]]:
    params: list[tuple[str, str]] = []
    if changes is not None and plan.since is not None:
        params += changes.query.items()
        if changes.stamp.param:
            params.append((changes.stamp.param, stamp_text(plan.since, changes.stamp.format)))
    if found.not_before is not None and plan.not_before is not None:
        params.append(_stamped(found.not_before, plan.not_before))
    if found.months is not None:
        params.append((found.months.param, str(plan.months or found.months.default)))
    return params


def _stamped(stamp: Stamp, moment: datetime) -> tuple[str, str]:
    return stamp.param, stamp_text(moment, stamp.format)


def _opened(found: TypeManifest, body: bytes) -> Envelope:
    record_bytes = deployment.HEADRACE_MAX_RECORD_BYTES
    if found.single:
        return split_object(body, found.records, record_bytes)
    return split_records(body, found.records, deployment.HEADRACE_MAX_PAGE_RECORDS, record_bytes)
