"""Mappings over the API (Bindbee contract, calls 8 to 11): two targets, warnings, what is refused, who may."""

from __future__ import annotations

import pytest
from django.utils.timezone import now

from customdata.actions.field_mappings import create_mapping
from customdata.models import FieldMapping
from syncengine.moments import stamp
from tests.customdata.api.conftest import MAPPING, MISSING, faults, made, make_field, plain
from tests.factories import make_company, make_connection, make_integration
from tests.portal.api.answers import empty, told

pytestmark = pytest.mark.django_db

NO_CONNECTOR = (404, "There is no connector with this token.")
NO_MAPPING = (404, "There is no mapping with this id.")
ONE_TARGET = "Exactly one of integration_slug and connector_token is needed."


def wired(mapping, **members):
    return {
        "id": str(mapping.pk),
        "custom_field_id": str(mapping.field_id),
        "integration_slug": mapping.integration.key if mapping.integration else None,
        "connector_token": str(mapping.connection_id) if mapping.connection_id else None,
        "json_path": mapping.json_path,
        "created_at": stamp(mapping.created_at),
        "updated_at": stamp(mapping.updated_at),
        **members,
    }


# --- made, listed, changed, deleted


@pytest.mark.parametrize("target", ["integration_slug", "connector_token"])
def test_a_mapping_is_made_listed_changed_and_deleted(wire, target, django_assert_num_queries):
    connection, field = make_connection(), make_field()
    value = {"integration_slug": "mqjo", "connector_token": str(connection.pk)}[target]
    response = wire("POST", MAPPING, {"custom_field_id": str(field.pk), target: value, "json_path": "note"})
    mapping = FieldMapping.objects.get()
    assert (response.status_code, response.json()) == (201, {"id": str(mapping.pk), "status": "SUCCESS"})
    with django_assert_num_queries(3):  # key, target, mappings
        listed = told(wire.get(f"{MAPPING}?{target}={value}"))
    assert listed == [wired(mapping)]

    path = f"{MAPPING}/{mapping.pk}"
    changed = told(wire("PATCH", path, {"json_path": "tax.note"}))
    mapping.refresh_from_db()
    assert changed == wired(mapping)
    assert mapping.json_path == "tax.note"
    assert mapping.updated_at is not None

    assert empty(wire("DELETE", path)) == (204, b"")
    assert told(wire.get(f"{MAPPING}?{target}={value}")) == []
    assert plain(wire("PATCH", path, {"json_path": "x"})) == plain(wire("DELETE", path)) == NO_MAPPING


def test_a_list_holds_one_scope_alone(wire):
    connection, field = make_connection(), make_field()
    other = make_field("other")
    shared = [create_mapping(one, "a", actor="test", integration=connection.integration) for one in (field, other)]
    own = create_mapping(field, "b", actor="test", connection=connection)
    assert told(wire.get(f"{MAPPING}?integration_slug=mqjo")) == [wired(mapping) for mapping in shared]
    assert told(wire.get(f"{MAPPING}?connector_token={connection.pk}")) == [wired(own)]


# --- what an expression may say


def test_an_expression_is_not_judged_but_warned_of(wire):
    make_integration()
    field = make_field()
    body = {"custom_field_id": str(field.pk), "integration_slug": "mqjo", "json_path": '$.items[?kind=="A"]'}
    created = wire("POST", MAPPING, body)
    assert (created.status_code, set(created.json())) == (201, {"id", "status", "warnings"})
    assert created.json()["warnings"] == [
        {
            "code": "not-compiling",
            "message": 'JMESPath has no $; write items[?kind=="A"]. (at character 1)',
            "position": 0,
        }
    ]
    path = f"{MAPPING}/{created.json()['id']}"
    changed = told(wire("PATCH", path, {"json_path": 'items[?kind=="A"]'}))
    assert [(one["code"], one["position"]) for one in changed.pop("warnings")] == [
        ("gives-a-list", 5),
        ("quotes-name-a-member", 13),
    ]
    assert changed == wired(FieldMapping.objects.get())
    strict = faults(wire("PATCH", f"{path}?strict=true", {"json_path": "data.cost-center"}))
    words = 'A name with a hyphen must stand in double quotes: "cost-center". (at character 6)'
    assert strict == [(["body", "json_path"], words, "not-compiling")]
    assert FieldMapping.objects.get().json_path == 'items[?kind=="A"]'


