"""From events to alerts: every type with its body, scopes, folding, recovery, and nothing lost or doubled."""

from __future__ import annotations

import json

import pytest
from django.utils.timezone import now

from portal.actions.alerting_rules import change_rule, delete_rule, resolve_alert
from portal.alerting import rules
from portal.alerting.rule_types import RULE_TYPES
from portal.models import Alert, DeploymentSettings, WebhookMessage
from syncengine.actions.companies import delete_company
from syncengine.actions.connections import delete_connection
from syncengine.events import record_event
from syncengine.models import Event
from syncengine.moments import stamp
from syncengine.run.telling import tell_events
from tests.factories import make_company, make_connection, make_dataset
from tests.portal.alerting.rule_help import bodies, make_rule, raised, written

pytestmark = pytest.mark.django_db

HOOK = "https://93.184.216.34/alerts"
PUSH = "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e04"


def push(connection, status: str) -> Event:
    return record_event(
        "push.status_changed", about=connection, push_operation_key=PUSH, data_type="invoices", status=status
    )


def failed(connection, data_type: str = "bills", status: str = "FetchError") -> Event:
    return record_event("dataset.failed", about=make_dataset(connection, data_type, status), status=status)


def completed(connection, data_type: str = "bills", **counts: int) -> Event:
    dataset = make_dataset(connection, data_type, "Complete")
    return record_event("dataset.completed", about=dataset, data_type=data_type, **counts)


# --- types and bodies


def _cases() -> dict[str, tuple]:
    """Rule type → (what happens to a connection, message, data)."""
    limit = {"daily_quota": 1000, "quota_remaining": 0, "expires_at": "2026-11-23T00:00:00+00:00"}
    return {
        "DataConnectionStatusChanged": (
            lambda k: record_event("connection.linked", about=k, before="PendingAuth"),
            "Data connection for Sandbox status changed from PendingAuth to Linked",
            lambda k, e: {
                "dataConnectionId": str(k.pk), "newStatus": "Linked", "oldStatus": "PendingAuth", "platformKey": "mqjo"
            },
        ),
        "New company synchronised": (
            lambda k: record_event("connection.first_read_completed", about=k),
            "Company {company} has been synchronised for the first time.",
            lambda k, e: {},
        ),
        "Data sync completed": (
            lambda k: completed(k, "invoices", created=0, changed=0, deleted=0),
            "Data sync of invoices for company {company} completed.",
            lambda k, e: {"dataType": "invoices", "datasetId": str(e.dataset_id)},
        ),
        "Dataset data changed": (
            lambda k: completed(k, "invoices", created=3, changed=0, deleted=0),
            "Data has changed for dataset type invoices, company {company}",
            lambda k, e: {"dataType": "invoices", "datasetId": str(e.dataset_id)},
        ),
        "Data Sync Status Changed To Error": (
            lambda k: failed(k),
            "ERROR: syncing bills triggered a FetchError notification at {at}.",
            lambda k, e: {"dataType": "bills", "datasetStatus": "FetchError", "datasetId": str(e.dataset_id)},
        ),
        "Push Operation Status Changed()": (
            lambda k: push(k, "Success"),
            "invoices triggered notification for PushOperationStatusChanged at {at}",
            lambda k, e: {"dataType": "invoices", "status": "Success", "pushOperationKey": PUSH},
        ),
        "Push Operation Timed Out": (
            lambda k: push(k, "TimedOut"),
            "ERROR: pushing invoices never finished in time, timing out at {at}",
            lambda k, e: {"dataType": "invoices", "pushOperationKey": PUSH, "pushOperationGuid": PUSH},
        ),
        "Sync Connection Deleted": (
            lambda k: record_event("connection.deleted", about=k),
            "Sync connection for company {company} deleted",
            lambda k, e: {},
        ),
        "Rate Limit Reached": (
            lambda k: record_event("client.rate_limit_reached", **limit),
            "The daily quota of 1000 requests has been reached.",
            lambda k, e: {"DailyQuota": 1000, "ExpiresUtc": "2026-11-23T00:00:00.000000Z"},
        ),
        "Rate Limit Reset": (
            lambda k: record_event("client.rate_limit_reset", reset_reason="new day", **limit | {"quota_remaining": 9}),
            "The daily quota of requests has been reset.",
            lambda k, e: {
                "DailyQuota": 1000, "QuotaRemaining": 9, "ResetReason": "new day",
                "ExpiresUtc": "2026-11-23T00:00:00.000000Z",
            },
        ),
        "Custom Field Coverage Dropped": (
            lambda k: record_event(
                "custom_field.coverage_fell", about=k, custom_field=PUSH, name="costCentre", data_type="invoices",
                mapping=PUSH, before_percent=98.5, percent=41.0,
            ),
            "Custom field costCentre of invoices was found in 41.0 % of the records, down from 98.5 %.",
            lambda k, e: {
                "dataConnectionId": str(k.pk), "dataType": "invoices", "customFieldId": PUSH, "name": "costCentre",
                "beforePercent": 98.5, "percent": 41.0,
            },
        ),
        "Webhook Endpoint Failing": (
            lambda k: record_event(
                "webhook.failing", consumer_id=PUSH, url="https://a.example/x", since="2026-11-22T12:00:00+00:00",
                reason="The endpoint answered 500.",
            ),
            "The webhook endpoint https://a.example/x is failing.",
            lambda k, e: {
                "webhookId": PUSH, "url": "https://a.example/x", "disabled": False,
                "failingSince": "2026-11-22T12:00:00+00:00", "reason": "The endpoint answered 500.",
            },
        ),
        "Push Needs Attention": (
            lambda k: record_event(
                "push.needs_attention", about=k, push_operation_key=PUSH, data_type="bills", reason="OutcomeUnknown"
            ),
            "Pushing bills needs attention: OutcomeUnknown",
            lambda k, e: {"dataType": "bills", "pushOperationKey": PUSH, "reason": "OutcomeUnknown"},
        ),
    }  # fmt: skip


