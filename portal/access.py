"""Who may do what: the roles of the contract (codat contract, section 17) and the scope every query starts from.

A view starts from `companies_for(request.user)` and its kin, so that a foreign id, a deleted one and one that never
existed all end in the same 404.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from portal.actions.alerting_rules import live_rules
from portal.models import Alert, AlertingRule, Incident, Role, User
from portal.models.incident import IncidentCause
from syncengine.models import Company, Connection, Dataset

_LADDER = (Role.ONBOARDING, Role.ADVISOR, Role.ANALYST, Role.DEVELOPER, Role.ADMINISTRATOR)

# The lowest role that holds each right.
RIGHTS: dict[str, Role] = {
    "companies.view": Role.ONBOARDING,
    "companies.edit": Role.ONBOARDING,
    "connections.link": Role.ONBOARDING,
    "data.view": Role.ADVISOR,
    "data.refresh": Role.ADVISOR,
    "push.view": Role.ADVISOR,
    "push.write": Role.ANALYST,
    "companies.delete": Role.ANALYST,
    "connections.unlink": Role.DEVELOPER,
    "connections.delete": Role.DEVELOPER,
    "sync_settings.view": Role.DEVELOPER,
    "sync_settings.edit": Role.DEVELOPER,
    "integrations.view": Role.DEVELOPER,
    "integrations.edit": Role.DEVELOPER,
    "api_keys.edit": Role.DEVELOPER,
    "webhooks.view": Role.ANALYST,
    "webhooks.edit": Role.DEVELOPER,
    "incidents.view": Role.ADVISOR,
    "incidents.edit": Role.ANALYST,
    "rules.view": Role.ANALYST,
    "rules.edit": Role.DEVELOPER,
    "alerts.resolve": Role.ANALYST,
    "custom_data.view": Role.ANALYST,
    "custom_data.edit": Role.DEVELOPER,
    "custom_fields.view": Role.ANALYST,
    "custom_fields.edit": Role.DEVELOPER,
    "raw_data.view": Role.DEVELOPER,
    "profile.edit": Role.DEVELOPER,
    "users.edit": Role.ADMINISTRATOR,
}

type Viewer = User | AnonymousUser
type View = Callable[..., HttpResponse]


def allows(user: Viewer, right: str) -> bool:
    """Return whether this user holds the right.

    Raises: KeyError for a right that RIGHTS does not name, so that a typing slip never opens or closes a door unseen.
    """
    least = RIGHTS[right]
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.role in _LADDER and _LADDER.index(Role(user.role)) >= _LADDER.index(least)


def signed_in(view: View) -> View:
    """Let only people who signed in reach the view, and let no cache keep what they saw there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs) if request.user.is_authenticated else _ask_to_sign_in(request)
        add_never_cache_headers(response)
        return response

    return guarded


def may(right: str) -> Callable[[View], View]:
    """Let only people who hold the right reach the view: others see the 403 page, strangers sign in first."""
    RIGHTS[right]

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not allows(request.user, right):
                raise PermissionDenied(right)
            return view(request, *args, **kwargs)

        return signed_in(guarded)

    return decorate


def companies_for(user: Viewer) -> QuerySet[Company]:
    """Return the companies this user may see; deleted ones never."""
    if not allows(user, "companies.view"):
        return Company.objects.none()
    return Company.objects.filter(deleted_at__isnull=True)


def connections_for(user: Viewer) -> QuerySet[Connection]:
    if not allows(user, "companies.view"):
        return Connection.objects.none()
    return Connection.objects.filter(deleted_at__isnull=True, company__deleted_at__isnull=True)


def datasets_for(user: Viewer) -> QuerySet[Dataset]:
    if not allows(user, "data.view"):
        return Dataset.objects.none()
    return Dataset.objects.filter(connection__deleted_at__isnull=True, company__deleted_at__isnull=True)


def incidents_for(user: Viewer) -> QuerySet[Incident]:
    """Return the incidents this user may see; those of webhook endpoints belong to who may see endpoints."""
    if not allows(user, "incidents.view"):
        return Incident.objects.none()
    seen = Incident.objects.all()
    return seen if allows(user, "webhooks.view") else seen.exclude(cause=IncidentCause.ENDPOINT)


def rules_for(user: Viewer) -> QuerySet[AlertingRule]:
    return live_rules() if allows(user, "rules.view") else AlertingRule.objects.none()


def alerts_for(user: Viewer) -> QuerySet[Alert]:
    """Return the alerts this user may see: also of rules that are deleted, never of companies that are."""
    if not allows(user, "rules.view"):
        return Alert.objects.none()
    return Alert.objects.filter(company__deleted_at__isnull=True)


def actor_of(request: HttpRequest) -> str:
    """Return how the engine names who acts, e.g. "user:0198c0de-…"."""
    return f"user:{request.user.pk}"


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    # A swap cannot show a sign-in page inside a fragment: portal.js sends the whole page there, keeping its address.
    if request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true":
        return HttpResponse(status=401)
    wanted = request.get_full_path() if request.method in ("GET", "HEAD") else ""
    query = f"?{urlencode({'next': wanted})}" if wanted else ""
    return HttpResponseRedirect(reverse("sign-in") + query)