def test_strict_makes_nothing_and_names_every_warning(wire):
    make_integration()
    body = {"custom_field_id": str(make_field().pk), "integration_slug": "mqjo", "json_path": "items[0].phone"}
    response = wire("POST", f"{MAPPING}?strict=true", body)
    [(where, _, kind)] = faults(response)
    assert (where, kind) == (["body", "json_path"], "relies-on-order")
    assert response.json()["detail"][0]["ctx"] == {"position": 5}
    assert not FieldMapping.objects.exists()
    made(wire("POST", f"{MAPPING}?strict=true", body | {"json_path": "items[?main].phone | [0]"}))


@pytest.mark.parametrize(
    ("json_path", "words", "kind"),
    [
        ("a" * 1025, "String should have at most 1024 characters", "string_too_long"),
        (5, "Input should be a valid string", "string_type"),
        (None, "Input should be a valid string", "string_type"),
        ("", "An expression must be a text that is not empty and holds no NUL.", "value_error"),
        (" \n", "An expression must be a text that is not empty and holds no NUL.", "value_error"),
    ],
)
def test_what_cannot_be_kept_is_refused(wire, json_path, words, kind):
    make_integration()
    body = {"custom_field_id": str(make_field().pk), "integration_slug": "mqjo", "json_path": json_path}
    assert faults(wire("POST", MAPPING, body)) == [(["body", "json_path"], words, kind)]
    mapping = create_mapping(make_field("other"), "note", actor="test", integration=make_integration())
    changed = wire("PATCH", f"{MAPPING}/{mapping.pk}", {"json_path": json_path})
    assert faults(changed) == [(["body", "json_path"], words, kind)]
    assert FieldMapping.objects.get().json_path == "note"


def test_the_longest_expression_is_kept(wire):
    make_integration()
    body = {"custom_field_id": str(make_field().pk), "integration_slug": "mqjo", "json_path": "ü" * 1024}
    made(wire("POST", MAPPING, body))


# --- targets


def test_both_targets_or_none_are_refused(wire):
    connection, field = make_connection(), make_field()
    body = {"custom_field_id": str(field.pk), "json_path": "note"}
    both = {"integration_slug": "mqjo", "connector_token": str(connection.pk)}
    nulls = dict.fromkeys(both)
    for targets in (both, {}, nulls):
        assert faults(wire("POST", MAPPING, body | targets)) == [(["body"], ONE_TARGET, "value_error")]
    for asked in ("", f"?integration_slug=mqjo&connector_token={connection.pk}"):
        assert faults(wire.get(f"{MAPPING}{asked}")) == [(["query"], ONE_TARGET, "value_error")]
    assert not FieldMapping.objects.exists()


def test_what_is_named_must_be_there(wire):
    connection, field = make_connection(), make_field()
    body = {"custom_field_id": str(field.pk), "json_path": "note"}
    slug = "There is no integration with this slug."
    for unknown in ("workday", "MQJO", "", "a" * 500):
        response = wire("POST", MAPPING, body | {"integration_slug": unknown})
        assert faults(response) == [(["body", "integration_slug"], slug, "value_error")]
    assert faults(wire.get(f"{MAPPING}?integration_slug=x")) == [(["query", "integration_slug"], slug, "value_error")]
    for unknown in (MISSING, "no-uuid", ""):
        assert plain(wire("POST", MAPPING, body | {"connector_token": unknown})) == NO_CONNECTOR
        assert plain(wire.get(f"{MAPPING}?connector_token={unknown}")) == NO_CONNECTOR
    gone = body | {"custom_field_id": MISSING, "connector_token": str(connection.pk)}
    assert plain(wire("POST", MAPPING, gone)) == (404, "There is no custom field with this id.")
    [(where, _, kind)] = faults(wire("POST", MAPPING, gone | {"custom_field_id": "x"}))
    assert (where, kind) == (["body", "custom_field_id"], "uuid_parsing")
    for method in ("PATCH", "DELETE"):
        assert plain(wire(method, f"{MAPPING}/{MISSING}", {"json_path": "x"})) == NO_MAPPING
        [(where, _, kind)] = faults(wire(method, f"{MAPPING}/x", {"json_path": "x"}))
        assert (where, kind) == (["path", "custom_field_mapping_id"], "uuid_parsing")


