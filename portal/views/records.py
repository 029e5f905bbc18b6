"""The records of one data type on one connection."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from portal.access import companies_for, connections_for, may
from portal.htmx import render_page, wants_fragment
from portal.record_columns import columns_for, heading, record_rows
from portal.registers import record_actions
from syncengine.connectors import registry
from syncengine.datatypes import DATA_TYPES
from syncengine.models import Connection, DataStatus
from syncengine.queries.data_status import label_of
from syncengine.queries.records import pretty_json, record_by_source_id, records_page

PAGE_SIZE = 50
COLUMNS_BESIDE_PANEL = 3


@require_GET
@may("data.view")
def record_list(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    """One page of records; `?record=` opens one of them beside it."""
    connections = connections_for(request.user).select_related("company", "integration")
    connection = get_object_or_404(connections, pk=connection_id)
    return _records(request, connection, _known(connection, data_type))


@require_GET
@may("data.view")
def company_record_list(request: HttpRequest, company_id: UUID, data_type: str) -> HttpResponse:
    """The same under the company: of `?connection=`, or of the first of its connections that has the type."""
    company = get_object_or_404(companies_for(request.user), pk=company_id)
    connections = list(
        connections_for(request.user)
        .filter(company=company)
        .select_related("company", "integration")
        .order_by("created_at")
    )
    wanted = request.GET.get("connection")
    for connection in connections:
        if wanted is not None and str(connection.pk) != wanted.lower():
            continue
        if wanted is not None or _offers(connection, data_type):
            return _records(request, connection, _known(connection, data_type))
    raise Http404(f"No connection of this company has {data_type}.")


def _known(connection: Connection, data_type: str) -> str:
    """Raises: Http404 for a type that neither the platform nor anything read before knows."""
    if not _offers(connection, data_type):
        raise Http404(f"{data_type} is not read over this connection.")
    return data_type


def _offers(connection: Connection, data_type: str) -> bool:
    platform = registry.platforms().get(connection.integration.key)
    if data_type in DATA_TYPES or (platform and data_type in platform.types):
        return True
    return DataStatus.objects.filter(connection=connection, data_type=data_type).exists()


def _records(request: HttpRequest, connection: Connection, data_type: str) -> HttpResponse:
    search = request.GET.get("q", "")[:200].replace("\0", "")
    hide_deleted = request.GET.get("deleted") == "hide"
    after = request.GET.get("after", "")
    page = records_page(
        connection, data_type, search=search, include_deleted=not hide_deleted, after=after, size=PAGE_SIZE
    )
    opened = _opened(request, connection, data_type)
    columns = columns_for(data_type, [record.content for record in page.rows])
    columns = columns[:COLUMNS_BESIDE_PANEL] if opened else columns
    context = {
        "company": connection.company,
        "connection": connection,
        "data_type": data_type,
        "label": label_of(data_type),
        "search": search,
        "hide_deleted": hide_deleted,
        "is_filtered": bool(search or hide_deleted),
        "is_first_page": not after,
        "is_fragment": wants_fragment(request),
        "next_after": page.after,
        "headings": [heading(path) for path in columns],
        "rows": record_rows(page.rows, columns),
        "status": _status(connection, data_type),
        "list_actions": record_actions(request.user, connection, data_type),
        **opened,
    }
    return render_page(request, "portal/records/list.html", context, fragment="results")


def _status(connection: Connection, data_type: str) -> DataStatus | None:
    statuses = DataStatus.objects.select_related("latest_dataset")
    return statuses.filter(connection=connection, data_type=data_type).first()


def _opened(request: HttpRequest, connection: Connection, data_type: str) -> dict[str, Any]:
    source_id = request.GET.get("record", "")
    if not source_id:
        return {}
    record = record_by_source_id(connection, data_type, source_id.replace("\0", ""))
    return {
        "opened": record,
        "opened_id": source_id,
        "opened_json": pretty_json(record.content) if record else "",
        "opened_actions": record_actions(request.user, connection, data_type, source_id)
        if record and not record.is_deleted
        else [],
    }
