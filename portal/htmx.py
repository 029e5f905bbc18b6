"""Pages and fragments from one template, and the few answers htmx understands beside them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

TONES = {"info": messages.INFO, "success": messages.SUCCESS, "warning": messages.WARNING, "error": messages.ERROR}


def wants_fragment(request: HttpRequest) -> bool:
    """True for an htmx swap; false for a browser, a boosted link and the back button, which all need the whole page."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest, template: str, context: dict[str, Any], *, fragment: str = "", status: int = 200
) -> HttpResponse:
    """Return the page, or its partial `fragment` when htmx asks for a swap."""
    name = f"{template}#{fragment}" if fragment and wants_fragment(request) else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def not_changed() -> HttpResponse:
    """Return 204: a poll found nothing new, and htmx swaps nothing."""
    response = HttpResponse(status=204)
    patch_vary_headers(response, ["HX-Request"])
    return response


def toast(response: HttpResponse, text: str, tone: str = "success") -> HttpResponse:
    """Have portal.js show a short message beside the swapped fragment. `tone` is a key of TONES."""
    trigger_client_event(response, "toast", {"text": text, "tone": tone})
    return response


def go_to(request: HttpRequest, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Send the whole page elsewhere, also when a dialog's swap asked."""
    response: HttpResponse = redirect(to, *args, **kwargs)
    response.status_code = 303
    if wants_fragment(request):
        return HttpResponseClientRedirect(response["Location"])
    return response


def go_and_say(
    request: HttpRequest, text: str, to: Any, *args: Any, tone: str = "success", **kwargs: Any
) -> HttpResponse:
    """As `go_to`, and the next page opens with the message."""
    messages.add_message(request, TONES[tone], text)
    return go_to(request, to, *args, **kwargs)
