"""The older common SDK, the strictest reader of all."""

from __future__ import annotations

import pytest

from syncengine.models import Company, Dataset
from tests.sdk.sdks import COMMON


@pytest.fixture
def sdk(runner_for):
    return runner_for(COMMON)


def test_companies_and_connections(sdk, linked):
    made = sdk.value("companies.create", {"name": "Technicalium"})
    one = {"company_id": made["id"]}
    renamed = sdk.value("companies.update", {**one, "company_request_body": {"name": "Renamed"}})
    assert (renamed["name"], Company.objects.get(pk=made["id"]).name) == ("Renamed", "Renamed")
    listed = sdk.value("companies.list", {"page_size": 1, "order_by": "name"})
    assert ([row["name"] for row in listed["results"]], listed["totalResults"]) == (["Acme Trading"], 2)
    connection = {"company_id": str(linked.company_id), "connection_id": str(linked.pk)}
    got = sdk.value("connections.get", connection)
    assert (got["status"], got["integrationKey"]) == ("Linked", "mqjo")
    made = sdk.value("connections.create", {**one, "request_body": {"platform_key": "mqjo"}})
    assert made["status"] == "PendingAuth"
    unlinked = sdk.value("connections.unlink", {**connection, "update_connection_status": {"status": "Unlinked"}})
    assert unlinked["status"] == "Unlinked"
    assert sdk.call("connections.delete", connection).error == ""
    assert sdk.call("companies.delete", one).error == ""
    assert sdk.call("companies.get", one).status == 404


def test_integrations_and_settings(sdk, linked):
    listed = sdk.value("integrations.list", {"query": "enabled=true"})["results"]
    assert "mqjo" in {row["key"] for row in listed}
    assert sdk.value("integrations.get", {"platform_key": "mqjo"})["key"] == "mqjo"
    assert sdk.value("integrations.get_branding", {"platform_key": "mqjo"})["logo"]["full"]["image"]["src"]
    profile = {"name": "Lender", "redirect_url": "https://lender.example.com/{companyId}"}
    assert sdk.value("settings.update_profile", profile)["name"] == "Lender"
    assert sdk.value("settings.get_profile")["name"] == "Lender"
    made = sdk.value("settings.create_api_key", {"name": "second"})
    assert made["id"] in {key["id"] for key in sdk.value("settings.list_api_keys")["results"]}
    settings = sdk.value("settings.get_sync_settings")
    assert len(settings["settings"]) == 43
    assert sdk.value("connection_management.get_access_token", {"company_id": str(linked.company_id)})["accessToken"]


def test_refresh_and_history(sdk, linked, run_queue):
    company = {"company_id": str(linked.company_id)}
    assert sdk.value("refresh_data.get", company) == {}
    queued = sdk.value("refresh_data.by_data_type", {**company, "data_type": "invoices"})
    assert queued["status"] == "Queued"
    run_queue()
    assert sdk.value("refresh_data.get", company)["invoices"]["currentStatus"] == "Complete"
    assert sdk.call("refresh_data.all", company).error == ""
    history = sdk.value("refresh_data.list_pull_operations", company)
    assert history["totalResults"] == Dataset.objects.count()
    one = sdk.value("refresh_data.get_pull_operation", {**company, "dataset_id": queued["id"]})
    assert (one["isCompleted"], one["isErrored"]) == (True, False)


def test_alerting_rules(sdk, linked):
    """The only SDK that still knows them; it calls them webhooks."""
    wanted = {
        "type": "Push Operation Status Changed()",
        "company_id": str(linked.company_id),
        "notifiers": {"emails": ["info@client.com"], "webhook": "https://93.184.216.34/alerts"},
    }
    made = sdk.value("webhooks.create", wanted)
    told = {
        "id": made["id"],
        "type": "Push Operation Status Changed()",
        "companyId": str(linked.company_id),
        "notifiers": wanted["notifiers"],
    }
    assert made == told
    bare = sdk.value("webhooks.create", {"type": "New company synchronized", "notifiers": {}})
    assert sdk.value("webhooks.get", {"rule_id": made["id"]}) == told
    listed = sdk.value("webhooks.list", {"page_size": 1, "order_by": "-type"})
    assert ([rule["id"] for rule in listed["results"]], listed["totalResults"]) == ([made["id"]], 2)
    assert sdk.value("webhooks.list", {"query": "type~synchronized"})["results"][0]["id"] == bare["id"]
    unknown = sdk.call("webhooks.create", {"type": "Everything Is Fine", "notifiers": {}})
    assert (unknown.status, "'Everything Is Fine' is not a rule type." in unknown.body) == (400, True)
    gone = sdk.call("webhooks.get", {"rule_id": str(linked.pk)})
    assert (gone.status, gone.error) == (404, "ErrorMessage")
