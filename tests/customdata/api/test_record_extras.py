"""Custom fields and raw data beside the records of every read of cached data (Bindbee contract, section 6)."""

from __future__ import annotations

import contextlib
import json

import pytest

from customdata.actions.custom_fields import delete_custom_field, update_custom_field
from customdata.actions.field_mappings import create_mapping, delete_mapping, update_mapping
from customdata.api import record_extras
from customdata.coverage import measure_coverage
from customdata.models import FieldMapping
from syncengine.exceptions import Refused
from syncengine.models import Event, Record
from syncengine.moments import stamp
from tests.customdata.api.conftest import MISSING, make_field
from tests.customdata.test_hostile import EXPRESSIONS
from tests.factories import make_company, make_connection, make_dataset, make_record
from tests.portal.api.answers import anonymous, empty, members_at_fault, refused, told

pytestmark = pytest.mark.django_db

BOTH = "include_custom_fields=true&include_raw_data=true"
FIELDS = "include_custom_fields=true"
INVALID = "INVALID_JSON_PATH"


@pytest.fixture
def books(keep_raw):
    """Three customers: two with the platform's own text, of which one lacks the note, and one without it."""
    connection = make_connection()
    for key in ("c-0", "c-1", "c-2"):
        make_record(connection, key, "customers", content={"id": key, "customerName": "Ada"})
    keep_raw(connection, **{"c-0": b'{"id":"c-0", "note":"vip", "gone":null,\n "n":1.10}', "c-1": b'{"id":"c-1"}'})
    return connection


def path(connection, rest="customers", asked=FIELDS):
    joined = "&" if "?" in rest else "?"
    return f"/companies/{connection.company_id}/data/{rest}{joined}{asked}"


def mapped(connection, **paths):
    return {
        name: create_mapping(make_field(name), json_path, actor="test", integration=connection.integration)
        for name, json_path in paths.items()
    }


def fields_of(wire, connection, asked=FIELDS):
    return [row["custom_fields"] for row in told(wire.get(path(connection, asked=asked)))["results"]]


def plain(connection, key):
    record = Record.objects.get(connection=connection, source_id=key)
    return {**record.content, "modifiedDate": stamp(record.modified_at), "metadata": {"isDeleted": False}}


# --- where they stand


def test_they_stand_beside_the_record_and_only_when_asked_for(wire, books):
    mapped(books, note="note", customer_name="id")
    results = told(wire.get(path(books, asked=BOTH)))["results"]
    assert results == [
        {
            **plain(books, "c-0"),
            "custom_fields": {"customer_name": "c-0", "note": "vip"},
            "raw_data": {"id": "c-0", "note": "vip", "gone": None, "n": 1.1},
        },
        {
            **plain(books, "c-1"),
            "custom_fields": {"customer_name": "c-1", "note": None},
            "raw_data": {"id": "c-1"},
        },
        {**plain(books, "c-2"), "custom_fields": {"customer_name": None, "note": None}, "raw_data": None},
    ]
    without = [plain(books, key) for key in ("c-0", "c-1", "c-2")]
    for asked in ("", "include_custom_fields=false&include_raw_data=", "page=1"):
        assert told(wire.get(path(books, asked=asked)))["results"] == without


def test_raw_data_leaves_as_the_platform_sent_it(wire, books):
    content = wire.get(path(books, "customers/c-0", "INCLUDE_RAW_DATA=True")).content
    assert b'"raw_data":{"id":"c-0", "note":"vip", "gone":null,\n "n":1.10},"modifiedDate"' in content


def test_one_record_an_object_and_a_statement_have_them_too(wire, books, keep_raw):
    mapped(books, note="note")
    assert told(wire.get(path(books, "customers/c-0", BOTH)))["custom_fields"] == {"note": "vip"}
    for model, data_type, rest in (
        ("company", "company", "info"),
        ("balance_sheet", "balanceSheet", "financials/balanceSheet?periodLength=1&periodsToCompare=1"),
        ("cash_flow_statement", "cashFlowStatement", "financials/cashFlowStatement?periodLength=1&periodsToCompare=1"),
        ("bank_transactions", "bankTransactions", "bankAccounts/a-1/transactions"),
    ):
        make_record(books, "only", data_type, content={"id": "only", "accountId": "a-1", "reports": []})
        keep_raw(books, data_type, only=b'{"tag":"x"}')
        field = make_field("tag", model=model)
        create_mapping(field, "tag", actor="test", connection=books)
        body = told(wire.get(path(books, rest, BOTH)))
        [record] = body.get("results", [body])
        assert (record["custom_fields"], record["raw_data"]) == ({"tag": "x"}, {"tag": "x"})
        bare = told(wire.get(path(books, rest, "")))
        assert {name: value for name, value in record.items() if name not in ("custom_fields", "raw_data")} == (
            bare.get("results", [bare])[0]
        )


