"""Settings › Organisation: the profile, and the websites that may call the API from a browser."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from portal.access import actor_of, may
from portal.actions.deployment_settings import save_allowed_origins, save_profile
from portal.forms.organisation import OriginsForm, ProfileForm, origins_initial, profile_initial
from portal.htmx import go_and_say, render_page
from portal.models import DeploymentSettings
from portal.redirect_template import RESERVED
from syncengine.exceptions import Refused


@require_http_methods(["GET", "POST"])
@may("profile.edit")
def organisation(request: HttpRequest) -> HttpResponse:
    row = DeploymentSettings.load()
    if request.method != "POST":
        return _show(request, row)
    form = ProfileForm(request.POST)
    if form.is_valid():
        try:
            save_profile(**form.values, confirm_company_name=row.confirm_company_name, actor=actor_of(request))
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return go_and_say(request, "The organisation is saved.", "organisation")
    return _show(request, row, profile=form)


@require_POST
@may("profile.edit")
def organisation_origins(request: HttpRequest) -> HttpResponse:
    form = OriginsForm(request.POST)
    if form.is_valid():
        try:
            save_allowed_origins(form.origins, actor=actor_of(request))
        except Refused as refusal:
            form.add_error("allowed_origins", refusal.message)
        else:
            return go_and_say(request, "The allowed origins are saved.", "organisation")
    return _show(request, DeploymentSettings.load(), origins=form)


def _show(
    request: HttpRequest,
    row: DeploymentSettings,
    *,
    profile: ProfileForm | None = None,
    origins: OriginsForm | None = None,
) -> HttpResponse:
    context = {
        "profile": profile or ProfileForm(initial=profile_initial(row)),
        "origins": origins or OriginsForm(initial=origins_initial(row)),
        "client_id": row.client_id,
        "has_header": bool(row.alert_auth_header),
        "reserved": RESERVED,
    }
    status = 422 if profile or origins else 200
    return render_page(request, "portal/organisation/detail.html", context, status=status)
