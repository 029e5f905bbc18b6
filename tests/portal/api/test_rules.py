"""/rules and /rules/alerts over the wire (codat contract, section 14)."""

from __future__ import annotations

from datetime import time
from uuid import uuid4

import pytest

from portal.actions.alerting_rules import change_rule
from portal.alerting.rule_types import RULE_TYPES
from portal.models import Alert, AlertingRule, DeploymentSettings
from syncengine.actions.companies import delete_company
from syncengine.events import record_event
from syncengine.moments import stamp
from syncengine.run.telling import tell_events
from tests.factories import make_company, make_connection, make_dataset

pytestmark = pytest.mark.django_db

HOOK = "https://93.184.216.34/alerts"
GOOD = {
    "type": "Data Sync Status Changed To Error", "notifiers": {"emails": ["info@client.com"], "webhook": HOOK},
}  # fmt: skip


def make(wire, **given):
    answer = wire("POST", "/rules", {**GOOD, **given})
    assert answer.status_code == 200, answer.content
    return answer.json()


def fail(company, data_type: str = "bills"):
    dataset = make_dataset(make_connection(company), data_type, "FetchError")
    event = record_event("dataset.failed", about=dataset, status="FetchError")
    tell_events()
    return event


def item_of(answer) -> str:
    assert answer.status_code == 400, answer.content
    return answer.json()["validation"]["errors"][0]["itemId"]


# --- rules


def test_a_rule_is_created_read_replaced_and_deleted(wire) -> None:
    company = make_company()
    made = make(wire, companyId=str(company.pk))
    rule = AlertingRule.objects.get()
    whole = {
        "id": str(rule.pk),
        "type": "Data Sync Status Changed To Error",
        "companyId": str(company.pk),
        "notifiers": {"emails": ["info@client.com"], "webhook": HOOK},
    }
    assert made == whole
    assert wire.get(f"/rules/{rule.pk}").json() == whole
    replaced = wire("PUT", f"/rules/{rule.pk}", {"notifiers": {"emails": []}})
    assert (replaced.status_code, replaced.json()) == (
        200, {"id": str(rule.pk), "type": whole["type"], "notifiers": {"emails": []}},
    )  # fmt: skip
    gone = wire("DELETE", f"/rules/{rule.pk}")
    assert (gone.status_code, gone.json()) == (200, replaced.json())
    for again in (wire.get(f"/rules/{rule.pk}"), wire("DELETE", f"/rules/{rule.pk}"), wire.get("/rules/nothing")):
        assert again.status_code == 404
    assert wire.get(f"/rules/{rule.pk}").json()["error"] == f"No rule was found with ID {rule.pk}"


def test_the_list_is_paged_as_the_contract_shows_it(wire) -> None:
    first = make(wire)
    make(wire, type="Data sync completed")
    listed = wire.get("/rules?page=1&pageSize=1").json()
    assert listed == {
        "results": [first],
        "pageNumber": 1,
        "pageSize": 1,
        "totalResults": 2,
        "_links": {
            "self": {"href": "/rules"},
            "current": {"href": "/rules?page=1&pageSize=1"},
            "next": {"href": "/rules?page=2&pageSize=1"},
        },
    }


@pytest.mark.parametrize("spelling", sorted({s for k in RULE_TYPES.values() for s in (k.wire, *k.spellings, k.key)}))
def test_every_spelling_of_a_type_is_accepted_and_told_back(wire, spelling) -> None:
    assert make(wire, type=spelling, notifiers={})["type"] == spelling
    assert wire("POST", "/rules", {"type": f"  {spelling.upper()} ", "notifiers": {}}).json()["type"] == spelling


def test_an_unknown_type_names_the_member(wire) -> None:
    answer = wire("POST", "/rules", {**GOOD, "type": "Everything Is Fine"})
    assert (item_of(answer), answer.json()["error"]) == ("type", "'Everything Is Fine' is not a rule type.")