def test_connection_paths_have_them_too(wire, books):
    mapped(books, note="note")
    where = f"/companies/{books.company_id}/connections/{books.pk}/data/customers/c-0?{FIELDS}"
    assert told(wire.get(where))["custom_fields"] == {"note": "vip"}


def test_without_any_mapping_the_object_is_empty(wire, books):
    make_field("unmapped")
    assert fields_of(wire, books) == [{}, {}, {}]


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize(
    ("asked", "queries"),
    [("", 4), (FIELDS, 7), ("include_custom_fields=verbose", 7), ("include_raw_data=true", 6), (BOTH, 8)],
)
def test_a_page_costs_the_same_queries_whatever_its_length(
    wire, books, keep_raw, django_assert_num_queries, count, asked, queries
):
    mapped(books, note="note", other="other.path")
    Record.objects.filter(source_id__in=("c-0", "c-1", "c-2")).delete()
    for number in range(count):
        make_record(books, f"d-{number}", "customers")
    keep_raw(books, **{f"d-{number}": b'{"note":1}' for number in range(count)})
    wire.get(path(books, asked=asked))
    with django_assert_num_queries(queries):  # key, source, marks, rows; mappings, coverage, texts; who looked
        wire.get(path(books, asked=asked))


# --- what they show


def test_what_a_record_shows_in_each_case(wire, books):
    mapped(
        books,
        there="note",
        null="gone",
        nowhere="no.such",
        broken="$.note",
        failing="length(n)",
        odd="to_number('nan')",
    )
    measure_coverage(books, "customers")
    assert fields_of(wire, books)[0] == {
        "there": "vip",
        "null": None,
        "nowhere": INVALID,
        "broken": INVALID,
        "failing": INVALID,
        "odd": INVALID,
    }
    assert fields_of(wire, books)[1] == {
        "there": None,  # it stands in another record, so the mapping is right
        "null": None,
        "nowhere": INVALID,
        "broken": INVALID,
        "failing": INVALID,
        "odd": INVALID,
    }
    assert set(fields_of(wire, books)[2].values()) == {None}  # its text is not kept


@pytest.mark.parametrize(
    ("setting", "seen", "unseen"), [("auto", None, INVALID), ("null", None, None), ("sentinel", INVALID, INVALID)]
)
def test_what_is_missing_shows_as_it_is_set(wire, books, settings, setting, seen, unseen):
    settings.HEADRACE_UNRESOLVED_FIELDS = setting
    mapped(books, seen="note", unseen="no.such")
    measure_coverage(books, "customers")
    assert fields_of(wire, books)[1] == {"seen": seen, "unseen": unseen}


def test_a_connections_mapping_counts_all_or_nothing(wire, books):
    mapped(books, note="note")
    field = FieldMapping.objects.get().field
    own = create_mapping(field, "gone", actor="test", connection=books)
    assert fields_of(wire, books)[0] == {"note": None}  # it does not give way to the integration's
    delete_mapping(own, actor="test")
    assert fields_of(wire, books)[0] == {"note": "vip"}


def test_a_mapping_of_another_connection_model_or_platform_does_not_show(wire, books):
    other = make_connection(make_company("Other"))
    create_mapping(make_field("theirs"), "note", actor="test", connection=other)
    create_mapping(make_field("supplier", model="suppliers"), "note", actor="test", integration=books.integration)
    assert fields_of(wire, books) == [{}, {}, {}]


def test_verbose_says_how_each_was_found(wire, books):
    made = mapped(books, broken="$.x", note="note")
    own = create_mapping(make_field("own"), "gone", actor="test", connection=books)
    rows = told(wire.get(path(books, asked="include_custom_fields=VERBOSE")))["results"]
    assert rows[0]["custom_fields"] == {"broken": INVALID, "note": "vip", "own": None}
    assert rows[0]["custom_fields_meta"] == {
        "broken": {
            "outcome": "invalid",
            "source": "organization",
            "mapping_id": str(made["broken"].pk),
            "reason": "JMESPath has no $; write x. (at character 1)",
        },
        "note": {"outcome": "resolved", "source": "organization", "mapping_id": str(made["note"].pk)},
        "own": {"outcome": "null", "source": "connector", "mapping_id": str(own.pk)},
    }
    assert {meta["outcome"] for meta in rows[2]["custom_fields_meta"].values()} == {"not_kept"}


def test_numbers_and_texts_leave_exactly(wire, books, keep_raw):
    text = '{"big":12345678901234567890.123456789,"u":"é\\u2028\\u0000","deep":[[{"a":1e2}]]}'.encode()
    make_record(books, "c-9", "customers")
    keep_raw(books, **{"c-9": text})
    mapped(books, big="big", text="u", deep="deep")
    content = wire.get(path(books, "customers/c-9")).content
    assert b'"big":12345678901234567890.123456789' in content
    assert json.loads(content)["custom_fields"]["text"] == "é\u2028\x00"
    assert json.loads(content)["custom_fields"]["deep"] == [[{"a": 100}]]


