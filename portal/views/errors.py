"""Error pages. They ask nothing of the database, the session or the page that failed.

A failed CSRF check shows templates/403_csrf.html, which Django finds by its name.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.htmx import wants_fragment

TEXTS = {
    400: ("This request was not understood", "Something in it does not have the form this page expects."),
    403: (
        "You may not do that",
        "Your role does not include this page or action. Ask an administrator of this portal if you need it.",
    ),
    404: ("There is nothing here", "It may have been deleted, or the address has a slip in it."),
    500: (
        "Something broke on our side",
        "The error was written to the portal's log. Nothing you did was half saved; trying again does no harm.",
    ),
}


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, 500)


def _page(request: HttpRequest, status: int) -> HttpResponse:
    headline, text = TEXTS[status]
    context = {"status": status, "headline": headline, "text": text}
    if getattr(request, "htmx", False) and wants_fragment(request):
        return HttpResponse(headline, status=status, content_type="text/plain; charset=utf-8")
    response = render(request, "portal/errors/error.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response
