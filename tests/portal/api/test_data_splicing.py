"""Records as bytes: the stored text, and behind it the members that are columns, whatever the text holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.api.data_splicing import record_bytes, records_bytes
from syncengine.models import Record
from syncengine.moments import stamp
from syncengine.queries.record_pages import StoredRecord, records_slice, stored_record
from tests.factories import make_connection, make_record

MODIFIED = datetime(2026, 11, 20, 9, 15, 0, 123456, UTC)
MOVED = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
TAIL = {
    "modifiedDate": "2026-11-20T09:15:00.123456Z",
    "sourceModifiedDate": "2026-11-19T08:00:00.000000Z",
    "metadata": {"isDeleted": False},
}

names = st.text(max_size=12) | st.sampled_from(["modifiedDate", "sourceModifiedDate", "metadata", "id", "a"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
contents = st.dictionaries(names, values, max_size=8)


def _text(content, *, spaced=False):
    def plain(value):
        return _Number(value) if isinstance(value, Decimal) else value

    def walk(value):
        if isinstance(value, dict):
            return {name: walk(member) for name, member in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else plain(value)

    return json.dumps(walk(content), separators=(", ", ": ") if spaced else (",", ":")).encode()


class _Number(float):
    """A float that json writes with the digits it was given."""

    def __new__(cls, value):
        made = super().__new__(cls, value)
        made.digits = f"{value:f}"
        return made

    def __repr__(self):
        return self.digits


def _read(text):
    def once(pairs):
        members = dict(pairs)
        assert len(members) == len(pairs), "a member stands twice"
        return members

    return json.loads(text, parse_float=Decimal, object_pairs_hook=once)


def _stored(text, *, moved=MOVED, deleted=False):
    return StoredRecord("x", text, stamp(MODIFIED), stamp(moved), deleted)


patiently = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@patiently
@given(contents, st.booleans())
def test_every_content_keeps_its_members_and_gets_ours(content, spaced):
    text = _text(content, spaced=spaced)
    own = {name: value for name, value in _read(text).items() if name not in TAIL}
    assert _read(record_bytes(_stored(text))) == own | TAIL


@patiently
@given(st.lists(st.tuples(contents, st.sampled_from([None, MOVED]), st.booleans()), max_size=5))
def test_a_list_is_each_of_its_records(rows):
    records = [_stored(_text(content), moved=moved, deleted=deleted) for content, moved, deleted in rows]
    assert records_bytes(records) == [record_bytes(record) for record in records]


@pytest.mark.parametrize("text", [b"{}", b"{ }", b" {\n} ", b"{}\n"])
def test_an_empty_object_gets_no_comma_too_many(text):
    assert _read(record_bytes(_stored(text))) == TAIL


def test_the_text_leaves_as_it_is_stored():
    text = b'{"b":1.10,"a":12345678901234567890.123456789,"n":null,"u":"\xc3\xa9\\u00e9"}'
    assert record_bytes(_stored(text)) == text[:-1] + (
        b',"modifiedDate":"2026-11-20T09:15:00.123456Z","sourceModifiedDate":"2026-11-19T08:00:00.000000Z",'
        b'"metadata":{"isDeleted":false}}'
    )


def test_without_a_stamp_of_the_platform_there_is_no_such_member():
    assert _read(record_bytes(_stored(b'{"id":"x"}', moved=None, deleted=True))) == {
        "id": "x",
        "modifiedDate": "2026-11-20T09:15:00.123456Z",
        "metadata": {"isDeleted": True},
    }


def test_further_members_stand_before_ours():
    more = b'"customFields":{"a":1}'
    assert _read(record_bytes(_stored(b"{}"), more)) == {"customFields": {"a": 1}} | TAIL
    rows = records_bytes([_stored(b'{"id":"x"}'), _stored(b'{"id":"y"}')], [more, b""])
    assert [_read(row) for row in rows] == [{"id": "x", "customFields": {"a": 1}} | TAIL, {"id": "y"} | TAIL]


@pytest.mark.django_db
def test_what_the_database_gives_is_spliced_without_loss():
    connection = make_connection()
    numbers = '{"id":"x","big":12345678901234567890,"amount":0.1,"text":"é €"}'
    record = make_record(connection, "x", content=json.loads(numbers), modified_at=MODIFIED)
    Record.objects.filter(pk=record.pk).update(source_modified_at=MOVED)
    stored = stored_record(connection.pk, "invoices", "x")
    assert stored is not None
    listed = records_slice(connection.pk, "invoices", offset=0, size=1).rows
    expected = json.loads(numbers, parse_float=Decimal) | TAIL
    assert [_read(record_bytes(stored)), *map(_read, records_bytes(listed))] == [expected, expected]
