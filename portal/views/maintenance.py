"""Monitor › Maintenance: times in which a platform is known to be down, so that nobody is told of it."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods, require_POST

from portal.access import actor_of, allows, may
from portal.actions.alerting_rules import add_maintenance, end_maintenance
from portal.activity import actor_names
from portal.formats import zone_of
from portal.forms.alerting_rules import MaintenanceForm
from portal.htmx import go_and_say, render_page
from portal.models import MaintenanceWindow
from portal.rule_page import maintenance_rows
from portal.tables import page_of
from syncengine.exceptions import Refused


@require_http_methods(["GET", "POST"])
@may("rules.view")
def maintenance_list(request: HttpRequest) -> HttpResponse:
    form = None
    may_edit = allows(request.user, "rules.edit")
    if request.method == "POST" and not may_edit:
        raise PermissionDenied("rules.edit")
    if may_edit:
        form = MaintenanceForm(
            request.POST if request.method == "POST" else None,
            zone=zone_of(request),
            platform=request.GET.get("platform", ""),
        )
        if request.method == "POST" and form.is_valid():
            try:
                add_maintenance(**form.cleaned_data, actor=actor_of(request))
            except Refused as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
            else:
                return go_and_say(request, "The window is planned.", "maintenance-list")
    return _show(request, form)


@require_POST
@may("rules.edit")
def maintenance_end(request: HttpRequest, window_id: UUID) -> HttpResponse:
    window = get_object_or_404(MaintenanceWindow, pk=window_id)
    end_maintenance(window, actor=actor_of(request))
    return go_and_say(request, "The window is over. What happens from now on is told.", "maintenance-list")


def _show(request: HttpRequest, form: MaintenanceForm | None) -> HttpResponse:
    page = page_of(request, MaintenanceWindow.objects.select_related("integration").order_by("-starts_at", "-pk"))
    people = actor_names(window.created_by for window in page)
    rows = [(window, state, people[window.created_by]) for window, state in maintenance_rows(page)]
    status = 422 if form is not None and form.errors else 200
    return render_page(
        request, "portal/alerting/maintenance.html", {"form": form, "page": page, "rows": rows}, status=status
    )
