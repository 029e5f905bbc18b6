"""The API as a whole: its routers, its paths, its own description."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from ninja import NinjaAPI

from portal.api.resolving import Routes
from portal.api.schema import WireJSON, WireParser
from portal.registers import api_routers


class WireAPI(NinjaAPI):
    """django-ninja routes, reads types and describes; what goes wrong is left to the door."""

    def on_exception(self, request: HttpRequest, exc: Any) -> NoReturn:
        raise exc

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
def dialects() -> tuple[tuple[str, Callable[..., dict[str, Any]]], ...]:
    """Return (path prefix in lower case, function that makes the error body), longest prefix first."""
    found = {entry.prefix.lower(): import_string(entry.error_body) for entry in api_routers() if entry.error_body}
    return tuple(sorted(found.items(), key=lambda pair: -len(pair[0])))
