"""What tests of alerting rules share."""

from __future__ import annotations

import json
from typing import Any

from portal.actions.alerting_rules import create_rule
from portal.models import Alert, AlertingRule, WebhookMessage
from syncengine.run.telling import tell_events


def make_rule(type: str = "Data Sync Status Changed To Error", **given: Any) -> AlertingRule:
    rule = create_rule(type=type, actor="test", **given)
    tell_events()
    return rule


def raised() -> list[tuple[str, str, dict[str, Any]]]:
    """Tell what is untold, and return every alert as (rule type, message, data), oldest first."""
    tell_events()
    return [(alert.rule_type, alert.message, alert.data) for alert in Alert.objects.order_by("raised_at", "pk")]


def written() -> list[WebhookMessage]:
    tell_events()
    return list(WebhookMessage.objects.filter(rule__isnull=False).order_by("created_at", "pk"))


def bodies() -> list[dict[str, Any]]:
    return [json.loads(bytes(message.payload)) for message in written()]
