from datetime import timedelta

import pytest

from syncengine.models import Attempt, SourceRequest, StageTiming, ValidationIssue
from syncengine.queries import datasets as queries
from syncengine.queries.datasets import IssueGroup, Likeness, Neighbours
from syncengine.states import DatasetStatus as S
from tests.syncengine.queries.helpers import NOON, make_connection, make_dataset, make_integration

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def request(dataset, sequence, status_code=200):
    return SourceRequest.objects.create(
        dataset=dataset, sequence=sequence, sent_at=NOON, method="GET", url="https://x.test/", status_code=status_code
    )


def issue(dataset, rule_id, severity="error", item_id=""):
    return ValidationIssue.objects.create(
        dataset=dataset, stage="validate", severity=severity, rule_id=rule_id, item_id=item_id, message="m"
    )


def test_timings_and_attempts():
    dataset = make_dataset()
    fetch = StageTiming.objects.create(dataset=dataset, stage="fetch", started_at=NOON, seconds=1.5)
    second = Attempt.objects.create(dataset=dataset, fence=2, worker="b", started_at=NOON)
    first = Attempt.objects.create(dataset=dataset, fence=1, worker="a", started_at=NOON)
    assert queries.stage_timings(dataset) == {"fetch": fetch}
    assert queries.attempts(dataset) == [first, second]


def test_neighbours_are_of_the_same_type_and_connection(django_assert_num_queries):
    dataset = make_dataset()
    previous = make_dataset(dataset.connection, at=NOON - MINUTE)
    make_dataset(dataset.connection, at=NOON - 2 * MINUTE)
    make_dataset(dataset.connection, at=NOON + MINUTE, data_type="bills")
    make_dataset(at=NOON + MINUTE)
    following = make_dataset(dataset.connection, at=NOON + 2 * MINUTE)
    with django_assert_num_queries(2):
        assert queries.neighbours(dataset) == Neighbours(previous, following)
    assert queries.neighbours(following) == Neighbours(dataset, None)


def test_usual_seconds():
    connection = make_connection()
    for number in range(5):
        make_dataset(connection, at=NOON + number * MINUTE, took=number + 1)
    last = make_dataset(connection, at=NOON + 9 * MINUTE, took=99)
    assert (queries.usual_seconds(last), queries.usual_seconds(make_dataset())) == (3.0, None)


def test_similar_failures_count_connections_of_the_platform(django_assert_num_queries):
    mine = make_dataset(took=1, status=S.AUTH_ERROR)
    other = make_connection()
    make_dataset(other, at=NOON - 60 * MINUTE, took=0, status=S.AUTH_ERROR)
    make_dataset(other, at=NOON - 30 * MINUTE, took=0, status=S.AUTH_ERROR)
    make_dataset(make_connection(), at=NOON - 10 * MINUTE, took=0, status=S.AUTH_ERROR)
    make_dataset(make_connection(), at=NOON - timedelta(days=2), took=0, status=S.AUTH_ERROR)
    make_dataset(make_connection(), took=0, status=S.FETCH_ERROR)
    make_dataset(make_connection(integration=make_integration("bank", "Bank")), took=0, status=S.AUTH_ERROR)
    make_dataset(mine.connection, at=NOON - 60 * MINUTE, took=0, status=S.AUTH_ERROR)
    with django_assert_num_queries(2):  # the dataset's own connection, then the count
        mine.refresh_from_db()
        mine = type(mine).objects.select_related("connection").get(pk=mine.pk)
    with django_assert_num_queries(1):
        assert queries.similar_failures(mine) == Likeness(2, NOON - 60 * MINUTE)


@pytest.mark.parametrize("status", [S.COMPLETE, S.CANCELLED, S.FETCHING])
def test_what_did_not_fail_is_like_nothing(status, django_assert_num_queries):
    dataset = make_dataset(status=status)
    with django_assert_num_queries(0):
        assert queries.similar_failures(dataset) == Likeness(0, None)


def test_requests_come_in_order_page_by_page():
    dataset = make_dataset()
    made = [request(dataset, number) for number in (2, 1, 3)]
    first = queries.requests_page(dataset, size=2)
    second = queries.requests_page(dataset, size=2, after=first.after)
    assert [request.sequence for request in (*first.rows, *second.rows)] == [1, 2, 3]
    assert (second.after, second.rows) == ("", (made[2],))


def test_the_last_refused_request_is_the_evidence():
    dataset = make_dataset()
    assert queries.last_refused_request(dataset) is None
    request(dataset, 1, 500)
    refused = request(dataset, 2, None)
    request(dataset, 3, 200)
    assert queries.last_refused_request(dataset) == refused


def test_issues_are_grouped_by_rule_errors_first(django_assert_num_queries):
    dataset = make_dataset()
    warnings = [issue(dataset, "sum", "warning", str(n)) for n in range(7)]
    errors = [issue(dataset, "date"), issue(dataset, "key"), issue(dataset, "key")]
    issue(make_dataset(), "key")
    with django_assert_num_queries(2):
        groups = queries.issue_groups(dataset)
    assert groups == [
        IssueGroup("key", "error", "", 2, (errors[1], errors[2])),
        IssueGroup("date", "error", "", 1, (errors[0],)),
        IssueGroup("sum", "warning", "", 7, tuple(warnings[:5])),
    ]


def test_issues_of_one_rule_page_by_page():
    dataset = make_dataset()
    made = [issue(dataset, "key") for _ in range(3)]
    issue(dataset, "date")
    first = queries.issues_of_rule(dataset, "key", size=2)
    second = queries.issues_of_rule(dataset, "key", size=2, after=first.after)
    assert (first.rows, second.rows, second.after) == (tuple(made[:2]), (made[2],), "")
    assert queries.issues_of_rule(dataset, "key", after="nonsense").rows == tuple(made)
