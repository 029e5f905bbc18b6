"""Cached records (codat contract, sections 6 and 10): lists, single ones, and objects of which there is one.

The stored JSON leaves as it is (data_splicing); what belongs to freshness and to 304 is in data_reading.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from portal.api.data_described import LISTED, RECORD
from portal.api.data_extras import Extras, extras_asked
from portal.api.data_files import file_behind, file_response
from portal.api.data_paths import (
    BANK_TRANSACTIONS,
    CompanySegment,
    ConnectionSegment,
    RecordId,
    no_such_path,
    segment_for,
)
from portal.api.data_reading import Reading, answer, no_such_record, not_requested, only_record, reading_of
from portal.api.data_splicing import record_bytes, records_bytes, with_members
from portal.api.paging import Page, contract_path, envelope_bytes, read_page
from portal.api.query import order_for, query_filter
from portal.api.query_fields import record_fields
from portal.api.schema import CompanyId, ConnectionId, WireRouter
from syncengine.queries.record_pages import RecordsSlice, records_slice, stored_record

router = WireRouter(tag="Data")

_DATA = "/companies/{company_id}/data/"
_CONNECTION_DATA = "/companies/{company_id}/connections/{connection_id}/data/"

# Objects of which there is one, without `modifiedDate` and `metadata` (codat contract, section 6).
_BARE = frozenset({"company"})


class ListAsked(NamedTuple):
    """What a client asks of a list: a part of it, a condition, an order."""

    page: Page
    query: str
    order_by: str


def list_asked(request: HttpRequest) -> ListAsked:
    """Raises: PageRefused."""
    given = {name.lower(): value for name, value in request.GET.dict().items()}
    return ListAsked(read_page(given), given.get("query", ""), given.get("orderby", ""))


@router.operation("GET", _DATA + "{segment}", "data.read", openapi_extra=LISTED)
def list_records(request: HttpRequest, company_id: CompanyId, segment: CompanySegment) -> HttpResponse:
    """List the records of one data type; deleted ones are marked, not left out. `info` is one object, without pages."""
    return _list_or_object(request, company_id, None, segment)


@router.operation("GET", _CONNECTION_DATA + "{segment}", "data.read", openapi_extra=LISTED)
def list_connection_records(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, segment: ConnectionSegment
) -> HttpResponse:
    """List the records of one data type of one connection. `info` and `commerce-info` are one object, without pages."""
    return _list_or_object(request, company_id, connection_id, segment)


@router.operation("GET", _DATA + "{segment}/{path:record_id}", "data.read", openapi_extra=RECORD)
def get_record(
    request: HttpRequest, company_id: CompanyId, segment: CompanySegment, record_id: RecordId
) -> HttpResponse:
    """Get one record by the id that the platform gave it."""
    return _one(request, company_id, None, segment, record_id)


@router.operation("GET", _CONNECTION_DATA + "{segment}/{path:record_id}", "data.read", openapi_extra=RECORD)
def get_connection_record(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    segment: ConnectionSegment,
    record_id: RecordId,
) -> HttpResponse:
    """Get one record of one connection by the id that the platform gave it."""
    return _one(request, company_id, connection_id, segment, record_id)


@router.operation("GET", _DATA + "bankAccounts/{account_id}/transactions", "data.read", openapi_extra=LISTED)
def list_bank_transactions(request: HttpRequest, company_id: CompanyId, account_id: RecordId) -> HttpResponse:
    """List the transactions of one bank account."""
    return _bank_transactions(request, company_id, None, account_id)


@router.operation(
    "GET", _CONNECTION_DATA + "bankAccounts/{account_id}/bankTransactions", "data.read", openapi_extra=LISTED
)
def list_connection_bank_transactions(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, account_id: RecordId
) -> HttpResponse:
    """List the transactions of one bank account of one connection."""
    return _bank_transactions(request, company_id, connection_id, account_id)


def matching(reading: Reading, asked: ListAsked, only: Q | None = None) -> RecordsSlice:
    """Return the asked part of a list.

    only:    narrows the list before the client's own `query` does.
    Raises:  QueryRefused.
    """
    fields = record_fields(reading.data_type)
    where = query_filter(asked.query, fields)
    return records_slice(
        reading.connection_id,
        reading.data_type,
        offset=asked.page.offset,
        size=asked.page.size,
        where=where if only is None else only if where is None else only & where,
        order_by=order_for(asked.order_by, fields),
    )


def _list_or_object(request: HttpRequest, company_id: str, connection_id: str | None, segment: str) -> HttpResponse:
    data_type = segment_for(segment, connection_scoped=connection_id is not None)
    if data_type.single:
        reading = reading_of(request, company_id, connection_id, data_type.key)
        extras = extras_asked(request, reading)
        return answer(request, reading, lambda: _object_bytes(reading, extras), state=extras.state)
    asked = list_asked(request)
    return _list(request, reading_of(request, company_id, connection_id, data_type.key), asked)


def _bank_transactions(
    request: HttpRequest, company_id: str, connection_id: str | None, account_id: str
) -> HttpResponse:
    asked = list_asked(request)
    reading = reading_of(request, company_id, connection_id, BANK_TRANSACTIONS.key)
    return _list(request, reading, asked, Q(content__accountId=account_id))


def _list(request: HttpRequest, reading: Reading, asked: ListAsked, only: Q | None = None) -> HttpResponse:
    extras = extras_asked(request, reading)

    def made() -> bytes:
        found = matching(reading, asked, only)
        path = contract_path(request.path_info)
        records = records_bytes(found.rows, extras.members(found.rows))
        return envelope_bytes(records, asked.page, found.total, path, request.GET.dict())

    return answer(request, reading, made, state=extras.state)


def _one(
    request: HttpRequest, company_id: str, connection_id: str | None, segment: str, record_id: str
) -> HttpResponse:
    data_type = segment_for(segment, connection_scoped=connection_id is not None)
    if data_type.single:
        raise no_such_path()
    reading = reading_of(request, company_id, connection_id, data_type.key, or_pushed=True)
    # An id may hold slashes, and then the path of its files looks like a longer id.
    file = file_behind(record_id)
    if file is not None and stored_record(reading.connection_id, reading.data_type, record_id) is None:
        return file_response(request, reading, file)
    extras = extras_asked(request, reading)
    return answer(request, reading, lambda: _record_bytes(request, reading, record_id, extras), state=extras.state)


def _record_bytes(request: HttpRequest, reading: Reading, record_id: str, extras: Extras) -> bytes:
    # A slash at the end of a path is optional; that it belongs to the id is looked at second.
    ids = (record_id, f"{record_id}/") if request.path.endswith("/") else (record_id,)
    for one in ids:
        record = stored_record(reading.connection_id, reading.data_type, one)
        if record is not None:
            return record_bytes(record, *extras.members([record]))
    raise no_such_record(reading.data_type, record_id) if reading.source.as_of else not_requested()


def _object_bytes(reading: Reading, extras: Extras) -> bytes:
    record = only_record(reading)
    members = extras.members([record])
    if reading.data_type in _BARE:
        return with_members(record.content, *members) if members else record.content
    return record_bytes(record, *members)
