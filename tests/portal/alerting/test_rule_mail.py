"""E-mails of alerting rules, received by a real SMTP server."""

from __future__ import annotations

import re
import time
from email.message import EmailMessage

import pytest
from django.core import mail
from django.utils.timezone import now

from portal.alerting.messages import resend
from portal.models import Alert, WebhookMessage
from syncengine.actions.companies import rename_company
from syncengine.events import record_event
from syncengine.exceptions import Refused
from tests.factories import make_company, make_connection
from tests.portal.alerting.mail_server import MailServer, free_port, html_of, mailers_at, text_of
from tests.portal.alerting.rule_help import make_rule, written
from tests.portal.alerting.test_rules import PUSH, completed, failed

pytestmark = pytest.mark.django_db

ANA = "ana@example.com"


@pytest.fixture
def server(settings):
    running = MailServer()
    settings.MAILERS = running.mailers
    settings.DEFAULT_FROM_EMAIL = "Headrace <alerts@headrace.example>"
    yield running
    running.stop()


def the_mail(server) -> EmailMessage:
    ((sender, receivers, message),) = server.taken
    assert (sender, receivers) == ("alerts@headrace.example", [ANA])
    return message


def test_a_mail_is_readable_as_text_and_as_html_with_one_button(server, courier) -> None:
    make_rule(emails=[ANA])
    event = failed(make_connection(make_company("Harbour Bakery")))
    written()
    courier.deliver_all()
    message, alert = the_mail(server), Alert.objects.get()
    (stored,) = written()
    page = f"http://127.0.0.1:8000/data/history/{event.dataset_id}/"
    assert message["Subject"].strip() == "[Headrace] Harbour Bakery: Dataset status has changed to an error state"
    assert (message["From"], message["To"]) == ("Headrace <alerts@headrace.example>", ANA)
    assert message["Message-ID"] == f"<{stored.pk}@headrace.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert text_of(message) == (
        "Harbour Bakery: Dataset status has changed to an error state\n\n"
        f"{alert.message}\n\n"
        "Company: Harbour Bakery\nPlatform: Sandbox\nData type: bills\n"
        f"Raised: {alert.raised_at:%Y-%m-%d %H:%M} UTC\n\n"
        f"See the read: {page}\n\n--\n"
        "Sent by Headrace for the alerting rule “Dataset status has changed to an error state”.\n"
    )
    html = html_of(message)
    assert re.findall(r'<a href="([^"]+)"', html) == [page]
    assert "See the read" in html
    assert alert.message in html
    assert (stored.state, stored.last_status_code, stored.to) == ("Success", 250, ANA)


def test_each_address_gets_a_mail_of_its_own(server, courier) -> None:
    make_rule(emails=[ANA, "bo@example.com", "ANA@example.com"])
    failed(make_connection())
    written()
    courier.deliver_all()
    assert sorted(receivers for _, receivers, _ in server.taken) == [[ANA], ["bo@example.com"]]


def test_script_and_line_breaks_in_a_name_do_no_harm(server, courier) -> None:
    make_rule(emails=[ANA])
    company = make_company("<script>alert(1)</script>")
    failed(make_connection(company))
    written()
    courier.deliver_all()
    message = the_mail(server)
    assert "<script" not in html_of(message).lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html_of(message)
    assert "<script>alert(1)</script>" in text_of(message)
    assert message["Bcc"] is None


def test_no_name_can_begin_a_header(server, courier) -> None:
    company = make_company("Acme\r\nBcc: eve@example.com\x07\u2028X")
    make_rule(emails=[ANA])
    failed(make_connection(company))
    written()
    courier.deliver_all()
    message = the_mail(server)
    assert message["Bcc"] is None
    assert message["Subject"].strip().startswith("[Headrace] Acme Bcc: eve@example.com X: ")


def test_what_the_server_puts_off_is_tried_again_and_what_it_refuses_is_not(server, courier, clock) -> None:
    server.answers = ["451 4.3.0 Try again later"]
    server.refused = {"gone@example.com"}
    make_rule(emails=[ANA, "gone@example.com"])
    failed(make_connection())
    ana, gone = written()
    courier.deliver_all()
    for message in (ana, gone):
        message.refresh_from_db()
    assert (ana.state, ana.last_status_code, ana.last_error) == (
        "Attempting", 451, "The mail server answered 451: 4.3.0 Try again later",
    )  # fmt: skip
    assert (ana.next_attempt_at - now()).total_seconds() == pytest.approx(60, abs=1)
    assert (gone.state, gone.last_status_code, gone.last_error) == (
        "Failure", 550, "The mail server answered 550: 5.1.1 No such user here",
    )  # fmt: skip
    clock.forward(seconds=61)
    courier.deliver_all()
    ana.refresh_from_db()
    assert (ana.state, ana.attempt_count) == ("Success", 2)
    the_mail(server)


