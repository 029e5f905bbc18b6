"""Companies (codat contract, section 3)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from pydantic import Field

from portal.api.answers import CompanyOut, nothing
from portal.api.lists import TAGS, PageOut, listed, parameters
from portal.api.lookups import actor_of, company_for, principal_in, told_as
from portal.api.principals import companies_for
from portal.api.query_fields import COMPANY
from portal.api.schema import CompanyId, StrictStr, WireBody, WireRouter
from portal.api.shapes import company_shape, company_shapes
from syncengine.actions.companies import create_company, delete_company, update_company

router = WireRouter(tag="Companies")

_NAME = "Letters, digits, white space and -'&@.,?! are kept; other characters are left out."
_TAGS = "Up to 10: keys of 1 to 27 characters, values of up to 100."


class CompanyBody(WireBody):
    name: StrictStr = Field(description=_NAME, examples=["Technicalium"])
    description: StrictStr | None = None
    tags: dict[StrictStr, StrictStr] | None = Field(None, description=_TAGS, examples=[{"region": "uk"}])
    products: list[StrictStr] | None = None


class CompanyChanges(WireBody):
    """What is left out or null stays as it is, but for `tags`: null or empty clears them."""

    name: StrictStr | None = Field(None, description=_NAME, examples=["Technicalium Ltd"])
    description: StrictStr | None = None
    tags: dict[StrictStr, StrictStr] | None = Field(None, description=_TAGS, examples=[{"region": "uk"}])


class CompaniesOut(PageOut):
    results: list[CompanyOut]


@router.operation("GET", "/companies", "companies.read", response=CompaniesOut, openapi_extra=parameters(TAGS))
def list_companies(request: HttpRequest) -> Any:
    """List the companies, oldest first."""
    companies = companies_for(principal_in(request)).order_by("created_at", "id")
    return listed(request, companies, COMPANY, company_shapes, tags=True)


@router.operation("POST", "/companies", "companies.create", response=CompanyOut)
def create_company_(request: HttpRequest, body: CompanyBody) -> Any:
    """Create a company."""
    with told_as(product_identifier="products"):
        company = create_company(
            name=body.name,
            description=body.description or "",
            tags=body.tags or {},
            products=body.products or (),
            actor=actor_of(request),
        )
    return company_shape(company)


@router.operation("GET", "/companies/{company_id}", "companies.read", response=CompanyOut)
def get_company(request: HttpRequest, company_id: CompanyId) -> Any:
    """Get one company."""
    return company_shape(company_for(request, company_id))


@router.operation("PUT", "/companies/{company_id}", "companies.edit", response=CompanyOut)
def replace_company(request: HttpRequest, company_id: CompanyId, body: CompanyBody) -> Any:
    """Replace name, description and tags; what is left out is wiped."""
    company = company_for(request, company_id)
    update_company(
        company, name=body.name, description=body.description or "", tags=body.tags or {}, actor=actor_of(request)
    )
    return company_shape(company)


@router.operation("PATCH", "/companies/{company_id}", "companies.edit", response=CompanyOut)
def update_company_(request: HttpRequest, company_id: CompanyId, body: CompanyChanges) -> Any:
    """Change some of name, description and tags."""
    company = company_for(request, company_id)
    tags = (body.tags or {}) if "tags" in body.model_fields_set else None
    update_company(company, name=body.name, description=body.description, tags=tags, actor=actor_of(request))
    return company_shape(company)


@router.operation("DELETE", "/companies/{company_id}", "companies.delete", response={204: None})
def delete_company_(request: HttpRequest, company_id: CompanyId) -> Any:
    """Delete a company with its connections and their data. This cannot be undone."""
    delete_company(company_for(request, company_id), actor=actor_of(request))
    return nothing(204)
