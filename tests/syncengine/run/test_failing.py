"""Every way a read can fail has a real cause, ends by its own name, and says who must act."""

from __future__ import annotations

import pytest
from django.db import connection as database

from syncengine.actions.datasets import queue_dataset
from syncengine.models import Connection, Dataset, DataStatus, Event, Record
from syncengine.states import ConnectionStatus, DatasetStatus, Responsible
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db
S = DatasetStatus


@pytest.fixture
def read_with(lab: Lab, run_queue):
    def go(fault: str = "", data_type: str = "invoices", **members: object) -> Dataset:
        connection = lab.connection()
        if fault:
            lab.fault(fault, **members)
        dataset = queue_dataset(connection, data_type, actor="test")
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


FAULTS = [
    # fault, members, how it ends, who must act, a piece of what it says
    ("error", {}, S.FETCH_ERROR, Responsible.PLATFORM, "500"),
    ("cut", {}, S.FETCH_ERROR, Responsible.PLATFORM, ""),
    ("html", {}, S.FETCH_ERROR, Responsible.PLATFORM, "JSON"),
    ("broken-json", {}, S.FETCH_ERROR, Responsible.PLATFORM, "JSON"),
    ("nan", {}, S.FETCH_ERROR, Responsible.PLATFORM, "JSON"),
    ("not-a-list", {}, S.FETCH_ERROR, Responsible.PLATFORM, "list"),
    ("nesting", {}, S.FETCH_ERROR, Responsible.PLATFORM, "100 levels"),
    ("repeat-page", {}, S.FETCH_ERROR, Responsible.PLATFORM, "same page"),
    ("redirect", {}, S.FETCH_ERROR, Responsible.OPERATOR, ""),
    ("forbidden", {}, S.PERMISSIONS_ERROR, Responsible.CUSTOMER, ""),
    ("unauthorized", {}, S.AUTH_ERROR, Responsible.CUSTOMER, ""),
    ("too-many", {"retry_after": 90_000}, S.RATE_LIMIT_ERROR, Responsible.PLATFORM, ""),
    ("wrong-sums", {"records": 250}, S.VALIDATION_ERROR, Responsible.PLATFORM, "contradict"),
]


