"""The read history, and what was found wrong with the records of one read (codat contract, section 9)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from portal.api.answers import DatasetId, PullOperationOut
from portal.api.errors import WireError
from portal.api.lists import PageOut, listed, parameters
from portal.api.lookups import company_for
from portal.api.query_fields import PULL_OPERATION
from portal.api.schema import CompanyId, Wire, WireRouter
from portal.api.shapes import pull_operation_shape
from syncengine.ids import as_uuid
from syncengine.models import Company, Dataset, ValidationIssue

router = WireRouter(tag="Refresh data")


class ValidationItemOut(Wire):
    """One finding. An error kept the record out, a warning did not."""

    rule_id: str
    item_id: str
    message: str
    validator_name: str


class ValidationOut(Wire):
    errors: list[ValidationItemOut]
    warnings: list[ValidationItemOut]


class PullOperationsOut(PageOut):
    results: list[PullOperationOut]


@router.operation(
    "GET",
    "/companies/{company_id}/data/history",
    "history.read",
    response=PullOperationsOut,
    openapi_extra=parameters(),
)
def list_pull_operations(request: HttpRequest, company_id: CompanyId) -> Any:
    """List the reads of a company's data, newest first."""
    datasets = datasets_of(company_for(request, company_id)).order_by("-requested_at", "-id")
    return listed(request, datasets, PULL_OPERATION, lambda rows: [pull_operation_shape(row) for row in rows])


@router.operation("GET", "/companies/{company_id}/data/history/{dataset_id}", "history.read", response=PullOperationOut)
def get_pull_operation(request: HttpRequest, company_id: CompanyId, dataset_id: DatasetId) -> Any:
    """Get one read."""
    return pull_operation_shape(_dataset_for(request, company_id, dataset_id))


@router.operation("GET", "/companies/{company_id}/sync/{dataset_id}/validation", "history.read", response=ValidationOut)
def get_validation_results(request: HttpRequest, company_id: CompanyId, dataset_id: DatasetId) -> Any:
    """Say what was found wrong with the records of one read: the first thousand findings."""
    dataset = _dataset_for(request, company_id, dataset_id)
    found: dict[str, list[dict[str, Any]]] = {ValidationIssue.ERROR: [], ValidationIssue.WARNING: []}
    for issue in dataset.validation_issues.order_by("pk"):
        found[issue.severity].append(
            {
                "rule_id": issue.rule_id,
                "item_id": issue.item_id,
                "message": issue.message,
                "validator_name": issue.validator_name,
            }
        )
    return {"errors": found[ValidationIssue.ERROR], "warnings": found[ValidationIssue.WARNING]}


def datasets_of(company: Company) -> QuerySet[Dataset]:
    """Return the reads of a company whose connection still is there."""
    return Dataset.objects.filter(company=company, connection__deleted_at__isnull=True)


def _dataset_for(request: HttpRequest, company_id: str, dataset_id: str) -> Dataset:
    """Raises: WireError 404."""
    company = company_for(request, company_id)
    key = as_uuid(dataset_id)
    found = datasets_of(company).filter(pk=key).first() if key else None
    if found is None:
        raise WireError(404, f"No pull operation was found with ID {dataset_id}")
    return found
