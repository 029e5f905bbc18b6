"""One dead endpoint, or half of all, never delays a healthy one."""

from __future__ import annotations

import time

from django.utils.timezone import now

from portal.alerting.courier import LANE_LIMIT, Courier
from portal.models.webhook import WebhookMessage
from syncengine.actions.companies import create_company
from syncengine.models import Event
from tests.portal.alerting.receiver import Receiver

SECONDS = 8.0
EVERY = 0.6


def waits_of(courier: Courier, receiver: Receiver) -> list[float]:
    """Let something happen every so often; return how long the healthy endpoints waited for it, shortest first."""
    receiver.received.clear()
    Event.objects.update(kind="before")
    ends, next_at, number = time.monotonic() + SECONDS, 0.0, 0
    while time.monotonic() < ends:
        if time.monotonic() >= next_at:
            create_company(name=f"Company {number}", actor="test")
            next_at, number = time.monotonic() + EVERY, number + 1
        courier.work()
        courier.wait(0.02)
    happened = {str(event.pk): event.at.timestamp() for event in Event.objects.filter(kind="company.created")}
    healthy = [one for one in receiver.received if one.path.startswith("/good")]
    waits = sorted(one.at - happened[one.json["id"]] for one in healthy if one.json["id"] in happened)
    assert len(waits) >= 25 * (len(happened) - 4)
    return waits


def test_half_of_fifty_dead_delays_nobody_else(endpoint, receiver, settings) -> None:
    """Dead means: takes the connection and never answers, so that each attempt costs its whole 15 seconds.

    The same is measured without the dead ones first: on a machine that is busy otherwise, that is what counts.
    """
    settings.HEADRACE_WEBHOOK_SECONDS = 15
    receiver.delays["stall"] = 30
    courier = Courier()
    try:
        for number in range(25):
            endpoint(f"good/{number}")
        alone = waits_of(courier, receiver)
        for number in range(25):
            endpoint(f"stall/{number}")
        beside = waits_of(courier, receiver)
    finally:
        courier.pool.shutdown(wait=False, cancel_futures=True)
    stalled = sum(one.path.startswith("/stall") for one in receiver.received)
    before, p95 = (waits[int(len(waits) * 0.95)] for waits in (alone, beside))
    print(f"p95 to 25 healthy endpoints: {before:.2f} s alone, {p95:.2f} s beside 25 dead ones ({stalled} requests)")
    assert p95 < max(2.0, 2 * before)
    # One request at a time for each that nothing good is known of.
    assert stalled == 25


def test_a_failing_endpoint_gets_a_share_and_a_good_one_its_limit(endpoint, receiver, courier) -> None:
    """Eight threads: four at most for all that is doubtful."""
    receiver.statuses["bad"] = [500]
    endpoint("good")
    endpoint("bad")
    for number in range(30):
        create_company(name=f"Company {number}", actor="test")
    most = {"good": 0, "bad": 0}
    receiver.delays |= {"good": 0.02, "bad": 0.02}
    while any([courier.work(), courier.flights]):
        for name in most:
            lanes = [flight.message.lane for flight in courier.flights.values() if flight.message.to.endswith(name)]
            most[name] = max(most[name], len(lanes))
        courier.wait(0.01)
    assert most["good"] <= LANE_LIMIT
    assert most["bad"] <= LANE_LIMIT
    assert WebhookMessage.objects.filter(state="Success").count() == 30
    assert WebhookMessage.objects.filter(state="Attempting", attempt_count=1, next_attempt_at__gt=now()).count() == 30
