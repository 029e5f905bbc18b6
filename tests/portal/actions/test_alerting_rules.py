"""Alerting rules as they are made and changed: what is kept, what is recorded, what is refused."""

from __future__ import annotations

from datetime import time

import pytest

from portal.actions import alerting_rules
from portal.actions.alerting_rules import change_rule, create_rule, delete_rule, draft_rule, snooze, wake
from portal.models import AlertingRule
from syncengine.exceptions import Refused
from syncengine.models import Event
from tests.factories import make_company

pytestmark = pytest.mark.django_db

HOOK = "https://93.184.216.34/alerts"


def events() -> list[tuple[str, str, dict]]:
    found = Event.objects.filter(kind__startswith="rule.").order_by("pk")
    return [(event.kind, event.actor, event.data) for event in found]


def test_what_is_left_out_has_its_default() -> None:
    rule = create_rule(type="no success within", emails=[" Ana@example.com ", "ana@EXAMPLE.com"], actor="user:x")
    rule.refresh_from_db()
    kept = {name: getattr(rule, name) for name in (
        "type", "wire_type", "company", "company_tag", "settings", "emails", "webhook_url", "recovery_notice",
        "quiet_from", "quiet_until", "time_zone", "snoozed_until", "created_by", "deleted_at",
    )}  # fmt: skip
    assert kept == {
        "type": "NoSuccessWithin", "wire_type": "No Success Within", "company": None, "company_tag": "",
        "settings": {"hours": 24}, "emails": ["Ana@example.com"], "webhook_url": "", "recovery_notice": False,
        "quiet_from": None, "quiet_until": None, "time_zone": "UTC", "snoozed_until": None, "created_by": "user:x",
        "deleted_at": None,
    }  # fmt: skip


def test_a_change_is_recorded_by_the_names_of_what_changed() -> None:
    company = make_company()
    rule = create_rule(type="Data sync completed", webhook_url=HOOK, actor="user:x")
    change_rule(rule, webhook_url=HOOK, actor="user:y")
    change_rule(rule, company=company, webhook_url=HOOK, emails=["ana@example.com"], actor="user:y")
    delete_rule(rule, actor="user:z")
    told = {"rule_id": str(rule.pk), "rule_type": "Data sync completed"}
    assert events() == [
        ("rule.created", "user:x", {**told, "company_tag": "", "settings": {}}),
        ("rule.changed", "user:y", {**told, "changed": ["company_id", "emails"]}),
        ("rule.deleted", "user:z", told),
    ]
    assert HOOK not in str(events())


@pytest.mark.parametrize("act", [change_rule, delete_rule, wake, lambda rule, actor: snooze(rule, actor=actor)])
def test_a_deleted_rule_is_left_alone(act) -> None:
    rule = create_rule(type="Data sync completed", actor="test")
    stale = AlertingRule.objects.get()
    delete_rule(rule, actor="test")
    with pytest.raises(Refused, match=r"The rule was deleted\."):
        act(stale, actor="test")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": ""}, "type"),
        ({"type": "x" * 10_000}, "type"),
        ({"company_tag": "region"}, "company_tag"),
        ({"company_tag": ":uk"}, "company_tag"),
        ({"company_tag": "a:" + "b" * 200}, "company_tag"),
        ({"recovery_notice": True}, "recovery_notice"),
        ({"quiet_from": time(22)}, "quiet_until"),
        ({"quiet_until": time(22)}, "quiet_until"),
        ({"quiet_from": time(22), "quiet_until": time(22)}, "quiet_until"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "\0"}, "time_zone"),
        ({"settings": {"days": 3}}, "days"),
        ({"settings": {"data_type": "custom/../x"}}, "data_type"),
        ({"type": "No Success Within", "settings": {"hours": "2161"}}, "hours"),
        ({"type": "No Success Within", "settings": {"hours": "1.5"}}, "hours"),
        ({"type": "No Success Within", "settings": {"hours": -1}}, "hours"),
        ({"type": "Connection About To Expire", "settings": {"days": 91}}, "days"),
        ({"type": "Webhook Endpoint Failing", "company_tag": "a:b"}, "company_tag"),
    ],
)
def test_bad_rules_are_refused_by_the_field_at_fault(given, field) -> None:
    with pytest.raises(Refused) as refusal:
        draft_rule(**{"type": "Data sync completed", **given})
    assert refusal.value.field == field


def test_one_company_or_a_tag_and_none_for_what_is_of_all() -> None:
    company = make_company()
    with pytest.raises(Refused, match="one company or a tag"):
        draft_rule(type="Data sync completed", company=company, company_tag="a:b")
    with pytest.raises(Refused) as refusal:
        draft_rule(type="Rate Limit Reached", company=company)
    assert refusal.value.field == "company"


def test_where_no_drop_is_noticed_there_is_no_rule_of_drops(settings) -> None:
    assert draft_rule(type="Custom Field Coverage Dropped").settings == {"points": 20}
    settings.HEADRACE_COVERAGE_DROP_POINTS = 0
    with pytest.raises(Refused, match="HEADRACE_COVERAGE_DROP_POINTS is 0"):
        draft_rule(type="Custom Field Coverage Dropped")


def test_types_of_data_are_found_in_any_case_and_custom_ones_are_taken() -> None:
    assert (
        draft_rule(type="Data sync completed", settings={"data_type": "INVOICES"}).settings["data_type"] == "invoices"
    )
    custom = draft_rule(type="Data sync completed", settings={"data_type": "custom/expense-claims"})
    assert custom.settings["data_type"] == "custom/expense-claims"


def test_there_are_only_so_many_rules(monkeypatch) -> None:
    monkeypatch.setattr(alerting_rules, "MAX_RULES", 2)
    first = create_rule(type="Data sync completed", actor="test")
    create_rule(type="Data sync completed", actor="test")
    with pytest.raises(Refused, match="There may be 2 alerting rules"):
        create_rule(type="Data sync completed", actor="test")
    delete_rule(first, actor="test")
    create_rule(type="Data sync completed", actor="test")
