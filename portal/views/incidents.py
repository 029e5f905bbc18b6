"""Monitor › Incidents: failures with one cause, who has them, and what to do about them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.access import actor_of, allows, incidents_for, may
from portal.actions.incidents import Retried, acknowledge, resolve_by_hand, retry_all
from portal.activity import actor_names
from portal.confirming import ask_first
from portal.formats import zone_of
from portal.forms.incidents import AcknowledgeForm
from portal.htmx import go_and_say, not_changed, render_page, wants_fragment
from portal.incident_page import hours_shown, incident_filters, listed, rows_of, version_of, with_names
from portal.incident_words import ADVICE, told
from portal.links import VALID_DAYS, customer_url
from portal.models import Incident, IncidentMember
from portal.models.incident import IncidentCause
from portal.tables import TablePage, page_of
from syncengine.exceptions import Refused
from syncengine.models import Dataset
from syncengine.queries.data_status import label_of

ENTRIES_SHOWN = 30


@require_safe
@may("incidents.view")
def incident_list(request: HttpRequest) -> HttpResponse:
    seen = incidents_for(request.user)
    page = page_of(request, listed(seen, request.GET))
    version = version_of(page)
    if wants_fragment(request) and request.GET.get("v") == version:
        return not_changed()
    context: dict[str, Any] = {
        "page": page,
        "rows": rows_of(page, request.user, zone_of(request)),
        "version": version,
        "form": incident_filters(request.GET),
        "last": None if page.rows else seen.order_by("-last_seen_at").first(),
    }
    return render_page(request, "portal/incidents/list.html", context, fragment="results")


@require_safe
@may("incidents.view")
def incident_detail(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """One incident; a swap that sends `v` gets the live part, or 204 while that still holds."""
    incident = _incident(request, incident_id)
    if wants_fragment(request) and request.GET.get("v") == version_of([incident]):
        return not_changed()
    return _show(request, incident)


@require_POST
@may("incidents.edit")
def incident_acknowledge(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    incident = _incident(request, incident_id)
    form = AcknowledgeForm(request.POST)
    if not form.is_valid():
        return _show(request, incident, form, status=422)
    try:
        acknowledge(incident, note=form.cleaned_data["note"], actor=actor_of(request))
    except Refused as refusal:
        return go_and_say(request, refusal.message, "incident-detail", incident.pk, tone="warning")
    return go_and_say(request, "Acknowledged. Others see that you have it.", "incident-detail", incident.pk)


@require_http_methods(["GET", "POST"])
@may("incidents.edit")
def incident_resolve(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    incident = _incident(request, incident_id)
    if request.method == "POST":
        try:
            resolve_by_hand(incident, actor=actor_of(request))
        except Refused as refusal:
            return go_and_say(request, refusal.message, "incident-detail", incident.pk, tone="warning")
        return go_and_say(request, "The incident is resolved.", "incident-detail", incident.pk)
    return ask_first(
        request,
        title="Resolve this incident?",
        text="It resolves by itself when everything it touched works again. Resolved by hand, it opens again "
        "should the same fail within six hours.",
        button="Resolve",
        here="Resolve",
        trail=[("Incidents", reverse("incident-list")), ("Incident", reverse("incident-detail", args=[incident.pk]))],
    )


@require_POST
@may("data.refresh")
def incident_retry(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    incident = _incident(request, incident_id)
    try:
        done = retry_all(incident, actor=actor_of(request))
    except Refused as refusal:
        return go_and_say(request, refusal.message, "incident-detail", incident.pk, tone="warning")
    tone = "success" if done.queued else "info"
    return go_and_say(request, _said(done), "incident-detail", incident.pk, tone=tone)


@require_safe
@may("incidents.view")
def incident_links(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """The customers' links, one a connection that must be linked again, each with a letter to go with it."""
    incident = _incident(request, incident_id)
    members = incident.members.filter(recovered_at__isnull=True).select_related("company", "connection__integration")
    page = page_of(request, members.order_by("first_seen_at", "pk"))
    context = {"incident": incident, "page": page, "letters": [_letter(member) for member in page]}
    return render_page(
        request, "portal/incidents/links.html", context | {"title": _title(incident, request), "days": VALID_DAYS}
    )


