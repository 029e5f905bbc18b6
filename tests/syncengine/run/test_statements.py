"""How many statements a dataset costs beside its records: what every small read pays."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from syncengine.actions.datasets import queue_dataset
from syncengine.models import Dataset
from syncengine.run.runner import run_dataset
from syncengine.states import DatasetStatus
from tests.syncengine.lab import BUSINESS, Lab

MOST = 58  # five of them keep samples of the platform's own text; one or two depend on the clock


@pytest.mark.django_db(transaction=True)
def test_a_read_of_one_page_takes_few_statements(lab: Lab) -> None:
    lab.sizes(invoices=50)
    connection = lab.connection()
    run_dataset(queue_dataset(connection, "invoices", actor="test").pk)
    lab.control("POST", f"businesses/{BUSINESS}/invoices/touch", {"first": 0, "count": 5})
    dataset = queue_dataset(connection, "invoices", actor="test")
    with CaptureQueriesContext(database) as statements:
        run_dataset(dataset.pk)
    dataset = Dataset.objects.get(pk=dataset.pk)
    assert (dataset.status, dataset.mode, dataset.changed_count) == (DatasetStatus.COMPLETE, "incremental", 5)
    assert len(statements) <= MOST, "\n".join(statement["sql"][:100] for statement in statements)
