"""Connections: choose a platform, fill in what it asks for, keep alive, unlink, delete, read one data type."""

from __future__ import annotations

from uuid import UUID

from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, companies_for, connections_for, datasets_for, may
from portal.company_page import cards_context, grid_context
from portal.confirming import ask_first
from portal.forms.companies import ConfirmForm
from portal.forms.connections import ConnectionSettingsForm
from portal.htmx import go_and_say, render_page, toast, wants_fragment
from portal.keepalive import keep_alive
from portal.views.linking import start_linking
from syncengine.actions.connections import create_connection, delete_connection, unlink_connection
from syncengine.actions.datasets import cancel_dataset, queue_dataset
from syncengine.connectors.platforms import Platform
from syncengine.connectors.registry import platforms
from syncengine.exceptions import Refused
from syncengine.models import Connection, Integration
from syncengine.states import DATASET_ACTIVE

FEW_PLATFORMS = 6


@require_safe
@may("connections.link")
def connection_choose(request: HttpRequest, company_id: UUID) -> HttpResponse:
    """Show the platforms that can be connected."""
    company = get_object_or_404(companies_for(request.user), pk=company_id)
    known = platforms()
    enabled = Integration.objects.filter(enabled=True).order_by("name", "key")
    search = request.GET.get("q", "").strip()[:100]
    choices = [
        (integration, known[integration.key])
        for integration in enabled
        if integration.key in known and search.lower() in integration.name.lower()
    ]
    connected = set(company.connections.filter(deleted_at__isnull=True).values_list("integration_id", flat=True))
    context = {"company": company, "choices": choices, "connected": connected, "search": search}
    context["show_search"] = bool(search) or len(choices) > FEW_PLATFORMS
    return render_page(request, "portal/connections/choose.html", context)


@require_http_methods(["GET", "POST"])
@may("connections.link")
def connection_settings(request: HttpRequest, company_id: UUID, platform_key: str) -> HttpResponse:
    """Ask for what the platform needs to know, make the connection, and go on to the platform."""
    company = get_object_or_404(companies_for(request.user), pk=company_id)
    platform = _enabled_platform(platform_key)
    form = ConnectionSettingsForm(request.POST if request.method == "POST" else None, platform=platform)
    if request.method == "POST" and form.is_valid():
        try:
            connection = create_connection(company, platform.key, settings=form.cleaned_data, actor=actor_of(request))
        except Refused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return start_linking(request, connection)
    context = {"company": company, "platform": platform, "form": form}
    return render_page(request, "portal/connections/settings.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@may("connections.unlink")
def connection_unlink(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    connection = _connection(request, connection_id)
    if request.method == "POST":
        try:
            unlink_connection(connection, actor=actor_of(request))
        except Refused as refusal:
            return _back(request, connection, refusal.message, tone="warning")
        return _back(request, connection, f"{connection.integration.name} is unlinked. Its data stays readable.")
    text = "Nothing more is read until it is linked again. The data read so far stays readable."
    return _confirm(request, connection, Form(), f"Unlink {connection.integration.name}?", text, "Unlink")


@require_http_methods(["GET", "POST"])
@may("connections.delete")
def connection_delete(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    connection = _connection(request, connection_id)
    name = connection.integration.name
    form = ConfirmForm(request.POST if request.method == "POST" else None, name=name)
    if request.method == "POST" and form.is_valid():
        delete_connection(connection, actor=actor_of(request))
        return _back(request, connection, f"The connection to {name} is deleted.")
    text = "All data read over this connection goes with it. This cannot be undone."
    return _confirm(request, connection, form, f"Delete the connection to {name}?", text, "Delete connection")


@require_POST
@may("sync_settings.edit")
def connection_keep_alive(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    connection = _connection(request, connection_id)
    try:
        kept = keep_alive(connection, actor=actor_of(request))
    except Refused as refusal:
        return _back(request, connection, refusal.message, tone="warning")
    return _back(request, connection, f"{kept}. That keeps the authorisation alive.")


@require_POST
@may("data.refresh")
def dataset_queue(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    """Queue one data type; answers the grid as it now stands, also when the read was refused."""
    connection = _connection(request, connection_id)
    try:
        queue_dataset(connection, data_type, actor=actor_of(request))
    except Refused as refusal:
        return _grid(request, connection, refusal.message, status=409)
    return _grid(request, connection, "Queued.")


@require_POST
@may("data.refresh")
def dataset_stop(request: HttpRequest, connection_id: UUID, data_type: str) -> HttpResponse:
    """Cancel the read of one data type that is under way; answers the grid as it now stands."""
    connection = _connection(request, connection_id)
    dataset = datasets_for(request.user).filter(connection=connection, data_type=data_type, status__in=DATASET_ACTIVE)
    try:
        cancel_dataset(get_object_or_404(dataset), actor=actor_of(request))
    except (Refused, Http404) as refusal:
        said = refusal.message if isinstance(refusal, Refused) else "This read has ended already."
        return _grid(request, connection, said, status=409)
    return _grid(request, connection, "Cancelled. The last good data stays.")


def _grid(request: HttpRequest, connection: Connection, said: str, *, status: int = 200) -> HttpResponse:
    tone = "success" if status == 200 else "warning"
    if not wants_fragment(request):
        return _back(request, connection, said, tone=tone)
    company = connection.company
    context = {**cards_context(company, seen=request.GET.get("c")), **grid_context(company)}
    response = render_page(request, "portal/companies/detail.html", context, fragment="live", status=status)
    return response if status == 200 else toast(response, said, tone)


def _connection(request: HttpRequest, connection_id: UUID) -> Connection:
    return get_object_or_404(connections_for(request.user).select_related("company", "integration"), pk=connection_id)


def _enabled_platform(key: str) -> Platform:
    if key not in platforms() or not Integration.objects.filter(key=key, enabled=True).exists():
        raise Http404
    return platforms()[key]


def _back(request: HttpRequest, connection: Connection, said: str, *, tone: str = "success") -> HttpResponse:
    return go_and_say(request, said, "company-detail", company_id=connection.company_id, tone=tone)


def _confirm(
    request: HttpRequest, connection: Connection, form: Form, title: str, text: str, button: str
) -> HttpResponse:
    here = reverse("company-detail", args=[connection.company_id])
    trail = [("Companies", reverse("company-list")), (connection.company.name, here)]
    return ask_first(request, title=title, text=text, button=button, here=button, trail=trail, form=form)
