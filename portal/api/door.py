"""The one way into the API: who asks, may they, how often, and in which form a refusal is told.

Every request below the mount comes through `door`, whatever its path or method, so that an unknown path, a wrong
method and a fault of ours end in the same error body as everything else.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from portal.api import cors, idempotency, limits, packing
from portal.api.errors import INVALID_REQUEST, Problem, WireError
from portal.api.principals import principal_of
from portal.api.resolving import path_of
from portal.api.root import dialect_of, routes
from portal.api.schema import wire_response

MOUNT = "/api"

_CORRELATION = re.compile(r"[0-9a-f]{32}")
_log = logging.getLogger("headrace.api")


@csrf_exempt
def door(request: HttpRequest) -> HttpResponseBase:
    """Answer one request below the mount. Nothing is raised out of here."""
    began = time.perf_counter()
    wire_path = path_of(request.path_info, MOUNT)
    request.correlation_id = _correlation_id(request)  # type: ignore[attr-defined]
    request.principal = None  # type: ignore[attr-defined]
    try:
        response = _answer(request, wire_path)
    except Exception as error:
        response = _refusal(request, wire_path, error)
    response = _in_wire_form(request, wire_path, response)
    limits.stamp(request, response)
    dialect_of(wire_path).stamp(request, response)
    cors.stamp(request, response)
    if response.status_code == 204:
        del response.headers["Content-Type"]  # there is nothing that could have a type
    response = packing.packed(request, response)
    response.headers["X-Correlation-Id"] = request.correlation_id  # type: ignore[attr-defined]
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would say it once more, as a warning
    _note(request, wire_path, response, began)
    return response


def _answer(request: HttpRequest, path: str) -> HttpResponseBase:
    if request.method == "OPTIONS":
        return cors.preflight(request)
    if "\0" in path or "%00" in request.META.get("QUERY_STRING", ""):
        raise WireError(400, f"{INVALID_REQUEST} The address holds a NUL character.")
    found = routes().resolve(path)
    open_to_all = found is not None and getattr(found[0].view, "open_to_all", False)
    if not open_to_all:
        limits.check_address(request)
        request.principal = principal_of(request.headers.get("Authorization", ""))  # type: ignore[attr-defined]
        if request.principal is None:  # type: ignore[attr-defined]
            raise WireError(401, "Unauthorized")
        limits.charge(request)
    if found is None:
        raise WireError(404, "Not found: the API has no such path.")
    route, parameters = found
    if request.method == "HEAD":
        request.method = "GET"  # the server drops the body
    return idempotency.once(
        request,
        lambda: route.view(request, **parameters),
        lambda error: _refusal(request, path, error),
        in_transaction=not getattr(route.view, "speaks_to_platform", False),
    )


def _refusal(request: HttpRequest, path: str, error: Exception) -> HttpResponse:
    problem = dialect_of(path).problem_of(error)
    if problem is None:
        _log.exception("api fault correlation=%s", request.correlation_id)  # type: ignore[attr-defined]
        problem = Problem(500, "Something broke on our side. The log knows it by the correlation id.")
    return _told(request, path, problem)


def _told(request: HttpRequest, path: str, problem: Problem) -> HttpResponse:
    body = dialect_of(path).body(problem, request.correlation_id)  # type: ignore[attr-defined]
    response = wire_response(body, status=problem.status)
    for name, value in problem.extra:
        response[name] = value
    return response


def _in_wire_form(request: HttpRequest, path: str, response: HttpResponseBase) -> HttpResponseBase:
    """Turn an error that Django or the framework wrote in its own form into ours; its headers stay."""
    if response.status_code < 400 or response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    words = {405: f"Method {request.method} is not allowed here."}
    told = _told(request, path, Problem(response.status_code, words.get(response.status_code, "Not found.")))
    if "Allow" in response.headers:
        told["Allow"] = response["Allow"]
    return told


def _correlation_id(request: HttpRequest) -> str:
    given = request.headers.get("X-Correlation-Id", "")
    return given if _CORRELATION.fullmatch(given) else uuid4().hex


def _note(request: HttpRequest, path: str, response: HttpResponseBase, began: float) -> None:
    principal: Any = request.principal  # type: ignore[attr-defined]
    _log.info(
        "%s %r %s %.0f ms key=%s correlation=%s",
        request.method,
        path,
        response.status_code,
        (time.perf_counter() - began) * 1000,
        principal.actor if principal else "-",
        request.correlation_id,  # type: ignore[attr-defined]
    )