def test_a_target_has_one_mapping_of_a_field(wire):
    connection, field = make_connection(), make_field()
    for target in ({"integration_slug": "mqjo"}, {"connector_token": str(connection.pk)}):
        body = {"custom_field_id": str(field.pk), "json_path": "note", **target}
        made(wire("POST", MAPPING, body))
        words = "This field has a mapping for that target already; change that one."
        assert plain(wire("POST", MAPPING, body)) == (409, words)
    assert FieldMapping.objects.count() == 2


def test_only_the_expression_can_be_changed(wire):
    connection = make_connection()
    mapping = create_mapping(make_field(), "note", actor="test", integration=connection.integration)
    body = {"json_path": "b", "connector_token": str(connection.pk), "integration_slug": None}
    assert told(wire("PATCH", f"{MAPPING}/{mapping.pk}", body))["integration_slug"] == "mqjo"
    mapping.refresh_from_db()
    assert (mapping.connection, mapping.json_path) == (None, "b")
    assert faults(wire("PATCH", f"{MAPPING}/{mapping.pk}", {})) == [
        (["body", "json_path"], "Field required", "missing")
    ]


# --- who may


def test_a_limited_key_maps_over_its_own_connections_only(wire_for):
    mine, foreign, field = make_connection(), make_connection(make_company("Other")), make_field()
    deleted = make_connection(mine.company, deleted_at=now())
    shared = create_mapping(make_field("shared"), "x", actor="test", integration=mine.integration)
    theirs = create_mapping(field, "y", actor="test", connection=foreign)
    limited = wire_for(company_ids=[mine.company_id])
    body = {"custom_field_id": str(field.pk), "json_path": "note"}
    own = made(limited("POST", MAPPING, body | {"connector_token": str(mine.pk)}))
    assert told(limited("PATCH", f"{MAPPING}/{own}", {"json_path": "b"}))["json_path"] == "b"
    assert told(limited.get(f"{MAPPING}?integration_slug=mqjo")) == [wired(shared)]

    missing = limited("POST", MAPPING, body | {"connector_token": MISSING}).content
    for token in (foreign.pk, deleted.pk):
        response = limited("POST", MAPPING, body | {"connector_token": str(token)})
        assert (response.status_code, response.content) == (404, missing)
        assert limited.get(f"{MAPPING}?connector_token={token}").content == missing
    for method in ("PATCH", "DELETE"):
        nowhere = limited(method, f"{MAPPING}/{MISSING}", {"json_path": "b"})
        response = limited(method, f"{MAPPING}/{theirs.pk}", {"json_path": "b"})
        assert (response.status_code, response.content) == (404, nowhere.content)
        assert plain(limited(method, f"{MAPPING}/{shared.pk}", {"json_path": "b"}))[0] == 403
    assert plain(limited("POST", MAPPING, body | {"integration_slug": "mqjo"}))[0] == 403
    assert empty(limited("DELETE", f"{MAPPING}/{own}")) == (204, b"")
    living = FieldMapping.objects.filter(deleted_at=None).order_by("id").values_list("pk", "json_path")
    assert list(living) == [(shared.pk, "x"), (theirs.pk, "y")]


def test_reading_does_not_map(wire_for):
    mapping = create_mapping(make_field(), "x", actor="test", integration=make_integration())
    reader = wire_for("read", rights=["custom_fields.read"])
    assert told(reader.get(f"{MAPPING}?integration_slug=mqjo")) == [wired(mapping)]
    for method, path in (
        ("POST", MAPPING),
        ("PATCH", f"{MAPPING}/{mapping.pk}"),
        ("DELETE", f"{MAPPING}/{mapping.pk}"),
    ):
        words = "Forbidden: this API key does not hold the right field_mappings.edit."
        assert plain(reader(method, path, {"json_path": "y"})) == (403, words)
