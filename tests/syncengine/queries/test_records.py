import json

import pytest

from syncengine.queries.records import pretty_json, record_by_source_id, records_page
from tests.syncengine.queries.helpers import make_connection, make_record

pytestmark = pytest.mark.django_db


def ids(connection, **options):
    return [record.source_id for record in records_page(connection, "invoices", **options).rows]


@pytest.mark.parametrize("count", [1, 3])
def test_a_page_takes_one_query(count, django_assert_num_queries):
    connection = make_connection()
    for number in range(count):
        make_record(connection, str(number))
    with django_assert_num_queries(1):
        assert ids(connection) == [str(number) for number in range(count)]


def test_other_types_and_connections_stay_out():
    connection = make_connection()
    make_record(connection, "mine")
    make_record(connection, "other type", data_type="bills")
    make_record(make_connection(), "other connection")
    assert ids(connection) == ["mine"]


def test_deleted_records_can_be_left_out():
    connection = make_connection()
    make_record(connection, "1")
    make_record(connection, "2", is_deleted=True)
    assert (ids(connection), ids(connection, include_deleted=False)) == (["1", "2"], ["1"])


@pytest.mark.parametrize("text", ["Ärzte & Söhne", "50%_off", 'say "hi"', "back\\slash", "東京", "a'b"])
def test_search_finds_text_of_any_kind_inside_the_record(text):
    connection = make_connection()
    make_record(connection, "1", {"lines": [{"description": f"for {text} only"}]})
    make_record(connection, "2", {"lines": [{"description": "something else"}]})
    assert ids(connection, search=text) == ["1"]


def test_search_finds_parts_of_the_source_id_and_numbers():
    connection = make_connection()
    make_record(connection, "INV-77", {"total": 1})
    make_record(connection, "x", {"total": 1234.5})
    assert (ids(connection, search="inv-7"), ids(connection, search="1234.5"), ids(connection, search="zz")) == (
        ["INV-77"],
        ["x"],
        [],
    )


def test_pages_follow_each_other():
    connection = make_connection()
    for number in range(5):
        make_record(connection, f"r{number}")
    first = records_page(connection, "invoices", size=2)
    second = records_page(connection, "invoices", size=2, after=first.after)
    third = records_page(connection, "invoices", size=2, after=second.after)
    assert [[record.source_id for record in page.rows] for page in (first, second, third)] == [
        ["r0", "r1"],
        ["r2", "r3"],
        ["r4"],
    ]
    assert (bool(first.after), bool(second.after), third.after) == (True, True, "")


def test_one_record_is_found_by_its_exact_key():
    connection = make_connection()
    record = make_record(connection, "a/b?c")
    assert record_by_source_id(connection, "invoices", "a/b?c") == record
    assert record_by_source_id(connection, "invoices", "A/B?C") is None


def test_json_keeps_order_and_characters():
    content = {"b": 1, "a": {"é": None}}
    assert pretty_json(content) == '{\n  "b": 1,\n  "a": {\n    "é": null\n  }\n}'
    assert json.loads(pretty_json(content)) == content
