"""Companies (codat contract, section 3)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from portal.api.lookups import company_for
from portal.api.schema import CompanyId, StrictStr, Wire, WireRouter
from portal.api.shapes import company_shape
from syncengine.actions.companies import create_company

router = WireRouter(tag="Companies")


class CompanyBody(Wire):
    name: StrictStr
    description: StrictStr | None = None
    tags: dict[StrictStr, StrictStr] | None = None


class CompanyOut(Wire):
    id: str
    name: str
    redirect: str
    description: str | None = None
    platform: str = ""
    last_sync: str | None = None
    created: str | None = None
    created_by_user_name: str | None = None
    data_connections: list[dict[str, Any]] = []
    products: list[str] = []
    tags: dict[str, str] = {}


@router.operation("POST", "/companies", "companies.create", response=CompanyOut)
def create_company_(request: HttpRequest, body: CompanyBody) -> Any:
    """Create a company."""
    company = create_company(
        name=body.name,
        description=body.description or "",
        tags=body.tags or {},
        actor=request.principal.actor,  # type: ignore[attr-defined]
    )
    return company_shape(company, [])


@router.operation("GET", "/companies/{company_id}", "companies.read", response=CompanyOut)
def get_company(request: HttpRequest, company_id: CompanyId) -> Any:
    """Get one company."""
    company = company_for(request, company_id)
    connections = company.connections.filter(deleted_at__isnull=True).select_related("integration")
    return company_shape(company, list(connections))
