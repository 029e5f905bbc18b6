"""One write to a platform: what it asks for, and what a platform can do of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from syncengine.connectors.attachments import File


class Operation(StrEnum):
    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"
    UPLOAD = "UploadAttachment"


FEATURE_OF = {
    Operation.CREATE: "Post",
    Operation.UPDATE: "Put",
    Operation.DELETE: "Delete",
    Operation.UPLOAD: "UploadAttachment",
}


@dataclass(frozen=True, slots=True)
class WriteSupport:
    """How safely one operation can be tried again when nobody knows what became of it.

    idempotent:  the platform knows the key again: the same change with the same key may be sent twice.
    searchable:  `look_up` can tell whether a record bears the key, so a lost answer can be made up for.
    """

    operation: Operation
    idempotent: bool = False
    searchable: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """
    record_id:            of an update, delete or upload; for bank transactions the bank account they belong to.
    body:                 the standard model's members as the caller gave them; None for a delete or an upload.
    file:                 for an upload.
    if_unmodified_since:  the platform's stamp of the copy this change was made on, aware UTC; a copy that is newer by
                          then refuses the change. None where the caller never saw one.
    force:                write whatever the platform's stamp says.
    settings:             the connection's own settings, no secrets.
    """

    platform: str
    data_type: str
    operation: Operation
    record_id: str = ""
    body: Mapping[str, Any] | None = None
    file: File | None = field(default=None, repr=False)
    if_unmodified_since: datetime | None = None
    force: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
