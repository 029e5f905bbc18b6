"""The sections of a manifest as frozen dataclasses. `docs/manifests.md` says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncengine.connectors.fields import Field
from syncengine.connectors.manifest_files import AttachmentsManifest
from syncengine.connectors.manifest_writes import WritesManifest
from syncengine.connectors.paths import Path


@dataclass(frozen=True, slots=True)
class Auth:
    kind: str
    authorize_url: str = ""
    token_url: str = ""
    revoke_url: str = ""
    scopes: tuple[str, ...] = ()
    client_auth: str = "basic"
    pkce: bool = True
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    expires_in: int = 3600


@dataclass(frozen=True, slots=True)
class Paging:
    style: str = "none"
    param: str = ""
    first: int = 1
    size_param: str = ""
    size: int | None = None
    max_size: int | None = None
    next: Path | None = None
    last: Path | None = None
    total: Path | None = None
    pages: Path | None = None
    more: Path | None = None
    stop: str = "empty"


@dataclass(frozen=True, slots=True)
class Stamp:
    """A point in time sent to the platform: as a query parameter or as a header, in one of STAMP_FORMATS."""

    param: str = ""
    header: str = ""
    format: str = "iso"


@dataclass(frozen=True, slots=True)
class Incremental:
    stamp: Stamp
    reports_deletions: bool = False
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deleted:
    """A record is deleted when the member is true, or, with `equals`, holds one of these words."""

    path: Path
    equals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Months:
    param: str
    default: int = 12


@dataclass(frozen=True, slots=True)
class TypeManifest:
    """How one data type is asked for and mapped."""

    data_type: str
    endpoint: str
    fields: Mapping[str, Field]
    key: tuple[Path, ...] = ()
    records: tuple[str, ...] = ()
    single: bool = False
    modified: Path | None = None
    modified_as: str = "date"
    deleted: Deleted | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    paging: Paging = Paging()
    incremental: Incremental | None = None
    not_before: Stamp | None = None
    months: Months | None = None
    requires: tuple[str, ...] = ()
    attachments: AttachmentsManifest | None = None
    pdf: str = ""
    writes: WritesManifest | None = None
