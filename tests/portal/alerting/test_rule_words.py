"""What wide input may do to subjects, addresses, chats and clocks: nothing."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.alerting.emails import one_line
from portal.alerting.quiet import is_quiet
from portal.alerting.rule_checks import checked_emails
from portal.alerting.rule_types import RULE_TYPES, condition_in_words, rule_type_named
from portal.alerting.slack import _plain
from portal.models import AlertingRule
from syncengine.exceptions import Refused

LOCAL = st.text("abcXYZ0189.+_-'!#$%&\r\n\t \x00\u2028ä\"<>,;:@()\\", max_size=20)


@given(st.text())
def test_a_subject_is_one_line_whatever_is_in_a_name(text) -> None:
    shown = one_line(text)
    assert shown.isprintable()
    assert len((shown + "x").splitlines()) == 1
    assert shown == shown.strip()


@given(LOCAL, st.sampled_from(["example.com", "exa mple.com", "example", "[127.0.0.1]", "example.com\nBcc: x@y.zz"]))
def test_what_passes_for_an_address_can_begin_no_header(local, domain) -> None:
    try:
        (address,) = checked_emails([f"{local}@{domain}"])
    except Refused:
        return
    assert address.isascii()
    assert address.isprintable()
    assert len(f"{address}x".splitlines()) == 1


@given(st.text())
def test_a_chat_reads_no_link_and_no_mention_out_of_a_name(text) -> None:
    assert set(_plain(text)) & set("<>\n\r") == set()


@given(st.times(), st.times(), st.datetimes(timezones=st.just(UTC)))
def test_at_any_moment_either_these_hours_are_quiet_or_the_others(begin, end, moment) -> None:
    assume(begin != end)
    assume(1900 < moment.year < 9000)
    one = AlertingRule(quiet_from=begin, quiet_until=end, time_zone="Asia/Kolkata")
    other = AlertingRule(quiet_from=end, quiet_until=begin, time_zone="Asia/Kolkata")
    assert is_quiet(one, moment) is not is_quiet(other, moment)


def test_without_quiet_hours_nothing_is_quiet() -> None:
    assert not is_quiet(AlertingRule(), datetime(2026, 11, 22, tzinfo=UTC))
    assert is_quiet(AlertingRule(quiet_from=time(0), quiet_until=time(23, 59)), datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("key", "chosen", "words"),
    [
        ("NoSuccessWithin", {"hours": 1}, "No good read within 1 hour"),
        ("NoSuccessWithin", {"hours": 24, "data_type": "invoices"}, "No good read of invoices within 24 hours"),
        ("CoverageDrop", {"points": 20}, "A custom field's coverage fell by 20 percentage points or more"),
        ("ConnectionAboutToExpire", {"days": 7}, "An authorisation lapses within 7 days"),
        ("DataSyncCompleted", {}, "Data sync completed"),
        ("DataSyncCompleted", {"data_type": "bills"}, "Data sync completed, bills"),
    ],
)
def test_conditions_in_words(key, chosen, words) -> None:
    assert condition_in_words(key, chosen) == words


def test_no_two_types_share_a_spelling() -> None:
    spellings = [s.lower() for kind in RULE_TYPES.values() for s in {kind.key, kind.wire, *kind.spellings}]
    assert len(spellings) == len(set(spellings))
    assert rule_type_named("new  company SYNCHRONIZED") == (
        RULE_TYPES["NewCompanySynchronized"], "New company synchronized",
    )  # fmt: skip
