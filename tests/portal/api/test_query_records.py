"""Records filtered and ordered in the database, beside a plain reading of the same language."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.api.query import QueryRefused, order_for, query_filter
from portal.api.query_fields import record_fields
from portal.api.query_parsing import And, Clause, Or, write_query
from portal.api.query_sql import pattern_of
from syncengine.datatypes import DATA_TYPES
from syncengine.models import Connection, Record
from syncengine.queries.record_pages import records_slice
from tests.factories import make_connection, make_record
from tests.portal.api.query_oracle import holds, sort_key

pytestmark = pytest.mark.django_db

INVOICES = record_fields("invoices")
KINDS = {
    "id": "text", "invoiceNumber": "text", "customerRef.companyName": "text", "note": "text", "status": "text",
    "totalAmount": "number", "currencyRate": "number", "issueDate": "date", "dueDate": "date",
    "modifiedDate": "date", "sourceModifiedDate": "date", "metadata.isDeleted": "boolean",
}  # fmt: skip


def found(connection: Connection, query: str = "", order_by: str = "", data_type: str = "invoices") -> list[str]:
    fields = record_fields(data_type)
    where, order = query_filter(query, fields), order_for(order_by, fields)
    some = records_slice(connection.pk, data_type, offset=0, size=5000, where=where, order_by=order)
    assert some.total == len(some.rows)
    return [row.source_id for row in some.rows]


@pytest.fixture
def three(db: None) -> Connection:
    connection = make_connection()
    make_record(
        connection, "1", content={"id": "1", "currency": "GBP", "totalAmount": 12.5, "dueDate": "2021-01-28T00:00:00",
        "status": "Paid", "customerRef": {"id": "c1", "companyName": "Ærø Slagter"}},
        modified_at=datetime(2022, 5, 1, 10, tzinfo=UTC), source_modified_at=datetime(2022, 4, 1, tzinfo=UTC),
    )  # fmt: skip
    make_record(
        connection, "2", content={"id": "2", "currency": "gbp", "totalAmount": 100,
        "dueDate": "2021-01-28T01:00:00+02:00",
        "status": "PartiallyPaid", "note": None, "customerRef": {"id": "c2", "companyName": "Zebra 100% Ltd."}},
        modified_at=datetime(2022, 5, 2, 10, tzinfo=UTC), is_deleted=True,
    )  # fmt: skip
    make_record(connection, "3", content={"id": "3", "totalAmount": 1e2}, modified_at=datetime(2022, 5, 3, tzinfo=UTC))
    return connection


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["1", "2", "3"]),
        ("currency=GBP", ["1"]),
        ("currency!=GBP", ["2", "3"]),
        ("currency~gBp", ["1", "2"]),
        ("CURRENCY=GBP && CustomerRef.Id = c1", ["1"]),
        ("totalAmount=100", ["2", "3"]),
        ("totalAmount=100.00", ["2", "3"]),
        ("totalAmount>12.5", ["2", "3"]),
        ("totalAmount>=12.5 && totalAmount<100", ["1"]),
        ("dueDate>=2021-01-28", ["1"]),
        ("dueDate<2021-01-28", ["2"]),
        ("dueDate=2021-01-27T23:00:00Z", ["2"]),
        ("dueDate=2021-01-27T23:00:00.0000000", ["2"]),
        ("dueDate=2021-01-28 00:00:00 00:00", ["1"]),
        ("status=paid", ["1"]),
        ("status~paid", ["1", "2"]),
        ("status=Payed", []),
        ("customerRef.companyName~æRØ", ["1"]),
        ("customerRef.companyName~100% L", ["2"]),
        ("customerRef.companyName~.*", []),
        ("note=x", []),
        ("note!=x", ["1", "2", "3"]),
        ('note~""', []),
        ("metadata.isDeleted!=true", ["1", "3"]),
        ("metadata.isDeleted=TRUE", ["2"]),
        ("id=2 || id=3", ["2", "3"]),
        ("id~2", ["2"]),
        ("modifiedDate>2022-05-01T12:00:00+02:00", ["2", "3"]),
        ("modifiedDate>=2022-05-01T12:00:00+02:00", ["1", "2", "3"]),
        ("modifiedDate=2022-05-03", ["3"]),
        ("sourceModifiedDate<2030-01-01", ["1"]),
        ("sourceModifiedDate!=2022-04-01", ["2", "3"]),
        ("{currency=GBP || currency=gbp} && totalAmount<50", ["1"]),
        ("currency=GBP || currency=gbp && totalAmount<50", ["1"]),
    ],
)
def test_what_a_query_finds(three: Connection, query: str, ids: list[str]) -> None:
    assert found(three, query) == ids


@pytest.mark.parametrize(
    ("order_by", "ids"),
    [
        ("id", ["1", "2", "3"]),
        ("-id", ["3", "2", "1"]),
        ("totalAmount", ["1", "2", "3"]),
        ("-totalAmount", ["2", "3", "1"]),
        ("dueDate", ["2", "1", "3"]),
        ("-dueDate", ["1", "2", "3"]),
        ("customerRef.companyName", ["2", "1", "3"]),
        ("-customerRef.companyName", ["1", "2", "3"]),
        ("-modifiedDate", ["3", "2", "1"]),
        ("sourceModifiedDate", ["1", "2", "3"]),
        ("-SourceModifiedDate", ["1", "2", "3"]),
        ("-metadata.isDeleted", ["2", "1", "3"]),
        (" -metadata.isDeleted ", ["2", "1", "3"]),
    ],
)
def test_the_order_of_records(three: Connection, order_by: str, ids: list[str]) -> None:
    assert found(three, order_by=order_by) == ids


@pytest.mark.parametrize("digits", ["0000001", "9999999", "123456", "5", "9235368", "92353680", "923536899"])
def test_dates_are_compared_to_the_seventh_digit(digits: str) -> None:
    connection = make_connection()
    content = {"id": "1", "dueDate": f"2023-03-21T17:17:58.{digits}Z"}
    make_record(connection, "1", content=content)
    seventh = digits[:7].ljust(7, "0")
    here, before, after = (f"{int(seventh) + shift:07d}" for shift in (0, -1, 1))
    base = "2023-03-21T17:17:58."
    assert [
        found(connection, f"dueDate={base}{here}"),
        found(connection, f"dueDate>{base}{before}Z && dueDate>={base}{here}"),
        found(connection, f"dueDate>{base}{here}"),
        [] if len(after) > 7 else found(connection, f"dueDate<{base}{after}"),
    ] == [["1"], ["1"], [], [] if len(after) > 7 else ["1"]]


@pytest.mark.parametrize(
    "wrong", ["not a date", "2021", "12:00", "0000-01-01", "2021-01-01T00:00:00+15:00", "", 5, [], {}, True, None]
)  # fmt: skip
def test_a_date_that_is_none_holds_for_nothing_but_its_opposite(wrong: Any) -> None:
    connection = make_connection()
    make_record(connection, "1", content={"id": "1", "dueDate": wrong})
    assert [found(connection, f"dueDate{operator}2021-01-01") for operator in ("=", ">", "<", ">=", "<=", "!=")] == [
        [], [], [], [], [], ["1"],
    ]  # fmt: skip
    assert found(connection, order_by="-dueDate") == ["1"]


def test_a_member_of_another_kind_is_as_good_as_absent() -> None:
    connection = make_connection()
    make_record(connection, "1", content={"totalAmount": "12", "currency": 12, "customerRef": "c"})
    queries = ("totalAmount=12", "totalAmount!=12", "currency=12", "currency~1", "currency!=12", "customerRef.id!=c")
    assert [found(connection, query) for query in queries] == [[], ["1"], [], [], ["1"], ["1"]]


def test_amounts_past_what_a_double_tells_apart(three: Connection) -> None:
    query = f"totalAmount<{'9' * 400}.{'9' * 400} && totalAmount>-{'9' * 900}"
    assert found(three, query) == ["1", "2", "3"]


def test_the_longest_queries(three: Connection) -> None:
    many = " || ".join(["id=1"] * 250)
    groups = "{" * 64 + "id=1" + "}" * 64
    assert [found(three, many), found(three, " && ".join(["id!=1"] * 200)), found(three, groups)] == [
        ["1"], ["2", "3"], ["1"],
    ]  # fmt: skip


MALFORMED = "Error parsing query - Malformed query."


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("totalAmount~5", MALFORMED),
        ("totalAmount=five", MALFORMED),
        ("totalAmount=1e5", MALFORMED),
        ("totalAmount=٥", MALFORMED),
        ("totalAmount=5.", MALFORMED),
        ("currency>GBP", MALFORMED),
        ("dueDate~2021", MALFORMED),
        ("dueDate>yesterday", MALFORMED),
        ("dueDate>2021-02-30", MALFORMED),
        ("metadata.isDeleted>true", MALFORMED),
        ("metadata.isDeleted=1", MALFORMED),
        ("customerRef=c1", MALFORMED),
        ("nothing=1", "Error parsing query - Could not resolve property nothing on Invoice"),
        ("customerRef.Nothing=1", "Error parsing query - Could not resolve property customerRef.Nothing on Invoice"),
        ("lineItems.quantity=1", "Error parsing query - Could not resolve property lineItems.quantity on Invoice"),
        ("lineItems=1", "Error parsing query - Could not resolve property lineItems on Invoice"),
        (
            "supplementalData.content.x=1",
            "Error parsing query - Could not resolve property supplementalData.content.x on Invoice",
        ),
        ("metadata=1", "Error parsing query - Could not resolve property metadata on Invoice"),
        ("content=1", "Error parsing query - Could not resolve property content on Invoice"),
        ("connection.id=1", "Error parsing query - Could not resolve property connection.id on Invoice"),
    ],
)
def test_what_is_refused(query: str, words: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        query_filter(query, INVOICES)
    assert (refusal.value.message, refusal.value.field) == (words, "query")


@pytest.mark.parametrize(
    ("order_by", "words"),
    [
        ("nothing", "Error parsing query - Could not resolve property nothing on Invoice"),
        ("-lineItems", "Error parsing query - Could not resolve property lineItems on Invoice"),
        ("customerRef", MALFORMED),
        ("id,dueDate", MALFORMED),
        ("--id", "Error parsing query - Could not resolve property -id on Invoice"),
        ("-", MALFORMED),
        ("id desc", MALFORMED),
        ("a" * 3000, MALFORMED),
    ],
)
def test_orders_that_are_refused(order_by: str, words: str) -> None:
    with pytest.raises(QueryRefused) as refusal:
        order_for(order_by, INVOICES)
    assert (refusal.value.message, refusal.value.field) == (words, "orderBy")


@pytest.mark.parametrize("data_type", sorted(DATA_TYPES))
def test_every_property_of_every_type_can_be_asked_and_ordered_by(data_type: str) -> None:
    connection = make_connection()
    fields = record_fields(data_type)
    values = {"text": "x", "number": "1", "boolean": "true", "date": "2021-01-01", "ticks": "2021-01-01"}
    kinds = {path: member.kind for path, member in fields.members.items() if member.kind != "object"}
    assert {"modifiedDate": "date", "metadata.isDeleted": "boolean"}.items() <= kinds.items()
    for path, kind in kinds.items():
        assert found(connection, f"{path} = {values[kind]}", f"-{path}", data_type) == []


# --- the same answers as a plain reading of the language, on either database ----------------------------------------

words = st.sampled_from(
    ["", "a", "A", "å", "Å", "ß", "ﬁ", "Zoë", "zoë & co", "100%", "a_b", "\\", "'", '"', "}", "İ", "k"]
)
amounts = st.decimals(-(10**9), 10**9, places=2) | st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("12.50")])
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)) | st.sampled_from(  # noqa: DTZ001
    [datetime(2021, 1, 28), datetime(2021, 1, 28, 1), datetime(2021, 1, 27, 23), datetime(2020, 2, 29, 23, 59, 59)]  # noqa: DTZ001
)


@st.composite
def dates(draw: Any) -> str:
    text = draw(moments).replace(microsecond=0).isoformat()
    if draw(st.integers(0, 4)) == 0:
        return text[:10]
    fraction = draw(st.sampled_from(["", ".5", ".1234567", ".0000001", ".9999999", ".999", ".123456789"]))
    return text + fraction + draw(st.sampled_from(["", "Z", "+00:00", "-05:00", "+05:30", "+14:00", "-12:00"]))


stamps = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)) | st.just(  # noqa: DTZ001
    datetime(2021, 1, 28, tzinfo=UTC)
)
contents = st.fixed_dictionaries(
    {},
    optional={
        "invoiceNumber": words | st.none(), "note": words, "status": st.sampled_from(["Paid", "Void", "Draft"]),
        "customerRef": st.none() | st.fixed_dictionaries({}, optional={"companyName": words}),
        "totalAmount": amounts | st.integers(-5, 5), "currencyRate": amounts,
        "issueDate": dates(), "dueDate": dates() | st.none(),
    },
)  # fmt: skip
rows = st.lists(st.tuples(contents, stamps, st.none() | stamps, st.booleans()), min_size=1, max_size=6)


@st.composite
def asked_clauses(draw: Any) -> Clause:
    path = draw(st.sampled_from(sorted(KINDS)))
    kind = KINDS[path]
    operators = {"text": "= != ~", "boolean": "= !="}.get(kind, "= != > < >= <=").split()
    value = {
        "text": st.sampled_from(["r0", "r1", "Paid"]) | words,
        "number": amounts.map(lambda amount: format(amount, "f")),
        "date": dates() | stamps.map(lambda stamp: stamp.isoformat()),
        "boolean": st.sampled_from(["true", "false"]),
    }[kind]
    return Clause(tuple(path.split(".")), draw(st.sampled_from(operators)), draw(value))


asked = st.recursive(
    asked_clauses(),
    lambda inner: st.builds(
        lambda kind, parts: kind(tuple(parts)), st.sampled_from([And, Or]), st.lists(inner, min_size=2, max_size=3)
    ),
    max_leaves=6,
)


def stored(rows: list[Any]) -> tuple[Connection, list[dict[str, Any]]]:
    connection = make_connection()
    shown = []
    for number, (content, modified, moved, is_deleted) in enumerate(rows):
        key = f"r{number}"
        plain = json.loads(json.dumps(content, default=float))
        make_record(
            connection, key, content=plain, modified_at=modified, source_modified_at=moved, is_deleted=is_deleted
        )
        stamps = {"modifiedDate": modified.isoformat(), "sourceModifiedDate": moved and moved.isoformat()}
        shown.append({**content, "id": key, **stamps, "metadata": {"isDeleted": is_deleted}})
    return connection, shown


SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(rows, st.lists(asked, min_size=1, max_size=8))
def test_the_database_finds_what_the_language_says(rows: list[Any], trees: list[Any]) -> None:
    connection, shown = stored(rows)
    for tree in trees:
        query = write_query(tree)
        assert found(connection, query) == [record["id"] for record in shown if holds(tree, record, KINDS)], query
    Record.objects.all().delete()


@SLOW
@given(rows, st.sampled_from(sorted(KINDS.keys() - {"id"})), st.booleans())
def test_the_database_orders_as_the_language_says(rows: list[Any], path: str, descending: bool) -> None:
    connection, shown = stored(rows)
    keys = {record["id"]: sort_key(record, path, KINDS[path]) for record in shown}
    present = [record for record in keys if keys[record] is not None]
    ordered = sorted(present, key=lambda record: keys[record], reverse=descending)
    if descending:  # `reverse` keeps equal ones in their order, as the tie-breaker does
        ordered = sorted(present, key=lambda record: keys[record], reverse=True)
    absent = [record for record in keys if keys[record] is None]
    assert found(connection, order_by=("-" if descending else "") + path) == ordered + absent
    Record.objects.all().delete()


@SLOW
@given(st.text(max_size=60) | st.text("id=~<>!.&|{} '\"0:-TZ", max_size=40))
def test_no_text_fails_otherwise_than_refused(text: str) -> None:
    connection = make_connection()
    try:
        found(connection, text)
        found(connection, f"currency ~ {text}")
        found(connection, f"totalAmount > {text} || dueDate < {text} || modifiedDate = {text}")
    except QueryRefused:
        return


@given(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
def test_a_pattern_is_one_sign(sign: str) -> None:
    import re

    assert re.fullmatch(pattern_of(sign), sign) is not None


def test_ends_of_the_calendar() -> None:
    connection = make_connection()
    make_record(connection, "1", content={"dueDate": "0001-01-01T00:00:00+05:00"}, modified_at=datetime.now(UTC))
    make_record(connection, "2", content={"dueDate": "9999-12-31T23:59:59.9999999-14:00"})
    queries = (
        "dueDate<0001-01-01", "dueDate>9999-12-31T23:59:59.9999999", "dueDate=0001-01-01T00:00:00+05:00",
        "modifiedDate>0001-01-01T00:00:00+14:00", "modifiedDate<9999-12-31T23:59:59.9999999-14:00",
        "modifiedDate=0001-01-01T00:00:00+14:00",
    )  # fmt: skip
    assert [found(connection, query) for query in queries] == [["1"], ["2"], ["1"], ["1", "2"], ["1", "2"], []]