@pytest.mark.parametrize("rule_type", _cases())
def test_each_type_is_raised_with_its_body(rule_type) -> None:
    happen, message, data = _cases()[rule_type]
    connection = make_connection(make_company("Acme & Söhne"))
    rule = make_rule(rule_type, webhook_url=HOOK)
    event = happen(connection)
    (body,) = bodies()
    alert = Alert.objects.get()
    deployment = DeploymentSettings.load()
    expected = {
        "ClientId": str(deployment.client_id),
        "ClientName": "Headrace",
        "RuleId": str(rule.pk),
        "RuleType": rule_type,
        "Type": rule_type,
        "AlertId": str(alert.pk),
        "Message": message.format(company=connection.company_id, at=stamp(event.at)),
        "Data": data(connection, event),
    }
    if event.company_id:
        expected |= {"CompanyId": str(connection.company_id), "DataConnectionId": str(connection.pk)}
    assert body == expected
    assert (alert.company_id, alert.event_id) == (event.company_id, event.pk)


def test_every_type_that_events_raise_is_tried() -> None:
    tried = {RULE_TYPES[key].wire for key in RULE_TYPES} - {
        "Account Categories Updated", "No Success Within", "Connection About To Expire", "Push Operation Status Changed"
    }  # fmt: skip
    assert tried | {"Push Operation Status Changed()"} == set(_cases())


@pytest.mark.parametrize(
    ("happen", "rule_type"),
    [
        (lambda k: push(k, "Failed"), "Push Operation Timed Out"),
        (lambda k: completed(k, created=0, changed=0, deleted=0), "Dataset data changed"),
        (lambda k: failed(k, "bills", "NotSupported"), "Data Sync Status Changed To Error"),
        (lambda k: record_event("dataset.cancelled", about=make_dataset(k)), "Data Sync Status Changed To Error"),
        (lambda k: record_event("webhook.paused", consumer_id=PUSH, because="paused"), "Webhook Endpoint Failing"),
    ],
)
def test_what_is_not_of_the_type_raises_nothing(happen, rule_type) -> None:
    make_rule(rule_type)
    happen(make_connection())
    assert raised() == []


def test_a_rule_without_receivers_still_raises_alerts() -> None:
    make_rule()
    failed(make_connection())
    assert [kind for kind, _, _ in raised()] == ["Data Sync Status Changed To Error"]
    assert written() == []


def test_a_read_of_another_type_is_not_for_a_rule_of_one_type() -> None:
    make_rule("Data sync completed", settings={"data_type": "invoices"})
    connection = make_connection()
    completed(connection, "bills")
    completed(connection, "invoices")
    assert [data["dataType"] for _, _, data in raised()] == ["invoices"]


