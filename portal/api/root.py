"""The API as a whole: its routers, its paths, its own description."""

from __future__ import annotations

from functools import cache
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from ninja import NinjaAPI
from ninja.errors import ValidationError

from portal.api.dialects import CODAT, Dialect
from portal.api.resolving import Routes
from portal.api.schema import WireJSON, WireParser
from portal.registers import api_routers


class WireAPI(NinjaAPI):
    """django-ninja routes, reads types and describes; what goes wrong is left to the door."""

    def on_exception(self, request: HttpRequest, exc: Any) -> NoReturn:
        raise exc

    def validation_error_from_error_contexts(self, error_contexts: list[Any]) -> ValidationError:
        """Keep what was given beside what is wrong with it: not every dialect leaves it out."""
        error = super().validation_error_from_error_contexts(error_contexts)
        found = [one for context in error_contexts for one in context.pydantic_validation_error.errors()]
        for told, whole in zip(error.errors, found, strict=True):
            told["input"] = whole["input"]
        return error

    def get_content_type(self) -> str:
        return "application/json; charset=utf-8"

    def get_openapi_operation_id(self, operation: Any) -> str:
        return str(operation.view_func.__name__).replace("_", "-")


@cache
def api() -> WireAPI:
    """Return the API with every registered router; made at the first request, when all apps are ready."""
    made = WireAPI(
        title="Headrace",
        version=settings.HEADRACE_VERSION,
        urls_namespace="wire",
        openapi_url=None,
        docs_url=None,
        renderer=WireJSON(),
        parser=WireParser(),
    )
    for entry in api_routers():
        made.add_router("", import_string(entry.router))
    return made


@cache
def routes() -> Routes:
    """Return every path of the API, with the pages that describe it."""
    patterns, _, _ = api().urls
    described = import_string("portal.api.docs.urlpatterns")  # it describes what stands here
    operations: list[Any] = [pattern for pattern in patterns if getattr(pattern, "name", "") != "api-root"]
    speaking = {path for entry in api_routers() for path in import_string(entry.router).speaking}
    for pattern in operations:
        if str(pattern.pattern) in speaking:
            pattern.callback.speaks_to_platform = True
    return Routes([*operations, *described])


@cache
def dialects() -> tuple[Dialect, ...]:
    """Return the dialects beside the Codat one, the longest prefix first."""
    found = {entry.dialect: import_string(entry.dialect) for entry in api_routers() if entry.dialect}
    return tuple(sorted(found.values(), key=lambda dialect: -len(dialect.prefix)))


def dialect_of(path: str) -> Dialect:
    """Return the dialect that a path of the API is spoken in."""
    return next((dialect for dialect in dialects() if dialect.holds_for(path)), CODAT)