# --- shared ---------------------------------------------------------------------------------------------------------


def _incident(request: HttpRequest, incident_id: UUID) -> Incident:
    return get_object_or_404(with_names(incidents_for(request.user)), pk=incident_id)


def _title(incident: Incident, request: HttpRequest) -> str:
    return rows_of([incident], request.user, zone_of(request))[0].title


def _show(
    request: HttpRequest, incident: Incident, form: AcknowledgeForm | None = None, *, status: int = 200
) -> HttpResponse:
    row = rows_of([incident], request.user, zone_of(request), hours=hours_shown(incident))[0]
    entries = list(incident.entries.order_by("-at", "-pk")[:ENTRIES_SHOWN])
    people = actor_names([incident.acknowledged_by, incident.resolved_by, *(entry.actor for entry in entries)])
    members = incident.members.select_related("company", "connection").order_by(
        F("recovered_at").asc(nulls_first=True), "-last_seen_at", "pk"
    )
    page = page_of(request, members)
    context = {
        "row": row,
        "incident": incident,
        "hours": hours_shown(incident),
        "advice": ADVICE[incident.cause],
        "page": page,
        "members": _members(page),
        "entries": [(entry, told(entry), people[entry.actor] if entry.actor else "") for entry in entries],
        "acknowledged_by": people[incident.acknowledged_by],
        "resolved_by": people[incident.resolved_by],
        "dataset": _dataset(request, incident),
        "form": form or AcknowledgeForm(initial={"note": incident.note}),
        "may_edit": allows(request.user, "incidents.edit"),
        "can_retry": incident.cause not in (IncidentCause.ENDPOINT, IncidentCause.REVOKED),
        "version": version_of([incident]),
    }
    return render_page(request, "portal/incidents/detail.html", context, fragment="live", status=status)


def _members(page: TablePage) -> list[tuple[IncidentMember, list[tuple[str, str]]]]:
    """Return each with what fails now: (the type's label, its latest read that failed)."""
    return [
        (member, [(label_of(key), dataset_id) for key, dataset_id in sorted(member.failing.items())]) for member in page
    ]


def _dataset(request: HttpRequest, incident: Incident) -> Dataset | None:
    """Return one of the reads that failed, for its evidence; None when there is none any more."""
    if incident.dataset_id is None or not allows(request.user, "data.view"):
        return None
    return Dataset.objects.filter(pk=incident.dataset_id).only("pk", "data_type", "status").first()


def _letter(member: IncidentMember) -> dict[str, Any]:
    """Return what is sent to one customer. Their address is not known here: a mail program fills it in."""
    platform = member.connection.integration.name
    url = customer_url(member.company, member.connection)
    subject = f"Please reconnect {platform}"
    body = (
        f"Hello,\n\nwe can no longer read {member.company.name}'s data at {platform} as agreed. Please open this page "
        f"and link it again; it takes a minute, and we never see your password:\n\n{url}\n\nThank you."
    )
    return {
        "member": member,
        "platform": platform,
        "url": url,
        "body": body,
        "mail": f"mailto:?subject={quote(subject)}&body={quote(body)}",
    }


def _said(done: Retried) -> str:
    said = [
        f"{done.queued:,} read{'' if done.queued == 1 else 's'} tried again." if done.queued else "Nothing to retry."
    ]
    if done.running:
        said.append(f"{done.running:,} under way already.")
    if done.unlinked:
        said.append(f"{done.unlinked:,} must be linked first.")
    if done.left:
        said.append(f"{done.left:,} left for the next press, so that the platform is not flooded.")
    return " ".join(said)