@pytest.mark.parametrize(
    ("body", "item"),
    [
        ({"notifiers": {}}, "type"),
        ({"type": GOOD["type"]}, "notifiers"),
        ({**GOOD, "notifiers": []}, "notifiers"),
        ({**GOOD, "notifiers": {"emails": "ana@example.com"}}, "notifiers.emails"),
        ({**GOOD, "notifiers": {"emails": ["nobody"]}}, "notifiers.emails"),
        ({**GOOD, "notifiers": {"emails": ["ana@example.com\r\nBcc: eve@example.com"]}}, "notifiers.emails"),
        ({**GOOD, "notifiers": {"emails": ["Ana <ana@example.com>"]}}, "notifiers.emails"),
        ({**GOOD, "notifiers": {"emails": ["ana@example.com,bo@example.com"]}}, "notifiers.emails"),
        ({**GOOD, "notifiers": {"emails": ["x" * 250 + "@example.com"]}}, "notifiers.emails"),
        ({**GOOD, "notifiers": {"webhook": "http://127.0.0.1/"}}, "notifiers.webhook"),
        ({**GOOD, "notifiers": {"webhook": "http://169.254.169.254/"}}, "notifiers.webhook"),
        ({**GOOD, "notifiers": {"webhook": 7}}, "notifiers.webhook"),
        ({**GOOD, "companyTag": "region"}, "companyTag"),
        ({**GOOD, "settings": {"hours": 3}}, "settings.hours"),
        ({**GOOD, "settings": {"dataType": "unicorns"}}, "settings.dataType"),
        ({**GOOD, "type": "No Success Within", "settings": {"hours": 0}}, "settings.hours"),
        ({**GOOD, "type": "No Success Within", "settings": {"hours": "24"}}, "settings.hours"),
        ({**GOOD, "type": "Custom Field Coverage Dropped", "settings": {"points": 5}}, "settings.points"),
        ({**GOOD, "type": "Rate Limit Reached", "companyTag": "a:b"}, "companyTag"),
    ],
)
def test_bad_bodies_are_refused_by_the_member_at_fault(wire, body, item) -> None:
    assert item_of(wire("POST", "/rules", body)) == item
    assert AlertingRule.objects.count() == 0


def test_ten_thousand_addresses_are_refused_with_the_limit(wire) -> None:
    many = [f"a{n}@example.com" for n in range(10_000)]
    answer = wire("POST", "/rules", {**GOOD, "notifiers": {"emails": many}})
    assert item_of(answer) == "notifiers.emails"
    assert answer.json()["error"] == (
        "A rule may have 50 e-mail addresses; these are 10,000. Use a mailing list instead."
    )
    fifty = {"emails": [f"a{n}@example.com" for n in range(50)]}
    assert wire("POST", "/rules", {**GOOD, "notifiers": fifty}).status_code == 200


def test_a_rule_keeps_its_type_and_what_the_portal_set(wire) -> None:
    made = make(wire, type="No Success Within", settings={"hours": 6, "dataType": "invoices"}, companyTag="region:uk")
    rule = AlertingRule.objects.get()
    change_rule(
        rule, emails=rule.emails, settings=rule.settings, company_tag=rule.company_tag, recovery_notice=True,
        quiet_from=time(22), quiet_until=time(6), time_zone="Europe/Berlin", actor="test",
    )  # fmt: skip
    body = {"type": "no success within", "notifiers": {"webhook": HOOK}}
    assert wire("PUT", f"/rules/{rule.pk}", body).json() == {**made, "notifiers": {"emails": [], "webhook": HOOK}}
    rule.refresh_from_db()
    assert (rule.recovery_notice, rule.quiet_from, rule.time_zone) == (True, time(22), "Europe/Berlin")
    company = make_company()
    narrowed = wire("PUT", f"/rules/{rule.pk}", {**body, "companyId": str(company.pk), "settings": {"hours": 7}}).json()
    assert (narrowed.get("companyTag"), narrowed["companyId"], narrowed["settings"]) == (
        None, str(company.pk), {"hours": 7},
    )  # fmt: skip
    assert item_of(wire("PUT", f"/rules/{rule.pk}", {**body, "type": "Data sync completed"})) == "type"
    assert item_of(wire("PUT", f"/rules/{rule.pk}", {**body, "type": "nonsense"})) == "type"


