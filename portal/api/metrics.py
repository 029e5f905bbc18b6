"""How many companies are linked: an answer that older clients still ask for (codat contract, section 3)."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from portal.api.lookups import principal_in
from portal.api.principals import companies_for
from portal.api.schema import Wire, WireRouter
from syncengine.models import Connection
from syncengine.states import ConnectionStatus

router = WireRouter(tag="Companies")


class CompanyMetricsOut(Wire):
    """Of the companies that are still there."""

    all_time_linked: int
    currently_linked: int
    no_longer_linked: int
    not_yet_linked: int


@router.operation("GET", "/metrics/companies", "companies.read", response=CompanyMetricsOut)
def get_company_metrics(request: HttpRequest) -> Any:
    """Count the companies that are, were, and never were linked."""
    companies = companies_for(principal_in(request))
    own = Connection.objects.filter(company=OuterRef("pk"))
    is_linked = Exists(own.filter(status=ConnectionStatus.LINKED, deleted_at__isnull=True))
    was_linked = Exists(own.filter(first_linked_at__isnull=False))
    linked = companies.filter(is_linked).count()
    ever = companies.filter(was_linked).count()
    return {
        "all_time_linked": ever,
        "currently_linked": linked,
        "no_longer_linked": ever - linked,
        "not_yet_linked": companies.count() - ever,
    }
