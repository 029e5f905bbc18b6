import pytest

from syncengine.models import RecordChange
from syncengine.queries.record_changes import CREATED, Change, FieldChange, change_counts, changes_page
from tests.syncengine.queries.helpers import make_dataset, make_record

pytestmark = pytest.mark.django_db


def change(dataset, record, kind=RecordChange.CHANGED, fields=(), before=None):
    return RecordChange.objects.create(
        dataset=dataset,
        record_id=record.pk,
        source_id=record.source_id,
        kind=kind,
        fields=list(fields),
        before={"content": before or {}, "modified_at": None, "is_deleted": False},
    )


def test_created_records_are_those_it_saw_first():
    dataset = make_dataset(created_count=2)
    later = make_dataset(dataset.connection)
    make_record(dataset.connection, "a", first_dataset_id=dataset.pk, last_dataset_id=dataset.pk)
    make_record(dataset.connection, "b", first_dataset_id=dataset.pk, last_dataset_id=later.pk)
    make_record(dataset.connection, "c", first_dataset_id=later.pk)
    assert changes_page(dataset, CREATED).rows == (Change("a", CREATED), Change("b", CREATED, changed_since=True))


def test_changed_records_show_each_field_before_and_after(django_assert_num_queries):
    dataset = make_dataset()
    record = make_record(dataset.connection, "a", {"id": "a", "total": 2, "new": [1]}, last_dataset_id=dataset.pk)
    change(dataset, record, fields=["total", "new", "gone"], before={"id": "a", "total": 1, "gone": "x"})
    with django_assert_num_queries(2):
        page = changes_page(dataset, RecordChange.CHANGED)
    assert page.rows == (
        Change(
            "a",
            "changed",
            (FieldChange("total", 1, 2), FieldChange("new", None, [1]), FieldChange("gone", "x", None)),
        ),
    )


def test_a_record_that_is_gone_or_changed_again_says_so():
    dataset = make_dataset()
    gone = make_record(dataset.connection, "gone")
    again = make_record(dataset.connection, "again", {"n": 3}, last_dataset_id=make_dataset(dataset.connection).pk)
    change(dataset, gone, fields=["n"], before={"n": 1})
    change(dataset, again, fields=["n"], before={"n": 1})
    gone.delete()
    assert changes_page(dataset, "changed").rows == (
        Change("gone", "changed", (FieldChange("n", 1, None),), changed_since=True),
        Change("again", "changed", (FieldChange("n", 1, 3),), changed_since=True),
    )


@pytest.mark.parametrize("kind", ["created", "changed", "deleted", "restored"])
def test_pages_of_each_kind_follow_each_other_and_hold_no_other_kind(kind, django_assert_max_num_queries):
    dataset = make_dataset(created_count=5)
    for number in range(5):
        record = make_record(dataset.connection, f"r{number}", first_dataset_id=dataset.pk)
        change(dataset, record, kind=RecordChange.DELETED if kind == "created" else kind)
    seen, after = [], ""
    for _ in range(3):
        with django_assert_max_num_queries(2):
            page = changes_page(dataset, kind, after=after, size=2)
        seen += [(row.source_id, row.kind) for row in page.rows]
        after = page.after
    assert seen == [(f"r{number}", kind) for number in range(5)]
    assert after == ""
    other = "deleted" if kind == "restored" else "restored"
    assert changes_page(dataset, other).rows == ()


def test_counts_by_kind_take_one_query(django_assert_num_queries):
    dataset = make_dataset(created_count=9)
    change(dataset, make_record(dataset.connection, "a"))
    change(dataset, make_record(dataset.connection, "b"))
    change(dataset, make_record(dataset.connection, "c"), kind=RecordChange.RESTORED)
    with django_assert_num_queries(1):
        counts = change_counts(dataset)
    assert counts == {"created": 9, "changed": 2, "deleted": 0, "restored": 1}


def test_nothing_created_asks_nothing(django_assert_num_queries):
    dataset = make_dataset(created_count=0)
    with django_assert_num_queries(0):
        assert changes_page(dataset, CREATED).rows == ()
