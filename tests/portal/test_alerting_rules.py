"""Monitor › Alerting rules, Alerts and Maintenance: what the pages show and do, by their elements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now

from portal.actions.alerting_rules import MAX_RULES, add_maintenance, delete_rule, snooze
from portal.alerting.rule_types import RULE_TYPES
from portal.models import Alert, AlertingRule, MaintenanceWindow, Role, User, WebhookMessage
from portal.models.alert import HeldBecause
from syncengine.actions.integrations import install_integrations
from syncengine.models import Event, Integration
from syncengine.states import DatasetStatus
from tests.factories import make_alert, make_company, make_connection, make_dataset, make_rule, make_user
from tests.portal.alerting.receiver import Receiver
from tests.portal.pages import Element, page, rows, said

pytestmark = pytest.mark.django_db
RULES, NEW, ALERTS = "/alerting/rules/", "/alerting/rules/new/", "/alerting/alerts/"
PREVIEW, MAINTENANCE = "/alerting/rules/preview/", "/alerting/maintenance/"
FAILED = "DataSyncStatusChangedToError"
SWAP = {"HX-Request": "true"}
GIVEN = {"type": FAILED, "emails": "ops@example.com, Ana@example.com", "time_zone": "UTC"}


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    running = Receiver()
    settings.HEADRACE_OUTBOUND_ALLOW = [running.place]
    yield running
    running.stop()


@pytest.fixture
def analyst(db: None) -> Client:
    client = Client()
    client.force_login(make_user("analyst@example.com", role=Role.ANALYST))
    return client


def field_errors(shown: Element) -> list[str]:
    return [one.text for one in shown.all("p", class_="field-error")]


def actions_of(shown: Element) -> list[str]:
    head = shown.one("div", class_="page-head-actions")
    return [one.text for one in head.all() if one.tag == "button" or one.attributes.get("class") == "button"]


# --- the list -------------------------------------------------------------------------------------------------------


def test_the_first_visit_offers_four_good_rules(ana: Client, analyst: Client) -> None:
    shown = page(ana.get(RULES))
    assert shown.one("div", class_="empty").one("h2").text == "No alerting rules yet"
    offered = [link["href"] for link in shown.one("ul", class_="grid").all("a")]
    assert len(offered) == 4
    form = page(ana.get(offered[2])).one("form", id="rule-form")
    types = form.one("select", name="type").all("option")
    assert [one["value"] for one in types if "selected" in one.attributes] == ["NoSuccessWithin"]
    assert form.one("input", name="hours")["value"] == "24"
    assert (
        page(ana.get(offered[2])).one("section", id="rule-preview").one("strong").text.startswith("Would have fired 0")
    )
    assert page(analyst.get(RULES)).all("ul", class_="grid") == []


def test_the_navigation_leads_to_the_rules(ana: Client) -> None:
    assert ana.get("/alerting/")["Location"] == RULES
    shown = page(ana.get(RULES))
    assert [tab.text for tab in shown.one("nav", class_="tabs").all("a")] == ["Alerting rules", "Alerts", "Maintenance"]
    assert [a.text for a in shown.one("nav", class_="nav").all("a", aria_current="page")] == ["Alerting"]


def test_the_list_says_what_who_and_how_often(ana: Client) -> None:
    company = make_company("Acme")
    failed = make_rule(emails=["ops@example.com", "b@example.com"], webhook_url="https://93.184.216.34/in")
    make_rule("NoSuccessWithin", settings={"hours": 6, "data_type": "invoices"}, company=company)
    snoozed = make_rule("CoverageDrop", settings={"points": 30}, company_tag="region:uk")
    snooze(snoozed, until=now() + timedelta(hours=1), actor="test")
    delete_rule(make_rule(), actor="test")
    make_rule(company=make_company("Gone", deleted_at=now()))
    for days in (0, 0, 3, 40):
        alert = make_alert(failed, subject=f"read:{Alert.objects.count()}")
        Alert.objects.filter(pk=alert.pk).update(raised_at=now() - timedelta(days=days))
    found = page(ana.get(RULES)).one("table", id="rule-rows")
    assert [row[:4] for row in rows(found)] == [
        [
            "Dataset status has changed to an error state", "Firing 4 open", "All companies",
            "ops@example.com and 1 more https://93.184.216.34/in",
        ],
        ["No success within a time No good read of invoices within 6 hours", "OK", "Acme", "this portal only"],
        [
            "Custom field coverage dropped A custom field's coverage fell by 30 percentage points or more",
            "Snoozed", "Companies with region:uk", "this portal only",
        ],
    ]  # fmt: skip
    assert [chart["aria-label"] for chart in found.all("svg", class_="bars")] == [
        "3 alerts in 30 days",
        "0 alerts in 30 days",
        "0 alerts in 30 days",
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_list_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    for place in range(count):
        make_alert(make_rule(company=make_company(f"C{place}")), subject="x")
    with django_assert_num_queries(6):  # session, user, count, page, open alerts, fired
        ana.get(RULES)


# --- create and edit ------------------------------------------------------------------------------------------------


def test_the_form_is_the_contracts(ana: Client) -> None:
    shown = page(ana.get(NEW))
    assert (shown.one("h1").text, shown.one("div", class_="page-head-summary").text) == (
        "Create new rule",
        "Choose which notifications you want, and for which companies.",
    )
    form = shown.one("form", id="rule-form")
    labels = [one.text for one in form.all("label", class_="field-label")]
    assert labels[:5] == [
        "Rule type",
        "Company",
        "Only companies with a tag (optional)",
        "Email addresses to notify (optional)",
        "Webhook notification URL (optional)",
    ]
    offered = {one["value"] for one in form.one("select", name="type").all("option")}
    assert offered == {"", *RULE_TYPES}
    assert form.one("select", name="company").all("option")[0].text == "All companies"
    assert form.one("input", name="webhook_url")["placeholder"] == "https://…"
    assert [one.text for one in form.one("div", class_="form-actions").all() if one.tag in ("a", "button")] == [
        "Cancel",
        "Save changes",
        "Preview",
    ]


def test_a_rule_is_created(ana: Client) -> None:
    company = make_company("Acme")
    given = GIVEN | {
        "company": str(company.pk), "data_type": "invoices", "webhook_url": "https://93.184.216.34/in",
        "recovery_notice": "on", "quiet_from": "22:00", "quiet_until": "07:00", "time_zone": "Europe/Berlin",
        "hours": "5",
    }  # fmt: skip
    response = ana.post(NEW, given, follow=True)
    assert said(response) == [("success", "The rule is created. Test its channels to see that they arrive.")]
    rule = AlertingRule.objects.get()
    assert (rule.type, rule.company, rule.settings, rule.emails) == (
        FAILED, company, {"data_type": "invoices"}, ["ops@example.com", "Ana@example.com"],
    )  # fmt: skip
    assert (rule.recovery_notice, rule.quiet_from, rule.time_zone) == (True, time(22), "Europe/Berlin")
    assert rule.created_by == f"user:{User.objects.get(email='ana@example.com').pk}"
    facts = page(response).one("dl", class_="facts").text
    assert "22:00 to 07:00, Europe/Berlin" in facts
    assert "https://93.184.216.34/in" in facts
    assert Event.objects.filter(kind="rule.created").count() == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": ""}, "Choose what to be told of."),
        ({"type": "Nonsense"}, "Select a valid choice. Nonsense is not one of the available choices."),
        ({"emails": "ops@example.com, nobody"}, "'nobody' is not an e-mail address."),
        ({"emails": ",".join(f"a{n}@example.com" for n in range(51))}, "A rule may have 50 e-mail addresses"),
        ({"emails": "a@example.com\r\nBcc: b@example.com"}, "is not an e-mail address."),
        ({"webhook_url": "http://127.0.0.1/"}, "This address cannot be called"),
        ({"webhook_url": "http://169.254.169.254/latest"}, "This address cannot be called"),
        ({"webhook_url": "file:///etc/passwd"}, "http"),
        ({"company_tag": "region"}, "'region' is not a company tag; write key:value."),
        ({"company": "0198c0de-0000-7000-8000-000000000000"}, "This company is not there any more. Choose another."),
        ({"type": "NoSuccessWithin", "hours": "0"}, "Hours: a whole number from 1 to 2160."),
        ({"type": "NoSuccessWithin", "hours": "ten"}, "Hours: a whole number from 1 to 2160."),
        ({"data_type": "nonsense"}, "'nonsense' is not a data type."),
        ({"quiet_from": "22:00"}, "Quiet hours need a beginning and an end, or neither."),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "Quiet hours must end at another time than they begin."),
        ({"quiet_from": "25:00", "quiet_until": "x"}, "Enter a valid time."),
        ({"time_zone": "Mars/Olympus"}, "'Mars/Olympus' is no time zone; write one such as Europe/Berlin."),
    ],
)
def test_what_is_refused_is_said_at_its_field(ana: Client, given: dict[str, str], message: str) -> None:
    response = ana.post(NEW, GIVEN | given)
    assert response.status_code == 422
    errors = field_errors(page(response))
    assert [error for error in errors if message in error] != [], errors
    assert AlertingRule.objects.count() == 0
    assert page(response).one("textarea", name="emails").text == (GIVEN | given)["emails"].replace("\r\n", " ")


def test_a_rule_of_the_whole_deployment_takes_no_company(ana: Client) -> None:
    given = {"type": "ClientRateLimitReached", "company": str(make_company().pk)}
    assert "This is of the whole deployment" in field_errors(page(ana.post(NEW, given)))[0]


def test_there_is_room_for_only_so_many(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_RULES == 500
    monkeypatch.setattr("portal.actions.alerting_rules.MAX_RULES", 1)
    make_rule()
    response = ana.post(NEW, GIVEN)
    assert (response.status_code, AlertingRule.objects.count()) == (422, 1)
    assert "There may be 1 alerting rules" in page(response).one("form", id="rule-form").text


def test_a_rule_of_a_company_that_is_deleted_cannot_be_made(ana: Client) -> None:
    gone = make_company(deleted_at=now())
    assert ana.post(NEW, GIVEN | {"company": str(gone.pk)}).status_code == 422


def test_a_rule_keeps_its_type(ana: Client) -> None:
    rule = make_rule("NoSuccessWithin", settings={"hours": 6}, emails=["ops@example.com"])
    shown = page(ana.get(f"{RULES}{rule.pk}/edit/"))
    form = shown.one("form", id="rule-form")
    assert form.all("select", name="type") == []
    assert form.one("input", name="hours")["value"] == "6"
    response = ana.post(
        f"{RULES}{rule.pk}/edit/", {"type": FAILED, "hours": "12", "emails": "", "time_zone": "UTC"}, follow=True
    )
    assert said(response) == [("success", "The rule is saved.")]
    rule.refresh_from_db()
    assert (rule.type, rule.settings, rule.emails) == ("NoSuccessWithin", {"hours": 12}, [])


def test_duplicating_begins_with_the_same(ana: Client) -> None:
    rule = make_rule("NoSuccessWithin", settings={"hours": 6}, emails=["ops@example.com"])
    form = page(ana.get(f"{NEW}?like={rule.pk}")).one("form", id="rule-form")
    assert form.one("input", name="hours")["value"] == "6"
    assert form.one("textarea", name="emails").text == "ops@example.com"
    assert ana.get(f"{NEW}?like=nonsense&type=nonsense").status_code == 200


def test_a_tag_and_hostile_text_stay_text(ana: Client) -> None:
    hostile = '"><script>alert(1)</script>:x'
    response = ana.post(NEW, GIVEN | {"company_tag": hostile}, follow=True)
    assert f"Companies with {hostile}" in page(response).one("dl", class_="facts").text


# --- preview --------------------------------------------------------------------------------------------------------


def failures(count: int) -> None:
    connection = make_connection(make_company("Acme"))
    for place in range(count):
        at = now() - timedelta(days=place)
        make_dataset(connection, f"custom/t{place}", DatasetStatus.FETCH_ERROR, completed_at=at)


def test_the_preview_says_how_often_while_editing(ana: Client) -> None:
    failures(3)
    response = ana.post(PREVIEW, GIVEN, headers=SWAP)
    shown = page(response).one("section", id="rule-preview")
    assert shown.one("strong").text == "Would have fired 3 times in the last 30 days."
    assert shown.one("svg", class_="bars")["aria-label"].startswith("3 alerts in")
    assert page(response).all("form") == []
    narrowed = ana.post(PREVIEW, GIVEN | {"data_type": "custom/t1"}, headers=SWAP)
    assert page(narrowed).one("strong").text == "Would have fired 1 time in the last 30 days."


def test_the_preview_of_a_saved_rule_needs_no_type(ana: Client) -> None:
    failures(2)
    rule = make_rule()
    shown = page(ana.get(f"{RULES}{rule.pk}/edit/")).one("section", id="rule-preview")
    assert shown.one("strong").text.startswith("Would have fired 2 times")
    swapped = ana.post(PREVIEW, {"rule": str(rule.pk), "data_type": "custom/t0"}, headers=SWAP)
    assert page(swapped).one("strong").text.startswith("Would have fired 1 time ")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Choose a rule type, and put right what is marked."),
        ({"type": FAILED, "emails": "nobody"}, "'nobody' is not an e-mail address."),
        ({"type": "NoSuccessWithin", "hours": "x"}, "Hours: a whole number from 1 to 2160."),
        ({"type": FAILED, "rule": "x", "quiet_from": "late"}, "Choose a rule type, and put right what is marked."),
    ],
)  # fmt: skip
def test_a_preview_of_half_a_rule_says_what_is_missing(ana: Client, given: dict[str, str], words: str) -> None:
    response = ana.post(PREVIEW, given, headers=SWAP)
    assert response.status_code == 200
    assert page(response).one("section", id="rule-preview").one("div", class_="card-body").text == words


def test_without_scripts_a_button_previews_and_saves_nothing(ana: Client) -> None:
    failures(1)
    response = ana.post(NEW, GIVEN | {"preview": "1"})
    assert response.status_code == 200
    assert page(response).one("section", id="rule-preview").one("strong").text.startswith("Would have fired 1 time")
    assert page(response).one("textarea", name="emails").text == GIVEN["emails"]
    assert AlertingRule.objects.count() == 0


def test_choosing_a_type_shows_its_settings(ana: Client) -> None:
    response = ana.post(PREVIEW, {"part": "settings", "type": "CoverageDrop"}, headers=SWAP)
    settings = page(response).one("div", id="rule-settings")
    assert [one["name"] for one in settings.all("input")] == ["points"]
    assert settings.one("input", name="points")["value"] == "20"
    both = page(ana.post(PREVIEW, {"part": "settings", "type": "NoSuccessWithin"}, headers=SWAP))
    assert [one["name"] for one in both.all("input")] == ["hours", "data_type", "recovery_notice"]
    assert page(ana.post(PREVIEW, {"part": "settings", "type": "nonsense"}, headers=SWAP)).all("input") == []


# --- one rule -------------------------------------------------------------------------------------------------------


def test_the_page_of_a_rule(ana: Client, analyst: Client) -> None:
    rule = make_rule(emails=["ops@example.com"])
    make_alert(rule, "invoices failed at Acme.", company=make_company("Acme"), count=3)
    shown = page(ana.get(f"{RULES}{rule.pk}/"))
    assert actions_of(shown)[0] == "Test"
    assert "invoices failed at Acme. Acme · found 3 times" in shown.one("ul", class_="feed-rows").text
    assert actions_of(page(analyst.get(f"{RULES}{rule.pk}/"))) == []


@pytest.mark.parametrize("count", [1, 3])
def test_detail_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    rule = make_rule()
    for place in range(count):
        make_alert(rule, company=make_company(f"C{place}"))
    with django_assert_num_queries(7):  # session, user, rule, open alerts, fired, latest alerts, messages
        ana.get(f"{RULES}{rule.pk}/")


@pytest.mark.parametrize(
    ("given", "until", "until_success"),
    [
        ({"until": "half-hour"}, datetime(2026, 11, 22, 16, 30, tzinfo=UTC), False),
        ({"until": "tomorrow"}, datetime(2026, 11, 23, 8, 0, tzinfo=UTC), False),
        ({"until": "success"}, None, True),
        ({"until": "custom", "at": "2026-11-24T12:00"}, datetime(2026, 11, 24, 11, 0, tzinfo=UTC), False),
    ],
)
def test_snoozing(client: Client, given: dict[str, str], until: datetime | None, until_success: bool) -> None:
    rule = make_rule()
    with time_machine.travel("2026-11-22T16:00:00Z", tick=False):
        client.force_login(make_user("ana@example.com", name="Ana Brandt", time_zone="Europe/Berlin"))
        response = client.post(f"{RULES}{rule.pk}/snooze/", given, follow=True)
        assert said(response) == [("success", "Snoozed. Alerts are still raised here; nobody is told.")]
        assert page(response).one("div", class_="notice").text.startswith("Ana Brandt snoozed it until")
        rule.refresh_from_db()
        assert (rule.snoozed_until, rule.snoozed_until_success) == (until, until_success)
        response = client.post(f"{RULES}{rule.pk}/wake/", follow=True)
    assert said(response) == [("success", "The rule tells again.")]
    rule.refresh_from_db()
    assert rule.is_snoozed() is False


@pytest.mark.parametrize(
    ("type", "given", "words"),
    [
        (FAILED, {}, "Choose how long to snooze."),
        (FAILED, {"until": "for ever"}, "Choose how long to snooze."),
        (FAILED, {"until": "custom", "at": "soon"}, "Enter a day and a time."),
        (FAILED, {"until": "custom", "at": "2001-01-01T00:00"}, "Choose a time that is to come, at most 90 days"),
        (
            "DataSyncCompleted",
            {"until": "success"},
            "Nothing of this type recovers, so there is no next success. Choose a time.",
        ),
    ],
)  # fmt: skip
def test_a_snooze_that_cannot_be(ana: Client, type: str, given: dict[str, str], words: str) -> None:
    rule = make_rule(type)
    ((tone, text),) = said(ana.post(f"{RULES}{rule.pk}/snooze/", given, follow=True))
    assert (tone, text.startswith(words)) == ("warning", True)
    rule.refresh_from_db()
    assert rule.is_snoozed() is False


def test_only_what_recovers_offers_the_next_success(ana: Client) -> None:
    def offered(type: str) -> list[str]:
        shown = page(ana.get(f"{RULES}{make_rule(type).pk}/"))
        return [one["value"] for one in shown.all("button", name="until")]

    assert offered(FAILED) == ["half-hour", "tomorrow", "success", "custom"]
    assert offered("DataSyncCompleted") == ["half-hour", "tomorrow", "custom"]


def test_a_webhook_is_tried_and_shows_what_went_out(ana: Client, receiver: Receiver) -> None:
    rule = make_rule(webhook_url=receiver.url("good"))
    assert page(ana.get(f"{RULES}{rule.pk}/test/")).all("ol", class_="request-log") == []
    shown = page(ana.post(f"{RULES}{rule.pk}/test/", {"channel": "webhook"}))
    assert shown.one("h2", id="answer").text == f"It arrived at {receiver.url('good')}"
    sent = json.loads(shown.one("pre", class_="json-panel-text").text)
    assert json.loads(receiver.received[0].body) == sent
    assert (sent["RuleType"], sent["Type"], sent["RuleId"]) == (FAILED, FAILED, str(rule.pk))


def test_a_webhook_that_refuses_says_so(ana: Client, receiver: Receiver) -> None:
    receiver.statuses["bad"] = [500]
    rule = make_rule(webhook_url=receiver.url("bad"))
    shown = page(ana.post(f"{RULES}{rule.pk}/test/", {"channel": "webhook"}))
    assert shown.one("h2", id="answer").text == f"It did not arrive at {receiver.url('bad')}"
    assert shown.one("span", class_="request-code").text == "500"
    assert "e-mail" not in shown.text


def test_a_channel_the_rule_does_not_have_is_refused(ana: Client) -> None:
    rule = make_rule(emails=["ops@example.com"])
    for given in ({"channel": "webhook"}, {"channel": "email", "address": "else@example.com"}):
        response = ana.post(f"{RULES}{rule.pk}/test/", given)
        assert response.status_code == 422
        assert "enter one first" in page(response).one("div", role="alert").text
    assert WebhookMessage.objects.count() == 0


def test_a_rule_that_tells_nobody_says_so_on_its_test_page(ana: Client) -> None:
    rule = make_rule()
    assert "This rule tells nobody" in page(ana.get(f"{RULES}{rule.pk}/test/")).one("main").text
    assert "Test" not in actions_of(page(ana.get(f"{RULES}{rule.pk}/")))


def test_deleting_asks_first(ana: Client) -> None:
    rule = make_rule()
    make_alert(rule)
    assert page(ana.get(f"{RULES}{rule.pk}/delete/")).one("h2").text == "Delete this rule?"
    response = ana.post(f"{RULES}{rule.pk}/delete/", follow=True)
    assert said(response) == [("success", "The rule is deleted. The alerts it raised stay.")]
    assert ana.get(f"{RULES}{rule.pk}/").status_code == 404
    assert len(rows(page(ana.get(ALERTS)).one("table"))) == 1


# --- alerts ---------------------------------------------------------------------------------------------------------


def test_alerts_newest_first(ana: Client) -> None:
    rule = make_rule()
    make_alert(rule, "bills failed.", company=make_company("Acme"), recovered_at=now())
    make_alert(rule, "invoices failed.", subject="x", count=4, held_because=HeldBecause.SNOOZED)
    make_alert(rule, company=make_company("Gone", deleted_at=now()))
    label = "Dataset status has changed to an error state"
    assert [row[1:6] for row in rows(page(ana.get(ALERTS)).one("table"))] == [
        ["invoices failed. Not sent: the rule was snoozed", "Open", label, "—", "4×"],
        ["bills failed.", "Recovered", label, "Acme", "1×"],
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["bolt", "acme", "open"]),
        ("?state=Open", ["open"]),
        ("?state=Recovered", ["acme"]),
        ("?state=Resolved", ["bolt"]),
        ("?type=CoverageDrop", ["bolt"]),
        ("?q=acm", ["acme"]),
        ("?q=%00", ["bolt", "acme", "open"]),
        ("?q=0198c0de-0000-7000-8000-000000000000", []),
        ("?period=hour", ["bolt", "acme"]),
        ("?state=x&type=x&period=x&rule=x&page=x", ["bolt", "acme", "open"]),
    ],
)
def test_alert_filters(ana: Client, query: str, found: list[str]) -> None:
    old = make_alert(make_rule(), "open")
    Alert.objects.filter(pk=old.pk).update(raised_at=now() - timedelta(days=1))
    make_alert(make_rule(), "acme", company=make_company("Acme"), recovered_at=now())
    make_alert(make_rule("CoverageDrop"), "bolt", company=make_company("Bolt"), resolved_at=now())
    tables = page(ana.get(ALERTS + query)).all("table")
    assert [row[1] for table in tables for row in rows(table)] == found


def test_alerts_of_one_rule(ana: Client) -> None:
    rule = make_rule()
    make_alert(rule, "mine")
    make_alert(make_rule(), "another's")
    shown = page(ana.get(f"{ALERTS}?rule={rule.pk}"))
    assert [row[1] for row in rows(shown.one("table"))] == ["mine"]
    assert shown.one("input", name="rule")["value"] == str(rule.pk)


def test_an_analyst_resolves_one_and_chosen_ones(analyst: Client) -> None:
    rule = make_rule()
    first, second, third = (make_alert(rule, f"{n}") for n in range(3))
    response = analyst.post(f"{ALERTS}{first.pk}/resolve/", follow=True)
    assert said(response) == [("success", "Resolved. Found again, the same makes a new alert.")]
    assert actions_of(page(response)) == []
    chosen = [str(first.pk), str(second.pk), str(third.pk), "nonsense"]
    response = analyst.post(f"{ALERTS}resolve/", {"alert": chosen}, follow=True)
    assert said(response) == [("success", "2 alerts resolved.")]
    assert {alert.standing for alert in Alert.objects.all()} == {"Resolved"}
    assert Event.objects.filter(kind="alert.resolved").count() == 3
    assert said(analyst.post(f"{ALERTS}resolve/", follow=True)) == [("info", "Choose the alerts to resolve.")]


def test_the_page_of_an_alert(ana: Client) -> None:
    rule = make_rule(emails=["ops@example.com"])
    connection = make_connection(make_company("Acme"))
    dataset = make_dataset(connection, status=DatasetStatus.FETCH_ERROR)
    alert = make_alert(
        rule, "invoices failed.", company=connection.company, connection=connection,
        data={"dataType": "<b>invoices</b>", "datasetId": str(dataset.pk)},
    )  # fmt: skip
    WebhookMessage.objects.create(
        channel="email", lane="email", rule=rule, alert=alert, to="ops@example.com", event_type=FAILED,
        payload=b"{}", state="Failure", last_error="The mail server refused it.",
    )  # fmt: skip
    shown = page(ana.get(f"{ALERTS}{alert.pk}/"))
    assert shown.one("h1").text == "invoices failed."
    assert shown.one("ul", class_="feed-rows").text.startswith(
        "Failure ops@example.com e-mail · The mail server refused it."
    )
    assert '"dataType": "<b>invoices</b>"' in shown.one("pre", class_="json-panel-text").text
    assert actions_of(shown) == ["See the read", "Resolve"]


@pytest.mark.parametrize("count", [1, 3])
def test_alert_list_queries(ana: Client, count: int, django_assert_num_queries: Any) -> None:
    for place in range(count):
        make_alert(make_rule(), company=make_company(f"C{place}"))
    with django_assert_num_queries(4):  # session, user, count, page
        ana.get(ALERTS)


# --- maintenance ----------------------------------------------------------------------------------------------------


def test_a_window_is_planned_and_ended(ana: Client) -> None:
    install_integrations()
    form = page(ana.get(f"{MAINTENANCE}?platform=gbol")).one("form", action=MAINTENANCE)
    assert [one["value"] for one in form.all("option") if "selected" in one.attributes] == ["gbol"]
    begins, ends = now() - timedelta(minutes=1), now() + timedelta(hours=2)
    given = {"integration": "mqjo", "starts_at": f"{begins:%Y-%m-%dT%H:%M}", "ends_at": f"{ends:%Y-%m-%dT%H:%M}"}
    response = ana.post(MAINTENANCE, given | {"note": "Their upgrade"}, follow=True)
    assert said(response) == [("success", "The window is planned.")]
    shown = rows(page(response).one("table"))[0]
    assert (shown[:2], shown[4:]) == (["Sandbox", "Running"], ["Their upgrade", "Ana Brandt", "End now"])
    window = MaintenanceWindow.objects.get()
    ana.post(f"{MAINTENANCE}{window.pk}/end/")
    window.refresh_from_db()
    assert window.ends_at <= now()
    assert rows(page(ana.get(MAINTENANCE)).one("table"))[0][1] == "Over"


def test_a_window_that_has_not_begun_is_called_off(ana: Client) -> None:
    install_integrations()
    begins = now() + timedelta(days=1)
    add_maintenance(
        Integration.objects.get(key="mqjo"), starts_at=begins, ends_at=begins + timedelta(hours=1), actor="test"
    )
    assert rows(page(ana.get(MAINTENANCE)).one("table"))[0][1::5] == ["Planned", "Call off"]
    ana.post(f"{MAINTENANCE}{MaintenanceWindow.objects.get().pk}/end/")
    assert MaintenanceWindow.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"integration": "nonsense"}, "Select a valid choice. That choice is not one of the available choices."),
        ({"integration": ""}, "Choose the platform."),
        ({"ends_at": "soon"}, "Enter a day and a time, such as 2026-11-22T14:30."),
        ({"ends_at": "2001-01-01T00:00"}, "The end must be later than the beginning, and still to come."),
        ({"ends_at": "2999-01-01T00:00"}, "A window is at most 30 days long."),
    ],
)
def test_a_window_that_cannot_be(ana: Client, given: dict[str, str], words: str) -> None:
    install_integrations()
    usual = {"integration": "mqjo", "starts_at": "2026-11-22T10:00", "ends_at": "2999-01-01T00:00"}
    response = ana.post(MAINTENANCE, usual | given)
    assert response.status_code == 422
    assert words in field_errors(page(response))
    assert MaintenanceWindow.objects.count() == 0


def test_an_analyst_sees_windows_and_plans_none(analyst: Client) -> None:
    assert page(analyst.get(MAINTENANCE)).all("form", action=MAINTENANCE) == []
    assert analyst.post(MAINTENANCE, {}).status_code == 403
