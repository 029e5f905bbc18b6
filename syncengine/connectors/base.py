"""What a connector is: frozen dataclasses in, frozen dataclasses out, no model in sight.

A connector reads one page at a time and keeps nothing between two pages: everything it needs to go on stands in the
cursor, so a read continues on another machine from the last page that was stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from syncengine.connectors.attachments import Attachment, File
from syncengine.connectors.changes import Change
from syncengine.connectors.endpoints import Endpoint, Wanted
from syncengine.connectors.platforms import Platform
from syncengine.connectors.push_options import PushOption
from syncengine.exceptions import PushIssue
from syncengine.states import ReadMode

type Json = Any
type Cursor = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer, decoded (gzip, deflate) and within the size limit. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Http(Protocol):
    """The one way out. Raises ConnectorError subclasses only; 2xx come back, everything else is raised:

    401 AuthExpired, 403 PermissionMissing, 429 (and 503 with Retry-After) RateLimited, 408 and 5xx SourceUnavailable,
    other 4xx SourceRefused, unless the status is listed in `accept`. What is raised says in `sent` whether a byte of
    the request may have left.

    content:    a body of another kind than JSON or a form: its content type and its bytes.
    max_bytes:  a smaller limit for the answer's body than the usual one.
    """

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Json = None,
        form: Mapping[str, str] | None = None,
        content: tuple[str, bytes] | None = None,
        accept: Sequence[int] = (),
        max_bytes: int | None = None,
    ) -> HttpAnswer: ...


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """One read of one data type.

    settings:     the connection's own settings (base_url, database, tenant …), no secrets.
    since:        aware UTC; the read must bring everything changed at the source from then on. None for a full read.
    not_before:   aware UTC; records whose source date is earlier are not wanted (sync settings). None for all.
    months:       how many months of a financial statement; None where it does not apply.
    """

    platform: str
    data_type: str
    mode: ReadMode
    settings: Mapping[str, Json] = field(default_factory=dict)
    since: datetime | None = None
    not_before: datetime | None = None
    months: int | None = None
    page_size: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page as the platform gave it.

    records:   each record's own JSON text, in the platform's order, not yet mapped.
    known:     keys of records that exist at the platform though they are not in this page's `records`; not None says
               that this read lists every key (a sweep of ids), so that what it does not hold is deleted.
    cursor:    where the next page starts, JSON-able; None when this was the last one.
    total:     how many records the whole read will bring, when the platform says so.
    warnings:  plain sentences about what had to be mended in the answer (NUL characters, lone surrogates).
    """

    records: Sequence[bytes]
    cursor: Cursor | None
    known: Sequence[str] | None = None
    total: int | None = None
    warnings: Sequence[str] = ()


class MappedRecord(msgspec.Struct, frozen=True):  # made ten times as fast as a dataclass
    """One record in the standard model.

    source_id:           its key on the platform, unique within the data type.
    content:             the standard model's members, JSON-able, no `modifiedDate`.
    source_modified_at:  the platform's own stamp, aware UTC, or None.
    is_deleted:          the platform says the record is deleted (tombstone).
    """

    source_id: str
    content: dict[str, Json]
    source_modified_at: datetime | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """One record as it stands after a write.

    source_id:  its key on the platform.
    raw:        its own JSON text, as a read would have brought it; b"" when the platform does not show it.
    record:     the same, mapped; None when it is not shown or cannot be mapped.
    """

    source_id: str
    raw: bytes = b""
    record: MappedRecord | None = None


@dataclass(frozen=True, slots=True)
class PushReceipt:
    """The platform has done what was asked.

    written:        the record that was created or changed; several for a batch of bank transactions; of a deleted one
                    and of an upload's record the id alone.
    attachment_id:  of an uploaded file.
    warnings:       what the platform did differently, or wants to be known.
    replayed:       the platform knew the key: this is its answer to an earlier attempt.
    """

    written: tuple[Written, ...]
    attachment_id: str = ""
    warnings: tuple[PushIssue, ...] = ()
    replayed: bool = False

    @property
    def source_id(self) -> str:
        return self.written[0].source_id if self.written else ""


