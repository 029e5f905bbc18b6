"""Every word against every other: only the drawn moves are made."""

from __future__ import annotations

import pytest

from syncengine.exceptions import IllegalMove, StaleState
from syncengine.models import Connection, Dataset
from syncengine.states import (
    CONNECTION_MOVES,
    DATASET_ACTIVE,
    DATASET_ENDS,
    DATASET_MOVES,
    ConnectionStatus,
    DatasetStatus,
)
from syncengine.transitions import move
from tests.factories import make_connection, make_dataset

pytestmark = pytest.mark.django_db


def test_the_wire_has_21_words_and_each_has_its_moves():
    assert len(DatasetStatus) == 21
    assert set(DATASET_MOVES) == set(DatasetStatus)
    assert set(DatasetStatus) == DATASET_ENDS | DATASET_ACTIVE
    assert all(moves for status, moves in DATASET_MOVES.items() if status in DATASET_ACTIVE)


def test_every_status_of_a_dataset_against_every_other():
    dataset = make_dataset()
    for before in DatasetStatus:
        for after in DatasetStatus:
            Dataset.objects.filter(pk=dataset.pk).update(status=before)
            dataset.status = before
            if after in DATASET_MOVES[before]:
                move(dataset, after, DATASET_MOVES)
                assert Dataset.objects.get(pk=dataset.pk).status == dataset.status == after
            else:
                with pytest.raises(IllegalMove):
                    move(dataset, after, DATASET_MOVES)
                assert Dataset.objects.get(pk=dataset.pk).status == before


def test_every_status_of_a_connection_against_every_other():
    connection = make_connection()
    for before in ConnectionStatus:
        for after in ConnectionStatus:
            Connection.objects.filter(pk=connection.pk).update(status=before)
            connection.status = before
            if after in CONNECTION_MOVES[before]:
                move(connection, after, CONNECTION_MOVES)
                assert Connection.objects.get(pk=connection.pk).status == after
            else:
                with pytest.raises(IllegalMove):
                    move(connection, after, CONNECTION_MOVES)


def test_a_row_that_moved_meanwhile_is_not_moved_again():
    dataset = make_dataset()
    stale = Dataset.objects.get(pk=dataset.pk)
    move(dataset, DatasetStatus.FETCHING, DATASET_MOVES)
    with pytest.raises(StaleState):
        move(stale, DatasetStatus.CANCELLED, DATASET_MOVES)
    assert Dataset.objects.get(pk=dataset.pk).status == DatasetStatus.FETCHING
