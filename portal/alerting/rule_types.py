"""What a rule can watch: the types of 2023 (codat contract, section 14), under all their spellings, and ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """What can be said about one rule of a type. `unit` is "" for the key of a data type.

    needed:  without it nothing is watched; otherwise absent means all.
    """

    name: str
    label: str
    unit: str = ""
    default: int | None = None
    least: int = 1
    most: int = 1
    needed: bool = False


@dataclass(frozen=True, slots=True)
class RuleType:
    """One type of rule.

    key:            how it is stored; the earlier event type of that name has the same body.
    wire:           what the API calls it; `spellings` are further ones that clients write.
    raised_by:      kinds of events that can raise it; () for what is looked into each minute instead.
    recovered_by:   kinds of events that say that the same subject is well again.
    is_folded:      the same subject found again while its alert is open counts there and makes no other alert.
    is_client_wide: of the whole deployment, so that a rule of one company would never match.
    is_raised:      False for a type that clients may ask for and that has no cause in this system.
    """

    key: str
    label: str
    wire: str
    summary: str
    raised_by: tuple[str, ...] = ()
    recovered_by: tuple[str, ...] = ()
    spellings: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    is_folded: bool = False
    is_client_wide: bool = False
    is_raised: bool = True
    is_ours: bool = False

    @property
    def is_periodic(self) -> bool:
        return self.is_raised and not self.raised_by

    @property
    def can_recover(self) -> bool:
        return bool(self.recovered_by) or self.is_periodic


_DATA_TYPE = Setting("data_type", "Data type")
_STATUS = ("connection.linked", "connection.deauthorized", "connection.unlinked")
_PUSH_DONE = ("push.status_changed",)

_TYPES = (
    RuleType(
        "DataConnectionStatusChanged", "Company data connection status changed", "DataConnectionStatusChanged",
        "A connection was linked, unlinked or deauthorised.", raised_by=_STATUS,
        spellings=("Data Connection Status Changed",),
    ),
    RuleType(
        "NewCompanySynchronized", "New company synchronized", "New company synchronised",
        "All reads of a company's first link ended, at least one of them well.",
        raised_by=("connection.first_read_completed",), spellings=("New company synchronized",),
    ),
    RuleType(
        "DataSyncCompleted", "Data sync completed", "Data sync completed", "One data type was read to its end.",
        raised_by=("dataset.completed",), settings=(_DATA_TYPE,),
    ),
    RuleType(
        "DatasetDataChanged", "Dataset data changed", "Dataset data changed",
        "A read created, changed or removed records.", raised_by=("dataset.completed",), settings=(_DATA_TYPE,),
    ),
    RuleType(
        "DataSyncStatusChangedToError", "Dataset status has changed to an error state",
        "Data Sync Status Changed To Error", "A read failed.", raised_by=("dataset.failed",),
        recovered_by=("dataset.completed",), settings=(_DATA_TYPE,), is_folded=True,
    ),
    RuleType(
        "PushOperationStatusChanged", "Push operation status has changed", "Push Operation Status Changed",
        "A push operation went from one status to another.", raised_by=_PUSH_DONE,
        spellings=("Push Operation Status Changed()",), settings=(_DATA_TYPE,),
    ),
    RuleType(
        "PushOperationTimedOut", "Push operation has timed out", "Push Operation Timed Out",
        "A push operation did not end in time.", raised_by=_PUSH_DONE, settings=(_DATA_TYPE,),
    ),
    RuleType(
        "AccountCategoriesUpdated", "Account categories updated", "Account Categories Updated",
        "Accounts were sorted into categories. This system sorts none, so the rule is kept and never fires.",
        is_raised=False,
    ),
    RuleType(
        "SyncConnectionDeleted", "Sync connection deleted", "Sync Connection Deleted", "A connection was deleted.",
        raised_by=("connection.deleted",),
    ),
    RuleType(
        "ClientRateLimitReached", "Client rate limit reached", "Rate Limit Reached",
        "The API's daily quota is used up.", raised_by=("client.rate_limit_reached",),
        recovered_by=("client.rate_limit_reset",), is_folded=True, is_client_wide=True,
    ),
    RuleType(
        "ClientRateLimitReset", "Client rate limit reset", "Rate Limit Reset", "The API's daily quota was renewed.",
        raised_by=("client.rate_limit_reset",), is_client_wide=True,
    ),
    RuleType(
        "NoSuccessWithin", "No success within a time", "No Success Within",
        "A linked connection was read well too long ago, or never.",
        settings=(Setting("hours", "Hours", "h", default=24, most=24 * 90, needed=True), _DATA_TYPE),
        is_folded=True, is_ours=True,
    ),
    RuleType(
        "CoverageDrop", "Custom field coverage dropped", "Custom Field Coverage Dropped",
        "A custom field's mapping finds its value in far fewer records than before.",
        raised_by=("custom_field.coverage_fell",),
        settings=(Setting("points", "Percentage points", "points", default=20, most=100, needed=True),), is_ours=True,
    ),
    RuleType(
        "WebhookEndpointFailing", "Webhook endpoint failing", "Webhook Endpoint Failing",
        "A webhook endpoint has been failing for a while, or was switched off because of it.",
        raised_by=("webhook.failing", "webhook.disabled"),
        recovered_by=("webhook.recovered", "webhook.enabled", "webhook.deleted"),
        is_folded=True, is_client_wide=True, is_ours=True,
    ),
    RuleType(
        "ConnectionAboutToExpire", "Connection about to expire", "Connection About To Expire",
        "Nothing will use a connection before its platform forgets its authorisation.",
        settings=(Setting("days", "Days ahead", "d", default=7, most=90, needed=True),),
        is_folded=True, is_ours=True,
    ),
    RuleType(
        "PushNeedsAttention", "Push needs attention", "Push Needs Attention",
        "A push operation cannot go on by itself.", raised_by=("push.needs_attention",),
        recovered_by=(*_PUSH_DONE, "push.attention_over"), settings=(_DATA_TYPE,), is_folded=True, is_ours=True,
    ),
)  # fmt: skip

RULE_TYPES: dict[str, RuleType] = {kind.key: kind for kind in _TYPES}


@cache
def _by_spelling() -> dict[str, tuple[RuleType, str]]:
    return {
        spelling.lower(): (kind, spelling) for kind in _TYPES for spelling in (kind.key, *kind.spellings, kind.wire)
    }


def rule_type_named(text: str) -> tuple[RuleType, str] | None:
    """Return the type called so, in any case, and the way it is spelled then; None when there is none such."""
    return _by_spelling().get(" ".join(text.split()).lower())


@cache
def types_raised_by(event_kind: str) -> tuple[RuleType, ...]:
    return tuple(kind for kind in _TYPES if event_kind in kind.raised_by)


@cache
def types_recovered_by(event_kind: str) -> tuple[RuleType, ...]:
    return tuple(kind for kind in _TYPES if event_kind in kind.recovered_by)


def condition_in_words(key: str, settings: Mapping[str, Any]) -> str:
    """Return what a rule of this type with these settings watches, as a sentence without its full stop."""
    data_type = settings.get("data_type")
    of = f" of {data_type}" if data_type else ""
    match key:
        case "NoSuccessWithin":
            return f"No good read{of} within {_counted(settings.get('hours'), 'hour')}"
        case "CoverageDrop":
            return f"A custom field's coverage fell by {_counted(settings.get('points'), 'percentage point')} or more"
        case "ConnectionAboutToExpire":
            return f"An authorisation lapses within {_counted(settings.get('days'), 'day')}"
    return f"{RULE_TYPES[key].label}{f', {data_type}' if data_type else ''}"


def _counted(number: Any, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
