"""Custom data types are created, replaced, listed and deleted; what cannot be one is refused by name."""

from __future__ import annotations

import pytest

from customdata.actions.custom_data_types import delete_custom_data_type, put_custom_data_type
from customdata.exceptions import ConfigurationWarning, NotStrict, UnknownCustomDataType
from customdata.models import CustomDataType
from customdata.queries.custom_data_types import custom_data_types, find_custom_data_type, stored_data_type
from syncengine.exceptions import Refused
from syncengine.models import Event
from tests.customdata.conftest import MY_EXPENSE_DATA
from tests.factories import make_connection, make_integration

pytestmark = pytest.mark.django_db


def put(identifier="myExpenseData", body=None, *, strict=False, **members):
    return put_custom_data_type(
        make_integration(), identifier, {**(body or MY_EXPENSE_DATA), **members}, actor="test", strict=strict
    )


def test_a_configuration_is_created_and_shown_as_it_was_given():
    saved = put()
    assert (saved.created, saved.warnings) == (True, ())
    row = find_custom_data_type(make_integration(), "MYEXPENSEDATA")
    assert (row.identifier, row.data_type, row.configuration) == (
        "myExpenseData",
        "custom/myExpenseData",
        MY_EXPENSE_DATA,
    )
    assert (row.created_by, row.changed_by, row.deleted_at) == ("test", "test", None)


def test_the_same_identifier_replaces_and_keeps_how_it_was_written():
    put()
    saved = put("MyExpenseDATA", dataSource="/timesheets")
    assert (saved.created, CustomDataType.objects.count()) == (False, 1)
    assert saved.custom_data_type.identifier == "myExpenseData"
    assert saved.custom_data_type.configuration == {**MY_EXPENSE_DATA, "dataSource": "/timesheets"}
    kinds = Event.objects.order_by("id").values_list("kind", "data__before__dataSource")
    assert list(kinds) == [("custom_data_type.created", None), ("custom_data_type.changed", "/expenses")]


def test_saving_the_same_again_changes_nothing():
    changed_at = put().custom_data_type.changed_at
    put()
    assert CustomDataType.objects.get().changed_at == changed_at
    assert Event.objects.count() == 1


def test_the_same_identifier_on_another_platform_is_another_type():
    put()
    other = make_integration("gbol", name="Xero")
    put_custom_data_type(other, "myExpenseData", MY_EXPENSE_DATA, actor="test")
    assert [row.integration for row in CustomDataType.objects.order_by("pk")] == [make_integration(), other]


def test_a_list_holds_what_is_not_deleted_by_identifier(django_assert_num_queries):
    for identifier in ("b", "a", "c"):
        put(identifier)
    delete_custom_data_type(make_integration(), "b", actor="test")
    integration = make_integration()
    with django_assert_num_queries(1):
        assert [row.identifier for row in custom_data_types(integration)] == ["a", "c"]


def test_a_deleted_one_is_not_found_and_comes_back_under_its_own_spelling():
    put("myExpenseData")
    delete_custom_data_type(make_integration(), "myexpensedata", actor="ana")
    with pytest.raises(UnknownCustomDataType):
        find_custom_data_type(make_integration(), "myExpenseData")
    with pytest.raises(UnknownCustomDataType):
        delete_custom_data_type(make_integration(), "myExpenseData", actor="ana")
    assert CustomDataType.objects.get().deleted_by == "ana"
    saved = put("MYEXPENSEDATA")
    assert (saved.created, saved.custom_data_type.identifier) == (True, "myExpenseData")
    assert saved.custom_data_type.deleted_at is None


