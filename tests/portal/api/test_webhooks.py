"""/webhooks over the wire (codat contract, section 15.1)."""

from __future__ import annotations

import pytest

from portal.alerting.zapier import is_zapier_key
from portal.models import WebhookConsumer

pytestmark = pytest.mark.django_db
GOOD = {"url": "https://93.184.216.34/hooks", "eventTypes": ["read.completed", "DataSyncCompleted"]}


def test_a_consumer_is_created_listed_and_deleted(wire) -> None:
    made = wire("POST", "/webhooks", {**GOOD, "companyTags": ["region:us"]})
    consumer = WebhookConsumer.objects.get()
    whole = {
        "id": str(consumer.pk),
        "url": "https://93.184.216.34/hooks",
        "disabled": False,
        "eventTypes": ["read.completed", "DataSyncCompleted"],
        "companyTags": ["region:us"],
    }
    assert (made.status_code, made.json()) == (201, whole)
    listed = wire.get("/webhooks")
    assert (listed.status_code, listed.json()) == (200, {"results": [whole]})
    gone = wire("DELETE", f"/webhooks/{consumer.pk}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert wire.get("/webhooks").json() == {"results": []}
    again = wire("DELETE", f"/webhooks/{consumer.pk}")
    assert again.status_code == 404
    assert again.json()["error"] == f"No webhook consumer was found with ID {consumer.pk}"


def test_a_consumer_may_begin_disabled(wire) -> None:
    assert wire("POST", "/webhooks", {**GOOD, "disabled": True}).json()["disabled"] is True


@pytest.mark.parametrize(
    ("body", "item"),
    [
        ({"eventTypes": ["read.completed"]}, "url"),
        ({"url": GOOD["url"]}, "eventTypes"),
        ({**GOOD, "eventTypes": []}, "eventTypes"),
        ({**GOOD, "eventTypes": ["nothing.happened"]}, "eventTypes"),
        ({**GOOD, "eventTypes": "read.completed"}, "eventTypes"),
        ({**GOOD, "url": "http://169.254.169.254/latest/"}, "url"),
        ({**GOOD, "url": "http://127.0.0.1:8000/"}, "url"),
        ({**GOOD, "url": 7}, "url"),
        ({**GOOD, "companyTags": ["region"]}, "companyTags"),
        ({**GOOD, "disabled": "yes"}, "disabled"),
    ],
)
def test_bad_bodies_are_refused_by_the_member_at_fault(wire, body, item) -> None:
    answer = wire("POST", "/webhooks", body)
    assert answer.status_code == 400
    assert answer.json()["validation"]["errors"][0]["itemId"] == item
    assert WebhookConsumer.objects.count() == 0


def test_the_fifty_first_is_refused(wire, settings) -> None:
    settings.HEADRACE_MAX_WEBHOOK_CONSUMERS = 2
    codes = [wire("POST", "/webhooks", GOOD).status_code for _ in range(3)]
    assert codes == [201, 201, 400]
    refused = wire("POST", "/webhooks", GOOD).json()["error"]
    assert refused.startswith("Maximum number of webhook consumers reached.")


def test_each_zapier_key_revokes_the_one_before(wire) -> None:
    first, second = (wire("POST", "/webhooks/integrationKeys/zapier") for _ in range(2))
    assert [first.status_code, second.status_code] == [201, 201]
    keys = [first.json()["key"], second.json()["key"]]
    assert [key.startswith("sk_integ_") for key in keys] == [True, True]
    assert [is_zapier_key(key) for key in keys] == [False, True]


@pytest.mark.parametrize(("count", "queries"), [(1, 0), (3, 0)])
def test_a_list_costs_the_same_for_one_and_three(wire, count, queries, django_assert_max_num_queries) -> None:
    for _ in range(count):
        wire("POST", "/webhooks", GOOD)
    wire.get("/webhooks")
    with django_assert_max_num_queries(4):
        assert len(wire.get("/webhooks").json()["results"]) == count
