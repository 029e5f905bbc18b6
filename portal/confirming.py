"""Asking before something irreversible: a dialog with scripts, a page of its own without."""

from __future__ import annotations

from collections.abc import Sequence

from django.forms import Form
from django.http import HttpRequest, HttpResponse

from portal.htmx import render_page


def ask_first(
    request: HttpRequest,
    *,
    title: str,
    text: str,
    button: str,
    trail: Sequence[tuple[str, str]],
    here: str = "Delete",
    form: Form | None = None,
) -> HttpResponse:
    """Ask; the answer is posted to the same address.

    text:   what follows from it, and what stays.
    trail:  the pages above, as (label, url); Cancel leads to the last of them.
    here:   what the breadcrumb calls this step.
    form:   what must be filled in first; one with errors is answered with 422.
    """
    asked = form or Form()
    context = {
        "form": asked,
        "title": title,
        "text": text,
        "button": button,
        "action": request.path,
        "cancel": trail[-1][1],
        "trail": [*trail, (here, "")],
    }
    status = 422 if asked.errors else 200
    return render_page(request, "components/confirm_page.html", context, fragment="confirm", status=status)
