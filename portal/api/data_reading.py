"""How cached data is answered: from which connection, how fresh, and not at all when the client has it already.

Freshness, on every read of cached data:

    X-Data-As-Of         when the last good read began (UTC): what changed at the source after that is not in the answer
    X-Data-Stale         "true" when the data may be older than it should be, else "false"
    X-Data-Stale-Reason  only then: `not-linked` (the connection is not Linked, so nothing refreshes it), `read-failed`
                         (a read since the last good one failed), or `overdue` (it is older than its schedule's interval
                         plus a tenth of it, at least an hour; a type without a schedule is never overdue)
    ETag                 moves when a record of the type is written over this connection, or when members that were
                         asked for beside it are found otherwise (data_extras), and only then

A company-scoped path speaks of one connection: of those whose platform offers the type, a Linked one before others, one
that was read before one that was not, the newest link before older ones.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from django.utils.timezone import now

from portal.api.errors import WireError, company_not_found, connection_not_found
from syncengine.ids import as_uuid
from syncengine.moments import stamp
from syncengine.queries.data_sources import DataSource, best_source, data_sources
from syncengine.queries.record_pages import StoredRecord, records_slice

JSON = "application/json; charset=utf-8"
_FEW = 10
NOT_REQUESTED = "The data set has not been requested."


@dataclass(frozen=True, slots=True)
class Reading:
    """One data type of one connection that has been read well at least once."""

    company_id: UUID
    source: DataSource
    data_type: str

    @property
    def connection_id(self) -> UUID:
        return self.source.connection_id


def reading_of(
    request: HttpRequest,
    company_id: str,
    connection_id: str | None,
    data_type: str,
    *,
    also_offered_by: Container[str] = (),
    or_pushed: bool = False,
) -> Reading:
    """Return where to read the type from; one query.

    connection_id:    None for a company-scoped path.
    also_offered_by:  keys of platforms that offer the type though their catalogue does not name it (custom types).
    or_pushed:        take a type too that was never read, when pushes wrote records of it.
    Raises:           WireError 404 for an unknown company or connection and a type that no platform offers, 409 before
                      the first good read.
    """
    key = as_uuid(company_id)
    seen: bool = key is not None and request.principal.sees(key)  # type: ignore[attr-defined]
    sources = data_sources(key, data_type, also_offered_by=also_offered_by) if key is not None and seen else None
    if key is None or sources is None:
        raise company_not_found(company_id)
    if connection_id is not None:
        sources = [_named(sources, connection_id)]
    source = best_source(sources)
    if source is None:
        raise _not_supported(sources, data_type)
    if source.as_of is None and not (or_pushed and source.has_pushes and not source.is_being_read):
        raise not_requested()
    return Reading(key, source, data_type)


def answer(
    request: HttpRequest,
    reading: Reading,
    body: Callable[[], bytes],
    *,
    content_type: str = JSON,
    state: tuple[str, ...] = (),
) -> HttpResponse:
    """Return the bytes that `body` makes, or 304 without having them made.

    state:  what the bytes depend on beside the records.
    """
    tag = _etag(request, reading, state)
    asked = parse_etags(request.headers["If-None-Match"]) if "If-None-Match" in request.headers else []
    if any(known.removeprefix("W/") == tag.removeprefix("W/") for known in asked):
        return _fresh(HttpResponse(status=304), reading, tag)
    content = body()
    if reading.source.is_being_read and _moved(reading):
        # Records were stored between the look at the state and the rows: no tag names this mixture.
        tag = ""
    if "*" in asked:
        return _fresh(HttpResponse(status=304), reading, tag)
    return _fresh(HttpResponse(content, content_type=content_type), reading, tag)


def only_record(reading: Reading) -> StoredRecord:
    """Return the one object of a type that has one; an earlier one, under another id, is deleted.

    Raises: WireError 404 when the platform gave none.
    """
    rows = records_slice(reading.connection_id, reading.data_type, offset=0, size=_FEW).rows
    if not rows:
        raise WireError(404, f"No data available for {reading.data_type}")
    return max(rows, key=lambda row: (not row.is_deleted, row.modified_at))


def not_requested() -> WireError:
    return WireError(409, NOT_REQUESTED, retry="True")


def no_such_record(data_type: str, record_id: str) -> WireError:
    return WireError(404, f"No data available for {data_type} for ID {record_id}")


def _named(sources: list[DataSource], connection_id: str) -> DataSource:
    key = as_uuid(connection_id)
    for source in sources:
        if source.connection_id == key:
            return source
    raise connection_not_found(connection_id)


def _not_supported(sources: list[DataSource], data_type: str) -> WireError:
    names = ", ".join(sorted({source.platform_name for source in sources})) or "none"
    return WireError(404, f"Datatype {data_type} not supported by platform(s) {names}")


def _etag(request: HttpRequest, reading: Reading, state: tuple[str, ...]) -> str:
    """Weak, since the same state also leaves packed. The code that makes the bytes is part of it, by its version."""
    query = request.META.get("QUERY_STRING", "")
    parts = (settings.HEADRACE_VERSION, reading.source.written, request.path, query, *state)
    return f'W/"{blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def _moved(reading: Reading) -> bool:
    later = data_sources(reading.company_id, reading.data_type) or []
    return all(source.written != reading.source.written for source in later)


def _fresh(response: HttpResponse, reading: Reading, tag: str) -> HttpResponse:
    reason = reading.source.stale(now())
    headers = response.headers
    if tag:
        headers["ETag"] = tag
    headers["X-Data-As-Of"] = stamp(reading.source.as_of) or ""
    headers["X-Data-Stale"] = "true" if reason else "false"
    if reason:
        headers["X-Data-Stale-Reason"] = reason
    headers["Cache-Control"] = "private, no-cache"
    return response
