"""What was written, or is on its way: the push operations of a company (codat contract, sections 13.2 and 13.3)."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from django.http import HttpRequest

from portal.api.errors import WireError
from portal.api.lists import listed, parameters
from portal.api.lookups import company_for
from portal.api.query_fields import DATE, NUMBER, TEXT, UUID, Fields, Property
from portal.api.schema import CompanyId, WireRouter
from pushops.api.described import PushOperationOut, PushOperationsOut
from pushops.api.paths import PushOperationKey
from pushops.api.shapes import push_operation_shape
from pushops.models import PushOperation
from pushops.states import PushStatus
from syncengine.ids import as_uuid
from syncengine.models import Company

router = WireRouter(tag="Push data")

PUSH_OPERATION = Fields(
    "PushOperation",
    {
        "pushOperationKey": Property(UUID, F("id")),
        "companyId": Property(UUID, F("company_id")),
        "dataConnectionKey": Property(UUID, F("connection_id")),
        "dataType": Property(TEXT, F("data_type")),
        "status": Property(TEXT, F("status"), tuple(PushStatus.values)),
        "statusCode": Property(NUMBER, F("status_code")),
        "errorMessage": Property(TEXT, F("error_message")),
        "requestedOnUtc": Property(DATE, F("requested_at")),
        "completedOnUtc": Property(DATE, F("completed_at")),
        "timeoutInMinutes": Property(NUMBER, F("timeout_minutes")),
    },
)


@router.operation(
    "GET", "/companies/{company_id}/push", "push.read", response=PushOperationsOut, openapi_extra=parameters()
)
def list_push_operations(request: HttpRequest, company_id: CompanyId) -> Any:
    """List the writes to a company's platforms, newest first."""
    rows = operations_of(company_for(request, company_id)).order_by("-requested_at", "-id")
    return listed(request, rows, PUSH_OPERATION, lambda found: [push_operation_shape(row) for row in found])


@router.operation("GET", "/companies/{company_id}/push/{push_operation_key}", "push.read", response=PushOperationOut)
def get_push_operation(request: HttpRequest, company_id: CompanyId, push_operation_key: PushOperationKey) -> Any:
    """Get one write: whether it was done, and what is wrong with it."""
    rows = operations_of(company_for(request, company_id))
    key = as_uuid(push_operation_key)
    found = rows.filter(pk=key).first() if key else None
    if found is None:
        raise WireError(404, f"No push operation was found with ID {push_operation_key}")
    return push_operation_shape(found)


def operations_of(company: Company) -> QuerySet[PushOperation]:
    """Return the writes of a company over connections that are still there, without bodies and written records."""
    there = PushOperation.objects.filter(company=company, connection__deleted_at__isnull=True)
    return there.defer("body", "data")