def test_hostile_expressions_show_a_value_or_the_sentinel(wire, books, keep_raw, settings):
    settings.HEADRACE_MAX_CUSTOM_FIELDS = len(EXPRESSIONS)
    document = {"s": "a" * 2000, "n": 1e308, "x": ["a" * 10] * 100, "a": {"a": [{"a": 1}] * 100}, "l": [[1] * 20] * 20}
    keep_raw(books, **{"c-0": json.dumps(document).encode()})
    for number, text in enumerate(EXPRESSIONS.values()):
        with contextlib.suppress(Refused):  # what cannot be kept at all
            create_mapping(make_field(f"field_{number}"), text, actor="test", connection=books)
    shown = told(wire.get(path(books, "customers/c-0")))["custom_fields"]
    assert len(shown) == FieldMapping.objects.count() > 50
    assert shown["field_0"] == INVALID
    assert sum(value == INVALID for value in shown.values()) > 30


# --- the tag


def tag(wire, books, asked=FIELDS):
    return wire.get(path(books, asked=asked))["ETag"]


def test_the_tag_moves_with_the_mappings_when_they_are_asked_for(wire, books):
    seen, bare = [tag(wire, books)], tag(wire, books, "")
    raw = tag(wire, books, "include_raw_data=true")
    field = make_field("note")

    def moved():
        seen.append(tag(wire, books))
        assert len(set(seen)) == len(seen)
        assert wire.get(path(books), If_None_Match=seen[-2]).status_code == 200
        assert empty(wire.get(path(books), If_None_Match=seen[-1])) == (304, b"")

    mapping = create_mapping(field, "no.such", actor="test", integration=books.integration)
    moved()
    update_mapping(mapping, "note", actor="test")
    moved()
    update_custom_field(field, actor="test", name="renamed")
    moved()
    own = create_mapping(field, "note", actor="test", connection=books)
    moved()
    update_mapping(own, "nowhere", actor="test")
    moved()
    measure_coverage(books, "customers")  # from now on known to lead nowhere
    moved()
    delete_mapping(own, actor="test")
    delete_custom_field(field, actor="test")
    assert tag(wire, books) == seen[0]
    assert (tag(wire, books, ""), tag(wire, books, "include_raw_data=true")) == (bare, raw)


# --- what is refused, who may


@pytest.mark.parametrize(
    ("asked", "member", "words"),
    [
        ("include_custom_fields=yes", "include_custom_fields", "true, verbose, false"),
        ("include_raw_data=verbose", "include_raw_data", "true, false"),
    ],
)
def test_what_is_no_answer_to_the_question_is_refused(wire, books, asked, member, words):
    response = wire.get(path(books, asked=asked))
    assert refused(response) == (400, f"{member} is one of {words}.")
    assert members_at_fault(response) == [member]


def test_what_would_take_too_long_is_refused(wire, books, monkeypatch):
    mapped(books, note="note")
    monkeypatch.setattr(record_extras, "MAX_SECONDS", -1)
    assert refused(wire.get(path(books))) == (400, record_extras.TOO_COSTLY)
    assert told(wire.get(path(books, asked="")))["totalResults"] == 3


def test_raw_data_needs_a_right_of_its_own_and_leaves_a_trace(wire, wire_for, books):
    mapped(books, note="note")
    reader = wire_for("read")
    assert fields_of(reader, books)[0] == {"note": "vip"}
    words = "Forbidden: this API key does not hold the right raw_data.read."
    assert refused(reader.get(path(books, asked=BOTH))) == (403, words)
    assert not Event.objects.filter(kind="raw_data.viewed").exists()
    limited = wire_for("read", rights=["raw_data.read"], company_ids=[books.company_id])
    assert told(limited.get(path(books, "customers/c-0", BOTH)))["raw_data"]["note"] == "vip"
    event = Event.objects.get(kind="raw_data.viewed")
    assert (event.company_id, event.connection_id) == (books.company_id, books.pk)
    assert event.data == {"data_type": "customers", "record_count": 1}


def test_a_foreign_company_looks_like_none(wire_for, books):
    limited = wire_for(company_ids=[make_company("Mine").pk])
    foreign = limited.get(path(books, asked=BOTH))
    missing = limited.get(f"/companies/{MISSING}/data/customers?{BOTH}")
    told_ = [(status, content.replace(key.encode(), b"")) for (status, content), key in (
        (anonymous(foreign), str(books.company_id)), (anonymous(missing), MISSING)
    )]  # fmt: skip
    assert told_[0] == told_[1]
    assert told_[0][0] == 404


def test_before_the_first_read_there_is_nothing_to_ask_for(wire):
    connection = make_connection()
    make_dataset(connection, "customers")
    assert refused(wire.get(path(connection, asked=BOTH)))[0] == 409
