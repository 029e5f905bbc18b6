"""A shared budget grants what it may in any minute, to everybody together, and not one more."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from itertools import pairwise

import pytest
import redis
from django.conf import settings as project_settings
from django.db import connection
from hypothesis import HealthCheck, given, settings, strategies

from syncengine import limits
from syncengine.limits import Budget, shut, take
from syncengine.models import RateBucket

REDIS = project_settings.REDIS_URL or "redis://127.0.0.1:6379/9"


def _reachable(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=0.3) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


STORES = ["database", "redis"] if _reachable(REDIS) else ["database"]


@pytest.fixture(params=STORES)
def store(request, settings):
    settings.REDIS_URL = REDIS if request.param == "redis" else ""
    yield request.param
    if request.param == "redis":
        limits.redis_scripts.cache_clear()
        with redis.Redis.from_url(REDIS) as client:
            for key in client.scan_iter("headrace:budget:test-*"):
                client.delete(key)


def make_budget(per_minute: int) -> Budget:
    return Budget(f"test-{uuid.uuid4()}", per_minute)


def about(seconds: float) -> object:
    return pytest.approx(seconds, abs=0.002)


def most_in_a_minute(grants: list[float]) -> int:
    """Return the largest number of grants in any closed window of 60 seconds."""
    return max((sum(start <= at <= start + 60 for at in grants) for start in grants), default=0)


def grants_of_a_glutton(budget: Budget, seconds: float, start: float = 1_000_000.0) -> list[float]:
    """Take as early as it is ever allowed, for so many seconds of a clock of our own."""
    now, grants = start, []
    while now < start + seconds and len(grants) <= 10 * seconds:
        wait = take([budget], now)
        if wait:
            now += wait
        else:
            grants.append(now)
    return grants


@pytest.mark.django_db
@pytest.mark.parametrize("per_minute", [1, 2, 3, 5, 6, 7, 12, 60, 100])
def test_no_minute_holds_more_than_the_limit_and_little_less(store, per_minute):
    grants = grants_of_a_glutton(make_budget(per_minute), 240)
    assert most_in_a_minute(grants) == per_minute
    assert len(grants) >= 4 * per_minute * 0.8


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_minute=strategies.integers(1, 40),
    gaps=strategies.lists(strategies.sampled_from([0.0, 0.001, 0.3, 1.0, 5.0, 30.0, 59.999, 60.0]), max_size=120),
)
def test_no_minute_holds_more_than_the_limit_however_it_is_asked(store, per_minute, gaps):
    budget, now, grants = make_budget(per_minute), 1_000_000.0, []
    for gap in gaps:
        now += gap
        if take([budget], now) == 0:
            grants.append(now)
    assert most_in_a_minute(grants) <= per_minute


@pytest.mark.django_db
def test_a_burst_goes_at_once_and_the_rest_is_spaced(store):
    budget = make_budget(60)
    grants = grants_of_a_glutton(budget, 20)
    gaps = [round(after - before, 2) for before, after in pairwise(grants)]
    assert (budget.burst, gaps[:9], set(gaps[9:])) == (10, [0.0] * 9, {round(60.6 / 51, 2)})


@pytest.mark.django_db
def test_the_wait_is_as_long_as_it_says(store):
    budget = make_budget(6)
    assert take([budget], 1000.0) == 0.0
    assert take([budget], 1000.0) == about(60.6 / 6)
    assert take([budget], 1010.0) == about(0.1)
    assert take([budget], 1010.11) == 0.0


@pytest.mark.django_db
def test_several_budgets_give_all_or_nothing(store):
    small, large = make_budget(1), make_budget(6)
    assert take([large, small], 1000.0) == 0.0
    assert take([large, small], 1030.0) == about(30.6)
    assert take([small, large], 1030.0) == about(30.6)
    # The refusals above took nothing from the large one.
    assert take([large], 1030.0) == 0.0


@pytest.mark.django_db
def test_no_budgets_are_granted_without_a_question(store, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert take([]) == 0.0


@pytest.mark.django_db
def test_zero_is_unlimited_and_can_still_be_shut(store):
    budget = make_budget(0)
    assert [take([budget], 1000.0) for _ in range(100)] == [0.0] * 100
    shut(budget.key, 30, now=1000.0)
    assert take([budget], 1010.0) == about(20.0)
    assert take([budget], 1030.0) == 0.0


@pytest.mark.django_db
def test_shut_extends_and_never_shortens(store):
    budget = make_budget(60)
    shut(budget.key, 30, now=1000.0)
    shut(budget.key, 10, now=1000.0)
    assert take([budget], 1000.0) == about(30.0)
    shut(budget.key, 50, now=1000.0)
    assert take([budget], 1000.0) == about(50.0)
    assert take([budget], 1050.0) == 0.0


@pytest.mark.django_db
def test_one_shut_budget_holds_back_all_that_take_from_it(store):
    shut_one, other = make_budget(60), make_budget(60)
    shut(shut_one.key, 30, now=1000.0)
    assert take([other, shut_one], 1000.0) == about(30.0)
    assert take([other], 1000.0) == 0.0


@pytest.mark.django_db
def test_the_clock_need_not_be_given(store):
    budget = make_budget(1)
    assert take([budget]) == 0.0
    assert 59.0 < take([budget]) <= 60.6
    shut(budget.key, 90)
    assert 89.0 < take([budget]) <= 90.0


@pytest.mark.django_db
def test_a_grant_costs_one_statement(settings, django_assert_num_queries):
    settings.REDIS_URL = ""
    budget = make_budget(60)
    take([budget])
    with django_assert_num_queries(1):
        take([budget])


@pytest.mark.django_db
def test_the_row_keeps_what_the_algorithm_needs(settings):
    settings.REDIS_URL = ""
    budget = make_budget(6)
    take([budget], 1000.0)
    shut(budget.key, 5, now=1000.0)
    row = RateBucket.objects.get(pk=budget.key)
    assert (row.full_at, row.shut_until) == (about(1010.1), 1005.0)


# --- many at once


@pytest.mark.django_db(transaction=True)
def test_eight_threads_together_get_the_burst_and_no_more(store):
    budgets = [make_budget(60), make_budget(120)]
    granted: list[float] = []
    ready = threading.Barrier(8)

    def hammer() -> None:
        ready.wait()
        granted.extend(wait for wait in (take(budgets, 1000.0) for _ in range(15)) if wait == 0)
        connection.close()

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 10


HAMMER = """
import json, multiprocessing, sys, time
import django
from django.conf import settings
order = json.load(sys.stdin)
settings.configure(DATABASES={"default": order["database"]}, REDIS_URL=order["redis"], INSTALLED_APPS=["syncengine"])
django.setup()
from syncengine.limits import Budget, take
import redis  # takes as long as the hammering, and is imported late otherwise

