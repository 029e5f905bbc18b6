"""Which browser origins may read answers (codat contract, section 16.3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase


def preflight(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


def stamp(request: HttpRequest, response: HttpResponseBase) -> None:
    return
