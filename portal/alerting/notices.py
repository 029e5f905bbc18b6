"""What receivers of a rule are told, as messages ready for the courier: webhook bodies, Slack texts, e-mails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.timezone import now

from portal.alerting.emails import Told, alert_mail, summary_mail
from portal.alerting.envelopes import encode
from portal.alerting.old_bodies import old_body
from portal.alerting.slack import slack_alert, slack_summary
from portal.models.alert import Alert
from portal.models.alerting_rule import AlertingRule
from portal.models.webhook import WebhookMessage
from syncengine.moments import stamp
from syncengine.outbound.posting import shown_address

WEBHOOK, EMAIL = "rule", "email"
EMAIL_LANE = "email"


def rule_messages(rule: AlertingRule, alert: Alert) -> list[WebhookMessage]:
    """Return what all receivers of the rule are told of the alert; not saved."""
    told = Told(rule, alert)
    return [*_webhook(rule, told, rule_body(rule, alert)), *_mails(rule, told)]


def recovery_messages(rule: AlertingRule, alert: Alert) -> list[WebhookMessage]:
    """Return what they are told when it is over."""
    told = Told(rule, alert, recovered=True)
    return [*_webhook(rule, told, recovery_body(rule, alert)), *_mails(rule, told)]


def summary_messages(rule: AlertingRule, alerts: Sequence[Alert]) -> list[WebhookMessage]:
    """Return what they are told after quiet hours: people one summary, a program the body of each alert."""
    tolds = [Told(rule, alert, recovered=alert.recovered_at is not None) for alert in alerts]
    messages = []
    if is_slack(rule.webhook_url):
        messages.append(_message(rule, None, WEBHOOK, slack_summary(tolds)))
    elif rule.webhook_url:
        for told in tolds:
            alert = told.alert
            bodies = [rule_body(rule, alert)] if alert.told_at is None else []
            if told.recovered and rule.recovery_notice:
                bodies.append(recovery_body(rule, alert))
            messages += [_message(rule, alert, WEBHOOK, body) for body in bodies]
    mail = summary_mail(tolds)
    return messages + [_message(rule, None, EMAIL, mail | {"to": address}, to=address) for address in rule.emails]


def rule_body(rule: AlertingRule, alert: Alert) -> dict[str, Any]:
    """Return the body of 2023, with the type under both of its names (contract, sections 14 and 19, row 12)."""
    body = old_body(
        rule.wire_type,
        rule_id=str(rule.pk),
        alert_id=str(alert.pk),
        message=alert.message,
        data=alert.data,
        company_id=alert.company_id,
        connection_id=alert.connection_id,
    )
    return {**body, "Type": rule.wire_type}


def recovery_body(rule: AlertingRule, alert: Alert) -> dict[str, Any]:
    body = rule_body(rule, alert)
    over = {"recovered": True, "recoveredOnUtc": stamp(alert.recovered_at or now())}
    return {**body, "Message": f"Recovered: {alert.message}", "Data": {**alert.data, **over}}


def is_slack(url: str) -> bool:
    """Say whether this is an incoming webhook of Slack, or of a chat that this deployment says speaks like it."""
    return bool(url) and (urlsplit(url).hostname or "").lower() in settings.HEADRACE_SLACK_HOSTS


def _webhook(rule: AlertingRule, told: Told, body: dict[str, Any]) -> list[WebhookMessage]:
    if not rule.webhook_url:
        return []
    return [_message(rule, told.alert, WEBHOOK, slack_alert(told) if is_slack(rule.webhook_url) else body)]


def _mails(rule: AlertingRule, told: Told) -> list[WebhookMessage]:
    """One message for each address: none learns of the others, and what fails at one is not sent again to the rest."""
    mail = alert_mail(told) if rule.emails else {}
    return [_message(rule, told.alert, EMAIL, mail | {"to": address}, to=address) for address in rule.emails]


def _message(
    rule: AlertingRule, alert: Alert | None, channel: str, body: dict[str, Any], *, to: str = ""
) -> WebhookMessage:
    return WebhookMessage(
        channel=channel,
        lane=rule.lane if channel == WEBHOOK else EMAIL_LANE,
        rule=rule,
        alert=alert,
        to=to or shown_webhook(rule.webhook_url),
        event_id=alert.event_id if alert else None,
        event_type=rule.wire_type,
        company_id=alert.company_id if alert else rule.company_id,
        payload=encode(body),
        next_attempt_at=now(),
    )


def shown_webhook(url: str) -> str:
    """Return the address as it may be shown: the last part of a Slack address is what lets anybody post there."""
    shown = shown_address(url)
    return f"{shown.rpartition('/')[0]}/***" if is_slack(url) else shown