def test_a_server_that_is_away_is_tried_at_the_planned_times(settings, courier, clock) -> None:
    settings.MAILERS = mailers_at(free_port())
    make_rule(emails=[ANA])
    failed(make_connection())
    (message,) = written()
    waits = []
    for _ in range(6):
        courier.deliver_all()
        message.refresh_from_db()
        if message.next_attempt_at is None:
            break
        waits.append(round((message.next_attempt_at - now()).total_seconds()))
        clock.to(message.next_attempt_at)
    assert waits == [60, 300, 1800, 7200, 14_400]
    assert (message.state, message.attempt_count) == ("Failure", 6)
    assert message.last_error == "The mail server could not be reached or broke off (ConnectionRefusedError)."


def test_without_a_mail_server_the_log_says_so(settings, courier) -> None:
    settings.MAILERS = {}
    make_rule(emails=[ANA])
    failed(make_connection())
    (message,) = written()
    courier.deliver_all()
    message.refresh_from_db()
    assert (message.state, message.last_error) == (
        "Failure", "This deployment sends no e-mail yet: EMAIL_URL is not set.",
    )  # fmt: skip


def test_an_address_that_turned_bad_after_it_was_stored_is_refused_again(server, courier) -> None:
    make_rule(emails=[ANA])
    failed(make_connection())
    (message,) = written()
    WebhookMessage.objects.filter(pk=message.pk).update(to="ana@example.com\nBcc: eve@example.com")
    courier.deliver_all()
    message.refresh_from_db()
    assert (message.state, message.last_error) == ("Failure", "The receiver is not an e-mail address.")
    assert server.taken == []


def test_a_mail_sent_again_by_hand_keeps_its_id(server, courier) -> None:
    rule = make_rule(emails=[ANA])
    failed(make_connection())
    (message,) = written()
    courier.deliver_all()
    message.refresh_from_db()
    resend(message, actor="test")
    courier.deliver_all()
    ids = [mail["Message-ID"] for _, _, mail in server.taken]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    rule.deleted_at = now()
    rule.save()
    with pytest.raises(Refused, match=r"The rule was deleted\."):
        resend(message, actor="test")


@pytest.mark.parametrize(
    ("rule_type", "kind", "page"),
    [
        ("DataConnectionStatusChanged", "connection.linked", "/companies/{company}/"),
        ("Webhook Endpoint Failing", "webhook.failing", "/monitor/webhooks/0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e04/"),
        ("Rate Limit Reached", "client.rate_limit_reached", "/alerting/alerts/{alert}/"),
        ("Push Needs Attention", "push.needs_attention", "/push/0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e04/"),
    ],
)
def test_the_button_leads_to_the_page_that_says_more(server, courier, rule_type, kind, page) -> None:
    connection = make_connection()
    make_rule(rule_type, emails=[ANA])
    about = None if kind.startswith(("webhook", "client")) else connection
    record_event(kind, about=about, consumer_id=PUSH, push_operation_key=PUSH, data_type="bills", reason="x")
    written()
    courier.deliver_all()
    expected = page.format(company=connection.company_id, alert=Alert.objects.get().pk)
    assert re.findall(r'<a href="([^"]+)"', html_of(the_mail(server))) == [f"http://127.0.0.1:8000{expected}"]


def test_the_recovery_is_told_as_such(server, courier) -> None:
    make_rule(emails=[ANA], recovery_notice=True)
    connection = make_connection(make_company("Harbour Bakery"))
    failed(connection)
    written()
    completed(connection)
    written()
    courier.deliver_all()
    subjects = sorted(message["Subject"].strip() for _, _, message in server.taken)
    assert subjects == [
        "[Headrace] Harbour Bakery: Dataset status has changed to an error state",
        "[Headrace] Recovered: Harbour Bakery: Dataset status has changed to an error state",
    ]


def test_a_renamed_company_is_not_renamed_in_what_was_written(server, courier) -> None:
    company = make_company("Harbour Bakery")
    make_rule(emails=[ANA])
    failed(make_connection(company))
    written()
    rename_company(company, name="Quay Bakery", actor="test")
    courier.deliver_all()
    assert "Harbour Bakery" in text_of(the_mail(server))
    assert mail.outbox == []


def test_a_slow_server_delays_no_webhook(server, courier, receiver) -> None:
    """Mails are a lane of their own."""

    async def slowly(*args: object) -> str:
        time.sleep(1.0)
        return "250 Taken"

    server.handle_DATA = slowly
    make_rule(emails=[f"ana{n}@example.com" for n in range(12)], webhook_url=receiver.url("good"))
    failed(make_connection())
    written()
    began = time.monotonic()
    courier.work()
    while not receiver.at("good") and time.monotonic() - began < 2.0:
        courier.wait(0.02)
        courier.work()
    assert time.monotonic() - began < 1.0
    WebhookMessage.objects.filter(channel="email", lease_owner="").update(state="Failure", next_attempt_at=None)
    courier.deliver_all()
