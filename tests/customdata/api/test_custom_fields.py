"""Custom fields over the API (Bindbee contract, sections 1 to 3): whole bodies, every status, both error bodies."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
import time_machine
from django.utils.timezone import now

from customdata.actions.field_mappings import create_mapping
from customdata.catalogue import MODELS
from customdata.models import CustomField, FieldMapping
from syncengine.moments import stamp
from tests.customdata.api.conftest import FIELDS, MISSING, faults, made, make_field, plain
from tests.factories import make_company, make_connection, make_integration
from tests.portal.api.answers import empty, refused, told

pytestmark = pytest.mark.django_db

BODY = {"name": "vat_note", "description": "What the tax office wrote", "category": "ACCOUNTING", "model": "customers"}
CATEGORY_WORDS = "Input should be 'ACCOUNTING', 'BANKING' or 'COMMERCE'"
SNAKE_WORDS = "A name is snake_case: lower-case words and digits with single underscores."
PATTERN_WORDS = "String should match pattern '^[a-z][a-z0-9_-]*$'"


def wired(field: CustomField) -> dict:
    return {
        "id": str(field.pk),
        "name": field.name,
        "description": field.description,
        "category": field.category,
        "model": field.model,
        "source": field.source,
        "created_at": stamp(field.created_at),
        "updated_at": stamp(field.updated_at),
    }


NOTHING_MAPPED = {"mappings": [], "mapping_counts": {"total": 0, "organization": 0, "connector": 0}}


# --- made, shown, changed, deleted


def test_a_field_is_made_shown_changed_and_deleted(wire):
    response = wire("POST", FIELDS, BODY)
    field = CustomField.objects.get()
    assert (response.status_code, response.json()) == (201, {"id": str(field.pk), "status": "SUCCESS"})
    assert response["Content-Type"] == "application/json; charset=utf-8"
    path = f"{FIELDS}/{field.pk}"
    shown = {**BODY, "id": str(field.pk), "source": "API", "created_at": stamp(field.created_at), "updated_at": None}
    assert told(wire.get(path)) == shown | NOTHING_MAPPED

    changed = told(wire("PATCH", path, {"name": "tax_note", "description": None, "model": "suppliers"}))
    field.refresh_from_db()
    expected = {"name": "tax_note", "description": None, "model": "suppliers", "updated_at": stamp(field.updated_at)}
    assert changed == shown | NOTHING_MAPPED | expected
    assert field.updated_at is not None
    assert told(wire("PATCH", path, {})) == changed

    assert empty(wire("DELETE", path)) == (204, b"")
    gone = (404, "There is no custom field with this id.")
    assert [plain(wire(method, path, {})) for method in ("GET", "PATCH", "DELETE")] == [gone] * 3
    assert told(wire.get(FIELDS)) == {"cursor": None, "page_size": 0, "items": []}


def test_a_field_shows_its_mappings_and_counts_them(wire, django_assert_num_queries):
    connection, field = make_connection(), make_field()
    shared = create_mapping(field, "tax.note", actor="test", integration=connection.integration)
    own = create_mapping(field, "note", actor="test", connection=connection)
    expected = wired(field) | {
        "mappings": [
            {
                "id": str(shared.pk),
                "custom_field_id": str(field.pk),
                "integration_slug": "mqjo",
                "connector_token": None,
                "json_path": "tax.note",
                "created_at": stamp(shared.created_at),
                "updated_at": None,
            },
            {
                "id": str(own.pk),
                "custom_field_id": str(field.pk),
                "integration_slug": None,
                "connector_token": str(connection.pk),
                "json_path": "note",
                "created_at": stamp(own.created_at),
                "updated_at": None,
            },
        ],
        "mapping_counts": {"total": 2, "organization": 1, "connector": 1},
    }
    wire.get(FIELDS)
    with django_assert_num_queries(3):  # key, field, mappings
        assert told(wire.get(f"{FIELDS}/{field.pk}")) == expected


def test_the_mappings_of_a_deleted_connection_are_gone(wire):
    connection, field = make_connection(), make_field()
    create_mapping(field, "note", actor="test", connection=connection)
    connection.deleted_at = now()
    connection.save()
    assert told(wire.get(f"{FIELDS}/{field.pk}")) == wired(field) | NOTHING_MAPPED


def test_deleting_a_field_takes_its_mappings_along(wire):
    connection, field = make_connection(), make_field()
    create_mapping(field, "note", actor="test", connection=connection)
    assert empty(wire("DELETE", f"{FIELDS}/{field.pk}")) == (204, b"")
    assert told(wire.get(f"{FIELDS}/mapping?connector_token={connection.pk}")) == []
    assert not FieldMapping.objects.filter(deleted_at=None).exists()


# --- lists


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_holds_whole_fields_in_one_query_whatever_its_length(wire, django_assert_num_queries, count):
    fields = [make_field(f"note_{number}") for number in range(count)]
    wire.get(FIELDS)
    with django_assert_num_queries(2):  # key, fields
        body = told(wire.get(FIELDS))
    assert body == {"cursor": None, "page_size": count, "items": [wired(field) for field in fields]}


def test_pages_follow_each_other_by_cursor(wire):
    moment = now()
    with time_machine.travel(moment, tick=False):
        fields = [make_field(f"note_{number}") for number in range(5)]  # all of one moment
    names, cursor, sizes = [], None, []
    for _ in range(3):
        body = told(wire.get(f"{FIELDS}?page_size=2" + (f"&cursor={cursor}" if cursor else "")))
        names += [item["name"] for item in body["items"]]
        sizes.append(body["page_size"])
        cursor = body["cursor"]
    assert (cursor, sizes) == (None, [2, 2, 1])
    assert names == [field.name for field in sorted(fields, key=lambda field: str(field.pk))]


def test_a_list_is_narrowed_by_category_model_and_source(wire):
    one, other = make_field(), make_field(model="suppliers")
    bank = make_field(category="BANKING", model="accounts")
    CustomField.objects.filter(pk=other.pk).update(source="DASHBOARD")

    def names(asked):
        return [item["id"] for item in told(wire.get(f"{FIELDS}?{asked}"))["items"]]

    assert names("category=BANKING") == [str(bank.pk)]
    assert names("model=customers") == [str(one.pk)]
    assert names("source=DASHBOARD") == [str(other.pk)]
    assert names("source=API&category=ACCOUNTING&model=suppliers") == []
    assert names("model=unheard_of") == []


def cursor_of(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("asked", "where", "words", "kind"),
    [
        ("page_size=0", "page_size", "Input should be greater than or equal to 1", "greater_than_equal"),
        ("page_size=201", "page_size", "Input should be less than or equal to 200", "less_than_equal"),
        (
            "page_size=many",
            "page_size",
            "Input should be a valid integer, unable to parse string as an integer",
            "int_parsing",
        ),
        ("category=accounting", "category", CATEGORY_WORDS, "enum"),
        ("category=HRIS", "category", CATEGORY_WORDS, "enum"),
        ("model=Customers", "model", PATTERN_WORDS, "string_pattern_mismatch"),
        (f"model={'a' * 65}", "model", "String should have at most 64 characters", "string_too_long"),
        ("source=api", "source", "Input should be 'API' or 'DASHBOARD'", "literal_error"),
        *(
            (f"cursor={cursor}", "cursor", "This is no cursor of this list.", "value_error")
            for cursor in ("", "x", "%FF", cursor_of("[]"), cursor_of('["2026-01-01", "x"]'), "A" * 5000)
        ),
    ],
)
def test_what_cannot_be_asked_of_a_list_is_refused(wire, asked, where, words, kind):
    assert faults(wire.get(f"{FIELDS}?{asked}")) == [(["query", where], words, kind)]


# --- what is refused


MISSING_WORDS = ("Field required", "missing")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": "a"}, [(["body", "name"], "String should have at least 2 characters", "string_too_short")]),
        ({"name": "a" * 129}, [(["body", "name"], "String should have at most 128 characters", "string_too_long")]),
        *(
            ({"name": name}, [(["body", "name"], SNAKE_WORDS, "value_error")])
            for name in ("Vat_note", "vat-note", "vat__note", "_vat", "vat_", "1vat", "vät", "vat note", "vat\n", "$a")
        ),
        ({"name": 5}, [(["body", "name"], "Input should be a valid string", "string_type")]),
        ({"name": None}, [(["body", "name"], "Input should be a valid string", "string_type")]),
        ({"description": ["x"]}, [(["body", "description"], "Input should be a valid string", "string_type")]),
        ({"category": "accounting"}, [(["body", "category"], CATEGORY_WORDS, "enum")]),
        ({"model": "employees"}, [(["body", "model"], "ACCOUNTING has no model employees.", "value_error")]),
        ({"model": "Customers"}, [(["body", "model"], PATTERN_WORDS, "string_pattern_mismatch")]),
        ({"model": "a" * 65}, [(["body", "model"], "String should have at most 64 characters", "string_too_long")]),
    ],
)
def test_what_is_no_field_is_refused_by_name_and_changes_nothing(wire, change, expected):
    assert faults(wire("POST", FIELDS, BODY | change)) == expected
    assert not CustomField.objects.exists()
    field = make_field("kept")
    assert faults(wire("PATCH", f"{FIELDS}/{field.pk}", change)) == expected
    before = wired(field)
    field.refresh_from_db()
    assert wired(field) == before


def test_a_refusal_shows_what_was_given_and_what_was_expected(wire):
    assert wire("POST", FIELDS, BODY | {"name": "a"}).json() == {
        "detail": [
            {
                "loc": ["body", "name"],
                "msg": "String should have at least 2 characters",
                "type": "string_too_short",
                "input": "a",
                "ctx": {"min_length": 2},
            }
        ]
    }
    [long] = wire("POST", FIELDS, BODY | {"name": "a" * 5000}).json()["detail"]
    assert long["ctx"] == {"max_length": 128}
    assert "input" not in long


@pytest.mark.parametrize("missing", ["name", "category", "model"])
def test_a_required_member_is_named(wire, missing):
    body = {name: value for name, value in BODY.items() if name != missing}
    assert faults(wire("POST", FIELDS, body)) == [(["body", missing], *MISSING_WORDS)]


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "missing"),
        (b"{", "json_invalid"),
        (b'{"name": NaN}', "json_invalid"),
        (b'{"name": "\\ud800"}', "json_invalid"),
        (b'{"name": "a\\u0000"}', "json_invalid"),
        (b"[]", "model_attributes_type"),
        (b'"text"', "model_attributes_type"),
        (b"null", "model_attributes_type"),
    ],
)
def test_a_body_that_is_no_object_is_refused(wire, raw, kind):
    [(where, _, found)] = faults(wire("POST", FIELDS, raw=raw))
    assert (where, found.replace("model_type", "model_attributes_type")) == (["body"], kind)


def test_a_deep_body_is_refused_without_being_shown_again(wire):
    depth = 900
    raw = b'{"description":' + b"[" * depth + b"]" * depth + b"}"
    found = faults(wire("POST", FIELDS, raw=raw))
    assert [where for where, _, _ in found] == [["body", name] for name in ("name", "description", "category", "model")]


def test_a_name_is_taken_once_in_a_model_and_may_stand_on_another(wire):
    made(wire("POST", FIELDS, BODY))
    made(wire("POST", FIELDS, BODY | {"model": "suppliers"}))
    assert plain(wire("POST", FIELDS, BODY)) == (409, "customers has a custom field vat_note already.")
    other = made(wire("POST", FIELDS, BODY | {"name": "other"}))
    taken = wire("PATCH", f"{FIELDS}/{other}", {"name": "vat_note"})
    assert plain(taken) == (409, "customers has a custom field vat_note already.")


def test_a_field_with_a_mapping_stays_on_its_model(wire):
    field = make_field()
    create_mapping(field, "note", actor="test", integration=make_integration())
    path = f"{FIELDS}/{field.pk}"
    words = "Category and model can be changed only while the field has no mapping."
    assert plain(wire("PATCH", path, {"model": "suppliers"})) == (409, words)
    assert told(wire("PATCH", path, {"model": "customers", "name": "renamed"}))["name"] == "renamed"


def test_a_model_has_as_many_fields_as_it_may_have(wire, settings):
    settings.HEADRACE_MAX_CUSTOM_FIELDS = 1
    made(wire("POST", FIELDS, BODY))
    words = "customers has as many custom fields as it may have."
    assert plain(wire("POST", FIELDS, BODY | {"name": "other"})) == (409, words)
    made(wire("POST", FIELDS, BODY | {"model": "suppliers"}))


@pytest.mark.parametrize("name", ["x", "1", "mapping2", "%20", "../custom-fields"])
def test_an_id_that_is_no_uuid_is_not_valid(wire, name):
    for method in ("GET", "PATCH", "DELETE"):
        response = wire(method, f"{FIELDS}/{name}", {})
        if "/" in name:
            assert plain(response)[0] in (404, 405)
        else:
            [(where, _, kind)] = faults(response)
            assert (where, kind) == (["path", "custom_field_id"], "uuid_parsing")


def test_a_method_of_another_path_is_not_allowed(wire):
    response = wire("PUT", FIELDS, BODY)
    assert plain(response) == (405, "Method PUT is not allowed here.")
    assert sorted(response["Allow"].split(", ")) == ["GET", "POST"]
    assert plain(wire.get(f"{FIELDS}/preview"))[0] == 405
    assert plain(wire.get("/v1/nothing")) == (404, "Not found: the API has no such path.")
    assert plain(wire.get("/V1/")) == (404, "Not found: the API has no such path.")
    for path in ("/v1x", "/companies/v1/custom-fields"):
        assert refused(wire.get(path))[0] == 404  # the other dialect's body


# --- who may


def test_without_a_good_key_the_answer_says_how_to_sign_in(wire):
    for authorization in ("", "Bearer nothing", "Basic !!!"):
        wire.authorization = authorization
        response = wire.get(FIELDS)
        assert plain(response) == (401, "Unauthorized")
        assert response["WWW-Authenticate"] == "Bearer"


def test_bearer_and_basic_are_both_taken(wire):
    secret = base64.b64decode(wire.authorization.removeprefix("Basic ")).decode()
    wire.authorization = f"Bearer {secret}"
    assert told(wire.get(FIELDS)) == {"cursor": None, "page_size": 0, "items": []}


def test_rights_are_asked_for(wire_for):
    field = make_field()
    path = f"{FIELDS}/{field.pk}"
    reader = wire_for("read")
    words = "Forbidden: this API key does not hold the right custom_fields."
    assert plain(reader.get(FIELDS)) == (403, f"{words}read.")
    configures = wire_for("read", rights=["custom_fields.read"])
    assert told(configures.get(path))["name"] == "vat_note"
    for method, where in (("POST", FIELDS), ("PATCH", path), ("DELETE", path)):
        assert plain(configures(method, where, BODY)) == (403, f"{words}edit.")


def test_a_key_limited_to_a_company_reads_fields_and_sees_its_own_mappings_only(wire_for):
    mine, foreign, field = make_connection(), make_connection(make_company("Other")), make_field()
    create_mapping(field, "theirs", actor="test", connection=foreign)
    own = create_mapping(field, "note", actor="test", connection=mine)
    limited = wire_for(company_ids=[mine.company_id])
    body = told(limited.get(f"{FIELDS}/{field.pk}"))
    assert [mapping["id"] for mapping in body["mappings"]] == [str(own.pk)]
    assert body["mapping_counts"] == {"total": 1, "organization": 0, "connector": 1}
    for method, path in (("POST", FIELDS), ("PATCH", f"{FIELDS}/{field.pk}"), ("DELETE", f"{FIELDS}/{field.pk}")):
        assert plain(limited(method, path, BODY))[0] == 403


def test_the_rate_is_told_with_every_answer_and_held_to(wire, settings):
    settings.HEADRACE_API_DAILY_QUOTA = 3
    for remaining, path in ((2, FIELDS), (1, f"{FIELDS}/{MISSING}"), (0, f"{FIELDS}/x")):
        response = wire.get(path)
        assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == ("3", str(remaining))
        assert int(response["X-RateLimit-Reset"]) > now().timestamp()
        assert "Retry-After" not in response
    response = wire.get(FIELDS)
    assert plain(response) == (429, "Rate limit exceeded")
    assert int(response["Retry-After"]) > 0


def test_a_key_used_twice_makes_one_field(wire):
    first = wire("POST", FIELDS, BODY, Idempotency_Key="once")
    again = wire("POST", FIELDS, BODY, Idempotency_Key="once")
    assert (again.status_code, again.content) == (201, first.content)
    assert CustomField.objects.count() == 1
    other = wire("POST", FIELDS, BODY | {"name": "other"}, Idempotency_Key="once")
    words = "This Idempotency-Key was already used for another request."
    assert faults(other) == [(["header"], words, "value_error")]


# --- lookups


def test_models_and_integrations_are_those_that_are_enabled(wire, django_assert_num_queries):
    make_integration("gbol", name="Xero", enabled=False)
    assert told(wire.get("/v1/lookup/models")) == {"models": []}
    make_integration(enabled=True)
    wire.get(FIELDS)
    with django_assert_num_queries(2):  # key, integrations
        models = told(wire.get("/v1/lookup/models"))["models"]
    assert {"slug": "customers", "display_name": "Customers", "category": "ACCOUNTING"} in models
    assert {(model["category"], model["slug"]) for model in models} <= set(MODELS)
    banking = told(wire.get("/v1/lookup/models?category=BANKING"))["models"]
    assert banking == [model for model in models if model["category"] == "BANKING"]
    assert told(wire.get("/v1/lookup/integrations?category=ACCOUNTING")) == {
        "integrations": [
            {
                "slug": "mqjo",
                "display_name": "Sandbox",
                "categories": sorted({model["category"] for model in models}),
            }
        ]
    }
    for path in ("models", "integrations"):
        response = wire.get(f"/v1/lookup/{path}?category=HRIS")
        assert faults(response) == [(["query", "category"], CATEGORY_WORDS, "enum")]


def test_an_id_is_a_uuid_that_rises_with_time(wire):
    ids = [UUID(made(wire("POST", FIELDS, BODY | {"name": f"n{number}"}))) for number in range(3)]
    assert ids == sorted(ids)
    assert {pk.version for pk in ids} == {7}
