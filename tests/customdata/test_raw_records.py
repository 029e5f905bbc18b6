"""The platform's own text of records: kept where custom fields need it, as samples elsewhere."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from customdata.actions.custom_fields import create_custom_field
from customdata.actions.field_mappings import create_mapping, update_mapping
from customdata.coverage import leads_somewhere, measure_coverage
from customdata.models import CustomField, FieldCoverage, RawRecord
from customdata.queries.field_mappings import mapped_fields
from customdata.raw_records import newest_raw, raw_of
from customdata.resolving import NO_RECORD, Unresolved, custom_fields_of
from syncengine.actions.datasets import queue_dataset
from syncengine.models import Event, Record
from syncengine.run import processing
from syncengine.run.telling import tell_events
from syncengine.states import DatasetStatus, ReadMode
from tests.syncengine.lab import BUSINESS

pytestmark = pytest.mark.django_db


@pytest.fixture
def read(connection, run_queue):
    def go(data_type="customers", mode=""):
        dataset = queue_dataset(connection, data_type, actor="test", mode=mode)
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


def map_field(connection, path, name="person_name", model="customers"):
    field = create_custom_field(name, "ACCOUNTING", model, source=CustomField.Source.API, actor="test")
    return create_mapping(field, path, actor="test", integration=connection.integration)


def kept(connection, data_type="customers"):
    return set(RawRecord.objects.filter(connection=connection, data_type=data_type).values_list("source_id", flat=True))


def stored(connection, data_type="customers"):
    living = Record.objects.filter(connection=connection, data_type=data_type, is_deleted=False)
    return set(living.values_list("source_id", flat=True))


def test_without_custom_fields_a_few_samples_are_kept(lab, connection, read):
    lab.sizes(customers=300)
    assert read().status == DatasetStatus.COMPLETE
    assert len(kept(connection)) == 20 < len(stored(connection))
    assert newest_raw(connection, "customers")[0]["id"] in kept(connection)
    lab.control("POST", f"businesses/{BUSINESS}/customers/touch", {"first": 0, "count": 5})
    read(mode=ReadMode.FULL)
    assert len(kept(connection)) == 20
    touched = {f"cus_{number:08d}" for number in range(5)}
    assert touched & stored(connection) <= kept(connection)


def test_with_a_mapping_the_next_read_is_full_and_keeps_all_without_touching_records(lab, connection, read, at_source):
    lab.sizes(customers=60)
    read()
    before = dict(Record.objects.values_list("source_id", "modified_at"))
    map_field(connection, "person")
    dataset = read()
    assert (dataset.status, dataset.mode) == (DatasetStatus.COMPLETE, ReadMode.FULL)
    assert (dataset.created_count, dataset.changed_count) == (0, 0)
    assert kept(connection) == stored(connection)
    assert dict(Record.objects.values_list("source_id", "modified_at")) == before
    key = next(iter(kept(connection)))
    assert raw_of(connection, "customers", [key]) == {key: at_source("customers", key)}
    again = read()
    assert (again.mode, again.changed_count, again.created_count) == (ReadMode.INCREMENTAL, 0, 0)


def test_keeping_all_can_be_switched_on_for_everything(lab, connection, read, settings):
    settings.HEADRACE_KEEP_RAW = True
    lab.sizes(customers=60)
    read()
    assert kept(connection) == stored(connection)


def test_a_changed_record_brings_its_new_text(lab, connection, read):
    lab.sizes(customers=60)
    map_field(connection, "person")
    read()
    lab.control("PATCH", f"businesses/{BUSINESS}/customers/records/3", {"person": "Someone New"})
    assert read().changed_count == 1
    assert raw_of(connection, "customers", ["cus_00000003"])["cus_00000003"]["person"] == "Someone New"


def test_what_a_failed_read_kept_is_forgotten_and_read_again(lab, connection, read, monkeypatch):
    lab.sizes(customers=60)
    map_field(connection, "person")
    read()
    lab.control("PATCH", f"businesses/{BUSINESS}/customers/records/3", {"person": "Someone New"})
    with monkeypatch.context() as broken:
        broken.setattr(processing, "_lists_all", _refuses_after_the_page(DatabaseError("no room")))
        assert read().status == DatasetStatus.PROCESSING_ERROR
    assert raw_of(connection, "customers", ["cus_00000003"]) == {}
    assert read().status == DatasetStatus.COMPLETE
    assert raw_of(connection, "customers", ["cus_00000003"])["cus_00000003"]["person"] == "Someone New"
    assert kept(connection) == stored(connection)


def _refuses_after_the_page(error):
    """The question is asked once inside the page's transaction and once when all pages are stored."""
    answers = iter([False])

    def asked(*_):
        for answer in answers:
            return answer
        raise error

    return asked


def test_coverage_is_measured_after_a_read_and_decides_what_a_missing_value_shows(
    lab, connection, read, run_queue, settings
):
    lab.sizes(customers=60)
    mapping = map_field(connection, "person")
    wrong = map_field(connection, "no.such.path", name="wrong_one")
    read()
    tell_events()
    run_queue()
    found = FieldCoverage.objects.get(mapping=mapping)
    assert found.evaluated == len(stored(connection))
    assert found.resolved + found.null + found.missing == found.evaluated
    assert FieldCoverage.objects.get(mapping=wrong).missing == found.evaluated
    fields = mapped_fields(connection, "customers")
    verdicts = leads_somewhere(connection, fields)
    assert verdicts == {"person": True, "no.such.path": False}
    pairs = [(field.field.name, field.json_path) for field in fields]
    document = {"id": "x"}
    assert custom_fields_of(document, pairs, verdicts) == {"person_name": None, "wrong_one": "INVALID_JSON_PATH"}
    assert custom_fields_of(document, pairs, verdicts, Unresolved.NULL) == {"person_name": None, "wrong_one": None}
    assert set(custom_fields_of(document, pairs, verdicts, Unresolved.SENTINEL).values()) == {"INVALID_JSON_PATH"}
    assert custom_fields_of(NO_RECORD, pairs, verdicts) == {"person_name": None, "wrong_one": None}


def test_a_fall_of_the_resolved_share_is_told(lab, connection, read):
    lab.sizes(customers=60)
    mapping = map_field(connection, "display_name")
    read()
    measure_coverage(connection, "customers")
    assert FieldCoverage.objects.get(mapping=mapping).previous is None
    lab.control(
        "POST",
        f"businesses/{BUSINESS}/customers/touch",
        {"first": 0, "count": len(stored(connection)) // 2, "patch": {"display_name": None}},
    )
    read()
    measure_coverage(connection, "customers")
    told = Event.objects.get(kind="custom_field.coverage_fell")
    row = FieldCoverage.objects.get(mapping=mapping)
    assert (told.connection_id, told.data["name"], told.data["before_percent"]) == (connection.pk, "person_name", 100.0)
    assert told.data["percent"] == round(row.resolved / row.evaluated * 100, 1) < 80
    update_mapping(mapping, "person", actor="test")
    measure_coverage(connection, "customers")
    assert FieldCoverage.objects.get(mapping=mapping).previous is None
    assert Event.objects.filter(kind="custom_field.coverage_fell").count() == 1
