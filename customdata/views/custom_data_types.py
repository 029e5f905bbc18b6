"""Custom data types: the list, one with the connections that use it, reads asked for, deletion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customdata.actions.custom_data_types import delete_custom_data_type, set_reading
from customdata.checks import warnings_of
from customdata.custom_data_page import (
    configurable,
    connections_of,
    type_rows,
    types_listed,
    use_rows,
    version_of_uses,
)
from customdata.exceptions import UnknownCustomDataType
from customdata.forms.reading import ReadingForm
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import find_custom_data_type
from portal.access import actor_of, connections_for, may
from portal.activity import actor_names
from portal.address_values import as_uuids
from portal.confirming import ask_first
from portal.htmx import go_and_say, not_changed, render_page, wants_fragment
from portal.tables import page_of
from syncengine.actions.datasets import queue_dataset
from syncengine.exceptions import Refused
from syncengine.models import Connection, DataStatus, Integration

MOST_READS = 100  # asked for at once


@require_safe
@may("custom_data.view")
def custom_data_list(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("q", "").replace("\0", "").strip()[:200]
    platform = request.GET.get("platform", "")[:20].replace("\0", "")
    page = page_of(request, types_listed(search=search, platform=platform))
    context = {
        "page": page,
        "rows": type_rows(request.user, page.rows),
        "search": search,
        "platform": platform,
        "integrations": configurable(),
        "is_filtered": bool(search or platform),
    }
    return render_page(request, "customdata/types/list.html", context)


@require_safe
@may("custom_data.view")
def custom_data_detail(request: HttpRequest, platform_key: str, identifier: str) -> HttpResponse:
    """One custom data type; a swap that sends `v` gets the connections, or 204 while nothing of them moved."""
    found = custom_data_type_or_404(platform_key, identifier)
    page = page_of(request, connections_of(request.user, found))
    uses = use_rows(found, page.rows)
    version = version_of_uses(uses)
    if wants_fragment(request) and request.GET.get("v") == version:
        return not_changed()
    configuration = found.settings
    people = actor_names([found.created_by, found.changed_by])
    context = {
        "type": found,
        "configuration": configuration,
        "warnings": warnings_of(configuration, found.integration.key, found.configuration),
        "page": page,
        "uses": uses,
        "moving": sum(use.is_active for use in uses),
        "version": version,
        "created_by": people[found.created_by],
        "changed_by": people[found.changed_by],
        "reading": ReadingForm(found),
    }
    return render_page(request, "customdata/types/detail.html", context, fragment="uses")


@require_POST
@may("custom_data.view")
@may("data.refresh")
def custom_data_read(request: HttpRequest, platform_key: str, identifier: str) -> HttpResponse:
    """Queue reads over the connections chosen; those that cannot be read are named, the others go on."""
    found = custom_data_type_or_404(platform_key, identifier)
    connections = _chosen(request, found)
    if not connections:
        return _back(request, found, "Choose at least one connection to read.", tone="warning")
    refusals = []
    for connection in connections:
        try:
            queue_dataset(connection, found.data_type, actor=actor_of(request))
        except Refused as refusal:
            refusals.append(f"{connection.company.name}: {refusal.message}")
    queued = len(connections) - len(refusals)
    said = f"{queued} read{' is' if queued == 1 else 's are'} queued." if queued else "Nothing was queued."
    return _back(request, found, " ".join([said, *refusals[:3]]), tone="warning" if refusals else "success")


@require_POST
@may("custom_data.edit")
def custom_data_schedule(request: HttpRequest, platform_key: str, identifier: str) -> HttpResponse:
    """Say when the type is read without being asked for."""
    found = custom_data_type_or_404(platform_key, identifier)
    form = ReadingForm(found, request.POST)
    if not form.is_valid():
        return _back(request, found, " ".join(map(str, form.errors["sync_schedule_hours"])), tone="warning")
    try:
        set_reading(found, **form.cleaned_data, actor=actor_of(request))
    except Refused as refusal:
        return _back(request, found, refusal.message, tone="warning")
    return _back(request, found, "Saved.")


@require_http_methods(["GET", "POST"])
@may("custom_data.edit")
def custom_data_delete(request: HttpRequest, platform_key: str, identifier: str) -> HttpResponse:
    found = custom_data_type_or_404(platform_key, identifier)
    if request.method == "POST":
        delete_custom_data_type(found.integration, found.identifier, actor=actor_of(request))
        said = f"{found.identifier} is deleted. What was read of it stays; configure it again to bring it back."
        return go_and_say(request, said, "custom-data-list")
    return ask_first(
        request,
        title=f"Delete {found.identifier}?",
        text=_what_stays(found),
        button="Delete custom data type",
        trail=[
            ("Custom data", reverse("custom-data-list")),
            (found.identifier, reverse("custom-data-detail", args=[platform_key, found.identifier])),
        ],
    )


def custom_data_type_or_404(platform_key: str, identifier: str) -> CustomDataType:
    integration = get_object_or_404(Integration, key=platform_key)
    if "\0" in identifier:
        raise Http404
    try:
        found = find_custom_data_type(integration, identifier)
    except UnknownCustomDataType:
        raise Http404 from None
    found.integration = integration
    return found


def _chosen(request: HttpRequest, found: CustomDataType) -> Sequence[Connection]:
    """Return the connections named in the form that are of this platform; others are left out."""
    wanted = as_uuids(request.POST.getlist("connection")[:MOST_READS])
    connections = connections_for(request.user).filter(pk__in=wanted, integration_id=found.integration_id)
    return list(connections.select_related("company", "integration").order_by("company__name", "id"))


def _what_stays(found: CustomDataType) -> str:
    statuses = DataStatus.objects.filter(connection__integration_id=found.integration_id, data_type=found.data_type)
    counts = list(statuses.values_list("record_count", flat=True))
    held = f"{sum(counts):,} records over {len(counts)} connection{'' if len(counts) == 1 else 's'}"
    stays = f"What was read of it stays readable ({held})" if counts else "Nothing was read of it yet"
    return (
        f"It is read no more, and reads that wait end as NotSupported. {stays}. "
        "Configured again under the same identifier, it is the same data type again."
    )


def _back(request: HttpRequest, found: CustomDataType, said: str, **more: Any) -> HttpResponse:
    return go_and_say(request, said, "custom-data-detail", found.integration.key, found.identifier, **more)
