"""What custom fields can be put on, and where from (Bindbee contract, lookups)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query

from customdata.api.dialect import Unprocessable, fault
from customdata.api.field_shapes import Category, LookupIntegrationsOut, LookupModelsOut, Snake
from customdata.catalogue import BY_DATA_TYPE, models_of
from customdata.exceptions import NotFound
from portal.api.limits import charge_connector
from portal.api.lookups import principal_in
from portal.api.principals import connections_for
from portal.api.schema import WireRouter
from syncengine.connectors.registry import platforms
from syncengine.ids import as_uuid
from syncengine.models import Connection, Integration

router = WireRouter(tag="Custom fields")

NO_CONNECTOR = "There is no connector with this token."


class LookupQuery(Snake):
    category: Category | None = None


@router.operation("GET", "/v1/lookup/models", "custom_fields.read", response=LookupModelsOut)
def lookup_models(request: HttpRequest, query: Query[LookupQuery]) -> Any:
    """List the models that custom fields can be put on: the data types of all enabled integrations."""
    offered = {data_type for integration in _enabled() for data_type in _offered_by(integration.key)}
    return {
        "models": [
            {"slug": model.slug, "display_name": model.display_name, "category": model.category}
            for model in models_of(query.category or "")
            if model.data_type in offered
        ]
    }


@router.operation("GET", "/v1/lookup/integrations", "custom_fields.read", response=LookupIntegrationsOut)
def lookup_integrations(request: HttpRequest, query: Query[LookupQuery]) -> Any:
    """List the enabled integrations and the categories of what they offer."""
    shapes = [
        {
            "slug": integration.key,
            "display_name": integration.name,
            "categories": sorted({BY_DATA_TYPE[key].category for key in _offered_by(integration.key)}),
        }
        for integration in _enabled()
    ]
    return {"integrations": [shape for shape in shapes if query.category in (None, *shape["categories"])]}


def connection_of_token(request: HttpRequest, token: str) -> Connection:
    """Return the connection, with its integration; one query. The request counts against the connection's budget.

    Raises: NotFound for an unknown, a deleted and another company's connection alike; WireError 429.
    """
    key: UUID | None = as_uuid(token)
    seen = connections_for(principal_in(request)).select_related("integration", "company")
    found = seen.filter(pk=key).first() if key else None
    if found is None:
        raise NotFound(NO_CONNECTOR)
    charge_connector(request, found.pk)
    return found


def integration_of_slug(slug: str, *, where: str) -> Integration:
    """Return the integration; one query.

    where:   "body" or "query".
    Raises:  Unprocessable.
    """
    found = Integration.objects.filter(key=slug).first()
    if found is None:
        raise Unprocessable(fault((where, "integration_slug"), "There is no integration with this slug."))
    return found


def _enabled() -> list[Integration]:
    return list(Integration.objects.filter(enabled=True).order_by("name", "key"))


def _offered_by(platform_key: str) -> list[str]:
    platform = platforms().get(platform_key)
    return [key for key, support in platform.types.items() if "Get" in support.features] if platform else []
