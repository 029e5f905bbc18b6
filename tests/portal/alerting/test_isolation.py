"""One dead endpoint, or half of all, never delays a healthy one."""

from __future__ import annotations

import time

from django.utils.timezone import now

from portal.alerting.courier import LANE_LIMIT, Courier
from portal.models.webhook import WebhookMessage
from syncengine.actions.companies import create_company
from syncengine.models import Event
from tests.portal.alerting.receiver import Receiver

SECONDS = 12.0
EVERY = 0.6


def work_for(courier: Courier, seconds: float, receiver: Receiver) -> None:
    """Let something happen every so often while the courier delivers."""
    ends = time.monotonic() + seconds
    next_at, number = 0.0, 0
    while time.monotonic() < ends:
        if time.monotonic() >= next_at:
            create_company(name=f"Company {number}", actor="test")
            next_at, number = time.monotonic() + EVERY, number + 1
        courier.work()
        courier.wait(0.02)


def test_half_of_fifty_dead_delays_nobody_else(endpoint, receiver, settings) -> None:
    """Dead means: takes the connection and never answers, so that each attempt costs its whole 15 seconds."""
    settings.HEADRACE_WEBHOOK_SECONDS = 15
    receiver.delays["stall"] = 30
    for number in range(25):
        endpoint(f"good/{number}")
        endpoint(f"stall/{number}")
    courier = Courier()
    try:
        work_for(courier, SECONDS, receiver)
        happened = {str(event.pk): event.at.timestamp() for event in Event.objects.filter(kind="company.created")}
        waits = sorted(one.at - happened[one.json["id"]] for one in receiver.received if one.path.startswith("/good"))
        stalled = sum(one.path.startswith("/stall") for one in receiver.received)
    finally:
        courier.pool.shutdown(wait=False, cancel_futures=True)
    arrived, p50, p95 = len(waits), waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    print(f"{len(happened)} events, {arrived} arrived, {stalled} stall, p50 {p50:.2f} s, p95 {p95:.2f} s")
    assert arrived >= 25 * (len(happened) - 3)
    assert p95 < 2.0
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