def test_a_small_drop_is_not_for_a_rule_of_large_ones() -> None:
    make_rule("Custom Field Coverage Dropped", settings={"points": 50})
    connection = make_connection()
    record_event("custom_field.coverage_fell", about=connection, before_percent=90.0, percent=60.0)
    record_event("custom_field.coverage_fell", about=connection, before_percent=90.0, percent=40.0)
    assert [data["percent"] for _, _, data in raised()] == [40.0]


# --- scope


def test_rules_look_at_all_companies_one_or_those_with_a_tag() -> None:
    north = make_connection(make_company("North", tags={"region": "uk", "team": "a"}))
    south = make_connection(make_company("South", tags={"region": "us"}))
    everybody = make_rule()
    one = make_rule(company=south.company)
    tagged = make_rule(company_tag="region:uk")
    make_rule(company_tag="region:UK")
    make_rule(company_tag="team:us")
    failed(north)
    failed(south)
    tell_events()
    found = Alert.objects.values_list("rule_id", "company_id")
    assert set(found) == {
        (everybody.pk, north.company_id), (everybody.pk, south.company_id), (one.pk, south.company_id),
        (tagged.pk, north.company_id),
    }  # fmt: skip
    assert len(found) == 4


def test_a_deleted_rule_and_one_of_a_deleted_company_raise_nothing() -> None:
    connection = make_connection()
    delete_rule(make_rule(), actor="test")
    company = make_company("Gone")
    make_rule(company=company)
    delete_company(company, actor="test")
    failed(connection)
    assert raised() == []


def test_a_company_purged_before_its_event_is_told_does_no_harm() -> None:
    make_rule(webhook_url=HOOK)
    connection = make_connection()
    failed(connection)
    connection.company.delete()
    assert len(raised()) == 1
    alert = Alert.objects.get()
    assert (alert.company_id, alert.connection_id, len(written())) == (None, None, 1)


# --- folding and recovery


def test_the_same_still_failing_is_counted_and_told_once() -> None:
    rule = make_rule(webhook_url=HOOK, recovery_notice=True)
    connection = make_connection()
    for _ in range(3):
        failed(connection, "bills")
    failed(connection, "invoices")
    tell_events()
    found = rule.alerts.order_by("raised_at").values_list("data__dataType", "count")
    assert list(found) == [("bills", 3), ("invoices", 1)]
    assert rule.alerts.filter(last_seen_at__gt=Alert.objects.earliest("raised_at").raised_at).count() >= 1
    assert len(written()) == 2
    completed(connection, "bills")
    tell_events()
    assert [alert.standing for alert in rule.alerts.order_by("raised_at")] == ["Recovered", "Open"]
    recovery = bodies()[-1]
    alert = rule.alerts.earliest("raised_at")
    assert recovery["Message"] == f"Recovered: {alert.message}"
    assert recovery["Data"] == {**alert.data, "recovered": True, "recoveredOnUtc": stamp(alert.recovered_at)}
    failed(connection, "bills")
    completed(connection, "bills")
    assert len(bodies()) == 5


def test_without_the_notice_a_recovery_is_only_noted() -> None:
    make_rule(webhook_url=HOOK)
    connection = make_connection()
    failed(connection)
    completed(connection)
    assert [body["Message"][:5] for body in bodies()] == ["ERROR"]
    assert Alert.objects.get().standing == "Recovered"


def test_what_happens_once_is_never_folded() -> None:
    make_rule("Data sync completed", webhook_url=HOOK)
    connection = make_connection()
    for _ in range(3):
        completed(connection)
    assert (len(raised()), len(written())) == (3, 3)


def test_resolved_by_hand_the_same_found_again_is_a_new_alert() -> None:
    rule = make_rule()
    connection = make_connection()
    failed(connection)
    tell_events()
    resolve_alert(rule.alerts.get(), actor="user:x")
    resolve_alert(rule.alerts.get(), actor="user:y")
    failed(connection)
    tell_events()
    assert list(rule.alerts.order_by("raised_at").values_list("resolved_by", flat=True)) == ["user:x", ""]
    assert Event.objects.filter(kind="alert.resolved").count() == 1