def hammer(number):
    budget, until, grants = Budget(order["key"], order["per_minute"]), time.time() + 1.5, []
    while time.time() < until:
        asked = time.time()
        wait = take([budget])
        if wait:
            time.sleep(min(wait, 0.02))
        else:
            grants.append((asked, time.time()))
    return grants

with multiprocessing.get_context("fork").Pool(4) as pool:
    print(json.dumps(pool.map(hammer, range(4), chunksize=1)))
"""


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_four_processes_together_get_exactly_what_is_allowed(store, settings):
    budget = make_budget(600)
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    order = {
        "database": {name: connection.settings_dict[name] for name in names},
        "redis": settings.REDIS_URL,
        "key": budget.key,
        "per_minute": budget.per_minute,
    }
    # A process of its own forks the four: it holds no connection yet, and has no threads to lose.
    done = subprocess.run([sys.executable, "-c", HAMMER], input=json.dumps(order), stdout=subprocess.PIPE, text=True)
    each = json.loads(done.stdout)
    # A grant was given at some moment between the question and the answer, however busy the machine is.
    grants = [grant for one in each for grant in one]
    span = max(answered for _, answered in grants) - min(asked for asked, _ in grants)
    allowed = budget.burst + span / budget.interval
    assert len(each) == 4
    assert 0.9 * allowed <= len(grants) <= allowed + 1
