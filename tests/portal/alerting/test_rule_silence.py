"""When nobody is told: snoozes, quiet hours, maintenance; and what is told after."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils.timezone import now

from portal.actions.alerting_rules import (
    add_maintenance,
    end_maintenance,
    resolve_alert,
    snooze,
    tomorrow_at_nine,
    wake,
)
from portal.alerting.periodic import look_into_rules
from portal.alerting.quiet import is_quiet
from portal.models import Alert, AlertingRule, MaintenanceWindow
from syncengine.exceptions import Refused
from syncengine.models import Event
from tests.factories import make_company, make_connection, make_integration
from tests.portal.alerting.rule_help import make_rule, written
from tests.portal.alerting.test_rules import HOOK, completed, failed

pytestmark = pytest.mark.django_db

QUIET = {"quiet_from": time(22), "quiet_until": time(6), "time_zone": "Europe/Berlin"}


def held() -> list[tuple[str, bool]]:
    found = Alert.objects.order_by("raised_at", "pk")
    return [(alert.held_because, alert.told_at is not None) for alert in found]


def told() -> list[str]:
    return [json.loads(bytes(message.payload)).get("Message", "") for message in written()]


# --- snoozes


def test_a_snooze_keeps_everybody_untold_until_it_ends_and_then_tells_what_is_still_so(clock) -> None:
    rule = make_rule(webhook_url=HOOK)
    connection = make_connection()
    snooze(rule, until=now() + timedelta(minutes=30), actor="user:x")
    failed(connection)
    assert (told(), held()) == ([], [("snoozed", False)])
    clock.forward(minutes=31)
    assert told() == []
    failed(connection)
    assert (len(told()), held(), Alert.objects.get().count) == (1, [("", True)], 2)
    failed(connection)
    assert len(told()) == 1


def test_what_recovered_in_a_snooze_is_never_told(clock) -> None:
    rule = make_rule(webhook_url=HOOK, recovery_notice=True)
    connection = make_connection()
    snooze(rule, until=now() + timedelta(minutes=30), actor="user:x")
    failed(connection)
    completed(connection)
    assert told() == []
    clock.forward(hours=1)
    look_into_rules()
    assert (told(), Alert.objects.get().standing) == ([], "Recovered")


def test_a_rule_woken_tells_again() -> None:
    rule = make_rule(webhook_url=HOOK)
    snooze(rule, until=now() + timedelta(days=1), actor="user:x")
    wake(rule, actor="user:y")
    wake(rule, actor="user:y")
    failed(make_connection())
    assert len(told()) == 1
    assert list(Event.objects.filter(kind__startswith="rule.").order_by("pk").values_list("kind", "actor")) == [
        ("rule.created", "test"), ("rule.snoozed", "user:x"), ("rule.woken", "user:y"),
    ]  # fmt: skip


def test_until_the_next_success_of_what_fails() -> None:
    rule = make_rule(webhook_url=HOOK)
    connection = make_connection()
    failed(connection, "bills")
    assert len(told()) == 1
    snooze(rule, until_success=True, actor="user:x")
    failed(connection, "invoices")
    completed(connection, "items")
    assert (len(told()), AlertingRule.objects.get().snoozed_until_success) == (1, True)
    completed(connection, "bills")
    assert (len(told()), AlertingRule.objects.get().snoozed_until_success) == (1, False)
    failed(connection, "invoices")
    assert len(told()) == 2


def test_with_nothing_failing_any_success_ends_the_snooze() -> None:
    rule = make_rule(webhook_url=HOOK)
    snooze(rule, until_success=True, actor="user:x")
    completed(make_connection())
    failed(make_connection())
    assert len(told()) == 1


@pytest.mark.parametrize("until", [None, timedelta(0), timedelta(minutes=-1), timedelta(days=91)])
def test_a_snooze_ends_some_time_soon(until) -> None:
    rule = make_rule()
    with pytest.raises(Refused) as refusal:
        snooze(rule, until=None if until is None else now() + until, actor="user:x")
    assert refusal.value.field == "until"


def test_what_has_no_success_cannot_be_snoozed_until_one() -> None:
    with pytest.raises(Refused, match="no next success"):
        snooze(make_rule("Dataset data changed"), until_success=True, actor="user:x")


@pytest.mark.parametrize(
    ("zone", "moment", "ends"),
    [
        ("UTC", "2026-11-22T12:00", "2026-11-23T09:00"),
        ("Europe/Berlin", "2026-11-22T23:30", "2026-11-24T08:00"),  # there it is the 23rd already
        ("America/Los_Angeles", "2026-11-22T02:00", "2026-11-22T17:00"),  # and there still the 21st
        ("Europe/Berlin", "2026-03-28T12:00", "2026-03-29T07:00"),  # the night in which the clocks go forward
    ],
)
def test_tomorrow_at_nine_is_by_the_clock_of_the_zone(clock, zone, moment, ends) -> None:
    clock.to(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert tomorrow_at_nine(zone) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


# --- quiet hours


@pytest.mark.parametrize(
    ("hours", "moment", "quiet"),
    [
        ((22, 6), "20:59", False), ((22, 6), "21:00", True), ((22, 6), "23:30", True), ((22, 6), "04:59", True),
        ((22, 6), "05:00", False), ((12, 13), "11:00", True), ((12, 13), "12:00", False), ((12, 13), "10:59", False),
    ],
)  # fmt: skip
def test_quiet_hours_go_by_the_rules_own_clock(hours, moment, quiet) -> None:
    rule = AlertingRule(quiet_from=time(hours[0]), quiet_until=time(hours[1]), time_zone="Europe/Berlin")
    assert is_quiet(rule, datetime.fromisoformat(f"2026-11-22T{moment}").replace(tzinfo=UTC)) is quiet


def test_what_quiet_hours_held_back_is_summed_up_after(clock, settings) -> None:
    settings.HEADRACE_SLACK_HOSTS = ["93.184.216.34"]
    clock.to("2026-11-22T23:00:00Z")
    make_rule(webhook_url=HOOK, emails=["ana@example.com", "bo@example.com"], **QUIET)
    connection = make_connection(make_company("Harbour Bakery"))
    for data_type in ("bills", "bills", "invoices", "items"):
        failed(connection, data_type)
    assert (told(), held()) == ([], [("quiet", False)] * 3)
    look_into_rules()
    assert told() == []
    clock.to("2026-11-23T05:00:00Z")
    look_into_rules()
    look_into_rules()
    assert held() == [("", True)] * 3
    slack, *mails = [json.loads(bytes(message.payload)) for message in written()]
    assert slack["text"].splitlines()[0] == "*3 alerts during quiet hours*"
    assert len(slack["text"].splitlines()) == 4
    assert [mail["to"] for mail in mails] == ["ana@example.com", "bo@example.com"]
    assert mails[0]["subject"] == "[Headrace] 3 alerts during quiet hours"
    assert mails[0]["text"].count("Harbour Bakery: Dataset status has changed to an error state") == 3
    assert mails[0]["html"].count("<li>") == 3
    assert mails[0]["html"].count("<a href=") == mails[0]["html"].count(
        '<a href="http://127.0.0.1:8000/alerting/alerts/"'
    )


def test_a_program_gets_the_body_of_each_alert_after_quiet_hours(clock) -> None:
    clock.to("2026-11-22T23:00:00Z")
    make_rule(webhook_url=HOOK, recovery_notice=True, **QUIET)
    connection = make_connection()
    failed(connection, "bills")
    failed(connection, "invoices")
    completed(connection, "bills")
    assert told() == []
    clock.to("2026-11-23T05:00:00Z")
    look_into_rules()
    assert [message.partition(" triggered")[0] for message in told()] == [
        "ERROR: syncing bills", "Recovered: ERROR: syncing bills", "ERROR: syncing invoices",
    ]  # fmt: skip


def test_what_was_dealt_with_in_quiet_hours_is_not_told_after_them(clock) -> None:
    clock.to("2026-11-22T23:00:00Z")
    make_rule(webhook_url=HOOK, **QUIET)
    failed(make_connection())
    assert told() == []
    resolve_alert(Alert.objects.get(), actor="user:x")
    clock.to("2026-11-23T06:00:00Z")
    look_into_rules()
    assert told() == []


def test_a_recovery_in_quiet_hours_is_told_after_them(clock) -> None:
    clock.to("2026-11-22T20:00:00Z")
    make_rule(webhook_url=HOOK, recovery_notice=True, **QUIET)
    connection = make_connection()
    failed(connection)
    assert len(told()) == 1
    clock.to("2026-11-22T23:00:00Z")
    completed(connection)
    assert len(told()) == 1
    clock.to("2026-11-23T06:00:00Z")
    look_into_rules()
    assert [message.startswith("Recovered") for message in told()] == [False, True]


def test_a_summary_waits_for_the_end_of_a_snooze(clock) -> None:
    clock.to("2026-11-22T23:00:00Z")
    rule = make_rule(webhook_url=HOOK, **QUIET)
    failed(make_connection())
    written()
    snooze(rule, until=datetime(2026, 11, 23, 8, tzinfo=UTC), actor="test")
    clock.to("2026-11-23T06:00:00Z")
    look_into_rules()
    assert told() == []
    clock.to("2026-11-23T08:00:00Z")
    look_into_rules()
    assert len(told()) == 1


def test_killed_while_summing_up_nothing_is_lost_and_nothing_doubled(clock, monkeypatch) -> None:
    clock.to("2026-11-22T23:00:00Z")
    make_rule(webhook_url=HOOK, **QUIET)
    failed(make_connection())
    written()
    clock.to("2026-11-23T06:00:00Z")

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("portal.alerting.periodic.reach", die)
        with pytest.raises(Killed):
            look_into_rules()
    assert (told(), held()) == ([], [("quiet", False)])
    look_into_rules()
    look_into_rules()
    assert (len(told()), held()) == (1, [("", True)])


# --- maintenance


def test_during_maintenance_of_a_platform_alerts_are_raised_marked_and_not_sent(clock) -> None:
    rule = make_rule(webhook_url=HOOK)
    sick = make_connection(make_company("A"), integration=make_integration("sick", name="Sick"))
    well = make_connection(make_company("B"))
    window = add_maintenance(
        sick.integration, starts_at=now(), ends_at=now() + timedelta(hours=2), note="Upgrade", actor="user:x"
    )
    failed(sick)
    failed(well)
    assert len(told()) == 1
    found = {alert.company_id: alert for alert in rule.alerts.all()}
    assert found[sick.company_id].was_during_maintenance
    assert found[sick.company_id].get_held_because_display() == "Not sent: the platform was under maintenance"
    assert not found[well.company_id].was_during_maintenance
    clock.forward(hours=1)
    end_maintenance(window, actor="user:x")
    clock.forward(seconds=1)
    look_into_rules()
    assert len(told()) == 1
    failed(sick)
    assert len(told()) == 2


def test_a_recovery_in_maintenance_is_not_told() -> None:
    make_rule(webhook_url=HOOK, recovery_notice=True)
    connection = make_connection()
    failed(connection)
    assert len(told()) == 1
    add_maintenance(connection.integration, starts_at=now(), ends_at=now() + timedelta(hours=1), actor="test")
    completed(connection)
    assert (len(told()), Alert.objects.get().standing) == (1, "Recovered")


@pytest.mark.parametrize(
    ("begins", "ends", "note", "field"),
    [(0, 0, "", "ends_at"), (1, 0, "", "ends_at"), (-3, -1, "", "ends_at"), (0, 24 * 31, "", "ends_at"),
     (0, 1, "x" * 201, "note")],
)  # fmt: skip
def test_a_window_is_some_time_to_come(begins, ends, note, field) -> None:
    begin, end = now() + timedelta(hours=begins), now() + timedelta(hours=ends)
    with pytest.raises(Refused) as refusal:
        add_maintenance(make_integration(), starts_at=begin, ends_at=end, note=note, actor="test")
    assert refusal.value.field == field


def test_a_window_that_has_not_begun_can_be_taken_back() -> None:
    begin = now() + timedelta(hours=1)
    window = add_maintenance(make_integration(), starts_at=begin, ends_at=begin + timedelta(hours=1), actor="test")
    end_maintenance(window, actor="test")
    end_maintenance(window, actor="test")
    assert MaintenanceWindow.objects.count() == 0
    kinds = Event.objects.filter(kind__startswith="maintenance").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["maintenance.added", "maintenance.ended"]
