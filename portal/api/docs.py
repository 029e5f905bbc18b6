"""The API's description and the page that browses it. They hold no secret, so everybody may read them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import path
from django.utils.cache import get_conditional_response

from portal.api.description import description


def openapi(request: HttpRequest) -> HttpResponse:
    body, etag = _document()
    response = HttpResponse(body, content_type="application/json; charset=utf-8")
    response["Cache-Control"] = "public, max-age=300"
    response["ETag"] = etag
    return get_conditional_response(request, etag, None, response) or response


def docs(request: HttpRequest) -> HttpResponse:
    response = render(request, "portal/api/docs.html", {"api_url": f"{settings.HEADRACE_PORTAL_URL}/api"})
    response["Cache-Control"] = "public, max-age=300"
    return response


@cache
def _document() -> tuple[bytes, str]:
    body = msgspec.json.encode(description())
    return body, f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _open_to_all(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def readable(request: HttpRequest) -> HttpResponse:
        return view(request) if request.method == "GET" else HttpResponseNotAllowed(["GET", "HEAD"])

    readable.open_to_all = True  # type: ignore[attr-defined]
    return readable


urlpatterns = [path("openapi.json", _open_to_all(openapi)), path("docs", _open_to_all(docs))]
