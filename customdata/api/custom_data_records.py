"""Records of custom data types (codat contract, section 11): what was read stays readable, whatever is configured now.

The stored JSON leaves as it is. Deleted records are left out, for a record here has no member that could say so.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from customdata.api.custom_data_types import unknown_is_not_found
from customdata.api.described import RECORDS, Identifier
from customdata.queries.custom_data_types import stored_data_type
from portal.api.data_reading import Reading, answer, reading_of
from portal.api.errors import Issue, WireError
from portal.api.lookups import connection_for
from portal.api.paging import Page, read_page
from portal.api.schema import CompanyId, ConnectionId, WireRouter
from syncengine.queries.record_pages import StoredRecord, records_slice

router = WireRouter(tag="Custom data type")

_RECORDS = "/companies/{company_id}/connections/{connection_id}/data/custom/{custom_data_identifier}"
_UNSUPPORTED = ("query", "orderBy")

_encode = msgspec.json.Encoder().encode


@router.operation("GET", _RECORDS, "data.read", openapi_extra=RECORDS)
def list_custom_data_type_records(
    request: HttpRequest, company_id: CompanyId, connection_id: ConnectionId, custom_data_identifier: Identifier
) -> HttpResponse:
    """List the records of a custom data type, by id; those of a deleted configuration as well."""
    page = _page_asked(request)
    connection = connection_for(request, company_id, connection_id)
    with unknown_is_not_found():
        data_type = stored_data_type(connection, custom_data_identifier)
    platforms = {connection.integration.key}
    reading = reading_of(request, company_id, connection_id, data_type, also_offered_by=platforms)
    return answer(request, reading, lambda: _page_bytes(reading, page))


def _page_asked(request: HttpRequest) -> Page:
    """Raises: PageRefused, WireError 400 for a filter, which would otherwise seem to let everything through."""
    given: dict[str, Any] = {name.lower(): value for name, value in request.GET.dict().items()}
    for name in _UNSUPPORTED:
        if given.get(name.lower(), "").strip():
            words = f"{name} is not supported for custom data types; put the condition into dataSource."
            raise WireError(400, words, issues=(Issue(name, words),))
    return read_page(given)


def _page_bytes(reading: Reading, page: Page) -> bytes:
    there = Q(is_deleted=False)
    found = records_slice(reading.connection_id, reading.data_type, offset=page.offset, size=page.size, where=there)
    around = _encode({"pageNumber": page.number, "pageSize": page.size, "totalResults": found.total})
    return b'{"results":[%b],%b' % (b",".join(map(_record_bytes, found.rows)), around[1:])


def _record_bytes(record: StoredRecord) -> bytes:
    modified = _encode(record.modified_at)
    return b'{"id":%b,"content":%b,"modifiedDate":%b}' % (_encode(record.source_id), record.content, modified)
