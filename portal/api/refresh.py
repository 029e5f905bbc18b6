"""Reads that are asked for, and where each data type stands (codat contract, sections 8 and 9)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query
from pydantic import Field

from portal.api.answers import PullOperationOut, nothing
from portal.api.errors import WireError
from portal.api.lookups import actor_of, company_for, connection_of
from portal.api.official_sdks import is_official_sdk
from portal.api.schema import CompanyId, Wire, WireRouter
from portal.api.shapes import pull_operation_shape
from syncengine.actions.datasets import NotOffered, refresh_company, refresh_data_type
from syncengine.moments import stamp
from syncengine.queries.data_status import TypeStatus, data_status
from syncengine.states import DatasetStatus, Trigger

router = WireRouter(tag="Refresh data")

_EVERYTHING = "all"


class DataStatusOut(Wire):
    """Where one data type stands. Of one that was never read, `dataType` is all there is to say."""

    data_type: str = Field(examples=["invoices"])
    last_successful_sync: str | None = None
    current_status: DatasetStatus | None = None
    latest_sync_id: str | None = None
    latest_successful_sync_id: str | None = None


class RefreshQuery(Wire):
    connection_id: str | None = Field(None, description="Read over this connection alone.")


@router.operation("POST", "/companies/{company_id}/data/all", "data.refresh", response={204: None})
def refresh_all(request: HttpRequest, company_id: CompanyId) -> Any:
    """Queue a read of each type that is fetched on first link; types that are being read already are left alone."""
    refresh_company(company_for(request, company_id), actor=actor_of(request), trigger=Trigger.API)
    return nothing(204)


@router.operation("POST", "/companies/{company_id}/data/queue/{data_type}", "data.refresh", response=PullOperationOut)
def refresh_data_type_(
    request: HttpRequest,
    company_id: CompanyId,
    data_type: str,
    query: Query[RefreshQuery],
) -> Any:
    """Queue a read of one data type, over each linked connection that has it; the answer tells of the first."""
    company = company_for(request, company_id)
    if data_type.lower() == _EVERYTHING and not query.connection_id:
        refresh_company(company, actor=actor_of(request), trigger=Trigger.API)
        return nothing(204)
    connection = connection_of(company, query.connection_id) if query.connection_id else None
    try:
        queued = refresh_data_type(
            company, data_type, connection=connection, actor=actor_of(request), trigger=Trigger.API
        )
    except NotOffered as refusal:
        raise WireError(404, refusal.message) from None
    return pull_operation_shape(queued[0])


@router.operation("GET", "/companies/{company_id}/dataStatus", "data.read", response=dict[str, DataStatusOut])
def get_data_status(request: HttpRequest, company_id: CompanyId) -> Any:
    """Say where each data type stands that a connection of the company supports, by its key."""
    statuses = data_status(company_for(request, company_id))
    only_read = is_official_sdk(request)
    return {
        key: _status_shape(status)
        for key, status in statuses.items()
        if status.latest_dataset_id is not None or not only_read
    }


def _status_shape(status: TypeStatus) -> dict[str, Any]:
    ids = {"latest_sync_id": status.latest_dataset_id, "latest_successful_sync_id": status.latest_successful_dataset_id}
    members: dict[str, Any] = {
        "data_type": status.data_type,
        "last_successful_sync": stamp(status.last_successful_sync_at),
        "current_status": status.current_status,
        **{name: str(value) if value else None for name, value in ids.items()},
    }
    return {name: value for name, value in members.items() if value is not None}
