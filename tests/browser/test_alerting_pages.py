"""Incidents, alerting rules and alerts in a real browser: nothing complains, all fits, and editing previews itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from playwright.sync_api import Page, expect

from portal.actions.alerting_rules import add_maintenance
from portal.models import Alert, AlertingRule, Incident
from syncengine.events import record_event
from syncengine.models import Connection
from syncengine.run.telling import tell_events
from tests.browser.looks import faults_of
from tests.factories import make_alert, make_company, make_connection, make_dataset, make_rule
from tests.syncengine.lab import Lab

type Visit = Callable[..., Page]
LONG = "W" * 120


@pytest.fixture
def populated(portal: Lab, alive: None) -> dict[str, Any]:
    """Two incidents, three rules and some alerts, one of each with names that are hard to fit."""
    integration = portal.integration()
    names = ("Harbour Bakery", "Cove & Sons", "<script>alert(1)</script>", LONG)
    connections = [make_connection(make_company(name), integration=integration) for name in names]
    for connection in connections[:3]:
        _fail(connection, "invoices")
    _fail(connections[0], "bills")
    Connection.objects.filter(pk=connections[3].pk).update(status="Deauthorized", status_reason="invalid_grant")
    record_event("connection.deauthorized", about=connections[3], reason=f"The key was revoked. {LONG}")
    while tell_events():
        pass
    rule = make_rule(emails=["ops@example.com", f"{'a' * 60}@example.com"], webhook_url="https://93.184.216.34/in")
    make_rule("NoSuccessWithin", settings={"hours": 24}, company=connections[3].company)
    make_rule("CoverageDrop", settings={"points": 30}, company_tag="region:uk", snoozed_until_success=True)
    for place, connection in enumerate(connections):
        alert = make_alert(rule, f"invoices failed at {connection.company.name}.", company=connection.company)
        Alert.objects.filter(pk=alert.pk).update(raised_at=now() - timedelta(days=place * 3))
    add_maintenance(integration, starts_at=now() + timedelta(days=1), ends_at=now() + timedelta(days=2), actor="test")
    return {"rule": rule, "alert": alert, "incidents": list(Incident.objects.order_by("cause"))}


def _fail(connection: Connection, data_type: str) -> None:
    dataset = make_dataset(
        connection, data_type, "FetchError", error_message="It answered 503.", error_responsible="platform",
        upstream_words='{"error": "down for maintenance"}', upstream_status=503, completed_at=now(),
    )  # fmt: skip
    record_event("dataset.failed", about=dataset, status="FetchError")


def addresses(populated: dict[str, Any]) -> list[str]:
    rule, alert = f"/alerting/rules/{populated['rule'].pk}/", f"/alerting/alerts/{populated['alert'].pk}/"
    outage, revoked = (f"/incidents/{incident.pk}/" for incident in populated["incidents"])
    return [
        "/",
        "/incidents/",
        "/incidents/?state=Resolved",
        outage,
        f"{outage}resolve/",
        f"{revoked}links/",
        "/alerting/rules/",
        "/alerting/rules/new/?type=NoSuccessWithin",
        rule,
        f"{rule}edit/",
        f"{rule}test/",
        f"{rule}delete/",
        "/alerting/alerts/",
        alert,
        "/alerting/maintenance/",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_pages_fit_and_nothing_complains(visit: Visit, populated: dict[str, Any], width: int, scheme: str) -> None:
    page = visit(width=width, color_scheme=scheme)
    wrong = {}
    for address in addresses(populated):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        wrong[address] = faults_of(page)
    assert {address: faults for address, faults in wrong.items() if faults} == {}


def test_a_rule_is_made_with_its_preview_at_hand(visit: Visit, populated: dict[str, Any]) -> None:
    page = visit()
    page.goto("/alerting/rules/new/")
    page.select_option("[name=type]", label="No success within a time")
    expect(page.locator("[name=hours]")).to_have_value("24")
    page.select_option("[name=type]", label="Dataset status has changed to an error state")
    expect(page.locator("[name=hours]")).to_have_count(0)
    preview = page.locator("#rule-preview")
    expect(preview).to_contain_text("Would have fired 4 times in the last 30 days.")
    page.fill("[name=data_type]", "bills")
    expect(preview).to_contain_text("Would have fired 1 time in the last 30 days.")
    page.fill("[name=emails]", "nobody")
    expect(preview).to_contain_text("'nobody' is not an e-mail address.")
    page.fill("[name=emails]", "ops@example.com")
    expect(preview).to_contain_text("Would have fired 1 time")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator(".messages")).to_contain_text("The rule is created.")
    rule = AlertingRule.objects.latest("created_at")
    assert (rule.settings, rule.emails) == ({"data_type": "bills"}, ["ops@example.com"])


def test_a_rule_without_a_type_is_held_back(visit: Visit, populated: dict[str, Any]) -> None:
    page = visit()
    page.goto("/alerting/rules/new/")
    page.get_by_role("button", name="Save changes").click()
    assert page.url.endswith("/alerting/rules/new/")
    assert page.evaluate("document.querySelector('[name=type]').validity.valueMissing") is True


def test_snoozing_from_the_menu(visit: Visit, populated: dict[str, Any]) -> None:
    page = visit(width=390)
    page.goto(f"/alerting/rules/{populated['rule'].pk}/")
    page.locator("summary", has_text="Snooze").click()
    page.get_by_role("button", name="For 30 minutes").click()
    expect(page.locator(".notice")).to_contain_text("Ana Brandt snoozed it until")
    page.get_by_role("button", name="Tell again").click()
    expect(page.locator(".notice")).to_have_count(0)


def test_alerts_are_filtered_as_one_types_and_resolved_together(visit: Visit, populated: dict[str, Any]) -> None:
    page = visit()
    page.goto("/alerting/alerts/")
    page.fill("#q", "harbour")
    expect(page.locator("#alert-rows tbody tr")).to_have_count(1)
    page.wait_for_load_state("networkidle")  # a swap that comes late would take the check away again
    page.locator("#alert-rows input[type=checkbox]").check()
    page.get_by_role("button", name="Resolve chosen").click()
    expect(page.locator(".messages")).to_contain_text("1 alert resolved.")


def test_an_incident_updates_itself_and_resolves_in_a_dialog(visit: Visit, populated: dict[str, Any]) -> None:
    outage = populated["incidents"][0]
    page = visit()
    page.goto("/")
    first = page.locator(".attention li").first
    expect(first).to_contain_text("Sandbox is failing for 3 companies")
    first.get_by_role("button", name="Retry all").click()
    expect(page.locator(".messages")).to_contain_text("4 reads tried again.")
    page.locator(".page-head-actions").get_by_role("link", name="Resolve").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("Resolve this incident?")
    dialog.get_by_role("button", name="Resolve").click()
    expect(page.locator(".messages")).to_contain_text("The incident is resolved.")
    outage.refresh_from_db()
    assert outage.state == "Resolved"
