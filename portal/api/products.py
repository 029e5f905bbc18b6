"""Products of a company, and reads asked for by product (codat contract, section 3).

A product is a label here: it says what a company is served with. The platform's own solutions refresh themselves; any
other identifier is a product of the deployment's own, and its data are the types that the company's platforms offer.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from pydantic import ConfigDict, Field

from portal.api.answers import nothing
from portal.api.errors import Issue, WireError
from portal.api.lookups import actor_of, company_for, told_as
from portal.api.schema import CompanyId, StrictStr, WireBody, WireRouter
from syncengine.actions.companies import add_product, remove_product
from syncengine.actions.datasets import NotOffered, refresh_company, refresh_data_type, refreshable_types
from syncengine.exceptions import DatasetInProgress
from syncengine.models import Company, Dataset
from syncengine.states import DATASET_ACTIVE, Trigger

router = WireRouter(tag="Companies")

# What the contract's own solutions are called.
STANDARD = frozenset(
    {"bank-feeds", "commerce", "expenses", "expenses-v1", "lending", "payables", "spend-insights", "sync-for-commerce"}
)
_IN_PROGRESS = (
    "Data cannot be refreshed while a read operation is in progress. "
    "Allow the read to complete before attempting to refresh."
)


class ProductRefreshBody(WireBody):
    model_config = ConfigDict(extra="forbid")

    data_types: list[StrictStr] | None = Field(
        None, description="Only these; left out, all that is fetched on first link.", examples=[["invoices"]]
    )


@router.operation(
    "PUT", "/companies/{company_id}/products/{product_identifier}", "companies.edit", response={204: None}
)
def add_product_(request: HttpRequest, company_id: CompanyId, product_identifier: str) -> Any:
    """Enable a product for a company; one that is enabled stays so."""
    company = company_for(request, company_id)
    with told_as(product_identifier="productIdentifier"):
        add_product(company, product_identifier, actor=actor_of(request))
    return nothing(204)


@router.operation(
    "DELETE", "/companies/{company_id}/products/{product_identifier}", "companies.edit", response={204: None}
)
def remove_product_(request: HttpRequest, company_id: CompanyId, product_identifier: str) -> Any:
    """Disable a product for a company."""
    company = company_for(request, company_id)
    if not remove_product(company, product_identifier, actor=actor_of(request)):
        raise _not_enabled(product_identifier)
    return nothing(204)


@router.operation(
    "POST", "/companies/{company_id}/products/{product_identifier}/refresh", "data.refresh", response={202: None}
)
def refresh_product(
    request: HttpRequest, company_id: CompanyId, product_identifier: str, body: ProductRefreshBody | None = None
) -> Any:
    """Read the data of a product of your own: all of it, or the data types that are named."""
    company = company_for(request, company_id)
    product = product_identifier.lower()
    if product in STANDARD:
        raise WireError(400, f"{product} doesn't support data refreshing: it refreshes its data by itself.")
    if product not in company.products:
        raise _not_enabled(product_identifier)
    with transaction.atomic():
        _refresh(company, body.data_types if body else None, actor_of(request))
    return nothing(202)


def _refresh(company: Company, data_types: list[str] | None, actor: str) -> None:
    """Queue all that is asked for, or nothing."""
    if data_types is None:
        reading = Dataset.objects.filter(company=company, status__in=DATASET_ACTIVE, connection__deleted_at=None)
        if reading.exists():
            raise WireError(400, _IN_PROGRESS, retry="True")
        refresh_company(company, actor=actor, trigger=Trigger.API)
        return
    for place, data_type in enumerate(data_types):
        try:
            refresh_data_type(company, data_type, actor=actor, trigger=Trigger.API)
        except NotOffered:
            valid = ", ".join(refreshable_types(company))
            words = f"{data_type!r} is not a data type of this product. Valid data types are: {valid}."
            raise WireError(400, words, issues=(Issue(f"dataTypes[{place}]", words),)) from None
        except DatasetInProgress:
            raise WireError(400, _IN_PROGRESS, retry="True") from None


def _not_enabled(product: str) -> WireError:
    return WireError(404, f"The company has no product {product}")
