"""Generated requests against the whole API, in process, each in a transaction that is undone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from customdata.actions.custom_fields import create_custom_field
from customdata.actions.field_mappings import create_mapping
from customdata.models import CustomField
from portal.actions.api_keys import create_api_key
from portal.api import limits
from portal.api.description import description
from portal.api.quota import Quota
from portal.keys import header_of
from pushops.actions.pushing import request_push
from syncengine.actions.datasets import refresh_company
from syncengine.sandbox.server import start
from tests.conformance.contract import filtered
from tests.factories import make_company
from tests.syncengine.lab import KEY, Lab, installed

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HERE = Path(__file__).parent
ACCOUNT = {"nominalCode": "4200", "name": "Tests", "fullyQualifiedCategory": "Asset.Current"}
tried: dict[str, int] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.conformance)
            item.add_marker(pytest.mark.timeout(900))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for document, count in tried.items():
        terminalreporter.write_line(f"{document}: {count} generated requests")


@dataclass
class World:
    """What stands in the database while requests are made up, and how often a made-up id is replaced by a real one."""

    authorization: str
    ids: dict[str, str]
    lab: Lab

    def try_(self, document: str, case: Any, agent: str) -> None:
        """Send one generated request and check its answer; whatever it changed is undone."""
        tried[document] = tried.get(document, 0) + 1
        for name in case.path_parameters or {}:
            # Three of four requests name things that exist, or every answer would be a 404.
            if name in self.ids and (tried[document] % 4 or not case.path_parameters[name]):
                case.path_parameters[name] = self.ids[name]
        ours = {"Authorization": self.authorization, "Accept-Encoding": "identity", "User-Agent": agent}
        case.headers = {**(case.headers or {}), **ours}
        with transaction.atomic():
            response = case.call()
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)


@pytest.fixture
def world(db: None, settings: Any, run_queue: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> Any:
    """One company, linked to the sandbox and read, and a key that may do everything."""
    settings.HEADRACE_API_DAILY_QUOTA = 0
    settings.HEADRACE_API_ADDRESS_PER_MINUTE = 0
    settings.HEADRACE_API_CONNECTOR_PER_MINUTE = 0
    monkeypatch.setattr(limits, "quota", Quota())
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # all requests share the test's own transaction
    sandbox = start(0, control_key=KEY, size=5)
    lab = installed(sandbox, settings, settings.HEADRACE_PORTAL_URL)
    connection = lab.connection(make_company("Acme Trading", tags={"region": "uk"}))
    datasets = refresh_company(connection.company, actor="test")
    push = request_push(connection, data_type="chartOfAccounts", operation="Create", body=ACCOUNT, actor="test")
    run_queue()
    field = create_custom_field(
        "vat_note", "ACCOUNTING", "customers", source=CustomField.Source.API, actor="test", description=None
    )
    mapping = create_mapping(field, "person", actor="test", connection=connection)
    key = create_api_key(name="test", scopes=("read", "sync", "push", "admin"), actor="test")
    yield World(
        header_of(key.secret),
        {
            "companyId": str(connection.company_id),
            "connectionId": str(connection.pk),
            "datasetId": str(datasets[0].pk),
            "platformKey": "mqjo",
            "dataType": "invoices",
            "segment": "invoices",
            "statement": "balanceSheet",
            "apiKeyId": str(key.key.pk),
            "pushOperationKey": str(push.pk),
            "recordId": "inv_00000001",
            "accountId": "bnk_00000001",
            "customFieldId": str(field.pk),
            "customFieldMappingId": str(mapping.pk),
        },
        lab,
    )
    sandbox.stop()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def own_schema(world: World) -> Any:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(description())))
    return _in_process(schema)


@pytest.fixture
def contract_schema(world: World) -> Any:
    """The vendor's own document, less what later parts of the product will serve."""
    place = Path(os.environ.get("CONTRACTS", HERE.parents[2] / "shared" / "contracts"))
    return _in_process(schemathesis.openapi.from_dict(filtered(json.loads((place / "codat" / FILE).read_text()))))


FILE = "Codat-Platform-2026-08.json"


def _in_process(schema: Any) -> Any:
    schema.app = WSGIHandler()
    schema.config.update(base_url="http://testserver/api")
    return schema
