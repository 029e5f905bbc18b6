"""Writes: created, updated and deleted at the platform (codat contract, section 13.2).

The answer is 200 whatever comes of the write; the body says where it stands. It waits a few seconds for the platform,
since most are quick, and tells of a write that is still Pending after that.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query

from portal.api.data_paths import RecordId
from portal.api.lookups import connection_for
from portal.api.schema import CompanyId, ConnectionId, WireRouter
from pushops.api.answering import Asked, pushed
from pushops.api.bodies import record_in, transactions_in
from pushops.api.described import RECORD, TRANSACTIONS, CreateQuery, DeletedOut, UpdateQuery, WrittenOut
from pushops.api.paths import BANK_TRANSACTIONS, PUSH, Segment, written_type
from pushops.api.shapes import push_operation_shape, written_shape
from syncengine.connectors.changes import Operation

router = WireRouter(tag="Push data")


@router.operation(
    "POST",
    PUSH + "{segment}",
    "push.create",
    response=WrittenOut,
    openapi_extra=RECORD,
    speaks_to_platform=True,
)
def create_record(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: Segment,
    query: Query[CreateQuery],
) -> Any:
    """Create a record at the platform. `accounts` are the data type `chartOfAccounts`."""
    key = written_type(segment)
    connection = connection_for(request, company_id, connection_id)
    asked = Asked(connection, key, Operation.CREATE, body=record_in(request), options=query)
    return written_shape(pushed(request, asked))


@router.operation(
    "POST",
    PUSH + "bankAccounts/{account_id}/bankTransactions",
    "push.create",
    response=WrittenOut,
    openapi_extra=TRANSACTIONS,
    speaks_to_platform=True,
)
def create_bank_transactions(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    account_id: RecordId,
    query: Query[CreateQuery],
) -> Any:
    """Create transactions of a bank account at the platform, all of them or none."""
    connection = connection_for(request, company_id, connection_id)
    body = transactions_in(request)
    asked = Asked(connection, BANK_TRANSACTIONS, Operation.CREATE, account_id, body=body, options=query)
    return written_shape(pushed(request, asked))


@router.operation(
    "PUT",
    PUSH + "{segment}/{path:record_id}",
    "push.create",
    response=WrittenOut,
    openapi_extra=RECORD,
    speaks_to_platform=True,
)
def update_record(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: Segment,
    record_id: RecordId,
    query: Query[UpdateQuery],
) -> Any:
    """Update a record at the platform. It is refused when the platform's copy changed after it was read."""
    key = written_type(segment)
    connection = connection_for(request, company_id, connection_id)
    asked = Asked(connection, key, Operation.UPDATE, record_id, body=record_in(request), options=query)
    return written_shape(pushed(request, asked))


@router.operation(
    "DELETE",
    PUSH + "{segment}/{path:record_id}",
    "push.create",
    response=DeletedOut,
    speaks_to_platform=True,
)
def delete_record(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: Segment,
    record_id: RecordId,
) -> Any:
    """Delete a record at the platform."""
    key = written_type(segment)
    connection = connection_for(request, company_id, connection_id)
    asked = Asked(connection, key, Operation.DELETE, record_id)
    return push_operation_shape(pushed(request, asked))
