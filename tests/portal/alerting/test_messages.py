"""Sending again: one, chosen ones, what failed, what was missed; and examples."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils.timezone import now

from portal.alerting.consumers import delete_consumer, enable_consumer, pause_consumer
from portal.alerting.event_types import event_types
from portal.alerting.messages import count_missed, recover, replay, resend, resend_all, send_example
from portal.models.webhook import WebhookAttempt, WebhookMessage
from syncengine.actions.companies import create_company, delete_company
from syncengine.exceptions import Refused
from syncengine.models import Event
from tests.portal.alerting.conftest import secret_of, standing
from tests.portal.alerting.receiver import is_signed


def fail_wholly(courier, clock) -> None:
    while message := WebhookMessage.objects.filter(state__in=("Sending", "Attempting")).first():
        clock.to(max(message.next_attempt_at, now()))
        courier.deliver_all()


def test_a_resend_has_the_same_id_and_its_whole_plan_again(endpoint, receiver, courier, clock) -> None:
    endpoint("bad")
    receiver.statuses["bad"] = [500]
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    fail_wholly(courier, clock)
    message = WebhookMessage.objects.get()
    assert standing(message) == ("Failure", 8)
    resend(message, actor="user:ana")
    courier.deliver_all()
    message.refresh_from_db()
    assert (message.state, message.plan_step, (message.next_attempt_at - now()).total_seconds()) == ("Attempting", 1, 5)
    receiver.statuses["bad"] = [200]
    clock.forward(seconds=5)
    courier.deliver_all()
    assert standing(message) == ("Success", 10)
    assert len({one.id for one in receiver.at("bad")}) == 1
    assert [attempt.by_hand for attempt in message.attempts.order_by("number")][7:] == [False, True, True]
    event = Event.objects.get(kind="webhook.resent")
    assert (event.actor, event.data) == ("user:ana", {"count": 1, "message_ids": [message.pk]})


def test_what_succeeded_can_be_sent_again(endpoint, receiver, courier) -> None:
    endpoint("good")
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    resend(WebhookMessage.objects.get(), actor="test")
    courier.deliver_all()
    first, second = receiver.at("good")
    assert (first.id, first.body) == (second.id, second.body)


def test_a_resend_is_refused_where_it_cannot_arrive(endpoint, receiver, courier) -> None:
    consumer = endpoint("good")
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    message = WebhookMessage.objects.get()
    pause_consumer(consumer, actor="test")
    message.refresh_from_db()
    with pytest.raises(Refused, match="The endpoint is disabled"):
        resend(WebhookMessage.objects.get(), actor="test")
    delete_consumer(consumer, actor="test")
    with pytest.raises(Refused, match="The endpoint was deleted"):
        resend(WebhookMessage.objects.get(), actor="test")
    assert resend_all(WebhookMessage.objects.all(), actor="test") == 0
    assert standing(message) == ("Success", 1)


def test_recover_sends_again_what_failed_since(endpoint, receiver, courier, clock) -> None:
    consumer = endpoint("bad")
    receiver.statuses["bad"] = [500]
    create_company(name="Long ago", actor="test")
    courier.deliver_all()
    fail_wholly(courier, clock)
    clock.forward(days=1)
    since = now()
    for name in ("Acme", "Bolt"):
        create_company(name=name, actor="test")
    courier.deliver_all()
    fail_wholly(courier, clock)
    receiver.received.clear()
    receiver.statuses["bad"] = [200]
    assert recover(consumer, since, actor="test") == 2
    courier.deliver_all()
    assert sorted(one.json["payload"]["name"] for one in receiver.at("bad")) == ["Acme", "Bolt"]
    assert recover(consumer, since, actor="test") == 0


def test_replay_tells_what_was_missed_and_nothing_twice(endpoint, receiver, courier) -> None:
    began = now()
    create_company(name="Before it existed", actor="test")
    courier.deliver_all()
    consumer = endpoint("good", "company.created", company_tags=[])
    company = create_company(name="Heard", actor="test")
    courier.deliver_all()
    pause_consumer(consumer, actor="test")
    create_company(name="While it was paused", actor="test")
    delete_company(company, actor="test")  # not subscribed
    courier.deliver_all()
    with pytest.raises(Refused, match="The endpoint is disabled"):
        replay(consumer, began, now(), actor="test")
    enable_consumer(consumer, actor="test")
    consumer.refresh_from_db()
    assert count_missed(consumer, began, now()) == 2
    assert replay(consumer, began, now(), actor="user:ana") == 2
    assert count_missed(consumer, began, now()) == 0
    courier.deliver_all()
    heard = [one.json for one in receiver.at("good")]
    assert sorted(body["payload"]["name"] for body in heard) == ["Before it existed", "Heard", "While it was paused"]
    assert {body["id"] for body in heard} == {
        str(pk) for pk in Event.objects.filter(kind="company.created").values_list("pk", flat=True)
    }
    assert Event.objects.filter(kind="webhook.replayed").count() == 1


def test_replay_keeps_to_its_range_and_to_the_tags(endpoint, receiver, courier) -> None:
    create_company(name="Too early", tags={"region": "uk"}, actor="test")
    courier.deliver_all()
    since = now()
    create_company(name="Right", tags={"region": "uk"}, actor="test")
    create_company(name="Elsewhere", tags={"region": "us"}, actor="test")
    courier.deliver_all()
    until = now()
    create_company(name="Too late", tags={"region": "uk"}, actor="test")
    courier.deliver_all()
    consumer = endpoint("good", company_tags=["region:uk"])
    assert replay(consumer, since, until, actor="test") == 1
    courier.deliver_all()
    assert [one.json["payload"]["name"] for one in receiver.at("good")] == ["Right"]
    with pytest.raises(Refused, match="later than the beginning"):
        replay(consumer, until, since, actor="test")


def test_an_example_is_one_signed_request_and_its_answer(endpoint, receiver, courier) -> None:
    consumer = endpoint("bad")
    receiver.statuses["bad"] = [503]
    message = send_example(consumer, "read.completed", actor="user:ana")
    (received,) = receiver.at("bad")
    assert is_signed(received, secret_of(consumer))
    assert received.body == bytes(message.payload)
    assert json.loads(received.body) == event_types()["read.completed"].example
    assert (message.state, message.trigger, message.next_attempt_at) == ("Failure", "test", None)
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status_code, attempt.error) == (503, "The endpoint answered 503.")
    consumer.refresh_from_db()
    assert (consumer.failing_since, consumer.last_failure_at) == (None, None)
    courier.deliver_all()
    assert len(receiver.received) == 1
    with pytest.raises(Refused, match="This was a test"):
        resend(message, actor="test")


def test_an_example_reaches_a_paused_endpoint(endpoint, receiver) -> None:
    consumer = endpoint("good", disabled=True)
    assert send_example(consumer, "company.created", actor="test").state == "Success"
    with pytest.raises(Refused, match="is not an event type"):
        send_example(consumer, "company.exploded", actor="test")


def test_old_messages_are_purged_and_waiting_ones_are_not(endpoint, receiver, courier, settings) -> None:
    from portal.alerting.delivery import purge_messages

    endpoint("good")
    endpoint("bad")
    receiver.statuses["bad"] = [500]
    create_company(name="Acme", actor="test")
    courier.deliver_all()
    WebhookMessage.objects.update(created_at=now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS + 1))
    purge_messages()
    assert [message.state for message in WebhookMessage.objects.all()] == ["Attempting"]
    assert WebhookAttempt.objects.count() == 1