def test_with_a_company_rules_of_all_companies_are_left_out(wire) -> None:
    one, two = make_company("One"), make_company("Two")
    make(wire)
    of_one = make(wire, companyId=str(one.pk))
    make(wire, companyId=str(two.pk))
    assert wire.get(f"/rules?companyId={one.pk}").json()["results"] == [of_one]
    assert wire.get(f"/rules?COMPANYID={one.pk}").json()["totalResults"] == 1
    assert wire.get(f"/rules?companyId={uuid4()}").status_code == 404
    assert wire.get("/rules").json()["totalResults"] == 3
    delete_company(two, actor="test")
    assert wire.get("/rules").json()["totalResults"] == 2


def test_rules_can_be_queried_and_ordered(wire) -> None:
    for name in ("Data sync completed", "Dataset data changed", "DataConnectionStatusChanged"):
        make(wire, type=name)
    answer = wire.get("/rules?query=type~sync&orderBy=-type").json()
    assert [rule["type"] for rule in answer["results"]] == ["Data sync completed"]
    ordered = wire.get("/rules?orderBy=-type").json()
    assert [rule["type"] for rule in ordered["results"]] == [
        "Dataset data changed", "DataConnectionStatusChanged", "Data sync completed",
    ]  # fmt: skip
    assert wire.get("/rules?query=colour=red").status_code == 400


def test_an_unknown_company_is_told_as_everywhere(wire) -> None:
    stranger = str(uuid4())
    answer = wire("POST", "/rules", {**GOOD, "companyId": stranger})
    assert (answer.status_code, answer.json()["error"]) == (404, f"No company was found with ID {stranger}")


# --- alerts


def test_alerts_are_listed_and_read_with_the_body_of_their_time(wire) -> None:
    company = make_company("Acme")
    rule = make(wire)
    event = fail(company)
    alert = Alert.objects.get()
    deployment = DeploymentSettings.load()
    whole = {
        "id": str(alert.pk),
        "alertId": str(alert.pk),
        "ruleId": rule["id"],
        "ruleType": "Data Sync Status Changed To Error",
        "clientId": str(deployment.client_id),
        "clientName": "Headrace",
        "companyId": str(company.pk),
        "companyName": "Acme",
        "dataConnectionId": str(event.connection_id),
        "message": f"ERROR: syncing bills triggered a FetchError notification at {stamp(event.at)}.",
        "data": {"dataType": "bills", "datasetStatus": "FetchError", "datasetId": str(event.dataset_id)},
        "raisedOnUtc": stamp(alert.raised_at),
    }
    assert wire.get(f"/rules/alerts/{alert.pk}").json() == whole
    assert wire.get("/rules/alerts").json()["results"] == [whole]
    assert wire.get(f"/rules/{rule['id']}/alerts").json() == {
        "results": [whole],
        "pageNumber": 1,
        "pageSize": 100,
        "totalResults": 1,
        "_links": {
            "self": {"href": f"/rules/{rule['id']}/alerts"},
            "current": {"href": f"/rules/{rule['id']}/alerts?page=1&pageSize=100"},
        },
    }
    missing = wire.get(f"/rules/alerts/{uuid4()}")
    assert missing.status_code == 404
    assert wire.get("/rules/alerts/none").status_code == 404
    assert wire.get(f"/rules/{uuid4()}/alerts").status_code == 404


