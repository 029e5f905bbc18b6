"""Of any number of callers who queue the same type at once, exactly one wins; the others are told who."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from syncengine.actions.datasets import queue_dataset
from syncengine.exceptions import DatasetInProgress
from syncengine.models import Dataset
from syncengine.states import DatasetStatus
from tests.factories import make_connection, make_dataset

CALLERS, ROUNDS = 50, 50


@pytest.mark.django_db
def test_a_second_queue_names_the_running_dataset(queued):
    running = make_dataset(status=DatasetStatus.FETCHING)
    with pytest.raises(DatasetInProgress) as refusal:
        queue_dataset(running.connection, running.data_type, actor="test")
    assert refusal.value.dataset == running
    assert refusal.value.message == (
        f"Cannot queue invoices sync for {running.company_id} as previous sync {running.pk} is still in progress"
    )
    assert queued() == []


@pytest.mark.django_db
def test_other_types_and_other_connections_do_not_wait():
    running = make_dataset(status=DatasetStatus.FETCHING)
    queue_dataset(running.connection, "bills", actor="test")
    queue_dataset(make_connection(), "invoices", actor="test")
    assert Dataset.objects.count() == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_fifty_callers_in_fifty_rounds_one_accepted_each_time():
    connection = make_connection()
    accepted = []
    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in range(ROUNDS):
            barrier = Barrier(CALLERS)
            answers = list(pool.map(lambda _: _queue(connection, barrier), range(CALLERS)))  # noqa: B023
            winners = [answer for answer in answers if isinstance(answer, Dataset)]
            assert [type(answer) for answer in answers if answer not in winners] == [DatasetInProgress] * (CALLERS - 1)
            assert {answer.dataset for answer in answers if answer not in winners} == set(winners)
            accepted.append(len(winners))
            Dataset.objects.update(status=DatasetStatus.COMPLETE)
        list(pool.map(lambda _: connections.close_all(), range(CALLERS * 4)))
    assert accepted == [1] * ROUNDS


def _queue(connection: object, barrier: Barrier) -> Dataset | DatasetInProgress:
    barrier.wait(timeout=30)
    try:
        return queue_dataset(connection, "invoices", actor="test")
    except DatasetInProgress as refusal:
        return refusal