@pytest.mark.parametrize(("fault", "members", "end", "responsible", "says"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_fault_of_the_platform_ends_by_name(read_with, settings, fault, members, end, responsible, says):
    settings.HEADRACE_RETRIES = 1
    settings.HEADRACE_MAX_WAIT_SECONDS = 1800
    dataset = read_with(fault, **members)
    assert (dataset.status, dataset.error_responsible) == (end, responsible), dataset.error_message
    assert says in dataset.error_message
    assert dataset.error_message.endswith(".")
    assert (dataset.lease_owner, dataset.lease_until) == ("", None)
    assert dataset.completed_at is not None
    assert Record.objects.count() == 0
    assert dataset.staged_pages.count() == 0
    assert Event.objects.filter(dataset_id=dataset.pk, kind="dataset.failed").count() == 1


def test_a_type_the_platform_lacks_is_not_supported(read_with):
    dataset = read_with(data_type="commerce-orders")
    assert (dataset.status, dataset.error_responsible) == (S.NOT_SUPPORTED, "")
    assert dataset.error_message == "Sandbox does not offer Commerce orders."


def test_what_must_be_read_first_is_named(read_with):
    dataset = read_with(data_type="bankTransactions")
    assert (dataset.status, dataset.error_responsible) == (S.PREREQUISITE_NOT_MET, Responsible.OPERATOR)
    assert dataset.error_message == "Bank accounts must be read before Bank transactions. Refresh it first."


def test_no_record_that_can_be_mapped_is_a_map_error(lab, read_with):
    lab.sizes(invoices=1)
    dataset = read_with("wrong-amount")
    assert (dataset.status, dataset.error_responsible) == (S.MAP_ERROR, Responsible.US)
    assert "abc" in dataset.validation_issues.get().message


@pytest.mark.parametrize("fault", ["wrong-amount", "wrong-date", "no-id"])
def test_one_bad_record_is_left_out_and_reported(read_with, fault):
    dataset = read_with(fault)
    assert (dataset.status, dataset.error_message) == (S.COMPLETE, "")
    assert (dataset.created_count, dataset.invalid_count) == (249, 1)
    assert dataset.validation_issues.filter(severity="error").count() == 1


def test_wrong_sums_of_a_few_are_reported_and_the_rest_is_stored(read_with):
    dataset = read_with("wrong-sums", records=3)
    assert (dataset.status, dataset.created_count, dataset.invalid_count) == (S.COMPLETE, 247, 3)
    assert {issue.severity for issue in dataset.validation_issues.all()} == {"error"}


@pytest.mark.parametrize("fault", ["nul", "surrogate"])
def test_characters_no_database_keeps_are_replaced_with_a_warning(read_with, fault):
    dataset = read_with(fault)
    assert (dataset.status, dataset.created_count) == (S.COMPLETE, 250)
    assert dataset.warning_count > 0
    assert any("\ufffd" in str(record.content) for record in Record.objects.all())


def test_the_same_key_twice_is_one_record(read_with):
    dataset = read_with("twice")
    assert (dataset.status, Record.objects.count()) == (S.COMPLETE, 250)


def test_endless_pages_come_to_an_end(read_with, settings):
    settings.HEADRACE_MAX_PAGES = 20
    dataset = read_with("endless")
    assert dataset.status == S.FETCH_ERROR
    assert dataset.error_message == "The platform sent more than 20 pages without coming to an end."


def test_a_body_beyond_the_limit_is_refused(read_with, settings):
    settings.HEADRACE_MAX_PAGE_BYTES = 1024 * 1024
    for fault in ("huge-body", "gzip-bomb"):
        dataset = read_with(fault, mib=3)
        assert dataset.status == S.FETCH_ERROR, fault


def test_a_refused_authorisation_deauthorises_the_connection_at_once(read_with):
    dataset = read_with("unauthorized")
    connection = Connection.objects.get(pk=dataset.connection_id)
    assert connection.status == ConnectionStatus.DEAUTHORIZED
    assert connection.status_reason == dataset.error_message
    assert connection.status_responsible == Responsible.CUSTOMER
    kinds = Event.objects.filter(connection_id=connection.pk).order_by("id").values_list("kind", flat=True)
    assert list(kinds)[-2:] == ["connection.deauthorized", "dataset.failed"]


def test_a_database_that_refuses_the_data_is_a_processing_error_and_nothing_stays(read_with):
    with refusing("inv"):
        dataset = read_with()
    assert (dataset.status, dataset.error_responsible) == (S.PROCESSING_ERROR, Responsible.US)
    assert "no more of these" in dataset.upstream_words
    assert Record.objects.count() == 0


def test_a_bug_is_an_internal_error_and_stays_visible(lab, monkeypatch):
    from syncengine.run import runner

    dataset = queue_dataset(lab.connection(), "invoices", actor="test")
    monkeypatch.setattr(runner, "plan_for", lambda dataset: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.run_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.status, dataset.error_responsible) == (S.INTERNAL_ERROR, Responsible.US)
    assert dataset.error_message == "Something went wrong inside Headrace: ZeroDivisionError. It was logged."


def test_a_passing_fault_is_ridden_out(read_with):
    dataset = read_with("error", times=2)
    assert (dataset.status, dataset.created_count) == (S.COMPLETE, 250)
    assert list(dataset.source_requests.order_by("sequence").values_list("status_code", flat=True))[:3] == [
        500,
        500,
        200,
    ]


def test_a_failed_read_keeps_the_last_good_data(lab, run_queue):
    connection = lab.connection()
    good = queue_dataset(connection, "invoices", actor="test")
    run_queue()
    lab.fault("wrong-sums", records=250)
    bad = queue_dataset(connection, "invoices", actor="test", mode="full")
    run_queue()
    bad.refresh_from_db()
    assert bad.status == S.VALIDATION_ERROR
    assert Record.objects.filter(is_deleted=False, last_dataset_id=good.pk).count() == 250
    status = DataStatus.objects.get(connection=connection, data_type="invoices")
    assert (status.latest_dataset_id, status.latest_successful_dataset_id) == (bad.pk, good.pk)


class refusing:
    """While open, the database refuses every 100th record: a trigger, as an administrator might have left one."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __enter__(self) -> None:
        with database.cursor() as cursor:
            if database.vendor == "sqlite":
                cursor.execute(
                    "CREATE TRIGGER refuse BEFORE INSERT ON syncengine_record "
                    "WHEN (SELECT count(*) FROM syncengine_record) >= 100 "
                    "BEGIN SELECT RAISE(ABORT, 'no more of these'); END"
                )
            else:
                cursor.execute(
                    "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN "
                    "IF (SELECT count(*) FROM syncengine_record) >= 100 THEN "
                    "RAISE check_violation USING MESSAGE = 'no more of these'; END IF; RETURN NEW; END $$ "
                    "LANGUAGE plpgsql"
                )
                cursor.execute(
                    "CREATE TRIGGER refuse BEFORE INSERT ON syncengine_record FOR EACH ROW EXECUTE FUNCTION refuse()"
                )

    def __exit__(self, *_: object) -> None:
        with database.cursor() as cursor:
            cursor.execute("DROP TRIGGER refuse" + (" ON syncengine_record" if database.vendor == "postgresql" else ""))