class RecordRefused(Exception):
    """One record cannot be mapped. `path` is the member at fault, `reason` a plain sentence."""

    def __init__(self, path: str, reason: str, source_id: str = "") -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason, self.source_id = path, reason, source_id


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connection holds. `secret` members never reach a log, page or task argument.

    secret:      access_token, refresh_token, key … as the platform's auth scheme needs them.
    client:      the integration's own client_id, client_secret.
    expires_at:  when the access token ends, aware UTC; None when it does not.
    """

    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    client: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LinkStart:
    """How linking begins.

    url:       where to send the person's browser, or "" when they must approve inside the platform itself.
    pending:   secret things to keep until the person comes back (PKCE verifier, requested key); stored encrypted.
    instruct:  what to tell the person when there is no url.
    """

    url: str = ""
    pending: Mapping[str, str] = field(default_factory=dict, repr=False)
    instruct: str = ""


class Connector(Protocol):
    platform: Platform

    def start_link(
        self, *, settings: Mapping[str, Json], client: Mapping[str, str], state: str, redirect_uri: str, http: Http
    ) -> LinkStart: ...

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
        """Turn the person's consent into credentials. Raises AuthExpired when there is none (yet)."""
        ...

    def refresh(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> Credentials:
        """Return new credentials. Raises AuthExpired on `invalid_grant`; platforms without refresh raise it always."""
        ...

    def check(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> None:
        """Ask the platform for something small, to see whether it accepts these credentials. Raises as `fetch_page`."""
        ...

    def authorize(self, credentials: Credentials) -> Mapping[str, str]:
        """Return the headers that authorise one request."""
        ...

    def origin(self, settings: Mapping[str, Json]) -> str:
        """Return scheme://host[:port]: the only place that may be asked, and be shown the authorisation.

        Raises: PrerequisiteMissing when a setting is not filled in.
        """
        ...

    def fetch_page(self, plan: FetchPlan, cursor: Cursor | None, http: Http) -> Page:
        """Read one page; `cursor` is None for the first. Raises ConnectorError subclasses only."""
        ...

    def key_of(self, data_type: str, raw: Json) -> str:
        """Return the key of one decoded record, as `map_record` would. Pure. Raises RecordRefused."""
        ...

    def map_record(self, data_type: str, raw: Json) -> MappedRecord:
        """Map one decoded record (numbers with a fraction are Decimal). Pure. Raises RecordRefused."""
        ...

    def endpoint(self, data_source: str, wanted: Wanted) -> Endpoint:
        """Return how to read any endpoint of the platform, as a custom data type names it.

        Raises: SourceRefused for what can be none; NotSupported.
        """
        ...

    def unlink(self, credentials: Credentials, *, settings: Mapping[str, Json], http: Http) -> None:
        """Revoke at the platform where it offers that; silent where it does not."""
        ...

    # --- files

    def attachments(
        self, data_type: str, record_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> Sequence[Attachment]:
        """List the files of a record. Raises: NotSupported; SourceRefused with status 404 for an unknown record."""
        ...

    def attachment(
        self, data_type: str, record_id: str, attachment_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> Attachment:
        """Raises: NotSupported; SourceRefused with status 404 for an unknown record or file."""
        ...

    def download(
        self, data_type: str, record_id: str, attachment_id: str, *, settings: Mapping[str, Json], http: Http
    ) -> File:
        """Raises: as `attachment`; BadAnswer for a file larger than HEADRACE_MAX_FILE_BYTES."""
        ...

    def pdf(self, data_type: str, record_id: str, *, settings: Mapping[str, Json], http: Http) -> File:
        """Return a document as the platform prints it. Raises: as `download`; BadAnswer for what is no PDF."""
        ...

    # --- writing

    def options(self, data_type: str, *, settings: Mapping[str, Json], http: Http) -> PushOption:
        """Return the model of creating and updating. Raises: NotSupported for a type that cannot be written."""
        ...

    def push(self, change: Change, *, idempotency_key: str, http: Http) -> PushReceipt:
        """Send one write, once. What is raised says what became of it:

        PushRejected:    refused by the platform, or by us before it was sent; nothing was written.
        OutcomeUnknown:  it was sent and may have been done. Never send it again as it is, unless `WriteSupport` says
                         that the platform is idempotent (then with the same key); `look_up` where it is searchable.
        any other ConnectorError: nothing was written. `sent` says whether the platform has seen it; RateLimited,
                         AuthExpired (after a refresh) and what was not sent may be tried again.
        """
        ...

    def look_up(self, change: Change, *, idempotency_key: str, http: Http) -> PushReceipt | None:
        """Search the platform for what an earlier `push` of this change wrote; None when it holds no such record.

        Raises: NotSupported where `WriteSupport` does not say searchable.
        """
        ...
