"""The catalogue of platforms: what each can do, and how this deployment has set it up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.access import actor_of, allows, may
from portal.forms.integrations import IntegrationForm
from portal.htmx import go_and_say, render_page
from portal.views.offline_platforms import context_of, offline_platform
from syncengine.actions.integrations import save_integration, set_enabled
from syncengine.connectors.platforms import Platform
from syncengine.exceptions import Refused
from syncengine.models import Integration
from syncengine.queries.data_status import label_of
from syncengine.queries.integrations import integration_card, integration_cards
from syncengine.secrets import SecretUnreadable, unseal

AUTH_WORDS: dict[str, str] = {
    "oauth2": "OAuth 2.0: the customer authorises Headrace at the platform",
    "approved-key": "A key that the customer approves inside the platform",
    "none": "No authorisation",
}


@require_GET
@may("integrations.view")
def integration_list(request: HttpRequest) -> HttpResponse:
    return render_page(request, "portal/integrations/list.html", {"cards": integration_cards()})


@require_http_methods(["GET", "POST"])
@may("integrations.view")
def integration_detail(request: HttpRequest, key: str) -> HttpResponse:
    integration = get_object_or_404(Integration, key=key)
    if request.method == "POST":
        return _save(request, integration)
    return _show(request, integration)


@require_POST
@may("integrations.edit")
def integration_set_enabled(request: HttpRequest, key: str) -> HttpResponse:
    """`enabled=1` offers the platform to new connections, anything else stops that."""
    integration = get_object_or_404(Integration, key=key)
    enabled = request.POST.get("enabled") == "1"
    try:
        set_enabled(integration, enabled, actor=actor_of(request))
    except Refused as refusal:
        return _show(request, integration, refused=refusal.message, status=409)
    text = "is offered to new connections." if enabled else "is no longer offered. Existing connections go on."
    return go_and_say(request, f"{integration.name} {text}", "integration-detail", integration.key)


@may("integrations.edit")
def _save(request: HttpRequest, integration: Integration) -> HttpResponse:
    card = integration_card(integration)
    if card.platform is None:
        return _show(request, integration, refused="This release has no connector for it.", status=409)
    form = _form(integration, card.platform, request.POST)
    if not form.is_valid():
        return _show(request, integration, form=form, status=422)
    try:
        save_integration(integration, settings=form.settings, client=form.client, actor=actor_of(request))
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return _show(request, integration, form=form, status=422)
    return go_and_say(request, f"{integration.name} is saved.", "integration-detail", integration.key)


def _form(integration: Integration, platform: Platform, data: Any = None) -> IntegrationForm:
    return IntegrationForm(data, platform=platform, integration=integration, stored=_stored(integration) or ())


def _stored(integration: Integration) -> Collection[str] | None:
    """Return the names of the secrets that are kept, None when no key of this deployment opens them."""
    try:
        return {name for name, value in unseal(integration, "client").items() if value}
    except SecretUnreadable:
        return None


def _show(
    request: HttpRequest,
    integration: Integration,
    *,
    form: IntegrationForm | None = None,
    refused: str = "",
    status: int = 200,
) -> HttpResponse:
    card = integration_card(integration)
    platform = card.platform
    may_edit = allows(request.user, "integrations.edit")
    context: dict[str, Any] = {
        "card": card,
        "integration": integration,
        "platform": platform,
        "auth": AUTH_WORDS.get(platform.auth, platform.auth) if platform else "",
        "types": _types(platform),
        "form": form or (_form(integration, platform) if platform and platform.client_fields and may_edit else None),
        "is_unreadable": may_edit and _stored(integration) is None,
        "redirect_uri": settings.HEADRACE_PORTAL_URL + reverse("link-callback"),
        **_offline(request, integration),
        "may_edit": may_edit,
        "refused": refused,
    }
    return render_page(request, "portal/integrations/detail.html", context, status=status)


def _offline(request: HttpRequest, integration: Integration) -> dict[str, object]:
    platform = offline_platform(integration)
    return context_of(request, integration, platform) if platform else {"offline": None}


def _types(platform: Platform | None) -> list[dict[str, Any]]:
    """The types by label, with the labels of what each requires."""
    supported = platform.types.values() if platform else ()
    rows = [
        {
            "label": label_of(one.data_type),
            "support": one,
            "requires": [label_of(required) for required in one.requires],
        }
        for one in supported
    ]
    return sorted(rows, key=lambda row: row["label"].lower())
