"""How one kind of message is sent and judged. The courier knows no more of a kind than this.

A channel is a class of its own registered under the name that stands in `WebhookMessage.channel`. Webhook consumers,
the webhooks of alerting rules and e-mails are the ones below; all use the same claims, leases, plans and log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import import_string

from portal.alerting.plans import RetryPlan
from portal.models.webhook import WebhookMessage
from syncengine.outbound.posting import Receipt


@dataclass(frozen=True, slots=True)
class Ready:
    """To be sent now: `send` is called in a thread of its own, so it must not touch the database."""

    send: Callable[[], Receipt]


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: the lane is asked again after so many seconds (a rate limit)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """Its receiver is disabled: what was planned waits until it is enabled again."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It can never be sent; `why` becomes the reason of its failure."""

    why: str


type Prepared = Ready | Later | Held | Refused


@dataclass(frozen=True, slots=True)
class Done:
    """One attempt that ended: the message as it was claimed, what came of it, and when."""

    message: WebhookMessage
    receipt: Receipt
    ended_at: datetime


class Channel(ABC):
    """plan:  what follows a failure."""

    plan: RetryPlan

    @abstractmethod
    def prepare(self, messages: Sequence[WebhookMessage]) -> dict[str, Prepared]:
        """Say for each message, by its id, what is to be done with it now. Of each lane, the oldest come first."""

    def plan_for(self, message: WebhookMessage) -> RetryPlan:
        return self.plan

    def is_final(self, message: WebhookMessage, receipt: Receipt) -> bool:
        """Say whether this failure ends the message although its plan has attempts left."""
        return not self.plan_for(message).worth_retrying(receipt.status_code)

    def lock(self, messages: Sequence[WebhookMessage]) -> set[str]:
        """Hold what `after` will change, before anything is written. Return the ids of messages to be held."""
        return set()

    def after(self, done: Sequence[Done]) -> None:
        """Called in the transaction that wrote down these attempts, in the order in which they ended."""
        return


_channels: dict[str, str] = {
    "consumer": "portal.alerting.consumer_channel.ConsumerChannel",
    "rule": "portal.alerting.rule_channel.RuleChannel",
    "email": "portal.alerting.email_channel.EmailChannel",
}


def register_channel(name: str, path: str) -> None:
    """Have messages of this channel delivered by the class at this dotted path."""
    _channels[name] = path


def channel_of(name: str) -> Channel:
    made: Channel = import_string(_channels[name])()
    return made
