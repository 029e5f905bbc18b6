"""Tryton: a key that a person approves inside Tryton, and pages by id over its REST API.

A full read walks the ids upwards. An incremental one does the same over what changed, then sweeps all ids, because
Tryton keeps no trace of a deleted row; whatever the sweep does not name is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
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
    RecordRefused,
    Written,
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
    Domain,
    Row,
    Server,
    any_state,
    as_json,
    changed_since,
    request_key,
    rows,
    rows_by,
    withdraw_key,
)
from syncengine.connectors.tryton.sources import DATES, SOURCES, Source, merge_children
from syncengine.connectors.tryton.values import decimal_of
from syncengine.connectors.tryton.writes import Writer
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import AuthExpired, NotSupported, PrerequisiteMissing
from syncengine.states import ReadMode

SWEEP_PAGE = 2000

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


@dataclass(frozen=True, slots=True)
class Position:
    """Where a read stands.

    since:  changes from then on are still wanted; None when every record is.
    """

    company: int
    sweeping: bool
    after: int
    since: datetime | None

    @classmethod
    def from_cursor(cls, cursor: Cursor) -> Self:
        since = cursor["since"]
        return cls(
            int(cursor["company"]),
            bool(cursor["sweeping"]),
            int(cursor["after"]),
            datetime.fromisoformat(since) if since else None,
        )

    def as_cursor(self) -> dict[str, Json]:
        since = self.since.isoformat() if self.since else None
        return {"company": self.company, "sweeping": self.sweeping, "after": self.after, "since": since}


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
        source = SOURCES.get(plan.data_type)
        if source is None:
            raise NotSupported(f"Tryton is not read for {plan.data_type}.")
        server = server_of(plan.settings, http)
        position = Position.from_cursor(cursor) if cursor else _start(source, plan, server)
        read = _swept_page if position.sweeping else _records_page
        return read(source, plan, position, server)

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
    return Writer(server, company, lambda data_type, number: _one_record(data_type, number, server, company))


def _one_record(data_type: str, number: int, server: Server, company: int) -> tuple[Written, Row] | None:
    """Read one record as a page would bring it."""
    source = SOURCES[data_type]
    domain: Domain = [["id", "=", number], *source.base_domain(None), *any_state(source.has_active)]
    if source.by_company:
        domain.append(["company", "=", company])
    found = _completed(source, server, rows(server, source.model, (*source.fields, *DATES), domain=domain, limit=1))
    if not found:
        return None
    text, _ = as_json(found[0])
    try:
        record: MappedRecord | None = mapping.map_record(data_type, decode_record(text))
    except RecordRefused:
        record = None
    return Written(str(number), text, record), found[0]


def _completed(source: Source, server: Server, records: list[Row]) -> list[Row]:
    """Merge in what belongs to the records, in place."""
    for children in source.children:
        merge_children(server, children, records)
    if source.finish is not None and records:
        source.finish(server, records)
    return records


def _start(source: Source, plan: FetchPlan, server: Server) -> Position:
    company = company_of(plan.settings, server)
    since = plan.since if plan.mode == ReadMode.INCREMENTAL else None
    position = Position(company, sweeping=False, after=0, since=since)
    if since is None or not source.whole_if:
        return position
    everywhere = server.in_company(company, every_state=True)
    for model in source.whole_if:
        if rows(everywhere, model, ("id",), domain=changed_since(since), limit=1):
            return replace(position, since=None)
    return position if source.touched_by else replace(position, sweeping=True)


def _records_page(source: Source, plan: FetchPlan, position: Position, server: Server) -> Page:
    limit = min(plan.page_size or source.page_size, source.page_size)
    here = server.in_company(position.company)
    fields, domain = (*source.fields, *DATES), _domain(source, plan, position)
    if position.since is None:
        listed = found = rows(here, source.model, fields, domain=[*domain, *any_state(source.has_active)], limit=limit)
    else:
        everywhere = server.in_company(position.company, every_state=True)
        touched = _changes(source, position.since)
        listed = rows(everywhere, source.model, ("id",), domain=[*domain, touched], limit=limit)
        ids = [row["id"] for row in listed]
        found = rows_by(here, source.model, fields, "id", ids, has_active=source.has_active)
    records = [row for row in found if _wanted(source, row, "total_amount")]
    texts = [as_json(record) for record in _completed(source, here, records)]
    return Page(
        records=tuple(text for text, _ in texts),
        cursor=_next(plan, position, listed, limit),
        warnings=tuple(
            f"Characters that cannot be stored were taken out of record {record['id']}."
            for record, (_, mended) in zip(records, texts, strict=True)
            if mended
        ),
    )


def _domain(source: Source, plan: FetchPlan, position: Position) -> Domain:
    wanted: Domain = [["id", ">", position.after], *source.base_domain(plan.not_before)]
    if source.single:
        wanted.append(["id", "=", position.company])
    if source.by_company:
        wanted.append(["company", "=", position.company])
    return wanted


def _changes(source: Source, since: datetime) -> Domain:
    """Return the clause of rows that changed, themselves or in what belongs to them."""
    clauses = changed_since(since)
    for relation in source.touched_by:
        inner = [changed_since(since)]
        if relation.through:
            inner = [[relation.through, "where", inner]]
        clauses.append([relation.field, "where", inner])
    return clauses


def _next(plan: FetchPlan, position: Position, found: Sequence[Row], limit: int) -> Cursor | None:
    if len(found) >= limit:
        return replace(position, after=found[-1]["id"]).as_cursor()
    if plan.mode == ReadMode.INCREMENTAL and plan.since is not None and not position.sweeping:
        return replace(position, sweeping=True, after=0).as_cursor()
    return None


def _swept_page(source: Source, plan: FetchPlan, position: Position, server: Server) -> Page:
    """Name the ids that exist, without the records."""
    server = server.in_company(position.company)
    fields = ("id", "total_amount_cache") if source.sign else ("id",)
    domain = [*_domain(source, plan, position), *any_state(source.has_active)]
    found = rows(server, source.model, fields, domain=domain, limit=SWEEP_PAGE)
    kept = [row for row in found if _wanted(source, row, "total_amount_cache")]
    if source.sign:
        # Drafts hold no stored total; theirs is computed, which is slow, so it is asked for them alone.
        drafts = [row["id"] for row in found if row["total_amount_cache"] is None]
        computed = rows_by(server, source.model, ("total_amount",), "id", drafts)
        kept += [row for row in computed if _wanted(source, row, "total_amount")]
    return Page(
        records=(), known=tuple(str(row["id"]) for row in kept), cursor=_next(plan, position, found, SWEEP_PAGE)
    )


def _wanted(source: Source, row: Row, total: str) -> bool:
    if not source.sign:
        return True
    if row[total] is None:
        return False
    return (decimal_of(row, total) < 0) == (source.sign < 0)
