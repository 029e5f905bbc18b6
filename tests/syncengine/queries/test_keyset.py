from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from syncengine.queries.keyset import pack_cursor, unpack_cursor, unpack_moment

ID = UUID("0190a1b2-0000-7000-8000-000000000001")


@given(st.lists(st.text(), max_size=3))
def test_a_cursor_gives_back_its_parts(parts):
    assert unpack_cursor(pack_cursor(*parts), len(parts)) == tuple(parts)


@given(st.text())
def test_any_other_word_is_no_cursor(word):
    assert unpack_cursor(word, 2) is None or pack_cursor(*unpack_cursor(word, 2))


def test_a_cursor_of_another_length_is_refused():
    assert unpack_cursor(pack_cursor("a"), 2) is None


def test_a_moment_comes_back_whole():
    at = datetime(2026, 3, 10, 12, 0, 0, 123, tzinfo=UTC)
    assert unpack_moment(pack_cursor(at.isoformat(), str(ID))) == (at, ID)


def test_a_moment_without_a_zone_or_id_is_refused():
    assert [
        unpack_moment(pack_cursor("2026-03-10T12:00:00", str(ID))),
        unpack_moment(pack_cursor("2026-03-10T12:00:00+00:00", "x")),
        unpack_moment("////"),
        unpack_moment("é"),
    ] == [None, None, None, None]
