"""Webhooks of alerting rules on the wire: headers, retries, redirects, Slack, bad addresses, tests by hand."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse
from django.utils.timezone import now

from portal.actions.alerting_rules import change_rule, delete_rule, draft_rule
from portal.actions.deployment_settings import save_profile
from portal.alerting.delivery import planned_attempts
from portal.alerting.trying import try_rule
from portal.models import Alert, AlertingRule, DeploymentSettings, WebhookMessage
from syncengine.exceptions import Refused
from tests.factories import make_company, make_connection, make_user
from tests.portal.alerting.mail_server import MailServer
from tests.portal.alerting.rule_help import make_rule, written
from tests.portal.alerting.test_rules import failed

pytestmark = pytest.mark.django_db

SECRET = "Basic c2VjcmV0LWtleS1vZi1hbGVydHM="


def alerted(url: str) -> WebhookMessage:
    make_rule(webhook_url=url)
    failed(make_connection(make_company("Harbour Bakery")))
    (message,) = written()
    return message


def settled(message: WebhookMessage) -> tuple[str, int | None, int, str]:
    message.refresh_from_db()
    return message.state, message.last_status_code, message.attempt_count, message.last_error


def test_a_webhook_carries_our_headers_and_the_log_hides_the_secret(receiver, courier) -> None:
    save_profile(name="Lender", redirect_url="", alert_auth_header=SECRET, actor="test")
    message = alerted(receiver.url("good"))
    courier.deliver_all()
    (got,) = receiver.at("good")
    assert got.headers["x-codat-clientid"] == str(DeploymentSettings.load().client_id)
    assert got.headers["authorization"] == SECRET
    assert got.headers["content-type"] == "application/json"
    assert "webhook-signature" not in got.headers
    assert got.json["AlertId"] == str(Alert.objects.get().pk)
    assert got.json["ClientName"] == "Lender"
    assert settled(message) == ("Success", 200, 1, "")
    attempt = message.attempts.get()
    assert attempt.request_headers["authorization"] == "***"
    assert SECRET not in json.dumps([attempt.request_headers, attempt.response_excerpt])


def test_without_a_header_set_none_is_sent(receiver, courier) -> None:
    alerted(receiver.url("good"))
    courier.deliver_all()
    assert "authorization" not in receiver.at("good")[0].headers


@pytest.mark.parametrize("status", [408, 420, 429, 460, 502, 503, 504, 522, 524])
def test_what_may_pass_is_tried_three_more_times_within_two_minutes(receiver, courier, clock, status) -> None:
    receiver.statuses["sick"] = [status]
    message = alerted(receiver.url("sick"))
    began, waits = now(), []
    for _ in range(5):
        courier.deliver_all()
        message.refresh_from_db()
        if message.next_attempt_at is None:
            break
        waits.append((message.next_attempt_at - now()).total_seconds())
        clock.to(message.next_attempt_at)
    assert waits == [10, 40, 60]
    assert (now() - began).total_seconds() < 120
    assert settled(message) == ("Failure", status, 4, f"The endpoint answered {status}.")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 501])
def test_everything_else_is_final(receiver, courier, status) -> None:
    receiver.statuses["sick"] = [status]
    message = alerted(receiver.url("sick"))
    courier.deliver_all()
    assert settled(message)[:3] == ("Failure", status, 1)


def test_no_answer_is_tried_again(receiver, courier, clock) -> None:
    message = alerted(receiver.url("reset"))
    courier.deliver_all()
    assert settled(message)[:3] == ("Attempting", None, 1)


@pytest.mark.parametrize(("asked", "waited"), [("5", 10), ("30", 30), ("600", 600), ("999999", 3600), ("soon", 10)])
def test_retry_after_is_obeyed(receiver, courier, clock, asked, waited) -> None:
    receiver.statuses["sick"], receiver.retry_after["sick"] = [503], asked
    message = alerted(receiver.url("sick"))
    courier.deliver_all()
    message.refresh_from_db()
    assert (message.next_attempt_at - now()).total_seconds() == pytest.approx(waited, abs=1)


def test_the_log_says_beforehand_when_it_will_be_tried(receiver) -> None:
    message = alerted(receiver.url("good"))
    seconds = [(moment - message.next_attempt_at).total_seconds() for moment in planned_attempts(message)]
    assert seconds == [0, 10, 50, 110]


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_with_the_body_and_not_remembered(receiver, courier, status) -> None:
    receiver.leads_to["moved"] = (status, "/good")
    save_profile(name="Lender", redirect_url="", alert_auth_header=SECRET, actor="test")
    message = alerted(receiver.url("moved"))
    courier.deliver_all()
    assert settled(message)[:3] == ("Success", 200, 1)
    (first,), (second,) = receiver.at("moved"), receiver.at("good")
    assert first.body == second.body
    assert second.headers["authorization"] == SECRET
    assert AlertingRule.objects.get().webhook_url == receiver.url("moved")


def test_another_origin_is_not_shown_our_secret(receiver, courier, settings) -> None:
    host = f"localhost:{receiver.port}"
    settings.HEADRACE_OUTBOUND_ALLOW = [receiver.place, host]
    receiver.leads_to["moved"] = (307, f"http://{host}/good")
    save_profile(name="Lender", redirect_url="", alert_auth_header=SECRET, actor="test")
    alerted(receiver.url("moved"))
    courier.deliver_all()
    (got,) = receiver.at("good")
    assert "authorization" not in got.headers
    assert got.headers["x-codat-clientid"]


def test_a_circle_of_redirects_ends(receiver, courier) -> None:
    receiver.leads_to["round"] = (302, "/round")
    message = alerted(receiver.url("round"))
    courier.deliver_all()
    assert settled(message) == ("Failure", 302, 1, "It redirected more than 3 times.")
    assert len(receiver.at("round")) == 4


@pytest.mark.parametrize(
    "inward",
    ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "http://[::1]/", "http://0x7f000001/",
     "http://10.0.0.1/", "ftp://example.com/", "http://user@example.com/"],
)  # fmt: skip
def test_a_redirect_inward_is_refused(receiver, courier, inward) -> None:
    receiver.leads_to["moved"] = (302, inward)
    message = alerted(receiver.url("moved"))
    courier.deliver_all()
    state, status, count, error = settled(message)
    assert (state, status, count) == ("Failure", None, 1)
    assert error.startswith("This address is not allowed") or "address" in error


# --- bad addresses


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "http://localhost/x", "http://[::1]/x", "http://10.1.2.3/x", "http://192.168.0.1/",
     "http://169.254.169.254/latest/", "http://2130706433/", "http://0x7f.1/", "http://017700000001/",
     "http://[::ffff:127.0.0.1]/", "https://user:pw@example.com/", "https://example.com:22/", "gopher://example.com/",
     "javascript:alert(1)", "https://exa mple.com/", "//example.com/x", "https://example.com/\r\nX: y", "x" * 3000],
)  # fmt: skip
def test_a_bad_webhook_address_is_refused_when_it_is_entered(url) -> None:
    with pytest.raises(Refused) as refusal:
        make_rule(webhook_url=url)
    assert refusal.value.field == "webhook"
    assert AlertingRule.objects.count() == 0


def test_an_address_that_turned_inward_is_refused_when_it_is_sent(receiver, courier, settings) -> None:
    message = alerted(receiver.url("good"))
    settings.HEADRACE_OUTBOUND_ALLOW = []
    courier.deliver_all()
    assert settled(message)[:3] == ("Failure", None, 1)
    assert receiver.received == []


def test_a_rule_whose_webhook_was_taken_away_sends_nothing(receiver, courier) -> None:
    message = alerted(receiver.url("good"))
    change_rule(message.rule, actor="test")
    courier.deliver_all()
    assert settled(message) == ("Failure", None, 0, "The rule has no webhook URL any more.")


# --- Slack


@pytest.fixture
def slack(receiver, settings) -> str:
    settings.HEADRACE_SLACK_HOSTS = ["127.0.0.1"]
    return receiver.url("services/T000/B000/verysecret")


def test_a_chat_gets_its_own_form_and_none_of_our_secrets(receiver, courier, slack) -> None:
    save_profile(name="Lender", redirect_url="", alert_auth_header=SECRET, actor="test")
    make_rule(webhook_url=slack)
    event = failed(make_connection(make_company("<!channel> & <https://evil.example|Sign in>")))
    (message,) = written()
    courier.deliver_all()
    (got,) = receiver.received
    assert got.json == {
        "text": (
            "*&lt;!channel&gt; &amp; &lt;https://evil.example|Sign in&gt;: "
            "Dataset status has changed to an error state*\n"
            f"{Alert.objects.get().message}\n"
            f"<http://127.0.0.1:8000/data/history/{event.dataset_id}/|See the read>"
        )
    }
    assert "authorization" not in got.headers
    assert "x-codat-clientid" not in got.headers
    assert message.to == receiver.url("services/T000/B000/***")


# --- trying


def test_trying_a_webhook_shows_what_was_sent_and_answered(receiver) -> None:
    rule = make_rule("Push Operation Status Changed()", webhook_url=receiver.url("good"))
    message = try_rule(rule, "webhook", actor="user:x")
    (got,) = receiver.at("good")
    assert got.body == bytes(message.payload)
    assert (got.json["RuleId"], got.json["RuleType"], got.json["Message"], set(got.json["Data"])) == (
        str(rule.pk), "Push Operation Status Changed()", "This is a test of the alerting rule. Nothing happened.",
        {"dataType", "status", "pushOperationKey"},
    )  # fmt: skip
    assert (message.state, message.trigger, message.last_status_code) == ("Success", "test", 200)
    assert message.attempts.get().response_excerpt == '{"seen": true}'
    assert Alert.objects.count() == 0


def test_a_failed_try_is_never_tried_again(receiver) -> None:
    receiver.statuses["sick"] = [503]
    message = try_rule(make_rule(webhook_url=receiver.url("sick")), "webhook", actor="user:x")
    assert (message.state, message.next_attempt_at, message.last_error) == (
        "Failure", None, "The endpoint answered 503.",
    )  # fmt: skip


def test_a_draft_can_be_tried_before_it_is_saved(receiver, settings) -> None:
    server = MailServer()
    settings.MAILERS = server.mailers
    draft = draft_rule(
        type="No Success Within", webhook_url=receiver.url("good"), emails=["ana@example.com", "bo@example.com"]
    )
    assert try_rule(draft, "webhook", actor="user:x").state == "Success"
    assert try_rule(draft, "email", actor="user:x").to == "ana@example.com"
    assert try_rule(draft, "email", address="bo@example.com", actor="user:x").state == "Success"
    server.stop()
    assert [receivers for _, receivers, _ in server.taken] == [["ana@example.com"], ["bo@example.com"]]
    assert AlertingRule.objects.count() == 0


@pytest.mark.parametrize(("channel", "field"), [("webhook", "webhook"), ("email", "emails")])
def test_what_a_rule_does_not_have_cannot_be_tried(channel, field) -> None:
    with pytest.raises(Refused) as refusal:
        try_rule(make_rule(), channel, actor="test")
    assert refusal.value.field == field


def test_without_a_mail_server_a_try_says_so(settings) -> None:
    settings.MAILERS = {}
    with pytest.raises(Refused, match="set EMAIL_URL"):
        try_rule(make_rule(emails=["ana@example.com"]), "email", actor="test")
    assert WebhookMessage.objects.count() == 0


# --- the log


def test_the_delivery_log_shows_what_rules_sent_and_sends_it_again(receiver, courier, client) -> None:
    receiver.statuses["sick"] = [500, 200]
    message = alerted(receiver.url("sick"))
    courier.deliver_all()
    client.force_login(make_user())
    listed = client.get(reverse("webhook-message-list")).content.decode()
    assert message.to in listed
    page = client.get(reverse("webhook-message-detail", args=[message.pk])).content.decode()
    assert f'href="{reverse("rule-detail", args=[message.rule_id])}"' in page
    assert "The endpoint answered 500." in page
    client.post(reverse("webhook-message-resend", args=[message.pk]))
    courier.deliver_all()
    assert settled(message)[:3] == ("Success", 200, 2)
    delete_rule(message.rule, actor="test")
    page = client.get(reverse("webhook-message-detail", args=[message.pk])).content.decode()
    assert "(rule deleted)" in page
    assert reverse("webhook-message-resend", args=[message.pk]) not in page