def test_an_endpoint_switched_off_is_told_besides_its_failing_and_both_recover() -> None:
    make_rule("Webhook Endpoint Failing", webhook_url=HOOK)
    record_event("webhook.failing", consumer_id=PUSH, url="https://a.example/x")
    record_event("webhook.failing", consumer_id=PUSH, url="https://a.example/x")
    record_event("webhook.disabled", consumer_id=PUSH, url="https://a.example/x", because="gone")
    assert [message for _, message, _ in raised()] == [
        "The webhook endpoint https://a.example/x is failing.",
        "The webhook endpoint https://a.example/x was switched off because it answered 410 Gone.",
    ]
    record_event("webhook.enabled", consumer_id=PUSH, url="https://a.example/x")
    tell_events()
    assert {alert.standing for alert in Alert.objects.all()} == {"Recovered"}


def test_a_push_that_is_settled_recovers_and_one_tried_again_does_not_yet() -> None:
    rule = make_rule("Push Needs Attention")
    connection = make_connection()
    record_event("push.needs_attention", about=connection, push_operation_key=PUSH, data_type="bills", reason="x")
    for status, standing in (("Pending", "Open"), ("TimedOut", "Open"), ("Success", "Recovered")):
        push(connection, status)
        tell_events()
        assert rule.alerts.get().standing == standing
    record_event("push.needs_attention", about=connection, push_operation_key=PUSH, data_type="bills", reason="x")
    record_event("push.attention_over", about=connection, push_operation_key=PUSH)
    tell_events()
    assert [alert.standing for alert in rule.alerts.all()] == ["Recovered", "Recovered"]


@pytest.mark.parametrize("ending", [delete_connection, lambda k, actor: delete_company(k.company, actor=actor)])
def test_alerts_of_what_is_deleted_end_without_a_word(ending) -> None:
    make_rule(webhook_url=HOOK, recovery_notice=True)
    connection = make_connection()
    failed(connection)
    tell_events()
    ending(connection, actor="test")
    tell_events()
    assert (Alert.objects.get().standing, len(written())) == ("Recovered", 1)


def test_deleting_a_rule_stops_what_was_still_to_be_sent() -> None:
    rule = make_rule(webhook_url=HOOK, emails=["ana@example.com"])
    failed(make_connection())
    tell_events()
    delete_rule(rule, actor="user:x")
    assert {(message.state, message.last_error) for message in written()} == {("Failure", "The rule was deleted.")}
    assert Alert.objects.get().resolved_by == "user:x"


# --- once, whatever dies


def test_an_event_told_twice_by_a_crash_is_told_once(monkeypatch) -> None:
    """The process dies after the alert is written and before its event is marked as told: neither is there."""
    make_rule(webhook_url=HOOK)
    failed(make_connection())

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "before_told":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("syncengine.run.telling.reach", die)
        with pytest.raises(Killed):
            tell_events()
    assert (Alert.objects.count(), WebhookMessage.objects.count()) == (0, 0)
    assert (len(raised()), len(written())) == (1, 1)
    assert (len(raised()), len(written())) == (1, 1)


def test_a_fault_of_one_rule_leaves_neither_alert_nor_message_and_is_tried_again(monkeypatch) -> None:
    make_rule(webhook_url=HOOK)
    event = failed(make_connection())
    with monkeypatch.context() as patch:
        patch.setattr(rules, "rule_messages", lambda rule, alert: 1 / 0)
        assert raised() == []
    Event.objects.filter(pk=event.pk).update(tell_after=now())
    assert (len(raised()), len(written())) == (1, 1)


def test_telling_costs_the_same_for_one_rule_and_ten_that_look_elsewhere(django_assert_num_queries) -> None:
    connection = make_connection()
    make_rule("Data sync completed", webhook_url=HOOK)
    for _ in range(10):
        make_rule("Data sync completed", company=make_company("Other"))
    tell_events()
    event = completed(connection)
    rules.event_happened(event)
    with django_assert_num_queries(8):
        rules.event_happened(event)


def test_a_change_counts_from_the_next_event_on() -> None:
    connection = make_connection()
    rule = make_rule(webhook_url=HOOK)
    change_rule(rule, company=make_company("Other"), emails=["ana@example.com"], actor="test")
    failed(connection)
    assert raised() == []
    change_rule(rule, company=connection.company, emails=["ana@example.com"], actor="test")
    failed(connection)
    assert [message.channel for message in written()] == ["email"]
    assert json.loads(written()[0].payload)["to"] == "ana@example.com"
