"""Who is told what: types, envelopes, tags."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.utils.timezone import now

from portal.alerting.event_types import event_types
from portal.links import customer_url
from portal.models.deployment_settings import DeploymentSettings
from portal.models.webhook import WebhookMessage
from syncengine.actions.companies import create_company, delete_company
from syncengine.actions.connections import create_connection, delete_connection
from syncengine.events import record_event
from syncengine.models import Event
from syncengine.moments import stamp
from syncengine.run.telling import tell_events
from tests.factories import make_company, make_connection, make_dataset, make_integration, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def everything(endpoint):
    """A consumer of all types."""
    return endpoint("good", *event_types())


def told() -> list[tuple[str, dict]]:
    tell_events()
    messages = WebhookMessage.objects.order_by("created_at", "pk")
    return [(message.event_type, json.loads(bytes(message.payload))) for message in messages]


def types_told() -> list[str]:
    return [name for name, _ in told()]


def reference(company) -> dict:
    return {
        "id": str(company.pk),
        "name": company.name,
        "description": company.description or None,
        "links": {"portal": f"http://127.0.0.1:8000/companies/{company.pk}/"},
        "tags": company.tags,
    }


def test_a_company_is_told_whole(everything) -> None:
    company = create_company(
        name="Harbour Bakery",
        description="Bread",
        tags={"region": "uk"},
        actor=f"user:{make_user(name='Ana Brandt').pk}",
    )
    event = Event.objects.get(kind="company.created")
    (name, body) = told()[0]
    redirect = body["payload"].pop("redirect")
    assert name == "company.created"
    assert body == {
        "id": str(event.pk),
        "eventType": "company.created",
        "generatedDate": stamp(event.at),
        "payload": {
            "id": str(company.pk),
            "name": "Harbour Bakery",
            "description": "Bread",
            "created": stamp(company.created_at),
            "createdByUserName": "Ana Brandt",
            "tags": {"region": "uk"},
        },
    }
    assert redirect.partition("/s/")[0] == customer_url(company).partition("/s/")[0]


def test_a_connection_is_told_with_the_status_it_had_then(everything, lab_integration) -> None:
    company = make_company("Acme")
    connection = create_connection(company, "mqjo", actor="test")
    record_event("connection.linked", about=connection, before="PendingAuth")
    record_event("connection.deauthorized", about=connection, reason="It was withdrawn.")
    record_event("connection.linked", about=connection, before="Deauthorized")
    record_event("connection.unlinked", about=connection, before="Linked")
    delete_connection(connection, actor="test")
    today = [(name, body) for name, body in told() if "eventType" in body]
    assert [(name, body["payload"]["connection"]["status"]) for name, body in today] == [
        ("connection.created", "PendingAuth"),
        ("connection.connected", "Linked"),
        ("connection.disconnected", "Deauthorized"),
        ("connection.reconnected", "Linked"),
        ("connection.disconnected", "Unlinked"),
        ("connection.deleted", "PendingAuth"),
    ]
    errors = today[2][1]["payload"]["connection"]["dataConnectionErrors"]
    assert [(error["statusCode"], error["errorMessage"]) for error in errors] == [("401", "It was withdrawn.")]
    whole = today[1][1]["payload"]
    assert whole["referenceCompany"] == reference(company)
    link = whole["connection"].pop("linkUrl")
    assert link.endswith(f"#connection-{connection.pk}")
    assert whole["connection"] == {
        "id": str(connection.pk),
        "integrationId": str(connection.integration_id),
        "integrationKey": "mqjo",
        "sourceId": str(connection.source_id),
        "sourceType": "Accounting",
        "platformName": "Sandbox",
        "status": "Linked",
        "created": stamp(connection.created_at),
        "dataConnectionErrors": None,
    }


@pytest.fixture
def lab_integration():
    return make_integration("mqjo", enabled=True)


def test_reads_are_told_by_how_they_ended(everything) -> None:
    connection = make_connection(make_company("Acme"))
    since = datetime(2026, 11, 1, tzinfo=UTC)
    good = make_dataset(connection, "invoices", "Complete", created_count=3, warning_count=2, since=since)
    same = make_dataset(connection, "items", "Complete", unchanged_count=9)
    bad = make_dataset(connection, "bills", "FetchError")
    record_event("dataset.completed", about=good, data_type="invoices", created=3, changed=0, deleted=0)
    record_event("dataset.completed", about=same, data_type="items", created=0, changed=0, deleted=0)
    record_event("dataset.failed", about=bad, status="FetchError", reason="It answered 503.")
    found = told()
    assert [name for name, _ in found] == [
        "read.completed", "read.completed.successful", "DataSyncCompleted", "DatasetDataChanged",
        "read.completed", "read.completed.successful", "DataSyncCompleted",
        "read.completed", "read.completed.unsuccessful", "DataSyncStatusChangedToError",
    ]  # fmt: skip
    assert found[0][1]["payload"] == {
        "referenceCompany": reference(connection.company),
        "modifiedFromDate": "2026-11-01T00:00:00.000000Z",
        "dataTypes": [
            {
                "connectionId": str(connection.pk),
                "dataType": "invoices",
                "recordsModified": True,
                "status": "Complete",
                "issues": [
                    {
                        "type": "warning.validation",
                        "message": "Validation found 2 issues in invoices.",
                        "links": {"portal": f"http://127.0.0.1:8000/data/history/{good.pk}/"},
                    }
                ],
            }
        ],
    }
    assert found[4][1]["payload"]["dataTypes"][0]["recordsModified"] is False
    assert [found[0][1]["id"] == found[1][1]["id"], found[0][1]["id"]] == [
        False,
        str(Event.objects.filter(kind="dataset.completed").earliest("pk").pk),
    ]


def test_earlier_names_keep_their_body(everything) -> None:
    connection = make_connection(make_company("Acme"))
    bad = make_dataset(connection, "bills", "FetchError")
    event = record_event("dataset.failed", about=bad, status="FetchError", reason="It answered 503.")
    body = dict(told())["DataSyncStatusChangedToError"]
    deployment = DeploymentSettings.load()
    ids = {name: body.pop(name) for name in ("RuleId", "AlertId")}
    assert body == {
        "ClientId": str(deployment.client_id),
        "ClientName": "Headrace",
        "CompanyId": str(connection.company_id),
        "DataConnectionId": str(connection.pk),
        "RuleType": "Data Sync Status Changed To Error",
        "Message": f"ERROR: syncing bills triggered a FetchError notification at {stamp(event.at)}.",
        "Data": {"dataType": "bills", "datasetStatus": "FetchError", "datasetId": str(bad.pk)},
    }
    assert len(set(ids.values())) == 2


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("Pending", ["PushOperationStatusChanged"]),
        ("Success", ["invoices.write.successful", "PushOperationStatusChanged"]),
        ("Failed", ["invoices.write.unsuccessful", "PushOperationStatusChanged"]),
        ("TimedOut", ["invoices.write.unsuccessful", "PushOperationStatusChanged", "PushOperationTimedOut"]),
    ],
)
def test_writes_are_told_when_they_end(everything, status, names) -> None:
    connection = make_connection(make_company("Acme"))
    record_event(
        "push.status_changed",
        about=connection,
        push_operation_key="0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e04",
        data_type="invoices",
        change_type="Create",
        status=status,
        requested_at="2026-11-22T14:30:00.000000Z",
        completed_at="2026-11-22T14:30:02.000000Z",
        record_id="inv-7",
    )
    found = told()
    assert [name for name, _ in found] == names
    if status == "Success":
        assert found[0][1]["payload"] == {
            "id": "0193a1c2-7b10-7d21-9f3a-5a2b0c4d6e04",
            "type": "Create",
            "referenceCompany": reference(connection.company),
            "connectionId": str(connection.pk),
            "requestedOnDate": "2026-11-22T14:30:00.000000Z",
            "completedOnDate": "2026-11-22T14:30:02.000000Z",
            "status": "Success",
            "record": {"id": "inv-7"},
        }


def test_limits_are_told(everything) -> None:
    record_event(
        "client.rate_limit_reached", daily_quota=1000, quota_remaining=0, expires_at="2026-11-23T00:00:00+00:00"
    )
    body = dict(told())["client.rateLimit.reached"]
    assert body["payload"] == {"dailyQuota": 1000, "quotaRemaining": 0, "expiryDate": "2026-11-23T00:00:00.000000Z"}


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        ([], True),
        (["region:uk"], True),
        (["region:us", "team:a"], True),
        (["region:UK"], False),
        (["uk:region"], False),
    ],
)
def test_any_tag_is_enough_and_case_counts(endpoint, wanted, heard) -> None:
    endpoint("good", company_tags=wanted)
    create_company(name="Acme", tags={"region": "uk", "team": "a"}, actor="test")
    assert types_told() == (["company.created"] if heard else [])


def test_a_consumer_with_tags_hears_nothing_that_is_of_no_company(endpoint) -> None:
    endpoint("good", "client.rateLimit.reached", company_tags=["region:uk"])
    record_event("client.rate_limit_reached", daily_quota=1, quota_remaining=0, expires_at=now().isoformat())
    assert types_told() == []


def test_only_subscribed_types_of_enabled_endpoints_are_written(endpoint) -> None:
    endpoint("one", "company.deleted")
    endpoint("two", "company.created", "company.deleted")
    endpoint("three", "company.created", disabled=True)
    company = create_company(name="Acme", actor="test")
    delete_company(company, actor="test")
    tell_events()
    found = WebhookMessage.objects.order_by("created_at", "to").values_list("event_type", "to")
    assert sorted((name, to.rpartition("/")[2]) for name, to in found) == [
        ("company.created", "two"),
        ("company.deleted", "one"),
        ("company.deleted", "two"),
    ]


def test_every_type_has_an_example_that_says_its_name() -> None:
    for name, kind in event_types().items():
        said = kind.example.get("eventType") or kind.example.get("RuleType")
        assert said == name
        assert set(kind.example) <= set(kind.schema["properties"])
        assert len(json.dumps(kind.example)) < 20_000


def test_telling_takes_the_same_queries_for_one_endpoint_and_three(endpoint, django_assert_num_queries) -> None:
    endpoint("one")
    tell_events()
    counts = []
    for _ in range(2):
        create_company(name="Acme", actor="test")
        with django_assert_num_queries(13 if connection.vendor == "postgresql" else 12):  # its lock
            tell_events()
        endpoint(f"more-{len(counts)}")
        endpoint(f"yet-more-{len(counts)}")
        tell_events()
        counts.append(WebhookMessage.objects.count())
    assert counts == [1, 4]
