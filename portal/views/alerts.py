"""Monitor › Alerts: what rules found, who was told, and saying that it is dealt with."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST, require_safe

from portal.access import actor_of, alerts_for, allows, may
from portal.actions.alerting_rules import resolve_alert
from portal.activity import actor_names
from portal.address_values import as_uuids
from portal.alerting.alert_pages import page_of as page_of_alert
from portal.alerting.envelopes import encode
from portal.alerting.rule_types import RULE_TYPES
from portal.htmx import go_and_say, render_page
from portal.models import Alert
from portal.rule_page import alert_filters, listed_alerts
from portal.tables import page_of
from portal.webhook_page import pretty

SELECT_AT_MOST = 200


@require_safe
@may("rules.view")
def alert_list(request: HttpRequest) -> HttpResponse:
    alerts = alerts_for(request.user).select_related("company", "rule")
    context = {
        "page": page_of(request, listed_alerts(alerts, request.GET)),
        "form": alert_filters(request.GET),
        "labels": {key: kind.label for key, kind in RULE_TYPES.items()},
        "may_resolve": allows(request.user, "alerts.resolve"),
    }
    return render_page(request, "portal/alerting/alerts.html", context, fragment="results")


@require_safe
@may("rules.view")
def alert_detail(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    url, button = page_of_alert(alert)
    here = url.removeprefix(settings.HEADRACE_PORTAL_URL)
    context = {
        "alert": alert,
        "label": RULE_TYPES[alert.type].label,
        "messages_": list(alert.messages.defer("payload").order_by("created_at", "pk")[:100]),
        "data": pretty(encode(alert.data)),
        "resolved_by": actor_names([alert.resolved_by])[alert.resolved_by],
        "url": "" if here == request.path else here,
        "button": button,
    }
    return render_page(request, "portal/alerting/alert.html", context)


@require_POST
@may("alerts.resolve")
def alert_resolve(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    alert = _alert(request, alert_id)
    resolve_alert(alert, actor=actor_of(request))
    return go_and_say(request, "Resolved. Found again, the same makes a new alert.", "alert-detail", alert.pk)


@require_POST
@may("alerts.resolve")
def alert_resolve_selected(request: HttpRequest) -> HttpResponse:
    chosen = as_uuids(request.POST.getlist("alert")[:SELECT_AT_MOST])
    if not chosen:
        return go_and_say(request, "Choose the alerts to resolve.", "alert-list", tone="info")
    count = 0
    for alert in alerts_for(request.user).filter(pk__in=chosen, resolved_at__isnull=True):
        resolve_alert(alert, actor=actor_of(request))
        count += 1
    said = f"{count} alert{'' if count == 1 else 's'} resolved."
    return go_and_say(request, said, "alert-list", tone="success" if count else "info")


def _alert(request: HttpRequest, alert_id: UUID) -> Alert:
    return get_object_or_404(alerts_for(request.user).select_related("company", "rule", "connection"), pk=alert_id)
