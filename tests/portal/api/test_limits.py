"""Quotas of keys and addresses, shared by every process."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection as database

from portal.api.quota import LARGEST_LOT, InDatabase, Quota
from portal.models import ApiUsage
from syncengine.models import Event
from tests.factories import make_connection

ENDS = datetime(2100, 1, 1, tzinfo=UTC)


def test_every_answer_says_where_the_caller_stands(wire, settings):
    settings.HEADRACE_API_DAILY_QUOTA = 1000
    settings.HEADRACE_API_ADDRESS_PER_MINUTE = 0
    make_connection()
    answers = [wire.get("/companies/none"), wire("PUT", "/companies"), wire.get("/nothing")]
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert [
        (answer["X-Rate-Limit-Limit"], answer["X-Rate-Limit-Remaining"], answer["X-Rate-Limit-Reset"])
        for answer in answers
    ] == [("2000", str(left), f"{tomorrow}T00:00:00Z") for left in (1999, 1998, 1997)]


def test_a_used_up_quota_refuses_until_midnight_and_is_told_once(wire, settings):
    settings.HEADRACE_API_DAILY_QUOTA = 3
    with time_machine.travel(datetime(2026, 5, 4, 23, 59, 0, tzinfo=UTC), tick=False) as clock:
        statuses = [wire.get("/companies/none").status_code for _ in range(5)]
        refused = wire.get("/companies/none")
        assert statuses == [404, 404, 404, 429, 429]
        assert (refused["Retry-After"], refused["X-Rate-Limit-Remaining"]) == ("60", "0")
        assert refused.json()["canBeRetried"] == "True"
        told = Event.objects.filter(kind="client.rate_limit_reached")
        assert [event.data for event in told] == [
            {"daily_quota": 3, "quota_remaining": 0, "expires_at": "2026-05-05T00:00:00+00:00"}
        ]
        clock.shift(timedelta(minutes=2))
        assert wire.get("/companies/none").status_code == 404
    assert Event.objects.filter(kind="client.rate_limit_reset").count() == 1


def test_keys_have_quotas_of_their_own(wire, wire_for, settings):
    settings.HEADRACE_API_DAILY_QUOTA = 1
    other = wire_for()
    assert [wire.get("/companies/none").status_code for _ in range(2)] == [404, 429]
    assert other.get("/companies/none").status_code == 404


def test_an_address_is_shielded_against_whoever_guesses_keys(wire, settings):
    settings.HEADRACE_API_ADDRESS_PER_MINUTE = 2
    wire.authorization = "Bearer wrong"
    with time_machine.travel(datetime(2026, 5, 4, 12, 0, 30, tzinfo=UTC), tick=False):
        answers = [wire.get("/companies") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1]["Retry-After"] == "30"


def test_a_forged_forwarding_header_is_not_believed(wire, settings):
    settings.HEADRACE_API_ADDRESS_PER_MINUTE = 2
    answers = [wire.get("/companies/none", X_Forwarded_For=f"198.51.100.{number}") for number in range(5)]
    assert [answer.status_code for answer in answers].count(429) >= 2
    settings.HEADRACE_BEHIND_PROXY = True
    answers = [wire.get("/companies/none", X_Forwarded_For=f"{number}.1.1.1, 198.51.100.7") for number in range(5)]
    assert [answer.status_code for answer in answers].count(429) >= 1


@pytest.mark.django_db
def test_a_lot_is_taken_at_once_and_the_last_one_is_granted(django_assert_num_queries, settings):
    quota = Quota()
    limit = 16 * LARGEST_LOT
    quota.take("key:a", limit, ENDS)
    with django_assert_num_queries(0):
        taken = [quota.take("key:a", limit, ENDS) for _ in range(LARGEST_LOT - 1)]
    assert [allowance.remaining for allowance in taken] == list(range(limit - 2, limit - LARGEST_LOT - 1, -1))
    granted = sum(quota.take("key:a", limit, ENDS).granted for _ in range(limit))
    assert granted == limit - LARGEST_LOT


@pytest.mark.django_db
def test_a_window_that_ended_leaves_nothing_behind():
    past = datetime.now(UTC) - timedelta(minutes=1)
    ApiUsage.objects.create(bucket="address:192.0.2.1", window_ends_at=past)
    InDatabase().hand_out("address:192.0.2.2", ENDS, 1, 10)
    assert not ApiUsage.objects.filter(bucket="address:192.0.2.1").exists()


def _take_all(rounds: int) -> int:
    database.close()
    quota = Quota()
    try:
        return sum(quota.take("key:shared", 300, ENDS).granted for _ in range(rounds))
    finally:
        database.close()


@pytest.mark.django_db(transaction=True)
def test_four_processes_are_granted_exactly_the_budget():
    database.close()
    with multiprocessing.get_context("fork").Pool(4) as pool:
        granted = pool.map(_take_all, [400] * 4)
    assert sum(granted) == 300
