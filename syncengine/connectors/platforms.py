"""What a platform can do, as its connector declares it: for the catalogue, for pages, for planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncengine.connectors.changes import FEATURE_OF, WriteSupport

FEATURES = (
    "Get",
    "Post",
    "Put",
    "Delete",
    "GetAsPdf",
    "DownloadAttachment",
    "GetAttachment",
    "GetAttachments",
    "UploadAttachment",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests a minute a platform allows, per connection and for all connections of the integration; 0 is no limit."""

    per_connection_minute: int = 0
    per_integration_minute: int = 0


@dataclass(frozen=True, slots=True)
class TypeSupport:
    """What a platform can do with one data type, for pages, validation and planning.

    incremental:        it can be asked for changes only.
    reports_deletions:  an incremental read tells of deleted records too (tombstones or a sweep of ids);
                        otherwise they show in full reads only.
    requires:           data types that must have been read before this one.
    attachments:        files of a record can be listed and downloaded.
    pdf:                a record can be had as a PDF.
    writes:             the operations that can be pushed.
    """

    data_type: str
    endpoint: str
    incremental: bool = False
    reports_deletions: bool = False
    requires: tuple[str, ...] = ()
    attachments: bool = False
    pdf: bool = False
    writes: tuple[WriteSupport, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """What the wire calls these abilities (codat contract, section 5), in the contract's order."""
        able = {"Get", *(FEATURE_OF[write.operation] for write in self.writes)}
        able |= {"GetAsPdf"} if self.pdf else set()
        able |= {"DownloadAttachment", "GetAttachment", "GetAttachments"} if self.attachments else set()
        return tuple(word for word in FEATURES if word in able)

    def write(self, operation: str) -> WriteSupport | None:
        """Return how this operation is supported; None when it is not."""
        return next((write for write in self.writes if write.operation == operation), None)


@dataclass(frozen=True, slots=True)
class SettingField:
    """One thing to fill in when a connection to this platform is made (shown as a form field)."""

    name: str
    label: str
    help: str = ""
    kind: str = "text"  # text | url | password
    required: bool = True
    default: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """What the catalogue shows of a platform."""

    key: str
    name: str
    source_type: str
    auth: str  # "oauth2" | "approved-key" | "none"
    types: Mapping[str, TypeSupport]
    limits: Limits = Limits()
    idle_days: int | None = None  # authorisation lapses when unused for so long
    overlap_minutes: int | None = None  # how far behind the last read's start an incremental read begins
    connection_fields: tuple[SettingField, ...] = ()
    client_fields: tuple[SettingField, ...] = ()
    description: str = ""
    mapping_version: str = "1"  # a change makes the next read full


def features(platform: Platform, data_type: str) -> tuple[str, ...]:
    """Return the wire's feature words of one data type; () when the platform does not have it."""
    support = platform.types.get(data_type)
    return support.features if support else ()
