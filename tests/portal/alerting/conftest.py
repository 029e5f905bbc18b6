from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils.timezone import now

from portal.alerting.consumers import create_consumer
from portal.alerting.courier import Courier
from portal.models.webhook import WebhookConsumer, WebhookMessage
from syncengine.secrets import unseal
from tests.portal.alerting.receiver import Receiver


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    running = Receiver()
    settings.HEADRACE_OUTBOUND_ALLOW = [running.place]
    settings.HEADRACE_WEBHOOK_SECONDS = 1.0
    yield running
    running.stop()


@pytest.fixture
def endpoint(db: None, receiver: Receiver) -> Callable[..., WebhookConsumer]:
    """Make a consumer of the receiver's path; of company.created unless told otherwise."""

    def make(path: str = "good", *event_types: str, **given: Any) -> WebhookConsumer:
        url = given.pop("url", receiver.url(path))
        return create_consumer(url=url, event_types=event_types or ["company.created"], actor="test", **given)

    return make


@pytest.fixture
def courier() -> Iterator[Courier]:
    running = Courier(threads=8)
    yield running
    running.pool.shutdown(wait=True, cancel_futures=True)


class Clock:
    """The time of day, moved by hand; requests take the time they take."""

    def __init__(self, traveller: Any) -> None:
        self.traveller = traveller

    def to(self, moment: Any) -> None:
        self.traveller.move_to(moment)

    def forward(self, **span: float) -> None:
        self.to(now() + timedelta(**span))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel("2026-11-22T12:00:00Z", tick=False) as traveller:
        yield Clock(traveller)


def secret_of(consumer: WebhookConsumer) -> str:
    return unseal(consumer, "secret")["secret"]


def standing(message: WebhookMessage) -> tuple[str, int]:
    message.refresh_from_db()
    return message.state, message.attempt_count
