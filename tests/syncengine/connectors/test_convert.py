from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncengine.connectors.convert import (
    CONVERTS,
    MOMENTS,
    WrongValue,
    iso_moment,
    to_date,
    to_date_in,
    to_decimal,
    to_integer,
    to_msdate,
    to_text,
    to_unix,
    to_unix_ms,
    to_word,
)

OTHER_KINDS = {
    "text": [True, {}, []],
    "decimal": ["abc", "", "1e5", "NaN", "1,5", " 1", True, {}, [], "٣"],
    "integer": ["1.0", Decimal("1.5"), True, {}, "x"],
    "boolean": ["yes", 1, 0, "True", {}],
    "date": ["/Date(1700000000000)/", "31/01/2026", "2026-02-30", "2026-1-1", "20260131", "2026-W01-1", 5, {}, "today"],
    "day": ["/Date(1700000000000)/", "2026-13-01T00:00:00"],
    "unix": ["x", True, 10**18, "2026-01-31", Decimal("1e300")],
    "unix-ms": ["x", {}, -(10**18)],
    "msdate": ["2026-01-31", "/Date()/", "/Date(x)/", 1700000000000, "/Date(999999999999999)/"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, vs in OTHER_KINDS.items() for value in vs])
def test_wrong_values_are_refused(name, value):
    with pytest.raises(WrongValue, match=r" came where .* was expected"):
        CONVERTS[name](value)


@pytest.mark.parametrize(
    ("name", "value", "converted"),
    [
        ("text", "x", "x"),
        ("text", 12, "12"),
        ("text", Decimal("1.50"), "1.50"),
        ("text", Decimal("1E+5"), "100000"),
        ("decimal", "12.50", Decimal("12.50")),
        ("decimal", "-3", Decimal(-3)),
        ("decimal", 7, 7),
        ("integer", Decimal("3.0"), 3),
        ("integer", "-12", -12),
        ("boolean", "true", True),
        ("boolean", False, False),
        ("date", "2026-01-31", "2026-01-31T00:00:00"),
        ("date", "2026-01-31T08:30", "2026-01-31T08:30:00"),
        ("date", "2026-01-31 08:30:15", "2026-01-31T08:30:15"),
        ("date", "2026-01-31T08:30:15Z", "2026-01-31T08:30:15Z"),
        ("date", "2026-01-31t08:30:15z", "2026-01-31T08:30:15Z"),
        ("date", "2026-01-31T08:30:15.1234567+0100", "2026-01-31T08:30:15.1234567+01:00"),
        ("day", "2026-01-31T23:30:00-05:00", "2026-01-31T00:00:00"),
        ("unix", 1769846400, "2026-01-31T08:00:00Z"),
        ("unix", Decimal("1769846400.5"), "2026-01-31T08:00:00.500000Z"),
        ("unix-ms", "1769846400000", "2026-01-31T08:00:00Z"),
        ("msdate", "/Date(1769846400000)/", "2026-01-31T08:00:00Z"),
        ("msdate", "/Date(1769846400000+0000)/", "2026-01-31T08:00:00Z"),
        ("msdate", "/Date(-1)/", "1969-12-31T23:59:59.999000Z"),
        ("any", {"a": [1]}, {"a": [1]}),
    ],
)
def test_conversions(name, value, converted):
    found = CONVERTS[name](value)

    assert (type(found), found) == (type(converted), converted)


@given(st.dates(min_value=date(1, 1, 1)))
def test_every_date_is_kept(day):
    assert to_date(day.isoformat()) == f"{day.isoformat()}T00:00:00"


zones = st.sampled_from([None, UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=5, minutes=45))])


def date_time(year):
    return datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@given(st.datetimes(timezones=zones))
def test_every_time_keeps_its_moment_and_its_zone(moment):
    assert datetime.fromisoformat(to_date(moment.isoformat())) == moment


@given(st.datetimes(date_time(2), date_time(9998), timezones=zones))
def test_iso_moment_is_aware_utc(moment):
    found = iso_moment(moment.isoformat())

    assert found.tzinfo is UTC
    assert found == (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-07-01T12:00:00", "Europe/London", datetime(2026, 7, 1, 11, tzinfo=UTC)),
        ("2026-01-01T12:00:00", "Europe/London", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-07-01T12:00:00Z", "Europe/London", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2026-07-01", "UTC", datetime(2026, 7, 1, tzinfo=UTC)),
    ],
)
def test_iso_moment_in_a_zone(text, zone, moment):
    assert iso_moment(text, zone) == moment


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+10:00", "2026-02-30T00:00:00Z", "xxxx-xx-xxTxx:xx:xxZ", "9999-12-31T23:00:00-10:00"]
)
def test_iso_moment_refuses(text):
    with pytest.raises(WrongValue):
        iso_moment(text)


def test_times_without_a_zone_may_belong_to_one():
    convert = to_date_in("America/New_York")

    assert [convert(text) for text in ("2026-07-01T12:00:00", "2026-07-01T12:00:00+02:00", "2026-07-01")] == [
        "2026-07-01T16:00:00Z",
        "2026-07-01T10:00:00Z",
        "2026-07-01T00:00:00",
    ]


def test_to_word():
    convert = to_word({"A": "Active", "true": "Yes", "1": "One"})

    assert [convert(value) for value in ("A", True, 1)] == ["Active", "Yes", "One"]
    with pytest.raises(WrongValue, match="'B' is not one of A, true, 1"):
        convert("B")
    with pytest.raises(WrongValue, match="an object came where a text was expected"):
        convert({})
    assert to_word({"A": True}, False)("B") is False


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.lists(st.none()),
        st.dictionaries(st.text(), st.none()),
    )
)
def test_nothing_but_wrong_value_is_ever_raised(value):
    for convert in (
        to_text,
        to_decimal,
        to_integer,
        to_date,
        to_unix,
        to_unix_ms,
        to_msdate,
        iso_moment,
        *MOMENTS.values(),
    ):
        with suppress(WrongValue):
            convert(value)
