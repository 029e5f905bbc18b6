"""What no event says: no success for too long, authorisations about to lapse; and the preview of all types."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db.models import F
from django.utils.timezone import now

from portal.actions.alerting_rules import draft_rule, snooze
from portal.alerting import periodic
from portal.alerting.periodic import look_into_rules, purge_alerts
from portal.alerting.preview import preview
from portal.models import Alert, AlertingRule
from syncengine.events import record_event
from syncengine.models import Connection, Dataset, DataStatus, Event
from syncengine.moments import stamp
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.portal.alerting.rule_help import bodies, make_rule, raised, written
from tests.portal.alerting.test_rules import HOOK, PUSH, completed, failed

pytestmark = pytest.mark.django_db


def linked(name: str = "Acme", hours_ago: float = 100, **fields) -> Connection:
    moment = now() - timedelta(hours=hours_ago)
    given = {"linked_at": moment, "last_used_at": moment, "last_sync_at": moment} | fields
    platform = make_integration("plbk", name="Plain Books")  # it declares no idle limit: 30 days
    return make_connection(make_company(name, tags=given.pop("tags", {})), integration=platform, **given)


def read(connection: Connection, data_type: str, hours_ago: float) -> None:
    dataset = make_dataset(connection, data_type, "Complete", completed_at=now() - timedelta(hours=hours_ago))
    moment = now() - timedelta(hours=hours_ago)
    DataStatus.objects.filter(latest_dataset=dataset).update(last_successful_sync_at=moment)
    Connection.objects.filter(pk=connection.pk).update(last_sync_at=moment)


def open_companies() -> list[str]:
    look_into_rules()
    return sorted(alert.company.name for alert in Alert.objects.all() if alert.is_open)


# --- no success within


def test_connections_without_a_good_read_for_too_long_are_found_and_recover(clock) -> None:
    rule = make_rule("No Success Within", settings={"hours": 24}, webhook_url=HOOK, recovery_notice=True)
    late, fine = linked("Late", 25), linked("Fine", 23)
    linked("Never", 30, last_sync_at=None)
    linked("Unlinked", 99, status="Unlinked")
    linked("Deleted", 99, deleted_at=now())
    assert open_companies() == ["Late", "Never"]
    by_name = {body["CompanyId"]: body for body in bodies()}
    body = by_name[str(late.company_id)]
    assert body["RuleType"] == "No Success Within"
    assert body["Data"] == {
        "dataConnectionId": str(late.pk), "platformKey": "plbk", "hours": 24,
        "lastSuccessUtc": stamp(late.last_sync_at),
    }  # fmt: skip
    assert body["Message"] == ("No data was read well from Plain Books since 2026-11-21 11:00 UTC: longer than 24 h.")
    clock.forward(seconds=61)
    read(late, "invoices", 0)
    assert open_companies() == ["Never"]
    assert sorted(message["Message"].partition(":")[0] for message in bodies())[-1] == "Recovered"
    clock.forward(hours=2)
    assert open_companies() == ["Fine", "Never"]
    assert rule.alerts.filter(company=fine.company).get().count == 1
    assert rule.alerts.get(company__name="Never").last_seen_at == now()


def test_of_one_data_type_only_connections_that_have_it(clock) -> None:
    make_rule("No Success Within", settings={"hours": 24, "data_type": "invoices"})
    one, two, three = linked("One"), linked("Two"), linked("Three")
    read(one, "invoices", 30)
    read(one, "bills", 1)
    read(two, "invoices", 2)
    read(three, "bills", 50)
    linked("Four")
    four = linked("Five")
    make_dataset(four, "invoices", "NotSupported")
    assert open_companies() == ["One"]


@pytest.mark.parametrize(
    ("scope", "found"),
    [({}, ["North", "South"]), ({"company_tag": "region:uk"}, ["North"]), ({"company_tag": "region:US"}, [])],
)
def test_scope(scope, found) -> None:
    make_rule("No Success Within", **scope)
    linked("North", tags={"region": "uk"})
    linked("South", tags={"region": "us"})
    assert open_companies() == found


def test_one_company_only() -> None:
    one = linked("One")
    linked("Two")
    make_rule("No Success Within", company=one.company)
    assert open_companies() == ["One"]


def test_a_rule_is_checked_once_a_minute_whoever_asks(clock) -> None:
    make_rule("No Success Within")
    linked()
    assert (look_into_rules(), look_into_rules()) == (1, 0)
    clock.forward(seconds=61)
    assert look_into_rules() == 1
    assert Alert.objects.count() == 1


def test_killed_in_a_check_nothing_is_lost_and_nothing_doubled(monkeypatch) -> None:
    make_rule("No Success Within", webhook_url=HOOK)
    linked()

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("portal.alerting.periodic.reach", die)
        with pytest.raises(Killed):
            look_into_rules()
    assert (Alert.objects.count(), written()) == (0, [])
    look_into_rules()
    look_into_rules()
    assert (Alert.objects.count(), len(written())) == (1, 1)


def test_a_fault_with_one_rule_is_none_of_the_others(monkeypatch) -> None:
    broken, sound = make_rule("No Success Within"), make_rule("No Success Within")
    linked()
    find = periodic.findings_of
    monkeypatch.setattr(periodic, "findings_of", lambda rule, at: 1 / 0 if rule == broken else find(rule, at))
    assert look_into_rules() == 1
    assert [alert.rule for alert in Alert.objects.all()] == [sound]
    monkeypatch.setattr(periodic, "findings_of", find)
    assert look_into_rules() == 1
    assert broken.alerts.count() == 1


def test_what_a_snooze_kept_untold_is_told_after_it_if_it_is_still_so(clock) -> None:
    rule = make_rule("No Success Within", webhook_url=HOOK)
    linked()
    snooze(rule, until=now() + timedelta(minutes=30), actor="test")
    look_into_rules()
    assert written() == []
    clock.forward(minutes=31)
    look_into_rules()
    clock.forward(minutes=2)
    look_into_rules()
    assert len(written()) == 1


def test_a_check_costs_the_same_for_one_connection_and_three(django_assert_num_queries, clock) -> None:
    rule = make_rule("No Success Within")
    linked()
    look_into_rules()
    for wanted in (linked, linked, linked):
        clock.forward(seconds=61)
        with django_assert_num_queries(9):
            look_into_rules()
        wanted("More")
        AlertingRule.objects.filter(pk=rule.pk).update(checked_at=None)
        look_into_rules()


# --- about to expire


def test_authorisations_that_will_lapse_soon_are_found(clock) -> None:
    make_rule("Connection About To Expire", settings={"days": 7}, webhook_url=HOOK)
    soon = linked("Soon", 24 * 25)
    linked("Later", 24 * 10)
    scheduled = linked("Scheduled", 24 * 25)
    make_dataset(scheduled, "invoices", "Complete")
    DataStatus.objects.filter(connection=scheduled).update(next_sync_at=now() + timedelta(days=1))
    assert open_companies() == ["Soon"]
    (body,) = bodies()
    lapses_at = soon.last_used_at + timedelta(days=30)
    assert body["Data"] == {
        "dataConnectionId": str(soon.pk), "platformKey": "plbk", "lapsesOnUtc": stamp(lapses_at),
    }  # fmt: skip
    assert body["Message"].startswith(f"The authorisation at Plain Books lapses on {lapses_at:%Y-%m-%d}. No schedule")
    clock.forward(seconds=61)
    Connection.objects.filter(pk=soon.pk).update(last_used_at=now())
    assert open_companies() == []


# --- history


def test_alerts_are_kept_as_long_as_history_but_for_what_still_lasts(clock) -> None:
    make_rule()
    make_rule("Data sync completed")
    connection = make_connection()
    failed(connection, "bills")
    failed(connection, "invoices")
    completed(connection, "bills")
    assert len(raised()) == 3
    clock.forward(days=89)
    purge_alerts()
    assert Alert.objects.count() == 3
    clock.forward(days=2)
    purge_alerts()
    assert [alert.data["dataType"] for alert in Alert.objects.all()] == ["invoices"]


# --- preview


def ended(connection: Connection, status: str, days_ago: float, data_type: str = "invoices", **counts: int) -> None:
    moment = now() - timedelta(days=days_ago)
    with time_machine.travel(moment, tick=False):
        make_dataset(connection, data_type, status, completed_at=moment, **counts)


def happened(kind: str, days_ago: float, **data: object) -> None:
    about = data.pop("about", None)
    event = record_event(kind, about=about, **data)  # type: ignore[arg-type]
    Event.objects.filter(pk=event.pk).update(at=now() - timedelta(days=days_ago))


def times(rule_type: str, **given: object) -> int:
    return preview(draft_rule(type=rule_type, **given)).count


def test_reads_are_counted_as_the_rule_would_have_folded_them() -> None:
    one, two = make_connection(make_company("One", tags={"a": "b"})), make_connection(make_company("Two"))
    for days_ago, status in (
        (40, "FetchError"),
        (9, "FetchError"),
        (8, "MapError"),
        (7, "Complete"),
        (6, "FetchError"),
    ):
        ended(one, status, days_ago)
    ended(one, "FetchError", 5, "bills")
    ended(two, "FetchError", 4)
    ended(two, "NotSupported", 3, "items")
    ended(two, "Complete", 2, "items", created_count=1)
    assert times("Data Sync Status Changed To Error") == 4
    assert times("Data Sync Status Changed To Error", settings={"data_type": "bills"}) == 1
    assert times("Data Sync Status Changed To Error", company=two.company) == 1
    assert times("Data Sync Status Changed To Error", company_tag="a:b") == 3
    assert times("Data sync completed") == 2
    assert times("Dataset data changed") == 1


def test_the_preview_says_when() -> None:
    connection = make_connection()
    for days_ago in (1, 3):
        ended(connection, "Complete", days_ago)
    found = preview(draft_rule(type="Data sync completed"), days=4)
    assert found.moments == [*Dataset.objects.order_by("-completed_at").values_list("completed_at", flat=True)]
    assert [count for _, count in found.per_day] == [0, 1, 0, 1, 0]
    assert [day for day, _ in found.per_day] == [(now() - timedelta(days=n)).date() for n in (4, 3, 2, 1, 0)]
    assert found.note == ""


def test_events_are_counted_too() -> None:
    connection = make_connection()
    push = {"about": connection, "push_operation_key": PUSH, "data_type": "invoices"}
    happened("connection.linked", 2, about=connection)
    happened("connection.deauthorized", 1, about=connection)
    happened("connection.linked", 31, about=connection)
    happened("push.status_changed", 3, status="TimedOut", **push)
    happened("push.status_changed", 2, status="Success", **push)
    for days_ago, kind in ((5, "failing"), (4, "failing"), (3, "recovered"), (2, "failing")):
        happened(f"webhook.{kind}", days_ago, consumer_id=PUSH)
    happened("custom_field.coverage_fell", 1, about=connection, before_percent=90.0, percent=60.0)
    assert times("DataConnectionStatusChanged") == 2
    assert times("Push Operation Status Changed") == 2
    assert times("Push Operation Timed Out") == 1
    assert times("Push Operation Timed Out", settings={"data_type": "bills"}) == 0
    happened("webhook.disabled", 1, consumer_id=PUSH, because="failing")
    assert times("Webhook Endpoint Failing") == 3
    assert times("Custom Field Coverage Dropped") == 1
    assert times("Custom Field Coverage Dropped", settings={"points": 40}) == 0
    assert times("Account Categories Updated") == 0


def test_gaps_between_good_reads_are_counted() -> None:
    connection = linked("Acme", 24 * 10)
    for days_ago in (9.5, 9, 5, 4.5, 1):
        ended(connection, "Complete", days_ago)
    linked("Fresh", 2)
    assert times("No Success Within", settings={"hours": 24}) == 3
    assert times("No Success Within", settings={"hours": 24, "data_type": "bills"}) == 1
    assert times("No Success Within", settings={"hours": 24 * 5}) == 0


def test_lapses_are_counted_as_they_stand() -> None:
    linked("Soon", 24 * 25)
    found = preview(draft_rule(type="Connection About To Expire"))
    assert (found.count, found.note) == (1, "Counts what would fire now: the past is not known for this type.")


def test_a_preview_changes_nothing() -> None:
    linked("Soon", 24 * 25)
    before = Event.objects.count()
    preview(draft_rule(type="No Success Within"))
    assert (Event.objects.count(), Alert.objects.count(), AlertingRule.objects.count()) == (before, 0, 0)
    assert isinstance(preview(draft_rule(type="No Success Within")).moments[0], datetime)
    assert not Alert.objects.filter(count__gt=F("count")).exists()
