from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from django.views.decorators.http import require_safe

from portal.access import signed_in
from portal.attention import checklist, tiles, worker_silent_since
from portal.htmx import not_changed, render_page, wants_fragment
from portal.registers import attention


@require_safe
@signed_in
def overview(request: HttpRequest) -> HttpResponse:
    silent, seen_at = worker_silent_since(now())
    steps = checklist(request.user)
    context: dict[str, Any] = {
        "attention": attention(request.user),
        "tiles": tiles(request.user),
        "worker_silent": silent,
        # A heartbeat that goes on is no news; one that stopped is shown with its time.
        "worker_seen_at": seen_at if silent else None,
        "steps": steps,
        "starting_out": not all(done for *_, done in steps),
    }
    context["version"] = hashlib.blake2b(repr(context).encode(), digest_size=8).hexdigest()
    if wants_fragment(request) and request.GET.get("v") == context["version"]:
        return not_changed()
    return render_page(request, "portal/overview/overview.html", context, fragment="live")
