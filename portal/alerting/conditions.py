"""What a rule's type finds in an event, and what says that it is over. What stands in no event is looked for in
`periodic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from portal.alerting.old_bodies import OLD_NAMES, words_of
from portal.alerting.rule_types import RuleType
from portal.models.alerting_rule import AlertingRule
from syncengine.models import Event
from syncengine.states import DatasetStatus


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. See `Alert` for its members.

    data_type, points:  what a rule's settings may narrow it by.
    """

    message: str
    data: dict[str, Any]
    subject: str = ""
    company_id: UUID | None = None
    connection_id: UUID | None = None
    event_id: UUID | None = None
    data_type: str = ""
    points: float = 0

    def suits(self, rule: AlertingRule) -> bool:
        """Say whether it is what this rule's settings ask for. Company and tag are for the caller."""
        wanted = rule.settings.get("data_type")
        if wanted and wanted != self.data_type:
            return False
        return self.points >= float(rule.settings.get("points") or 0)


def happened(event: Event, kind: RuleType) -> bool:
    """Say whether an event of a kind that can raise this type does raise it. No query."""
    return _HAPPENED.get(kind.key, _always)(event)


def finding_in(event: Event, kind: RuleType) -> Finding | None:
    """Return what a rule of this type finds in the event, None when it is not of that sort."""
    if not happened(event, kind):
        return None
    message, data = _said(event, kind)
    return Finding(
        message=message,
        data=data,
        subject=_SUBJECTS[kind.key](event, data) if kind.is_folded else "",
        company_id=event.company_id,
        connection_id=event.connection_id,
        event_id=event.pk,
        data_type=str(data.get("dataType") or ""),
        points=fallen_points(event),
    )


def recovered_subjects(event: Event, kind: RuleType) -> tuple[str, ...]:
    """Return the subjects that this event says are well again."""
    match kind.key:
        case "DataSyncStatusChangedToError":
            return (_read_subject(event, words_of(event, "DataSyncCompleted")[2]),)
        case "WebhookEndpointFailing":
            failing = f"webhook:{event.data.get('consumer_id')}"
            return failing, f"{failing}:off"
        case "PushNeedsAttention" if event.data.get("status") in ("Pending", "TimedOut"):
            return ()  # its outcome is still to be found out
    return (_SUBJECTS[kind.key](event, {}),)


# --- which events ---------------------------------------------------------------------------------------------------


def _always(event: Event) -> bool:
    return True


def _changed_anything(event: Event) -> bool:
    return any(event.data.get(name) for name in ("created", "changed", "deleted"))


_HAPPENED: dict[str, Callable[[Event], bool]] = {
    "DatasetDataChanged": _changed_anything,
    # That a platform does not offer a type is no failure of anybody.
    "DataSyncStatusChangedToError": lambda event: event.data.get("status") != DatasetStatus.NOT_SUPPORTED,
    "PushOperationTimedOut": lambda event: event.data.get("status") == "TimedOut",
}


# --- about what -----------------------------------------------------------------------------------------------------


def _read_subject(event: Event, data: dict[str, Any]) -> str:
    return f"read:{event.connection_id}:{data['dataType']}"


_SUBJECTS: dict[str, Callable[[Event, dict[str, Any]], str]] = {
    "DataSyncStatusChangedToError": _read_subject,
    "ClientRateLimitReached": lambda event, data: "client",
    "WebhookEndpointFailing": lambda event, data: f"webhook:{data['webhookId']}{':off' if data['disabled'] else ''}",
    "PushNeedsAttention": lambda event, data: f"push:{event.data.get('push_operation_key')}",
}


# --- in which words -------------------------------------------------------------------------------------------------


def _said(event: Event, kind: RuleType) -> tuple[str, dict[str, Any]]:
    if kind.key in OLD_NAMES:
        _, message, data = words_of(event, kind.key)
        return message, data
    return _OWN_WORDS[kind.key](event)


def _deleted(event: Event) -> tuple[str, dict[str, Any]]:
    return f"Sync connection for company {event.company_id} deleted", {}


def _coverage(event: Event) -> tuple[str, dict[str, Any]]:
    told = event.data
    data = {
        "dataConnectionId": str(event.connection_id),
        "dataType": told.get("data_type", ""),
        "customFieldId": told.get("custom_field"),
        "name": told.get("name", ""),
        "beforePercent": told.get("before_percent"),
        "percent": told.get("percent"),
    }
    words = (
        f"Custom field {data['name']} of {data['dataType']} was found in {data['percent']} % of the records, "
        f"down from {data['beforePercent']} %."
    )
    return words, data


def _endpoint_failing(event: Event) -> tuple[str, dict[str, Any]]:
    told = event.data
    was_disabled = event.kind == "webhook.disabled"
    data = {
        "webhookId": told.get("consumer_id"),
        "url": told.get("url", ""),
        "disabled": was_disabled,
        "failingSince": told.get("failing_since") if was_disabled else told.get("since"),
        "reason": told.get("reason", "") or told.get("because", ""),
    }
    because = "answered 410 Gone" if told.get("because") == "gone" else "failed for too long"
    state = f"was switched off because it {because}" if was_disabled else "is failing"
    return f"The webhook endpoint {data['url']} {state}.", data


def _push_stuck(event: Event) -> tuple[str, dict[str, Any]]:
    told = event.data
    data = {
        "dataType": told.get("data_type", ""),
        "pushOperationKey": told.get("push_operation_key"),
        "reason": told.get("reason", ""),
    }
    return f"Pushing {data['dataType']} needs attention: {data['reason']}", data


_OWN_WORDS: dict[str, Callable[[Event], tuple[str, dict[str, Any]]]] = {
    "SyncConnectionDeleted": _deleted,
    "CoverageDrop": _coverage,
    "WebhookEndpointFailing": _endpoint_failing,
    "PushNeedsAttention": _push_stuck,
}


def fallen_points(event: Event) -> float:
    before, after = event.data.get("before_percent"), event.data.get("percent")
    return round(float(before) - float(after), 1) if before is not None and after is not None else 0
