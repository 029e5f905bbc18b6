"""Which data type a path speaks of (codat contract, section 6), whatever the case of its letters."""

from __future__ import annotations

from collections.abc import Container
from typing import Annotated

from ninja import Path
from pydantic import WithJsonSchema

from portal.api.errors import WireError
from syncengine.datatypes import DATA_TYPES, DataType

# Connection-scoped types that the contract also serves for the company as a whole.
ALSO_FOR_COMPANIES = frozenset({"bankAccounts", "bankTransactions", "banking-transactions"})

STATEMENTS = "financials/"
BANK_TRANSACTIONS = DATA_TYPES["bankTransactions"]

_BY_SEGMENT: dict[str, DataType] = {data_type.path.lower(): data_type for data_type in DATA_TYPES.values()}


def one_of(*names: str, of: str) -> WithJsonSchema:
    """Return what the description of the API says of a path parameter; what it may be is checked by the code."""
    return WithJsonSchema({"type": "string", "enum": sorted(names, key=str.lower), "description": of})


_PLAIN = [data_type for data_type in DATA_TYPES.values() if "/" not in data_type.path]
# What a path may name, as the description of the API lists it. Case does not count, so the code looks by itself.
CompanySegment = Annotated[
    str,
    Path(),
    one_of(
        *(
            data_type.path
            for data_type in _PLAIN
            if not data_type.connection_scoped or data_type.key in ALSO_FOR_COMPANIES
        ),
        of="The data type, by its place in the path.",
    ),
]
ConnectionSegment = Annotated[
    str,
    Path(),
    one_of(*(data_type.path for data_type in _PLAIN), of="The data type, by its place in the path."),
]
Statement = Annotated[
    str,
    Path(),
    one_of(
        *(data_type.path.removeprefix(STATEMENTS) for data_type in DATA_TYPES.values() if data_type.statement),
        of="The statement.",
    ),
]
RecordId = Annotated[
    str, Path(), WithJsonSchema({"type": "string", "description": "The platform's own id of the record."})
]


def no_such_path() -> WireError:
    return WireError(404, "Not found: the API has no such path.")


def segment_for(segment: str, *, connection_scoped: bool, among: Container[str] | None = None) -> DataType:
    """Return the type served at `/data/{segment}`.

    among:   the keys of the only types that the operation knows.
    Raises:  WireError 404: there is no such path, or it needs to name a connection.
    """
    found = _BY_SEGMENT.get(segment.lower())
    if found is None or (among is not None and found.key not in among):
        raise no_such_path()
    if found.connection_scoped and not connection_scoped and found.key not in ALSO_FOR_COMPANIES:
        path = f"/companies/{{companyId}}/connections/{{connectionId}}/data/{found.path}"
        raise WireError(404, f"{found.key} are read over a connection, at {path}.")
    return found


def statement_for(name: str) -> DataType:
    """Return the type served at `/data/financials/{name}`. Raises: WireError 404."""
    return segment_for(STATEMENTS + name, connection_scoped=True)
