"""Which connection and which data type to write to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from portal.access import companies_for, connections_for, may
from portal.htmx import render_page
from pushops.queries.push_models import writable_types
from syncengine.connectors.registry import platforms
from syncengine.models import Connection
from syncengine.queries.data_status import label_of
from syncengine.states import ConnectionStatus

CHOOSE = "pushops/write/choose.html"


@require_safe
@may("push.write")
def push_choose(request: HttpRequest, company_id: UUID) -> HttpResponse:
    """Which connection and data type: every one that takes writes."""
    company = get_object_or_404(companies_for(request.user), pk=company_id)
    connections = connections_for(request.user).filter(company=company).select_related("integration", "company")
    context = {
        "company": company,
        "choices": [_choice(connection) for connection in connections.order_by("created_at")],
    }
    return render_page(request, CHOOSE, context)


def _choice(connection: Connection) -> dict[str, Any]:
    """One connection with the types that its platform takes, each with what can be done."""
    known = connection.integration.key in platforms()
    types = writable_types(connection) if known else {}
    return {
        "connection": connection,
        "is_linked": connection.status == ConnectionStatus.LINKED,
        "types": sorted(
            (
                {"key": key, "label": label_of(key), "able": {support.operation.name.lower(): True for support in able}}
                for key, able in types.items()
            ),
            key=lambda one: str(one["label"]),
        ),
    }
