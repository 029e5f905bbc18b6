"""How models of the wire are declared: members in camelCase outside, in snake_case here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.renderers import BaseRenderer
from ninja.security.base import AuthBase
from pydantic import ConfigDict, StrictBool, StrictFloat, StrictInt, StrictStr, WithJsonSchema
from pydantic.alias_generators import to_camel

from portal.api.errors import WireError

__all__ = [
    "CompanyId", "ConnectionId", "Needs", "StrictBool", "StrictFloat", "StrictInt", "StrictStr", "Wire", "WireJSON",
    "WireRouter", "stamp", "wire_response",
]  # fmt: skip


class Wire(Schema):
    """Base of every request and response model. What is not set is left out of an answer; None is sent as null."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class WireJSON(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> Any:
        return _ENCODER.encode(data)


_UUID = WithJsonSchema({"type": "string", "format": "uuid"})
# Path parameters carry snake_case names here; the description of the API writes them in camelCase.
# A member that is no UUID is an id that does not exist: the router answers 404 with the contract's words.
CompanyId = Annotated[str, _UUID]
ConnectionId = Annotated[str, _UUID]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def wire_response(data: Any, *, status: int = 200) -> HttpResponse:
    """Return JSON made without a model: for answers whose members are known to be right, and for the hot ones."""
    return HttpResponse(_ENCODER.encode(data), status=status, content_type="application/json; charset=utf-8")


def stamp(moment: datetime | None) -> str | None:
    """Return a time as the wire writes it: UTC, ISO 8601, "Z"."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Needs(AuthBase):
    """The right an operation needs. Who asks is known already: the door has looked at the key."""

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "Authorization"

    def __init__(self, right: str) -> None:
        super().__init__()
        self.right = right

    def __call__(self, request: HttpRequest) -> Any:
        principal = request.principal  # type: ignore[attr-defined]
        if principal is None:
            raise WireError(401, "Unauthorized")
        if not principal.may(self.right):
            raise WireError(403, f"Forbidden: this API key does not hold the right {self.right}.")
        return principal


class WireRouter(Router):
    """A router whose operations answer with what was set, by wire names, and each name the right they need."""

    def __init__(self, *, tag: str) -> None:
        super().__init__(tags=[tag], by_alias=True, exclude_unset=True)

    def operation(self, method: str, path: str, right: str, **options: Any) -> Callable[..., Any]:
        """Declare one operation, e.g. `@router.operation("GET", "/companies/{company_id}", "companies.read")`."""
        return self.api_operation([method], path, auth=Needs(right), **options)
