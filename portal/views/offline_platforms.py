"""An integration's connector on a customer's machine: the mark, the key that is shown once, and how it fares."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.timezone import now
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, allows, may
from portal.actions.connector_keys import OVERLAP, make_connector_key, revoke_connector_keys
from portal.confirming import ask_first
from portal.htmx import go_and_say, not_changed, render_page
from syncengine.actions.offline import set_offline
from syncengine.exceptions import Refused
from syncengine.models import ConnectorKey, Integration
from syncengine.queries.offline import ConnectorState, connector_state

KEY_FILE = "headrace-connector.key"
PROGRAM = "connector_process.py"


@dataclass(frozen=True, slots=True)
class OfflinePlatform:
    """What the page shows of an offline integration. `old_key` works on after a rotation, until it ends."""

    state: ConnectorState
    key: ConnectorKey | None
    old_key: ConnectorKey | None
    program_url: str
    command: str


def offline_platform(integration: Integration) -> OfflinePlatform | None:
    """None for one that is called from here, without a query; else two queries."""
    if not integration.is_offline:
        return None
    keys = {key.ends_at is None: key for key in integration.connector_keys.order_by("created_at") if _is_live(key)}
    return OfflinePlatform(
        state=connector_state(integration),
        key=keys.get(True),
        old_key=keys.get(False),
        program_url=f"{settings.HEADRACE_PORTAL_URL}/connector/{PROGRAM}",
        command=_command(integration),
    )


@require_safe
@may("integrations.view")
def integration_connector(request: HttpRequest, key: str) -> HttpResponse:
    """The connector's state alone; `seen` is what the asking page shows, answered with 204 while it is so."""
    integration = get_object_or_404(Integration, key=key)
    platform = offline_platform(integration)
    if platform is None:
        return go_and_say(request, f"{integration.name} is called from here.", "integration-detail", integration.key)
    if request.GET.get("seen") == mark_of(platform):
        return not_changed()
    return render_page(request, "portal/integrations/connector.html", context_of(request, integration, platform))


@require_POST
@may("integrations.edit")
def integration_set_offline(request: HttpRequest, key: str) -> HttpResponse:
    """`offline=1` has a connector on the customer's machine make its requests, anything else makes them from here."""
    integration = get_object_or_404(Integration, key=key)
    offline = request.POST.get("offline") == "1"
    try:
        set_offline(integration, offline, actor=actor_of(request))
    except Refused as refusal:
        return _back(request, integration, refusal.message, tone="warning")
    words = "is offline now: its work waits for a connector." if offline else "is called from here again."
    return _back(request, integration, f"{integration.name} {words}")


@require_POST
@may("integrations.edit")
def integration_connector_key(request: HttpRequest, key: str) -> HttpResponse:
    """Make a key, or the next one, and show it this once: a redirect could not carry it, for it is stored nowhere."""
    integration = get_object_or_404(Integration, key=key)
    had_one = integration.connector_keys.exists()
    try:
        secret = make_connector_key(integration, actor=actor_of(request))
    except Refused as refusal:
        return _back(request, integration, refusal.message, tone="warning")
    context = {
        "integration": integration,
        "secret": secret,
        "key_file": KEY_FILE,
        "command": _command(integration),
        "program_url": f"{settings.HEADRACE_PORTAL_URL}/connector/{PROGRAM}",
        "overlap_hours": OVERLAP.total_seconds() // 3600 if had_one else 0,
    }
    return render_page(request, "portal/integrations/connector_key.html", context)


@require_http_methods(["GET", "POST"])
@may("integrations.edit")
def integration_connector_revoke(request: HttpRequest, key: str) -> HttpResponse:
    integration = get_object_or_404(Integration, key=key)
    if request.method == "POST":
        try:
            revoke_connector_keys(integration, actor=actor_of(request))
        except Refused as refusal:
            return _back(request, integration, refusal.message, tone="warning")
        return _back(request, integration, "The connector's keys are revoked.")
    return ask_first(
        request,
        title=f"Revoke the connector's keys of {integration.name}?",
        text="Its connectors are refused from their next request on, and its work waits until one comes with a new "
        "key. This cannot be undone.",
        button="Revoke keys",
        here="Revoke keys",
        trail=[
            ("Integrations", reverse("integration-list")),
            (integration.name, reverse("integration-detail", args=[integration.key])),
        ],
    )


def context_of(request: HttpRequest, integration: Integration, platform: OfflinePlatform) -> dict[str, object]:
    return {
        "integration": integration,
        "offline": platform,
        "mark": mark_of(platform),
        "may_edit": allows(request.user, "integrations.edit"),
    }


def mark_of(platform: OfflinePlatform) -> str:
    """Return a mark of what the page shows that may change by itself; moments on it are counted by the browser."""
    present = ",".join(sorted(str(process.run) for process in platform.state.present))
    return f"{present or 'none'}.{platform.state.last.run if platform.state.last else ''}"


def _command(integration: Integration) -> str:
    """Return how the connector is started, fit for a shell."""
    address = integration.settings.get("base_url") or "https://platform.example"
    parts = ["python3", PROGRAM, "--hub", settings.HEADRACE_PORTAL_URL, "--key-file", KEY_FILE, "--platform", address]
    return shlex.join(parts)


def _is_live(key: ConnectorKey, at: datetime | None = None) -> bool:
    return key.ends_at is None or key.ends_at > (at or now())


def _back(request: HttpRequest, integration: Integration, words: str, tone: str = "success") -> HttpResponse:
    return go_and_say(request, words, "integration-detail", integration.key, tone=tone)
