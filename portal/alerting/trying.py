"""Trying a rule's receivers: an example is sent now, and what was sent and answered can be looked at."""

from __future__ import annotations

from typing import Any

from django.core.mail import mailers
from django.db import transaction
from django.utils.timezone import now

from portal.alerting.channels import Done
from portal.alerting.delivery import lease_end, settle
from portal.alerting.email_channel import sender as mail_sender
from portal.alerting.event_types import event_types
from portal.alerting.notices import EMAIL, WEBHOOK, rule_messages
from portal.alerting.rule_channel import sender as webhook_sender
from portal.models.alert import Alert
from portal.models.alerting_rule import AlertingRule
from portal.models.deployment_settings import DeploymentSettings
from portal.models.webhook import MessageTrigger, WebhookMessage
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.run.lease import worker_name
from syncengine.secrets import SecretUnreadable

_ID = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e02"
_OUR_DATA: dict[str, dict[str, Any]] = {
    "NoSuccessWithin": {
        "dataConnectionId": _ID, "platformKey": "mqjo", "hours": 24, "lastSuccessUtc": "2026-11-20T08:00:00.000000Z",
    },
    "CoverageDrop": {
        "dataConnectionId": _ID, "dataType": "invoices", "customFieldId": _ID, "name": "costCentre",
        "beforePercent": 98.5, "percent": 41.0,
    },
    "WebhookEndpointFailing": {
        "webhookId": _ID, "url": "https://example.com/hooks", "disabled": False,
        "failingSince": "2026-11-22T14:00:00.000000Z", "reason": "The endpoint answered 500.",
    },
    "ConnectionAboutToExpire": {
        "dataConnectionId": _ID, "platformKey": "mqjo", "lapsesOnUtc": "2026-11-29T00:00:00.000000Z",
    },
    "PushNeedsAttention": {"dataType": "invoices", "pushOperationKey": _ID, "reason": "OutcomeUnknown"},
}  # fmt: skip


def try_rule(rule: AlertingRule, channel: str, *, actor: str, address: str = "") -> WebhookMessage:
    """Send an example now, wait for the answer, and return the message with its one attempt.

    It works for a draft as well, and is never tried again.
    channel:  "webhook" or "email"; of the e-mail addresses, `address` is tried, the first one when it is "".
    Raises:   Refused naming `webhook` or `emails` when the rule has no such receiver, or it cannot be told now.
    """
    message = _message(rule, channel, address)
    message.trigger, message.created_by, message.alert = MessageTrigger.TEST, actor, None
    message.rule = None if rule._state.adding else rule
    message.lane = f"{message.lane}:test"
    message.attempt_count = message.fence = 1
    message.lease_owner, message.lease_until, message.last_attempt_at = worker_name(), lease_end(), now()
    try:
        send = _sender(rule, message)
    except SecretUnreadable:
        raise Refused(
            "The Authorization header of alerts cannot be read with this deployment's keys. Set it anew first.",
            field="webhook",
        ) from None
    with transaction.atomic():
        message.save(force_insert=True)
        record_event("rule.tested", actor=actor, rule_id=str(rule.pk), channel=channel, to=message.to)
    receipt = send()
    settle([Done(message, receipt, now())])
    message.refresh_from_db()
    return message


def _sender(rule: AlertingRule, message: WebhookMessage) -> Any:
    if message.channel == WEBHOOK:
        return webhook_sender(rule, message, DeploymentSettings.load())
    if "default" not in mailers:
        raise Refused("This deployment sends no e-mail yet: set EMAIL_URL and restart.", field="emails")
    return mail_sender(message)


def _message(rule: AlertingRule, channel: str, address: str) -> WebhookMessage:
    wanted = WEBHOOK if channel == "webhook" else EMAIL
    for message in rule_messages(rule, _example(rule)):
        if message.channel == wanted and address in ("", message.to):
            return message
    field = "webhook" if wanted == WEBHOOK else "emails"
    missing = "webhook URL" if wanted == WEBHOOK else "such e-mail address"
    raise Refused(f"The rule has no {missing}; enter one first.", field=field)


def _example(rule: AlertingRule) -> Alert:
    """Return an alert of this rule as it could be, about nothing that exists."""
    known = event_types().get(rule.type)
    data = known.example.get("Data", {}) if known else _OUR_DATA.get(rule.type, {})
    return Alert(
        rule=rule,
        type=rule.type,
        rule_type=rule.wire_type,
        company=rule.company,
        message="This is a test of the alerting rule. Nothing happened.",
        data=dict(data),
        raised_at=now(),
        last_seen_at=now(),
    )
