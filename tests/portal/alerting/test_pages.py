"""Monitor › Webhooks: what its pages show and do, by their elements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from portal.alerting.consumers import set_headers
from portal.alerting.courier import Courier
from portal.alerting.event_types import event_types
from portal.models import Role, WebhookConsumer, WebhookMessage
from portal.models.webhook import MessageState
from syncengine.actions.companies import create_company
from syncengine.models import Event
from syncengine.secrets import unseal
from tests.factories import make_user
from tests.portal.pages import page, rows, said

pytestmark = pytest.mark.django_db
LIST = "/monitor/webhooks/"
NOT_PUBLIC = "This address cannot be called: it does not lead to the public internet."
LOG = "/monitor/webhooks/deliveries/"


@pytest.fixture(autouse=True)
def _clean(settings: Any) -> None:
    settings.WHITENOISE_AUTOREFRESH = True


def deliver(courier: Courier, *names: str, **given: Any) -> None:
    for name in names:
        create_company(name=name, actor="test", **given)
    courier.deliver_all()


# --- endpoints ------------------------------------------------------------------------------------------------------


def test_the_first_visit_says_what_an_endpoint_is(ana: Client) -> None:
    shown = page(ana.get(LIST))
    assert shown.one("h2").text == "No endpoints yet"
    assert shown.one("div", class_="empty").one("a")["href"] == "/monitor/webhooks/new/"
    assert [link.text for link in shown.one("nav", class_="tabs").all("a")] == [
        "Endpoints",
        "Deliveries",
        "Event types",
    ]


def test_the_list_shows_how_each_endpoint_does(ana, endpoint, receiver, courier) -> None:
    endpoint("good", description="Invoice finance", company_tags=["region:uk"])
    endpoint("bad", "company.created", "company.deleted")
    endpoint("off", disabled=True)
    receiver.statuses["bad"] = [500]
    deliver(courier, "Acme", "Bolt", tags={"region": "uk"})
    shown = rows(page(ana.get(LIST)).one("table"))
    assert [row[:5] for row in shown] == [
        [f"{receiver.url('good')} Invoice finance", "Enabled", "company.created", "region:uk", "100 % 2 arrived"],
        [receiver.url("bad"), "Failing", "company.created and 1 more", "all", "— 0 arrived, 2 waiting"],
        [receiver.url("off"), "Paused", "company.created", "all", "— 0 arrived"],
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_for_one_and_three(ana, endpoint, count, django_assert_num_queries) -> None:
    for number in range(count):
        endpoint(f"good/{number}")
    with django_assert_num_queries(4):
        ana.get(LIST)


def test_an_endpoint_is_created_and_shown(ana, receiver) -> None:
    sent = {
        "url": receiver.url("good"),
        "description": "Invoice finance",
        "event_types": ["company.created", "read.completed"],
        "company_tags": "region:uk\n\nteam:a",
        "rate_limit": "7",
    }
    answer = ana.post("/monitor/webhooks/new/", sent)
    consumer = WebhookConsumer.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/monitor/webhooks/{consumer.pk}/")
    assert (consumer.event_types, consumer.company_tags, consumer.rate_limit) == (
        ["company.created", "read.completed"],
        ["region:uk", "team:a"],
        7,
    )
    shown = page(ana.get(answer["Location"]))
    assert shown.one("h1").text == receiver.url("good")
    assert "whsec_" + "•" * 12 in shown.text
    assert unseal(consumer, "secret")["secret"] not in shown.text


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"url": ""}, "id_url_error", "Enter the address that is to be told."),
        ({"url": "http://169.254.169.254/"}, "id_url_error", NOT_PUBLIC),
        ({"rate_limit": "0"}, "id_rate_limit_error", "Ensure this value is greater than or equal to 1."),
        ({"company_tags": "region"}, "id_company_tags_error", "'region' is not a company tag; write key:value."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_endpoint_stands_beside_it(ana, receiver, changed, field, words) -> None:
    sent = {"url": receiver.url("good"), "event_types": ["company.created"]} | changed
    answer = ana.post("/monitor/webhooks/new/", sent)
    assert answer.status_code == 422
    assert page(answer).one("div", id=field).text == words
    assert WebhookConsumer.objects.count() == 0


def test_no_event_type_is_refused_beside_the_choice(ana, receiver) -> None:
    answer = ana.post("/monitor/webhooks/new/", {"url": receiver.url("good")})
    assert answer.status_code == 422
    assert page(answer).one("p", class_="field-error").text == "Choose at least one event type."


def test_an_endpoint_is_edited(ana, endpoint, receiver) -> None:
    consumer = endpoint("good")
    shown = page(ana.get(f"/monitor/webhooks/{consumer.pk}/edit/"))
    chosen = [box["value"] for box in shown.all("input", name="event_types") if "checked" in box.attributes]
    assert chosen == ["company.created"]
    ana.post(f"/monitor/webhooks/{consumer.pk}/edit/", {"url": receiver.url("new"), "event_types": ["company.deleted"]})
    consumer.refresh_from_db()
    assert (consumer.url, consumer.event_types) == (receiver.url("new"), ["company.deleted"])


def test_stored_headers_stay_unless_they_are_written_anew(ana, endpoint) -> None:
    consumer = endpoint("good")
    set_headers(consumer, {"X-Team": "billing", "X-Key": "hunter2"}, actor="test")
    path = f"/monitor/webhooks/{consumer.pk}/headers/"
    shown = ana.get(path)
    assert page(shown).one("textarea").text == "X-Team: *** X-Key: ***"
    assert b"hunter2" not in shown.content
    ana.post(path, {"headers": "X-Team: sales\nX-Key: ***"})
    consumer.refresh_from_db()
    assert unseal(consumer, "headers") == {"X-Team": "sales", "X-Key": "hunter2"}
    for wrong in ("X-New: ***", "no colon", "X-Team: a\nx-team: b", "webhook-id: msg_1"):
        answer = ana.post(path, {"headers": wrong})
        assert answer.status_code == 422, wrong
    ana.post(path, {"headers": ""})
    consumer.refresh_from_db()
    assert bytes(consumer.headers) == b""


def test_the_secret_is_shown_once_for_each_look(ana, endpoint) -> None:
    consumer = endpoint("good")
    path = f"/monitor/webhooks/{consumer.pk}/"
    shown = ana.post(path + "secret/")
    assert page(shown).one("input", aria_label="Secret")["value"] == unseal(consumer, "secret")["secret"]
    assert shown["Cache-Control"].endswith("private")
    assert ana.get(path + "secret/").status_code == 405
    ana.post(path + "rotate/", {"overlap_hours": "24"})
    consumer.refresh_from_db()
    assert timedelta(hours=23) < consumer.previous_secret_until - now() < timedelta(hours=25)
    assert ana.post(path + "rotate/", {"overlap_hours": "1000"}).status_code == 422
    assert Event.objects.filter(kind="webhook.secret_revealed").count() == 1


def test_pause_enable_and_delete(ana, endpoint) -> None:
    consumer = endpoint("good")
    path = f"/monitor/webhooks/{consumer.pk}/"
    ana.post(path + "pause/")
    shown = ana.get(path)
    assert page(shown).one("span", class_="status-badge", data_status="Paused").text == "Paused"
    assert said(shown) == [("success", "Paused. What was planned waits; what happens meanwhile can be replayed.")]
    ana.post(path + "enable/")
    consumer.refresh_from_db()
    assert consumer.standing == "Enabled"
    assert page(ana.get(path + "delete/")).one("h2").text == "Delete this endpoint?"
    assert ana.post(path + "delete/")["Location"] == LIST
    assert ana.get(path).status_code == 404


def test_an_endpoint_that_was_switched_off_says_why_and_what_to_do(ana, endpoint, receiver, courier) -> None:
    consumer = endpoint("gone")
    receiver.statuses["gone"] = [410]
    deliver(courier, "Acme")
    notice = page(ana.get(f"/monitor/webhooks/{consumer.pk}/")).one("div", role="alert")
    assert notice.text.startswith("Switched off: it answered 410 Gone")
    assert [link["href"].rpartition("/webhooks/")[2].split("/")[1] for link in notice.all("a")] == ["recover", "replay"]


def test_the_overview_leads_to_what_was_switched_off(ana, olga, endpoint, receiver, courier) -> None:
    endpoint("paused", disabled=True, description="Paused by hand")
    consumer = endpoint("gone", description="Warehouse")
    receiver.statuses["gone"] = [410]
    deliver(courier, "Acme")
    words = "Webhook endpoint switched off: "
    found = [link["href"] for link in page(ana.get("/")).all("a") if f"/webhooks/{consumer.pk}" in link["href"]]
    assert found == [f"/monitor/webhooks/{consumer.pk}/"]
    assert page(ana.get("/")).text.count(words) == 1
    assert words not in page(olga.get("/")).text


# --- the log --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(endpoint, receiver, courier) -> dict[str, WebhookConsumer]:
    receiver.statuses["bad"] = [500]
    made = {"good": endpoint("good", description="Good"), "bad": endpoint("bad", description="Bad")}
    deliver(courier, "Acme", "Bolt")
    return made


def shown_messages(answer: Any) -> set[tuple[str, ...]]:
    return {(row[3], row[4], row[2].split()[0]) for row in rows(page(answer).one("table"))}


def test_the_log_lists_every_message_and_filters_it(ana, sent) -> None:
    whole = {
        (company, to, state)
        for company in ("Acme", "Bolt")
        for to, state in (("Good", "Success"), ("Bad", "Attempting"))
    }
    assert shown_messages(ana.get(LOG)) == whole
    assert shown_messages(ana.get(LOG, {"q": "acm"})) == {("Acme", "Good", "Success"), ("Acme", "Bad", "Attempting")}
    assert shown_messages(ana.get(LOG, {"state": "waiting", "q": "Bolt"})) == {("Bolt", "Bad", "Attempting")}
    assert shown_messages(ana.get(LOG, {"endpoint": str(sent["good"].pk)})) == {m for m in whole if m[1] == "Good"}
    assert shown_messages(ana.get(LOG, {"period": "hour", "type": "company.created"})) == whole
    for nothing in ({"type": "company.deleted"}, {"state": "Failure"}, {"until": "2020-01-01T00:00"}, {"q": "zzz"}):
        assert page(ana.get(LOG, nothing)).one("h2").text == "No message matches these filters"
    odd = {"state": "x", "type": "x", "endpoint": "x", "period": "x", "since": "x", "until": "99999999-1", "page": "-1"}
    assert shown_messages(ana.get(LOG, odd)) == whole


@pytest.mark.parametrize("names", [["Acme"], ["Acme", "Bolt", "Crane"]])
def test_the_log_takes_the_same_queries_for_one_and_three(
    ana, endpoint, courier, names, django_assert_num_queries
) -> None:
    endpoint("good")
    deliver(courier, *names)
    with django_assert_num_queries(6):
        assert len(shown_messages(ana.get(LOG))) == len(names)


def test_a_message_shows_its_attempts_and_those_to_come(ana, sent) -> None:
    message = WebhookMessage.objects.filter(consumer=sent["bad"]).first()
    shown = page(ana.get(f"{LOG}{message.pk}/"))
    assert (
        shown.one("ol", class_="request-log").one("summary").text.startswith("500 Attempt 1 The endpoint answered 500.")
    )
    ahead = [line.all("span")[0].text for line in shown.one("ol", class_="plan").all("li")]
    assert ahead == [f"Attempt {number} of 8" for number in range(8, 1, -1)]
    assert shown.one("code").text == " ".join(shown.one("code").text.split())
    assert '"eventType": "company.created"' in shown.one("code").text
    assert shown.one("div", id="live")["hx-trigger"] == "every 5s"


def test_a_message_that_ended_is_not_polled_and_one_that_rests_answers_204(ana, sent) -> None:
    ended = WebhookMessage.objects.filter(state=MessageState.SUCCESS).first()
    assert "hx-trigger" not in page(ana.get(f"{LOG}{ended.pk}/")).one("div", id="live").attributes
    waiting = WebhookMessage.objects.filter(state=MessageState.ATTEMPTING).first()
    poll = page(ana.get(f"{LOG}{waiting.pk}/")).one("div", id="live")["hx-get"]
    assert ana.get(poll, headers={"HX-Request": "true"}).status_code == 204
    WebhookMessage.objects.filter(pk=waiting.pk).update(state=MessageState.FAILURE)
    assert ana.get(poll, headers={"HX-Request": "true"}).status_code == 200


def test_one_and_chosen_messages_are_sent_again(ana, sent, receiver, courier) -> None:
    one, *others = WebhookMessage.objects.order_by("pk")
    answer = ana.post(f"{LOG}{one.pk}/resend/")
    assert answer["Location"] == f"{LOG}{one.pk}/"
    ana.post(f"{LOG}resend/", {"message": [other.pk for other in others[:2]]})
    before = len(receiver.received)
    courier.deliver_all()
    assert len(receiver.received) == before + 3
    answer = ana.post(f"{LOG}resend/", {})
    assert said(ana.get(answer["Location"]))[-1] == ("info", "Choose the messages to send again.")
    assert ana.get(f"{LOG}msg_none/").status_code == 404


def test_recover_shows_the_count_first(ana, sent, receiver, courier) -> None:
    WebhookMessage.objects.filter(consumer=sent["bad"]).update(state=MessageState.FAILURE, next_attempt_at=None)
    path = f"/monitor/webhooks/{sent['bad'].pk}/recover/"
    since = (now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    shown = page(ana.get(path, {"since": since})).one("form", class_="card")
    assert shown.one("strong").text == "2"
    assert [button.text for button in shown.all("button")] == ["Send 2 again"]
    assert WebhookMessage.objects.filter(state=MessageState.FAILURE).count() == 2
    ana.post(path, {"since": since})
    assert WebhookMessage.objects.filter(state=MessageState.FAILURE).count() == 0
    assert ana.post(path, {"since": "soon"}).status_code == 422


def test_replay_shows_the_count_first(ana, endpoint, receiver, courier) -> None:
    deliver(courier, "Acme", "Bolt")
    consumer = endpoint("good")
    path = f"/monitor/webhooks/{consumer.pk}/replay/"
    span = {
        "since": (now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        "until": (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
    }
    assert page(ana.get(path, span)).one("form", class_="card").one("strong").text == "2"
    answer = ana.post(path, span)
    assert said(ana.get(answer["Location"]))[-1] == ("success", "2 messages told.")
    courier.deliver_all()
    assert sorted(one.json["payload"]["name"] for one in receiver.at("good")) == ["Acme", "Bolt"]
    backwards = {"since": span["until"], "until": span["since"]}
    assert ana.post(path, backwards).status_code == 422


def test_an_example_shows_the_exact_body_and_the_answer(ana, endpoint, receiver) -> None:
    consumer = endpoint("good")
    path = f"/monitor/webhooks/{consumer.pk}/example/"
    assert page(ana.get(path)).one("code").text.startswith('{ "id":')
    shown = page(ana.post(path, {"event_type": "company.created"}))
    (received,) = receiver.at("good")
    assert shown.one("h2", id="answer").text == "It arrived"
    assert shown.one("code").text == received.body.decode()
    assert shown.one("ol", class_="request-log").one("pre").text == '{"seen": true}'
    assert ana.post(path, {"event_type": "company.exploded"}).status_code == 422


# --- the catalogue --------------------------------------------------------------------------------------------------


def test_the_catalogue_has_every_type_with_schema_and_example(ana) -> None:
    shown = page(ana.get("/monitor/webhooks/events/"))
    assert [link.text for link in shown.one("main").all("a") if "/events/" in link["href"]][1:] == list(event_types())
    texts = [block.text for block in page(ana.get("/monitor/webhooks/events/read.completed/")).all("code")]
    assert ['"recordsModified": true' in texts[0], '"type": "object"' in texts[1]] == [True, True]
    assert ana.get("/monitor/webhooks/events/nothing/").status_code == 303


# --- rights ---------------------------------------------------------------------------------------------------------


def test_who_may_see_and_who_may_change(sent, settings) -> None:
    consumer = sent["good"]
    message = WebhookMessage.objects.first()
    see = [LIST, LOG, "/monitor/webhooks/events/", f"/monitor/webhooks/{consumer.pk}/", f"{LOG}{message.pk}/"]
    own = f"/monitor/webhooks/{consumer.pk}/"
    change = [own + part for part in ("edit/", "headers/", "rotate/", "delete/", "recover/", "replay/", "example/")]
    change.append("/monitor/webhooks/new/")
    posts = [own + part for part in ("secret/", "pause/", "enable/")] + [f"{LOG}resend/", f"{LOG}{message.pk}/resend/"]
    found = {}
    for role in (Role.ADVISOR, Role.ANALYST, Role.DEVELOPER):
        client = Client()
        client.force_login(make_user(f"{role}@example.com", role=role))
        found[role] = (
            {client.get(path).status_code for path in see},
            {client.get(path).status_code for path in change},
            {client.post(path).status_code for path in posts},
        )
    assert found == {
        Role.ADVISOR: ({403}, {403}, {403}),
        Role.ANALYST: ({200}, {403}, {403}),
        Role.DEVELOPER: ({200}, {200}, {200, 303}),
    }
    stranger = Client()
    assert {stranger.get(path).status_code for path in see + change} == {302}
