"""How models of the wire are declared: members in camelCase outside, in snake_case here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.security.base import AuthBase
from pydantic import (
    ConfigDict,
    ModelWrapValidatorHandler,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel

from portal.api.errors import INVALID_REQUEST, WireError

__all__ = [
    "CompanyId", "ConnectionId", "Needs", "StrictBool", "StrictFloat", "StrictInt", "StrictStr", "Wire", "WireBody",
    "WireJSON", "WireParser", "WireRouter", "wire_response",
]  # fmt: skip


class Wire(Schema):
    """Base of every request and response model. What is not set is left out of an answer; None is sent as null."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class WireBody(Wire):
    """Base of request bodies, and of the objects inside them: a JSON object and nothing else.

    The framework reads attributes of whatever it is given, so that a list or a text would pass for an object all of
    whose members are left out.
    """

    model_config = ConfigDict(from_attributes=False)

    @model_validator(mode="wrap")
    @classmethod
    def _run_root_validator(
        cls, values: Any, handler: ModelWrapValidatorHandler[Any], info: ValidationInfo[Any]
    ) -> Any:
        return handler(values)


class WireJSON(BaseRenderer):
    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> Any:
        return _ENCODER.encode(data)


_UUID = WithJsonSchema({"type": "string", "format": "uuid"})


class WireParser(Parser):
    """Reads bodies: JSON as its standard has it (no NaN, no lone surrogates), nested as deep as anything needs."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            body = self.decoded(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WireError(400, f"{INVALID_REQUEST} The body is not JSON: {error}") from None
        if b"\\u0000" in request.body and _holds_nul(body):
            raise WireError(400, f"{INVALID_REQUEST} The body holds a NUL character.")
        return body

    def decoded(self, text: bytes) -> Any:
        """Raises: msgspec.DecodeError, UnicodeDecodeError, RecursionError."""
        return msgspec.json.decode(text)


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case dict():
            return any(_holds_nul(key) or _holds_nul(member) for key, member in value.items())
        case list():
            return any(_holds_nul(item) for item in value)
    return False


# Path parameters carry snake_case names here; the description of the API writes them in camelCase.
# A member that is no UUID is an id that does not exist: the router answers 404 with the contract's words.
CompanyId = Annotated[str, _UUID]
ConnectionId = Annotated[str, _UUID]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def wire_response(data: Any, *, status: int = 200) -> HttpResponse:
    """Return JSON made without a model: for answers whose members are known to be right, and for the hot ones."""
    return HttpResponse(_ENCODER.encode(data), status=status, content_type="application/json; charset=utf-8")


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
        self.speaking: set[str] = set()

    def operation(
        self, method: str, path: str, right: str, *, speaks_to_platform: bool = False, **options: Any
    ) -> Callable[..., Any]:
        """Declare one operation, e.g. `@router.operation("GET", "/companies/{company_id}", "companies.read")`.

        speaks_to_platform:  it waits for a platform while it runs, so that no transaction may stand around it.
        """
        if speaks_to_platform:
            self.speaking.add(path.strip("/").replace("{", "<").replace("}", ">"))
        return self.api_operation([method], path, auth=Needs(right), **options)