@pytest.mark.parametrize("identifier", ["", " ", "a b", "a/b", "-a", "ä", "a" * 81, "a\n"])
def test_an_identifier_that_no_address_could_hold_is_refused(identifier):
    with pytest.raises(Refused) as refusal:
        put(identifier)
    assert refusal.value.field == "customDataIdentifier"
    assert CustomDataType.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ([], "", "The configuration must be a JSON object."),
        ({}, "dataSource", "dataSource is required."),
        ({"dataSource": ""}, "dataSource", "dataSource is required."),
        (
            {"dataSource": ["/a", "/b"]},
            "dataSource",
            "dataSource must be one text: a custom data type has one data source.",
        ),
        ({"dataSource": "/a"}, "requiredData", "requiredData is required."),
        (
            {"dataSource": "/a", "requiredData": ["$.a"]},
            "requiredData",
            "requiredData must be an object of names and paths.",
        ),
        (
            {"dataSource": "/a", "requiredData": {"x": {"y": "$.a"}}},
            "requiredData.x",
            "requiredData.x holds an object; nested objects and arrays are not possible here.",
        ),
        (
            {"dataSource": "/a", "requiredData": {"x": ["$.a"]}},
            "requiredData.x",
            "requiredData.x holds an array; nested objects and arrays are not possible here.",
        ),
        ({"dataSource": "/a", "requiredData": {"x": 1}}, "requiredData.x", "requiredData.x must be a path, as a text."),
        ({"dataSource": "/a", "requiredData": {}}, "keyBy", "keyBy needs at least one path."),
        ({"dataSource": "/a", "requiredData": {}, "keyBy": []}, "keyBy", "keyBy needs at least one path."),
        ({"dataSource": "/a", "requiredData": {}, "keyBy": "$.a"}, "keyBy", "keyBy must be an array of paths."),
        (
            {"dataSource": "/a", "requiredData": {}, "keyBy": ["$.a", None]},
            "keyBy[1]",
            "keyBy[1] must be a path, as a text.",
        ),
        (
            {"dataSource": "/a", "requiredData": {}, "keyBy": ["$.a"], "sourceModifiedDate": "$.b"},
            "sourceModifiedDate",
            "sourceModifiedDate must be an array of paths.",
        ),
        (
            {"dataSource": "/a\x00", "requiredData": {}, "keyBy": ["$.a"]},
            "dataSource",
            "dataSource holds a character that no database keeps.",
        ),
        (
            {"dataSource": "/a", "requiredData": {"x": "$.x"}, "keyBy": ["$.a"], "optionalData": ["y"]},
            "optionalData",
            "optionalData names y, which requiredData does not.",
        ),
    ],
)
def test_what_is_no_configuration_is_refused_by_name(body, field, message):
    with pytest.raises(Refused) as refusal:
        put_custom_data_type(make_integration(), "x", body, actor="test")
    assert (refusal.value.field, refusal.value.message) == (field, message)
    assert CustomDataType.objects.count() == 0


WRONG = {
    "dataSource": "expenses",
    "requiredData": {"a": "$.a-b", "b": "$[?match(@.x, 'y')]"},
    "keyBy": ["$.lines[*].id", "$.other[*].id", "$.a[0:2]", "$", "$"],
}
WARNINGS = [
    ConfigurationWarning("dataSource", "The data source expenses does not begin with a slash, as in /v2/estimates."),
    ConfigurationWarning(
        "requiredData.a", "A name with a hyphen must stand in quotes: $['cost-center']. (at character 4)", 3
    ),
    ConfigurationWarning(
        "requiredData.b", "match() takes a regular expression, and those are not run. (at character 4)", 3
    ),
    ConfigurationWarning("keyBy[1]", "All paths of a key that go through a list must go through the same one."),
    ConfigurationWarning("keyBy[2]", "A key must be one value; this path may find several."),
    ConfigurationWarning("keyBy[3]", "The whole record cannot be its key; name one of its members."),
    ConfigurationWarning("keyBy[4]", "The whole record cannot be its key; name one of its members."),
    ConfigurationWarning("keyBy[4]", "$ stands there already."),
]


def test_what_will_most_likely_fail_is_saved_with_warnings():
    saved = put(body=WRONG)
    assert list(saved.warnings) == WARNINGS
    assert saved.custom_data_type.configuration == {**WRONG, "sourceModifiedDate": None}


def test_strict_refuses_it_and_changes_nothing():
    put()
    with pytest.raises(NotStrict) as refusal:
        put(body=WRONG, strict=True)
    assert list(refusal.value.warnings) == WARNINGS
    assert refusal.value.field == "dataSource"
    assert CustomDataType.objects.get().configuration == MY_EXPENSE_DATA


def test_the_data_of_an_unknown_type_is_refused():
    connection = make_connection()
    put("x")
    assert stored_data_type(connection, "X") == "custom/x"
    with pytest.raises(UnknownCustomDataType):
        stored_data_type(connection, "y")
