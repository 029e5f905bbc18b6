"""Which data type the path of a write speaks of (codat contract, section 13.2), whatever the case of its letters."""

from __future__ import annotations

from typing import Annotated

from ninja import Path
from pydantic import WithJsonSchema

from portal.alerting.event_types import WRITABLE
from portal.api.data_paths import no_such_path, one_of, segment_for
from syncengine.datatypes import DATA_TYPES
from syncengine.exceptions import UnknownDataType

CONNECTION = "/companies/{company_id}/connections/{connection_id}"
PUSH = CONNECTION + "/push/"
BANK_TRANSACTIONS = "bankTransactions"
# One type alone has files in the plural.
BILLS = "bills"

_SEGMENTS = {DATA_TYPES[key].path: key for key in WRITABLE if key != BANK_TRANSACTIONS}
_KEYS = {key.lower(): key for key in WRITABLE}

# Accounts are written at `push/accounts`, while their model stands at `options/chartOfAccounts`.
Segment = Annotated[str, Path(), one_of(*_SEGMENTS, of="The data type, by its place in the path.")]
WithFile = Annotated[
    str, Path(), one_of(*(name for name in _SEGMENTS if name != BILLS), of="The data type of the record.")
]
Writable = Annotated[str, Path(), one_of(*WRITABLE, of="The data type, by its key.")]
PushOperationKey = Annotated[str, Path(), WithJsonSchema({"type": "string", "format": "uuid"})]


def written_type(segment: str) -> str:
    """Return the key of the type written at `/push/{segment}`. Raises: WireError 404."""
    return segment_for(segment, connection_scoped=True, among=_SEGMENTS.values()).key


def type_with_file(segment: str) -> str:
    """Return the key of the type at `/push/{segment}/{id}/attachment`. Raises: WireError 404."""
    key = written_type(segment)
    if key == BILLS:
        raise no_such_path()
    return key


def model_type(data_type: str) -> str:
    """Return the key of a type that the contract knows writes of. Raises: UnknownDataType."""
    key = _KEYS.get(data_type.lower())
    if key is None:
        raise UnknownDataType(data_type)
    return key
