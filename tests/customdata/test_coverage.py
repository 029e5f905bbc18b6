"""Coverage: measured after each read and each change of a mapping, told of when it falls, once for each dataset."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from customdata.actions.custom_fields import create_custom_field, delete_custom_field, restore_custom_field
from customdata.actions.field_mappings import create_mapping, delete_mapping, update_mapping
from customdata.coverage import measure_coverage
from customdata.models import CustomField, FieldCoverage, FieldMapping, FieldMappingChange, RawRecord
from customdata.raw_records import Keeper
from syncengine.models import Event
from syncengine.plans import KEEPS_RAW
from syncengine.run.telling import tell_events
from syncengine.tasks import tick
from tests.factories import make_company, make_connection, make_dataset, make_integration, make_record

pytestmark = pytest.mark.django_db


def make_field(name="note", model="customers"):
    return create_custom_field(name, "ACCOUNTING", model, source=CustomField.Source.API, actor="test")


def read(connection, *texts, data_type="customers"):
    """Leave what a read leaves: records, their texts, a good dataset."""
    settings_used = {KEEPS_RAW: True}
    dataset = make_dataset(connection, data_type, status="Complete", settings_used=settings_used)
    for number in range(len(texts)):
        if not connection.records.filter(data_type=data_type, source_id=str(number)).exists():
            make_record(connection, str(number), data_type)
    Keeper().keep(dataset, [(str(number), text) for number, text in enumerate(texts)], [])
    return dataset


FOUND, LACKING, NULL = b'{"note":"x"}', b"{}", b'{"note":null}'


def figures(mapping, connection):
    row = FieldCoverage.objects.get(mapping=mapping, connection=connection)
    return row.json_path, row.evaluated, row.resolved, row.null, row.missing, row.invalid, row.kinds


def told():
    events = Event.objects.filter(kind="custom_field.coverage_fell").order_by("pk")
    return [(event.data["before_percent"], event.data["percent"]) for event in events]


@pytest.mark.parametrize(("points", "expected"), [(25, [(100.0, 75.0)]), (25.1, []), (0, [])])
def test_a_fall_by_the_configured_points_is_told_once(settings, points, expected):
    settings.HEADRACE_COVERAGE_DROP_POINTS = points
    connection, field = make_connection(), make_field()
    mapping = create_mapping(field, "note", actor="test", integration=connection.integration)
    read(connection, FOUND, FOUND, FOUND, FOUND)
    measure_coverage(connection, "customers")
    dataset = read(connection, FOUND, FOUND, NULL, FOUND)
    for _ in range(3):  # a task may come more than once
        measure_coverage(connection, "customers", dataset.pk)
    assert told() == expected
    assert figures(mapping, connection) == ("note", 4, 3, 1, 0, 0, {"string": 3})
    row = FieldCoverage.objects.get()
    assert (row.previous, row.dataset_id) == (1.0, dataset.pk)
    if expected:
        event = Event.objects.get(kind="custom_field.coverage_fell")
        assert (event.company_id, event.connection_id) == (connection.company_id, connection.pk)
        assert event.data == {
            "custom_field": str(field.pk),
            "name": "note",
            "data_type": "customers",
            "mapping": str(mapping.pk),
            "before_percent": 100.0,
            "percent": 75.0,
        }


def test_where_no_record_is_left_nothing_has_fallen():
    connection = make_connection()
    create_mapping(make_field(), "note", actor="test", connection=connection)
    read(connection, FOUND)
    measure_coverage(connection, "customers")
    connection.records.update(is_deleted=True)
    read(connection)
    measure_coverage(connection, "customers")
    assert (told(), FieldCoverage.objects.get().evaluated) == ([], 0)


def test_another_expression_begins_anew():
    connection = make_connection()
    mapping = create_mapping(make_field(), "note", actor="test", connection=connection)
    read(connection, FOUND)
    measure_coverage(connection, "customers")
    update_mapping(mapping, "nowhere", actor="test")
    read(connection, FOUND)
    measure_coverage(connection, "customers")
    assert (told(), FieldCoverage.objects.get().previous) == ([], None)


def test_a_changed_mapping_is_measured_at_once_on_every_connection_it_counts_on(run_queue):
    connections = [make_connection(make_company(f"C{number}")) for number in range(2)]
    unread = make_connection(make_company("Unread"))
    elsewhere = make_connection(make_company("E"), integration=make_integration("gbol", name="Xero"))
    for connection in (*connections, elsewhere):
        read(connection, FOUND, LACKING)

    def measured():
        while tell_events():
            pass
        run_queue()
        return set(FieldCoverage.objects.values_list("connection_id", "json_path", "resolved"))

    shared = create_mapping(make_field(), "note", actor="test", integration=connections[0].integration)
    assert measured() == {(connection.pk, "note", 1) for connection in connections}
    update_mapping(shared, "no.such", actor="test")
    assert measured() == {(connection.pk, "no.such", 0) for connection in connections}
    own = create_mapping(shared.field, "length(note)", actor="test", connection=connections[0])
    assert (connections[0].pk, "length(note)", 1) in measured()
    delete_mapping(own, actor="test")
    update_mapping(shared, "note", actor="test")
    assert {(connection.pk, "note", 1) for connection in connections} <= measured()
    assert unread.field_coverage.count() == elsewhere.field_coverage.count() == 0


def test_a_measurement_costs_nothing_where_nothing_is_mapped(run_queue):
    connection = make_connection()
    read(connection, FOUND)
    Event.objects.create(kind="dataset.completed", connection_id=connection.pk, data={"data_type": "customers"})
    while tell_events():
        pass
    assert run_queue() == 0


# --- past its keeping


def test_what_cannot_be_brought_back_is_purged_by_the_tick():
    connection = make_connection()
    kept, gone, bare = make_field("kept"), make_field("gone"), make_field("bare")
    for field in (kept, gone):
        create_mapping(field, "note", actor="test", integration=connection.integration)
    own = create_mapping(kept, "own", actor="test", connection=connection)
    read(connection, FOUND)
    measure_coverage(connection, "customers")
    delete_custom_field(gone, actor="test")
    delete_mapping(own, actor="test")
    with time_machine.travel(now() + timedelta(days=6, hours=23)):
        tick()
        assert CustomField.objects.count() == 3
        restore_custom_field(gone, actor="test")
        delete_custom_field(gone, actor="test")
    with time_machine.travel(now() + timedelta(days=13, hours=22)):
        tick()
        assert set(CustomField.objects.values_list("name", flat=True)) == {"kept", "gone", "bare"}
    with time_machine.travel(now() + timedelta(days=14)):
        tick()
    assert set(CustomField.objects.values_list("pk", flat=True)) == {kept.pk, bare.pk}
    assert list(FieldMapping.objects.values_list("json_path", flat=True)) == ["note"]
    assert FieldMappingChange.objects.filter(field=gone).count() == 0
    assert FieldMappingChange.objects.filter(field=kept).count() == 3  # the history outlives the mapping


def test_the_texts_of_a_deleted_connection_are_purged_with_it():
    connection, other = make_connection(), make_connection(make_company("Other"))
    for one in (connection, other):
        read(one, FOUND, FOUND)
    connection.deleted_at = now()
    connection.save()
    with time_machine.travel(now() + timedelta(days=8)):
        tick()
    assert list(RawRecord.objects.values_list("connection_id", flat=True)) == [other.pk] * 2
