"""What is sent, when it is tried again, and what failures do to an endpoint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from portal.alerting.consumers import delete_consumer, enable_consumer, pause_consumer, set_headers
from portal.alerting.courier import Courier
from portal.alerting.delivery import planned_attempts
from portal.models.webhook import WebhookAttempt, WebhookConsumer, WebhookMessage
from syncengine.actions.companies import create_company
from syncengine.models import Event
from tests.portal.alerting.conftest import secret_of, standing
from tests.portal.alerting.receiver import is_signed

PLAN = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)


def test_an_event_arrives_signed_with_our_headers(endpoint, receiver, courier) -> None:
    consumer = endpoint("good")
    set_headers(consumer, {"X-Team": "billing", "Authorization": "Bearer hunter2"}, actor="test")
    company = create_company(name="Harbour Bakery", tags={"region": "uk"}, actor="test")
    courier.deliver_all()
    (received,) = receiver.at("good")
    message, event = WebhookMessage.objects.get(), Event.objects.get(kind="company.created")
    assert is_signed(received, secret_of(consumer))
    assert received.id == message.pk
    assert received.body == bytes(message.payload)
    assert {name: received.headers[name] for name in ("x-team", "authorization", "content-type")} == {
        "x-team": "billing",
        "authorization": "Bearer hunter2",
        "content-type": "application/json",
    }
    assert received.json["id"] == str(event.pk)
    assert received.json["eventType"] == "company.created"
    payload = received.json["payload"]
    assert {name: payload[name] for name in ("id", "name", "tags")} == {
        "id": str(company.pk),
        "name": "Harbour Bakery",
        "tags": {"region": "uk"},
    }
    attempt = WebhookAttempt.objects.get()
    assert (attempt.number, attempt.status_code, attempt.outcome, attempt.error) == (1, 200, "Success", "")
    assert attempt.response_excerpt == '{"seen": true}'
    assert "hunter2" not in str(attempt.request_headers)
    assert attempt.request_headers["x-team"] == "***"
    assert standing(message) == ("Success", 1)


def test_attempts_come_at_their_planned_times_and_then_end(endpoint, receiver, courier, clock) -> None:
    endpoint("bad")
    receiver.statuses["bad"] = [500]
    create_company(name="Acme", actor="test")
    started, times = now(), []
    courier.deliver_all()
    message = WebhookMessage.objects.get()
    while message.state != "Failure":
        times.append((now() - started).total_seconds())
        message.refresh_from_db()
        if message.next_attempt_at is None:
            break
        clock.to(message.next_attempt_at - timedelta(seconds=1))
        courier.deliver_all()
        clock.to(message.next_attempt_at)
        courier.deliver_all()
    assert times == [sum(PLAN[:count]) for count in range(8)]
    assert standing(message) == ("Failure", 8)
    attempts = list(WebhookAttempt.objects.order_by("number"))
    assert [attempt.number for attempt in attempts] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [(attempt.started_at - attempt.planned_at).total_seconds() for attempt in attempts] == [0.0] * 8
    assert len({one.id for one in receiver.at("bad")}) == 1
    stamps = [int(one.headers["webhook-timestamp"]) for one in receiver.at("bad")]
    assert [stamp - stamps[0] for stamp in stamps] == times


def test_the_attempts_ahead_are_known(endpoint, receiver, courier, clock) -> None:
    endpoint("bad")
    receiver.statuses["bad"] = [500]
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    message = WebhookMessage.objects.get()
    ahead = [(at - now()).total_seconds() for at in planned_attempts(message)]
    assert ahead == [sum(PLAN[: count + 1]) for count in range(7)]
    assert standing(message) == ("Attempting", 1)


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ("7", 7),
        ("3", 5),
        ("3600", 10),
        ("-1", 5),
        ("soon", 5),
        ("99999999999999", 5),
        ("Sun, 22 Nov 2026 12:00:08 GMT", 8),
    ],
)
def test_retry_after_counts_between_the_plan_and_twice_it(endpoint, receiver, courier, clock, asked, waits) -> None:
    endpoint("busy")
    receiver.statuses["busy"], receiver.retry_after["busy"] = [429], asked
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    assert (WebhookMessage.objects.get().next_attempt_at - now()).total_seconds() == waits


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("stall", None, "The endpoint did not answer within 1 second."),
        ("reset", None, "The endpoint closed the connection without answering."),
        ("garbage", None, "What the endpoint answered is not HTTP."),
        ("drip", None, "The endpoint did not answer within 1 second."),
        ("redirect", 302, "The endpoint answered 302, pointing elsewhere. Redirects are not followed."),
        ("huge", 200, ""),
    ],
)
def test_what_endpoints_do_to_us_ends_in_a_named_outcome(endpoint, receiver, courier, path, status, words) -> None:
    endpoint(path)
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status_code, attempt.error) == (status, words)
    assert attempt.duration_ms < 3000
    assert len(attempt.response_excerpt) <= 2000
    assert standing(WebhookMessage.objects.get()) == ("Attempting" if words else "Success", 1)


def test_an_address_that_turns_private_is_refused_at_send(endpoint, receiver, courier) -> None:
    consumer = endpoint("good")
    for url in ("http://127.0.0.1:1/x", "http://169.254.169.254/latest", "http://[::1]:9000/", "http://0x7f.1/"):
        WebhookConsumer.objects.filter(pk=consumer.pk).update(url=url)
        create_company(name="Acme", actor="test")
        courier.deliver_all()
    attempts = WebhookAttempt.objects.order_by("started_at")
    assert [attempt.status_code for attempt in attempts] == [None] * 4
    assert all(attempt.error.startswith("This address cannot be called: ") for attempt in attempts)
    assert receiver.received == []


def test_410_switches_the_endpoint_off_after_one_attempt(endpoint, receiver, courier) -> None:
    consumer = endpoint("gone")
    receiver.statuses["gone"] = [410]
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    create_company(name="Later", actor="test")
    courier.deliver_all()
    consumer.refresh_from_db()
    assert (consumer.disabled, consumer.disabled_because, consumer.standing) == (True, "gone", "Disabled")
    assert standing(WebhookMessage.objects.get()) == ("Failure", 1)
    notice = Event.objects.get(kind="webhook.disabled")
    assert (notice.data["because"], notice.data["consumer_id"]) == ("gone", str(consumer.pk))


def fail_for(clock, courier, hours: float) -> None:
    """Let something happen every twenty hours, and deliver whatever is due on the way."""
    ends = now() + timedelta(hours=hours)
    while now() < ends:
        create_company(name="Acme", actor="test")
        courier.deliver_all()
        clock.to(min(now() + timedelta(hours=20), ends))
    courier.deliver_all()


def test_five_days_of_only_failures_switch_it_off_with_one_notice(endpoint, receiver, courier, clock) -> None:
    consumer = endpoint("bad")
    receiver.statuses["bad"] = [500]
    fail_for(clock, courier, 119)
    consumer.refresh_from_db()
    assert (consumer.disabled, consumer.standing) == (False, "Failing")
    fail_for(clock, courier, 30)
    consumer.refresh_from_db()
    assert (consumer.disabled, consumer.disabled_because) == (True, "failing")
    assert Event.objects.filter(kind="webhook.disabled").count() == 1
    assert Event.objects.filter(kind="webhook.failing").count() == 1
    asked = len(receiver.received)
    clock.forward(days=3)
    courier.deliver_all()
    assert len(receiver.received) == asked


def test_one_success_forgives(endpoint, receiver, courier, clock) -> None:
    consumer = endpoint("bad")
    receiver.statuses["bad"] = [500]
    fail_for(clock, courier, 119)
    receiver.statuses["bad"] = [200]
    courier.deliver_all()
    clock.forward(hours=1)
    fail_for(clock, courier, 1)
    receiver.statuses["bad"] = [500]
    fail_for(clock, courier, 20)
    consumer.refresh_from_db()
    assert (consumer.disabled, consumer.standing) == (False, "Failing")
    assert Event.objects.filter(kind="webhook.recovered").count() == 1


def test_what_was_planned_waits_while_paused_and_goes_on(endpoint, receiver, courier, clock) -> None:
    consumer = endpoint("twice")
    receiver.statuses["twice"] = [500, 200]
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    pause_consumer(consumer, actor="test")
    create_company(name="Unheard", actor="test")
    clock.forward(days=2)
    courier.deliver_all()
    message = WebhookMessage.objects.get()
    assert standing(message) == ("Attempting", 1)
    assert enable_consumer(consumer, actor="test") == 1
    courier.deliver_all()
    assert standing(message) == ("Success", 2)


def test_a_message_written_while_the_endpoint_was_paused_is_held(endpoint, receiver, courier) -> None:
    consumer = endpoint("good")
    create_company(name="Acme", actor="test")
    from syncengine.run.telling import tell_events

    tell_events()
    # As if the pause had been committed by another process between the look and the write.
    WebhookConsumer.objects.filter(pk=consumer.pk).update(disabled=True)
    courier.deliver_all()
    assert receiver.received == []
    assert enable_consumer(consumer, actor="test") == 1
    courier.deliver_all()
    assert len(receiver.received) == 1


def test_deleting_ends_what_was_planned(endpoint, receiver, courier, clock) -> None:
    consumer = endpoint("bad")
    receiver.statuses["bad"] = [500]
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    delete_consumer(consumer, actor="test")
    clock.forward(days=1)
    courier.deliver_all()
    message = WebhookMessage.objects.get()
    assert standing(message) == ("Failure", 1)
    assert message.last_error == "The endpoint was deleted."
    consumer.refresh_from_db()
    assert (bytes(consumer.secret), bytes(consumer.headers)) == (b"", b"")


def test_a_rate_limit_holds_in_every_second(endpoint, receiver, courier) -> None:
    consumer = endpoint("good")
    consumer.rate_limit = 10
    consumer.save()
    for number in range(25):
        create_company(name=f"Acme {number}", actor="test")
    courier.deliver_all()
    assert len(receiver.at("good")) == 25
    times = [attempt.started_at.timestamp() for attempt in WebhookAttempt.objects.order_by("started_at")]
    # A fifth of a second between the grant and the note of it, on a busy machine.
    assert max(sum(at <= other < at + 0.8 for other in times) for at in times) <= 10
    assert times[-1] - times[0] >= 1.5


def test_a_dead_courier_loses_nothing(endpoint, receiver, settings) -> None:
    endpoint("good")
    create_company(name="Acme", actor="test")
    settings.HEADRACE_LEASE_SECONDS = 0.2
    first = Courier(threads=2)
    first.pool.submit = lambda *_: None  # it claims and dies before it sends
    first.work()
    assert receiver.received == []
    second = Courier(threads=2)
    second.deliver_all()
    assert receiver.received == []  # still the first one's
    import time

    time.sleep(0.3)
    second.deliver_all()
    message = WebhookMessage.objects.get()
    assert standing(message) == ("Success", 2)
    assert [attempt.outcome for attempt in message.attempts.order_by("number")] == ["Failure", "Success"]
    assert len(receiver.received) == 1


def test_a_late_answer_of_one_who_lost_the_message_changes_nothing(endpoint, receiver, courier, settings) -> None:
    endpoint("good")
    create_company(name="Acme", actor="test")
    courier.work()
    message = WebhookMessage.objects.get()
    WebhookMessage.objects.update(fence=message.fence + 1, lease_owner="another")
    courier.deliver_all()
    assert standing(message) == ("Sending", 1)
