"""Alerting rules and alerts, as 2023 had them (codat contract, section 14). Quiet hours and snoozes are the portal's.

A key that is limited to companies knows the rules of these alone; rules of all companies are not there for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from portal.actions.alerting_rules import change_rule, create_rule, delete_rule, live_rules
from portal.alerting.rule_types import rule_type_named
from portal.api.errors import WireError
from portal.api.lists import listed, parameters
from portal.api.lookups import actor_of, company_for, principal_in, told_as
from portal.api.rule_bodies import (
    ALERT,
    RULE,
    AlertId,
    AlertOut,
    AlertsOut,
    RuleBody,
    RuleId,
    RuleOut,
    RuleReplacementBody,
    RulesOut,
)
from portal.api.schema import WireRouter
from portal.models import Alert, AlertingRule, DeploymentSettings
from syncengine.exceptions import Refused
from syncengine.ids import as_uuid
from syncengine.models import Company
from syncengine.moments import stamp

router = WireRouter(tag="Alerting rules")

_MEMBERS = {
    "company": "companyId",
    "company_tag": "companyTag",
    "emails": "notifiers.emails",
    "webhook": "notifiers.webhook",
    "hours": "settings.hours",
    "points": "settings.points",
    "days": "settings.days",
    "data_type": "settings.dataType",
}


_COMPANY = {
    "in": "query",
    "name": "companyId",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "Only of this company; what is of all companies is left out.",
}


# --- alerts: before the rules, whose ids stand in the same place of the path ------------------------------------------


@router.operation("GET", "/rules/alerts", "rules.read", response=AlertsOut, openapi_extra=parameters(_COMPANY))
def list_alerts(request: HttpRequest) -> Any:
    """List the alerts, newest first."""
    return _alerts(request, _of_company(request, _alerts_seen(request)))


@router.operation("GET", "/rules/alerts/{alert_id}", "rules.read", response=AlertOut)
def get_alert(request: HttpRequest, alert_id: AlertId) -> Any:
    """Get one alert."""
    key = as_uuid(alert_id)
    found = _alerts_seen(request).filter(pk=key) if key else Alert.objects.none()
    shapes = _alert_shapes(list(found))
    if not shapes:
        raise WireError(404, f"No alert was found with ID {alert_id}")
    return shapes[0]


@router.operation("GET", "/rules/{rule_id}/alerts", "rules.read", response=AlertsOut, openapi_extra=parameters())
def list_rule_alerts(request: HttpRequest, rule_id: RuleId) -> Any:
    """List the alerts of one rule, newest first."""
    return _alerts(request, _alerts_seen(request).filter(rule=_rule_for(request, rule_id)))


# --- rules ----------------------------------------------------------------------------------------------------------


@router.operation("GET", "/rules", "rules.read", response=RulesOut, openapi_extra=parameters(_COMPANY))
def list_rules(request: HttpRequest) -> Any:
    """List the alerting rules, oldest first."""
    rules = _of_company(request, _rules_seen(request)).order_by("created_at", "pk")
    return listed(request, rules, RULE, lambda rows: [_rule_shape(rule) for rule in rows])


@router.operation("POST", "/rules", "rules.edit", response=RuleOut)
def create_rule_(request: HttpRequest, body: RuleBody) -> Any:
    """Create an alerting rule."""
    with told_as(**_MEMBERS):
        given = _given(request, body)
        return _rule_shape(create_rule(type=body.type, actor=actor_of(request), **given))


@router.operation("GET", "/rules/{rule_id}", "rules.read", response=RuleOut)
def get_rule(request: HttpRequest, rule_id: RuleId) -> Any:
    """Get one alerting rule."""
    return _rule_shape(_rule_for(request, rule_id))


@router.operation("PUT", "/rules/{rule_id}", "rules.edit", response=RuleOut)
def replace_rule(request: HttpRequest, rule_id: RuleId, body: RuleReplacementBody) -> Any:
    """Replace a rule's company and notifiers. It keeps its type, and what the portal alone sets."""
    rule = _rule_for(request, rule_id)
    kind = rule_type_named(body.type) if body.type is not None else None
    if body.type is not None and (kind is None or kind[0].key != rule.type):
        raise Refused("A rule keeps its type; create another rule instead.", field="type")
    kept: dict[str, Any] = {
        "recovery_notice": rule.recovery_notice,
        "quiet_from": rule.quiet_from,
        "quiet_until": rule.quiet_until,
        "time_zone": rule.time_zone,
        "settings": rule.settings,
        "company_tag": "" if body.company_id else rule.company_tag,
    }
    with told_as(**_MEMBERS):
        return _rule_shape(change_rule(rule, actor=actor_of(request), **kept | _given(request, body)))


