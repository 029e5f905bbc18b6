"""The six steps of the contract's page, by plain HTTP against a running server and a running platform."""

from __future__ import annotations

import json
import urllib.request
from urllib.parse import urlencode

import pytest

from portal.actions.api_keys import create_api_key
from syncengine.actions.datasets import queue_dataset
from syncengine.run.telling import tell_events
from tests.customdata.conftest import _sandbox_server
from tests.factories import make_company
from tests.syncengine.lab import installed

__all__ = ["_sandbox_server"]


@pytest.fixture
def lab(transactional_db, live_server, _sandbox_server, settings):
    settings.HEADRACE_API_DAILY_QUOTA = settings.HEADRACE_API_ADDRESS_PER_MINUTE = 0
    lab = installed(_sandbox_server, settings, live_server.url)
    lab.sizes(customers=60)
    return lab


@pytest.fixture
def call(lab, live_server):
    secret = create_api_key(name="seed", scopes=("read", "sync", "push", "admin"), actor="test").secret

    def go(method, path, body=None, **query):
        url = f"{live_server.url}/api/v1/{path}" if not path.startswith("/") else f"{live_server.url}/api{path}"
        request = urllib.request.Request(
            f"{url}?{urlencode(query)}" if query else url,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
            return answer.status, json.loads(content) if content else None

    return go


def test_the_six_steps(lab, call, run_queue):
    connection = lab.connection(make_company("Acme Trading"))
    token = str(connection.pk)
    queue_dataset(connection, "customers", actor="test")
    run_queue()

    # 1. Discover models and integrations
    status, found = call("GET", "lookup/models", category="ACCOUNTING")
    assert (status, set(found)) == (200, {"models"})
    assert {"slug": "customers", "display_name": "Customers", "category": "ACCOUNTING"} in found["models"]
    status, found = call("GET", "lookup/integrations", category="ACCOUNTING")
    sandbox = next(one for one in found["integrations"] if one["slug"] == "mqjo")
    assert sandbox == {
        "slug": "mqjo",
        "display_name": "Sandbox",
        "categories": sandbox["categories"],
    }
    assert "ACCOUNTING" in sandbox["categories"]
    assert token not in json.dumps(found)

    # 2. Inspect the raw upstream payload
    where = {"category": "ACCOUNTING", "model": "customers"}
    status, raw = call("GET", "custom-fields/raw-data", **where, connector_token=token)
    assert (status, raw["id"][:4]) == (200, "cus_")
    _, sample = call("GET", "custom-fields/raw-data", **where, integration_slug="mqjo")
    assert sample["person"] == "Sample person"

    # 3. Validate the expression, nothing is stored
    tried = {"connector_token": token, **where, "json_path": "addresses.billing.city"}
    city = raw["addresses"]["billing"]["city"]
    assert call("POST", "custom-fields/preview", tried) == (
        200,
        {
            "connector_token": token,
            "json_path": "addresses.billing.city",
            "resolved_value": city,
            "resolved_value_type": "string",
            "raw_data_source": "connector_sync",
        },
    )
    assert call("GET", "custom-fields", category="ACCOUNTING") == (200, {"cursor": None, "page_size": 0, "items": []})

    # 4. Create the custom fields
    ids = {}
    for name, description in (("billing_city", "Where the invoice goes"), ("favorite_color", None)):
        status, made = call("POST", "custom-fields", {"name": name, "description": description, **where})
        assert (status, made) == (201, {"id": made["id"], "status": "SUCCESS"})
        ids[name] = made["id"]

    # 5. Create a mapping for the integration, then one for the connection
    body = {
        "custom_field_id": ids["billing_city"],
        "integration_slug": "mqjo",
        "json_path": "addresses.billing.city",
    }
    status, shared = call("POST", "custom-fields/mapping", body)
    assert (status, shared) == (201, {"id": shared["id"], "status": "SUCCESS"})

    # 6. Verify the effective configuration
    def entry(name, json_path, source, mapping_id, description):
        return {
            "custom_field_id": ids[name],
            "name": name,
            "description": description,
            **where,
            "json_path": json_path,
            "source": source,
            "mapping_id": mapping_id,
        }

    def configuration():
        status, found = call("GET", "custom-fields/configuration", connector_token=token, **where)
        assert (status, found.pop("connector_token"), found.pop("integration_slug")) == (200, token, "mqjo")
        fields = found.pop("fields")
        assert found == where
        return fields

    color = entry("favorite_color", None, None, None, None)
    text = "Where the invoice goes"
    shown = entry("billing_city", "addresses.billing.city", "organization", shared["id"], text)
    assert configuration() == [shown, color]
    own_body = {**body, "integration_slug": None, "connector_token": token, "json_path": "addresses.delivery.city"}
    _, own = call("POST", "custom-fields/mapping", own_body)
    assert configuration() == [
        entry("billing_city", "addresses.delivery.city", "connector", own["id"], text),
        color,
    ]
    assert call("DELETE", f"custom-fields/mapping/{own['id']}") == (204, None)
    assert configuration() == [shown, color]

    # And the records show it: at once where the text is kept, everywhere after the next read.
    queue_dataset(connection, "customers", actor="test")
    run_queue()
    while tell_events():
        pass
    run_queue()
    path = f"/companies/{connection.company_id}/connections/{token}/data/customers"
    _, page = call("GET", path, include_custom_fields="true", include_raw_data="true")
    assert page["totalResults"] == len(page["results"]) > 20
    for record in page["results"]:
        billing = record["raw_data"].get("addresses", {}).get("billing") or {}
        assert record["custom_fields"] == {"billing_city": billing.get("city")}
        assert record["raw_data"]["id"] == record["id"]
    _, page = call("GET", path)
    assert not {"custom_fields", "raw_data"} & set(page["results"][0])

    assert call("DELETE", f"custom-fields/{ids['billing_city']}") == (204, None)
    assert configuration() == [color]
    assert call("GET", "custom-fields/mapping", integration_slug="mqjo") == (200, [])
