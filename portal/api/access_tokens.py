"""Tokens for a widget in a browser: a day's access to one company (codat contract, section 16.4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from portal.actions.api_keys import TOKEN_SECONDS, issue_access_token
from portal.api.lookups import actor_of, company_for, principal_in
from portal.api.schema import CompanyId, Wire, WireRouter

router = WireRouter(tag="Companies")


class AccessTokenOut(Wire):
    expires_in: int
    access_token: str
    token_type: str


class ManagementTokenOut(Wire):
    access_token: str


@router.operation("GET", "/companies/{company_id}/accessToken", "access_tokens.create", response=AccessTokenOut)
def get_company_access_token(request: HttpRequest, company_id: CompanyId, response: HttpResponse) -> Any:
    """Make a token that reads and links this one company for a day."""
    token = _issued(request, company_id, response)
    return {"expires_in": TOKEN_SECONDS, "access_token": token, "token_type": "Bearer"}


@router.operation(
    "GET",
    "/companies/{company_id}/connectionManagement/accessToken",
    "access_tokens.create",
    response=ManagementTokenOut,
)
def get_connection_management_token(request: HttpRequest, company_id: CompanyId, response: HttpResponse) -> Any:
    """Make such a token, in the older form of answer."""
    return {"access_token": _issued(request, company_id, response)}


def _issued(request: HttpRequest, company_id: str, response: HttpResponse) -> str:
    response["Cache-Control"] = "no-store"
    company = company_for(request, company_id)
    issued_by = UUID(principal_in(request).key_id)
    return issue_access_token(company, issued_by=issued_by, actor=actor_of(request))