@router.operation("DELETE", "/rules/{rule_id}", "rules.edit", response=RuleOut)
def delete_rule_(request: HttpRequest, rule_id: RuleId) -> Any:
    """Delete a rule, and answer with what it was. Its alerts stay."""
    rule = _rule_for(request, rule_id)
    shape = _rule_shape(rule)
    delete_rule(rule, actor=actor_of(request))
    return shape


# --- within ---------------------------------------------------------------------------------------------------------


def _given(request: HttpRequest, body: RuleBody | RuleReplacementBody) -> dict[str, Any]:
    """Return what the body says, for the action; what it leaves out of our own members is left out."""
    company: Company | None = company_for(request, body.company_id) if body.company_id else None
    if company is None and principal_in(request).company_ids is not None:
        raise Refused("This API key is limited to companies: name one of them.", field="company")
    given: dict[str, Any] = {
        "company": company,
        "emails": body.notifiers.emails or [],
        "webhook_url": body.notifiers.webhook or "",
    }
    if body.company_tag is not None:
        given["company_tag"] = body.company_tag
    if body.settings is not None:
        given["settings"] = body.settings.dict(exclude_unset=True)
    return given


def _rules_seen(request: HttpRequest) -> QuerySet[AlertingRule]:
    only = principal_in(request).company_ids
    return live_rules() if only is None else live_rules().filter(company_id__in=only)


def _alerts_seen(request: HttpRequest) -> QuerySet[Alert]:
    only = principal_in(request).company_ids
    alerts = Alert.objects.filter(company__deleted_at=None).select_related("company")
    return alerts if only is None else alerts.filter(company_id__in=only)


def _of_company[Row: (AlertingRule, Alert)](request: HttpRequest, rows: QuerySet[Row]) -> QuerySet[Row]:
    """Return those of the company that the request names, all when it names none. Raises: WireError 404."""
    asked = {name.lower(): str(text).strip() for name, text in request.GET.items()}.get("companyid", "")
    return rows.filter(company=company_for(request, asked)) if asked else rows


def _rule_for(request: HttpRequest, rule_id: str) -> AlertingRule:
    """Raises: WireError 404."""
    key = as_uuid(rule_id)
    rule = _rules_seen(request).filter(pk=key).first() if key else None
    if rule is None:
        raise WireError(404, f"No rule was found with ID {rule_id}")
    return rule


def _alerts(request: HttpRequest, alerts: QuerySet[Alert]) -> dict[str, Any]:
    return listed(request, alerts.order_by("-raised_at", "-pk"), ALERT, _alert_shapes)


def _rule_shape(rule: AlertingRule) -> dict[str, Any]:
    settings = {("dataType" if name == "data_type" else name): value for name, value in rule.settings.items()}
    return {
        "id": str(rule.pk),
        "type": rule.wire_type,
        **({"company_id": str(rule.company_id)} if rule.company_id else {}),
        **({"company_tag": rule.company_tag} if rule.company_tag else {}),
        "notifiers": {"emails": rule.emails, **({"webhook": rule.webhook_url} if rule.webhook_url else {})},
        **({"settings": settings} if settings else {}),
    }


def _alert_shapes(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    deployment = DeploymentSettings.load() if alerts else None
    return [_alert_shape(alert, deployment) for alert in alerts if deployment]


def _alert_shape(alert: Alert, deployment: DeploymentSettings) -> dict[str, Any]:
    return {
        "id": str(alert.pk),
        "alert_id": str(alert.pk),
        "rule_id": str(alert.rule_id),
        "rule_type": alert.rule_type,
        "client_id": str(deployment.client_id),
        "client_name": deployment.name,
        **({"company_id": str(alert.company_id)} if alert.company_id else {}),
        **({"company_name": alert.company.name} if alert.company else {}),
        **({"data_connection_id": str(alert.connection_id)} if alert.connection_id else {}),
        "message": alert.message,
        "data": alert.data,
        "raised_on_utc": stamp(alert.raised_at),
    }
