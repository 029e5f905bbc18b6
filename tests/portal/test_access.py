"""Who reaches which page: every route of the portal × every role, and whose rows they reach there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from django.utils.timezone import now

from customdata.actions.custom_data_types import put_custom_data_type
from customdata.actions.custom_fields import create_custom_field
from customdata.actions.field_mappings import create_mapping
from customdata.models import CustomField, FieldMappingChange
from portal.access import RIGHTS, allows, companies_for, connections_for, datasets_for
from portal.actions.alerting_rules import add_maintenance
from portal.actions.api_keys import create_api_key
from portal.alerting.consumers import create_consumer
from portal.config.urls import urlpatterns
from portal.links import customer_token
from portal.models import Role, WebhookMessage
from pushops.actions.pushing import request_push
from syncengine.actions.integrations import install_integrations, save_integration
from syncengine.actions.sync_settings import install_sync_settings
from syncengine.models import Integration
from syncengine.states import DatasetStatus
from tests.factories import (
    make_alert,
    make_company,
    make_connection,
    make_dataset,
    make_incident,
    make_rule,
    make_user,
)

pytestmark = pytest.mark.django_db

ON, AD, AN, D, A = Role.ONBOARDING, Role.ADVISOR, Role.ANALYST, Role.DEVELOPER, Role.ADMINISTRATOR
LADDER = [ON, AD, AN, D, A]
EVERYONE = None  # also people who did not sign in

# route: (method, lowest role, status for those who may). A route that is missing here fails the test.
ROUTES: dict[str, tuple[str, Role | None, int]] = {
    "overview": ("get", ON, 200),
    "sign-in": ("get", EVERYONE, 200),
    "sign-out": ("post", EVERYONE, 302),
    "time-zone": ("post", ON, 302),
    "company-list": ("get", ON, 200),
    "company-create": ("get", ON, 200),
    "company-detail": ("get", ON, 200),
    "company-rename": ("get", ON, 200),
    "company-delete": ("get", AN, 200),
    "company-refresh": ("post", AD, 303),
    "connection-create": ("get", ON, 200),
    "connection-settings": ("get", ON, 200),
    "connection-link": ("post", ON, 200),
    "connection-approve": ("get", ON, 302),
    "connection-unlink": ("get", D, 200),
    "connection-delete": ("get", D, 200),
    "connection-keep-alive": ("post", D, 303),
    "dataset-queue": ("post", AD, 303),
    "dataset-stop": ("post", AD, 303),
    "link-callback": ("get", EVERYONE, 404),
    "customer-page": ("get", EVERYONE, 200),
    "customer-link": ("post", EVERYONE, 200),
    "customer-approve": ("get", EVERYONE, 200),
    "dataset-list": ("get", AD, 200),
    "dataset-detail": ("get", AD, 200),
    "dataset-cancel": ("post", AD, 409),
    "dataset-retry": ("post", AD, 303),
    "company-dataset-list": ("get", AD, 200),
    "company-record-list": ("get", AD, 200),
    "record-list": ("get", AD, 200),
    "sync-settings": ("get", D, 200),
    "company-sync-settings": ("get", D, 200),
    "company-sync-settings-reset": ("post", D, 303),
    "integration-list": ("get", D, 200),
    "integration-detail": ("get", D, 200),
    "integration-set-enabled": ("post", D, 303),
    "integration-set-offline": ("post", D, 303),
    "integration-connector": ("get", D, 303),
    "integration-connector-key": ("post", D, 303),
    "integration-connector-revoke": ("get", D, 200),
    "api-key-list": ("get", D, 200),
    "api-key-create": ("get", D, 200),
    "api-key-rename": ("get", D, 200),
    "api-key-rotate": ("get", D, 200),
    "api-key-revoke": ("get", D, 200),
    "organisation": ("get", D, 200),
    "organisation-origins": ("post", D, 303),
    "incident-list": ("get", AD, 200),
    "incident-detail": ("get", AD, 200),
    "incident-acknowledge": ("post", AN, 303),
    "incident-resolve": ("get", AN, 200),
    "incident-retry": ("post", AD, 303),
    "incident-links": ("get", AD, 200),
    "alerting": ("get", AN, 302),
    "rule-list": ("get", AN, 200),
    "rule-create": ("get", D, 200),
    "rule-preview": ("post", D, 200),
    "rule-detail": ("get", AN, 200),
    "rule-edit": ("get", D, 200),
    "rule-test": ("get", D, 200),
    "rule-snooze": ("post", D, 303),
    "rule-wake": ("post", D, 303),
    "rule-delete": ("get", D, 200),
    "alert-list": ("get", AN, 200),
    "alert-detail": ("get", AN, 200),
    "alert-resolve": ("post", AN, 303),
    "alert-resolve-selected": ("post", AN, 303),
    "maintenance-list": ("get", AN, 200),
    "maintenance-end": ("post", D, 303),
    "custom-data-list": ("get", AN, 200),
    "custom-data-create": ("get", D, 200),
    "custom-data-detail": ("get", AN, 200),
    "custom-data-edit": ("get", D, 200),
    "custom-data-read": ("post", AN, 303),
    "custom-data-schedule": ("post", D, 303),
    "custom-data-delete": ("get", D, 200),
    "custom-field-list": ("get", AN, 200),
    "custom-field-create": ("get", D, 200),
    "custom-field-detail": ("get", AN, 200),
    "custom-field-edit": ("get", D, 200),
    "custom-field-delete": ("get", D, 200),
    "custom-field-restore": ("post", D, 303),
    "custom-field-history": ("get", AN, 200),
    "custom-field-change-restore": ("post", D, 303),
    "custom-field-map-integration": ("get", D, 200),
    "custom-field-map-connection": ("get", D, 200),
    "custom-field-mapping-promote": ("get", D, 200),
    "custom-field-mapping-delete": ("get", D, 200),
    "push-list": ("get", AD, 200),
    "push-detail": ("get", AD, 200),
    "push-edit": ("get", AN, 200),
    "push-retry": ("post", AN, 303),
    "push-retry-all": ("get", AN, 200),
    "push-extend": ("get", AN, 200),
    "push-discard": ("get", AN, 200),
    "push-settle": ("get", AN, 200),
    "push-refresh": ("post", AD, 303),
    "company-push-list": ("get", AD, 200),
    "push-choose": ("get", AN, 200),
    "push-create": ("get", AN, 200),
    "push-update": ("get", AN, 404),  # the record is named behind the question mark
    "push-delete": ("get", AN, 404),
    "push-upload": ("get", AN, 404),
    "webhook-list": ("get", AN, 200),
    "webhook-create": ("get", D, 200),
    "webhook-catalogue": ("get", AN, 200),
    "webhook-catalogue-type": ("get", AN, 200),
    "webhook-detail": ("get", AN, 200),
    "webhook-edit": ("get", D, 200),
    "webhook-headers": ("get", D, 200),
    "webhook-secret": ("post", D, 200),
    "webhook-rotate": ("get", D, 200),
    "webhook-pause": ("post", D, 303),
    "webhook-enable": ("post", D, 303),
    "webhook-delete": ("get", D, 200),
    "webhook-recover": ("get", D, 200),
    "webhook-replay": ("get", D, 200),
    "webhook-example": ("get", D, 200),
    "webhook-message-list": ("get", AN, 200),
    "webhook-message-detail": ("get", AN, 200),
    "webhook-message-resend": ("post", D, 303),
    "webhook-message-resend-selected": ("post", D, 303),
}


def routes() -> Iterator[URLPattern]:
    def walk(patterns: list[Any]) -> Iterator[URLPattern]:
        for pattern in patterns:
            yield from [pattern] if isinstance(pattern, URLPattern) else walk(pattern.url_patterns)

    return walk(urlpatterns[3:])  # behind the API, the admin and the connectors' door


# Routes that name a row and need a session: a missing row and a deleted one answer the same page.
OWNED = sorted(
    pattern.name
    for pattern in routes()
    if {"company_id", "connection_id", "dataset_id"} & set(pattern.pattern.converters)
    and ROUTES.get(pattern.name, (0, EVERYONE))[1] is not EVERYONE
)
POSTED = sorted(name for name, (method, _, _) in ROUTES.items() if method == "post")


def address(pattern: URLPattern, values: dict[str, Any]) -> str:
    return reverse(pattern.name, kwargs={name: values[name] for name in pattern.pattern.converters})


@pytest.fixture
def values() -> dict[str, Any]:
    """One row of each kind, by the name that routes give it."""
    install_integrations()
    install_sync_settings()
    sandbox = Integration.objects.get(key="mqjo")
    base, client = {"base_url": "https://sandbox.example"}, {"client_id": "headrace", "client_secret": "hush"}
    save_integration(sandbox, settings=base, client=client, actor="test")
    connection = make_connection(make_company("Acme"), integration=sandbox)
    dataset = make_dataset(connection, status=DatasetStatus.FETCH_ERROR, completed_at=now())
    hook = create_consumer(url="https://93.184.216.34/hooks", event_types=["company.created"], actor="test")
    rule = make_rule()
    configuration = {"dataSource": "/expenses", "requiredData": {}, "keyBy": ["$.id"]}
    custom = put_custom_data_type(sandbox, "expenses", configuration, actor="test")
    field = create_custom_field("po_number", "ACCOUNTING", "invoices", source=CustomField.Source.API, actor="test")
    mapping = create_mapping(field, "po", actor="test", connection=connection)
    message = WebhookMessage.objects.create(
        consumer=hook, lane=hook.lane, to=hook.url, event_type="company.created", payload=b"{}"
    )
    return {
        "incident_id": make_incident(connection).pk,
        "rule_id": rule.pk,
        "alert_id": make_alert(rule).pk,
        "window_id": add_maintenance(sandbox, starts_at=now(), ends_at=now() + timedelta(hours=1), actor="test").pk,
        "identifier": custom.custom_data_type.identifier,
        "field_id": field.pk,
        "mapping_id": mapping.pk,
        "change_id": FieldMappingChange.objects.get(mapping_id=mapping.pk).pk,
        "push_key": request_push(connection, data_type="chartOfAccounts", operation="Create", body={}, actor="test").pk,
        "consumer_id": hook.pk,
        "message_id": message.pk,
        "name": "company.created",
        "company_id": connection.company_id,
        "connection_id": connection.pk,
        "dataset_id": dataset.pk,
        "data_type": "invoices",
        "platform_key": "mqjo",
        "key": "mqjo",
        "key_id": create_api_key(scopes=["read"], actor="test").key.pk,
        "token": customer_token(connection.company),
    }


def test_every_route_has_an_entry() -> None:
    assert {pattern.name for pattern in routes()} == set(ROUTES)


def test_nothing_but_the_api_the_admin_and_the_portal_is_routed() -> None:
    api, admin, door, *pages = get_resolver().url_patterns
    assert (api.name, str(admin.pattern), {str(page.pattern) for page in pages}) == ("api", "admin/", {""})
    assert (door.name, str(door.pattern)) == ("connector-door", "connector/<path:what>")


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_route_for_each_role(name: str, values: dict[str, Any], client: Any) -> None:
    method, least, status = ROUTES[name]
    pattern = next(pattern for pattern in routes() if pattern.name == name)
    url = address(pattern, values)
    seen, wanted = {}, {}

    response = getattr(client, method)(url)
    seen["anonymous"] = response.status_code
    wanted["anonymous"] = status if least is EVERYONE else 302
    if least is not EVERYONE:
        assert response["Location"].startswith("/sign-in/")
        assert "no-store" in response["Cache-Control"]

    for role in LADDER if least is not EVERYONE else []:
        client.force_login(make_user(f"{role}@example.com", role=role))
        with transaction.atomic():
            response = getattr(client, method)(url)
            transaction.set_rollback(True)  # each role finds the same rows
        assert "no-store" in response["Cache-Control"]
        seen[role] = response.status_code
        wanted[role] = status if LADDER.index(role) >= LADDER.index(least) else 403
    assert seen == wanted


@pytest.mark.parametrize("name", OWNED)
def test_missing_and_deleted_rows_answer_the_same_404(name: str, values: dict[str, Any], client: Any) -> None:
    pattern = next(pattern for pattern in routes() if pattern.name == name)
    named = {"company_id", "connection_id", "dataset_id"} & set(pattern.pattern.converters)
    client.force_login(make_user())
    method = ROUTES[name][0]
    gone = make_dataset(make_connection(make_company("Gone", deleted_at=now()), deleted_at=now()))
    gone_values = {"company_id": gone.company_id, "connection_id": gone.connection_id, "dataset_id": gone.pk}

    deleted = getattr(client, method)(address(pattern, {**values, **gone_values}))
    missing = getattr(client, method)(address(pattern, {**values, **dict.fromkeys(named, uuid4())}))

    assert (deleted.status_code, missing.status_code) == (404, 404)
    assert deleted.content == missing.content


@pytest.mark.parametrize("name", POSTED)
def test_wrong_methods_change_nothing(name: str, values: dict[str, Any], client: Any) -> None:
    """A route that changes something takes no GET."""
    client.force_login(make_user())
    pattern = next(pattern for pattern in routes() if pattern.name == name)
    assert client.get(address(pattern, values)).status_code == 405


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (ON, {"companies.view", "companies.edit", "connections.link"}),
        (
            AD,
            {"companies.view", "companies.edit", "connections.link", "data.view", "data.refresh"}
            | {"incidents.view", "push.view"},
        ),
        (
            AN,
            {"companies.view", "companies.edit", "connections.link", "data.view", "data.refresh", "companies.delete"}
            | {"webhooks.view", "incidents.view", "incidents.edit", "rules.view", "alerts.resolve"}
            | {"custom_data.view", "custom_fields.view", "push.view", "push.write"},
        ),
        (D, set(RIGHTS) - {"users.edit"}),
        (A, set(RIGHTS)),
    ],
)
def test_rights_of_each_role(role: Role, rights: set[str]) -> None:
    user = make_user(role=role)
    assert {right for right in RIGHTS if allows(user, right)} == rights


def test_a_disabled_user_and_a_stranger_hold_no_right() -> None:
    disabled = make_user(is_active=False)
    assert [right for right in RIGHTS if allows(disabled, right) or allows(AnonymousUser(), right)] == []


def test_an_unknown_right_is_an_error() -> None:
    with pytest.raises(KeyError):
        allows(AnonymousUser(), "companies.veiw")


def test_scopes_hold_no_deleted_rows() -> None:
    kept = make_dataset()
    make_dataset(make_connection(kept.company, deleted_at=now()))
    make_dataset(make_connection(make_company(deleted_at=now())))
    user = make_user()
    assert list(companies_for(user)) == [kept.company]
    assert list(connections_for(user)) == [kept.connection]
    assert list(datasets_for(user)) == [kept]


def test_scopes_of_people_without_the_right_are_empty() -> None:
    make_dataset()
    assert list(datasets_for(make_user(role=ON))) == []
    assert list(companies_for(AnonymousUser())) == []
    assert list(connections_for(AnonymousUser())) == []


def test_a_swap_without_a_session_answers_401(client: Any) -> None:
    response = client.get("/companies/", headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (401, b"")


def test_sign_in_keeps_the_address_that_was_wanted(client: Any) -> None:
    response = client.get("/companies/?q=acme&state=Linked")
    assert response["Location"] == "/sign-in/?next=%2Fcompanies%2F%3Fq%3Dacme%26state%3DLinked"


def test_post_without_csrf_token_is_refused(values: dict[str, Any]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user())
    refused = {}
    for pattern in routes():
        response = strict.post(address(pattern, values), headers={"Origin": "https://elsewhere.example"})
        refused[pattern.name] = response.status_code
    assert {name: status for name, status in refused.items() if status not in (403, 405)} == {}
