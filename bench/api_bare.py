"""What the API is measured against: plain views behind the same middleware."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from portal.api.data_splicing import records_bytes
from syncengine.models import Connection
from syncengine.queries.record_pages import StoredRecord, records_slice

JSON = "application/json; charset=utf-8"


def bare_rows(request: HttpRequest) -> HttpResponse:
    """Read the first 100 records by key and join their text; nobody is asked for anything."""
    content = "content::text" if connection.vendor == "postgresql" else "CAST(content AS BLOB)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT source_id, {content}, modified_at, source_modified_at, is_deleted FROM syncengine_record "
            "WHERE connection_id = %s AND data_type = 'invoices' ORDER BY source_id LIMIT 100",
            [_where()[0]],
        )
        found = cursor.fetchall()
    rows = records_bytes([StoredRecord(key, _bytes(text), *_stamps(rest), rest[2]) for key, text, *rest in found])
    return HttpResponse(b'{"results":[' + b",".join(rows) + b"]," + _where()[1], content_type=JSON)


def bare_bytes(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_answer(), content_type=JSON)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _stamps(columns: list[Any]) -> list[str | None]:
    """The yardstick stays: times as the database's driver gives them, written the quickest way Python has."""
    moments = (moment and moment.replace(tzinfo=None) for moment in columns[:2])
    return [moment and moment.isoformat(timespec="microseconds") + "Z" for moment in moments]


@cache
def _where() -> tuple[object, bytes]:
    found = Connection.objects.get()
    base = f"/companies/{found.company_id}/data/invoices"
    total = records_slice(found.pk, "invoices", offset=0, size=1).total
    around = (
        f'"pageNumber":1,"pageSize":100,"totalResults":{total},"_links":{{"self":{{"href":"{base}"}},"current":{{"href":'
        f'"{base}?page=1&pageSize=100"}},"next":{{"href":"{base}?page=2&pageSize=100"}}}}}}'
    )
    return (found.pk if connection.vendor == "postgresql" else found.pk.hex), around.encode()


@cache
def _answer() -> bytes:
    return (
        b'{"results":['
        + b",".join(records_bytes(records_slice(Connection.objects.get().pk, "invoices", offset=0, size=100).rows))
        + b"],"
        + _where()[1]
    )


urlpatterns = [
    path("bare/rows", bare_rows),
    path("bare/bytes", bare_bytes),
    path("", include("portal.config.urls")),
]
