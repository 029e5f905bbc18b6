"""The demo's custom data type and custom field are read and show values."""

from __future__ import annotations

import pytest

from customdata.coverage import measure_coverage
from customdata.demo import load
from customdata.models import CustomDataType, FieldCoverage
from syncengine.models import Dataset, Record
from syncengine.states import DatasetStatus

pytestmark = pytest.mark.django_db


def test_the_demo_is_read_and_shows_values(lab, connection, run_queue):
    lab.sizes(customers=60, expenses=30)
    load(connection)
    run_queue()
    assert set(Dataset.objects.values_list("data_type", "status")) == {
        ("custom/expenses", DatasetStatus.COMPLETE),
        ("customers", DatasetStatus.COMPLETE),
    }
    assert Record.objects.filter(data_type="custom/expenses").count() == 30
    measure_coverage(connection, "customers")
    coverage = FieldCoverage.objects.get()
    assert coverage.resolved > 0
    load(connection)
    assert CustomDataType.objects.count() == 1
