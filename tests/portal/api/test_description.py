"""What the API says of itself is valid, complete, and holds an example for every body."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from ninja.constants import NOT_SET
from openapi_spec_validator import validate

from portal.api.description import description
from portal.api.root import api


@pytest.fixture(scope="module")
def document():
    return description()


def _operations(document):
    return [
        (f"{method.upper()} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_it_is_valid_openapi(document):
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_operation_is_described_and_told_once(document):
    operations = _operations(document)
    assert len(operations) >= 50
    names = [operation["operationId"] for _, operation in operations]
    assert (sorted(set(names)), [label for label, operation in operations if not operation.get("description")]) == (
        sorted(names),
        [],
    )


def test_every_operation_names_the_right_it_needs():
    open_to_all = [
        f"{operation.methods} {path}"
        for router in api()._get_bound_routers()
        for path, view in router.path_operations.items()
        for operation in view.operations
        if not operation.auth_callbacks
    ]
    assert open_to_all == []


def test_no_two_models_share_a_name():
    """The description knows models by name alone: of two with one name, the later would stand for both."""
    told: dict[str, str] = {}
    shared = set()
    for router in api()._get_bound_routers():
        for view in router.path_operations.values():
            for operation in view.operations:
                answers = [model for model in operation.response_models.values() if model not in (None, NOT_SET)]
                for model in [*operation.models, *answers]:
                    for name, schema in model.model_json_schema().get("$defs", {}).items():
                        if told.setdefault(name, str(schema)) != str(schema):
                            shared.add(name)
    assert shared == set()


def test_every_example_fits_its_schema(document):
    wrong = []
    for label, operation in _operations(document):
        bodies = [("request", operation["requestBody"])] if "requestBody" in operation else []
        for status, answer in [*bodies, *operation["responses"].items()]:
            media = answer.get("content", {}).get("application/json", {})
            if "schema" in media and "example" in media:
                schema = {**media["schema"], "components": document["components"]}
                found = Draft202012Validator(schema).iter_errors(media["example"])
                wrong += [f"{label} {status}: {error.json_path} {error.message}" for error in found]
    assert wrong == [], wrong[:20]


def test_it_is_served_to_everybody(client):
    response = client.get("/api/openapi.json")
    assert (response.status_code, response["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert response.json()["info"]["title"] == "Headrace"
    assert client.get("/api/openapi.json", headers={"If-None-Match": response["ETag"]}).status_code == 304
    assert client.post("/api/openapi.json").status_code == 405


def test_the_page_that_browses_it_needs_no_foreign_host(client):
    response = client.get("/api/docs")
    page = response.content.decode()
    assert (response.status_code, 'id="swagger-ui"' in page, "server_url=" in page) == (200, True, True)
    assert [part for part in page.split('"') if part.startswith("//") or "cdn" in part] == []