def test_alerts_of_a_company_leave_out_what_is_of_all(wire) -> None:
    make(wire)
    make(wire, type="Rate Limit Reached")
    one, two = make_company("One"), make_company("Two")
    fail(one)
    fail(two)
    record_event("client.rate_limit_reached", daily_quota=1)
    tell_events()
    assert wire.get("/rules/alerts").json()["totalResults"] == 3
    found = wire.get(f"/rules/alerts?companyId={one.pk}").json()["results"]
    assert [alert["companyName"] for alert in found] == ["One"]
    assert wire.get("/rules/alerts?query=companyName=Two").json()["totalResults"] == 1
    newest = wire.get("/rules/alerts?pageSize=1").json()["results"][0]
    assert "companyId" not in newest
    assert newest["ruleType"] == "Rate Limit Reached"
    oldest = wire.get("/rules/alerts?pageSize=1&orderBy=raisedOnUtc").json()["results"][0]
    assert oldest["companyName"] == "One"


@pytest.mark.parametrize("path", ["/rules", "/rules/alerts"])
def test_a_list_costs_the_same_for_one_and_three(wire, path, django_assert_num_queries) -> None:
    make(wire, companyId=str(make_company().pk))
    make(wire)
    fail(make_company("Acme"))
    wire.get(path)
    with django_assert_num_queries(2 if path == "/rules" else 3):
        wire.get(path)
    for number in range(2):
        make(wire, companyId=str(make_company().pk))
        fail(make_company(f"Acme {number}"))
    with django_assert_num_queries(2 if path == "/rules" else 3):
        wire.get(path)


# --- who may


def test_the_right_to_read_is_not_the_right_to_edit(wire_for, wire) -> None:
    made = make(wire)
    reader = wire_for("read", rights=["rules.read"])
    assert reader.get("/rules").status_code == 200
    assert reader("POST", "/rules", GOOD).status_code == 403
    assert reader("DELETE", f"/rules/{made['id']}").status_code == 403
    assert wire_for("read").get("/rules").status_code == 403


def test_a_key_of_one_company_knows_nothing_of_the_others(wire, wire_for) -> None:
    own, foreign = make_company("Own"), make_company("Foreign")
    of_all, of_foreign, of_own = (
        make(wire), make(wire, companyId=str(foreign.pk)), make(wire, companyId=str(own.pk))
    )  # fmt: skip
    fail(own)
    fail(foreign)
    limited = wire_for("read", "admin", company_ids=[own.pk])
    assert limited.get("/rules").json()["results"] == [of_own]
    assert {alert["companyName"] for alert in limited.get("/rules/alerts").json()["results"]} == {"Own"}
    foreign_alert = Alert.objects.filter(company=foreign).first()
    for method, path, body in (
        ("GET", "/rules/{}", None), ("PUT", "/rules/{}", GOOD), ("DELETE", "/rules/{}", None),
        ("GET", "/rules/{}/alerts", None),
    ):  # fmt: skip
        missing = _bytes(limited, method, path, str(uuid4()), body)
        for rule in (of_all, of_foreign):
            assert _bytes(limited, method, path, rule["id"], body) == missing
    missing = _bytes(limited, "GET", "/rules/alerts/{}", str(uuid4()))
    assert _bytes(limited, "GET", "/rules/alerts/{}", str(foreign_alert.pk)) == missing
    missing = _bytes(limited, "GET", "/rules?companyId={}", str(uuid4()))
    assert _bytes(limited, "GET", "/rules?companyId={}", str(foreign.pk)) == missing
    assert item_of(limited("POST", "/rules", GOOD)) == "companyId"
    assert item_of(limited("PUT", f"/rules/{of_own['id']}", GOOD)) == "companyId"
    assert limited("POST", "/rules", {**GOOD, "companyId": str(foreign.pk)}).status_code == 404
    assert limited("POST", "/rules", {**GOOD, "companyId": str(own.pk)}).status_code == 200


def _bytes(wire, method: str, path: str, key: str, body=None) -> tuple[int, str]:
    answer = wire(method, path.format(key), body)
    told = answer.json() | {"correlationId": ""}
    return answer.status_code, str(told).replace(key, "ID")
