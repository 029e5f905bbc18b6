"""Reads asked for over the wire, where each type stands, and what the official SDKs are spared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from uuid import uuid4

import pytest

from syncengine.models import Dataset
from syncengine.states import DATASET_ACTIVE, DATASET_ENDS, DatasetStatus, Trigger
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.portal.api.answers import empty, refused, told

pytestmark = pytest.mark.django_db
SOON = datetime(2090, 10, 23, 4, 5, 6, 789_999, tzinfo=UTC)
NOTHING_LINKED = "This company has no linked connection. Connect a platform first."


@pytest.fixture
def linked(db):
    return make_connection(make_company())


def queue(wire, connection, data_type="invoices", asked=""):
    return wire("POST", f"/companies/{connection.company_id}/data/queue/{data_type}{asked}")


def another(company, key="gbol"):
    return make_connection(company, integration=make_integration(key, name="Xero"))


def stamp(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def test_a_read_is_queued_and_told_as_a_pull_operation(wire, linked, queued):
    body = told(queue(wire, linked, "INVOICES/"))
    dataset = Dataset.objects.get()
    assert body == {
        "id": str(dataset.pk),
        "companyId": str(linked.company_id),
        "connectionId": str(linked.pk),
        "dataType": "invoices",
        "status": "Queued",
        "statusDescription": None,
        "errorMessage": None,
        "requested": stamp(dataset.requested_at),
        "progress": 0,
        "isCompleted": False,
        "isErrored": False,
    }
    assert (dataset.trigger, dataset.actor[:8]) == (Trigger.API, "api-key:")
    assert queued() == [("syncengine.tasks.run_dataset", (str(dataset.pk),))]


@pytest.mark.parametrize("status", sorted(DATASET_ACTIVE))
def test_one_that_is_running_is_named_in_the_refusal(wire, linked, status):
    running = make_dataset(linked, status=status)
    assert refused(queue(wire, linked)) == (
        409,
        f"DatasetAlreadyInProgressException: Cannot queue invoices sync for {linked.company_id} "
        f"as previous sync {running.pk} is still in progress",
    )
    assert Dataset.objects.count() == 1


@pytest.mark.parametrize("status", sorted(DATASET_ENDS))
def test_one_that_has_ended_is_followed_by_another(wire, linked, status):
    make_dataset(linked, status=status)
    assert told(queue(wire, linked))["status"] == "Queued"
    assert Dataset.objects.count() == 2


@pytest.mark.parametrize("data_type", ["unicorns", "commerce-orders", "custom", "%D1%8F", "inv oices", "'"])
def test_a_type_no_linked_platform_has_is_not_found(wire, linked, data_type):
    words = f"Datatype {unquote(data_type)} not supported by platform(s) Sandbox"
    assert refused(queue(wire, linked, data_type)) == (404, words)
    assert not Dataset.objects.exists()


def test_several_platforms_are_named(wire, linked):
    another(linked.company)
    assert refused(queue(wire, linked, "COMMERCE-orders")) == (
        404,
        "Datatype commerce-orders not supported by platform(s) Sandbox, Xero",
    )


def test_every_linked_connection_that_has_the_type_is_read_and_the_first_is_told(wire, linked):
    second = another(linked.company)
    make_connection(linked.company, status="Unlinked")
    make_connection(linked.company, integration=make_integration("aiwb", name="Commerce Sandbox"))
    body = told(queue(wire, linked))
    assert body["connectionId"] == str(linked.pk)
    assert set(Dataset.objects.values_list("connection_id", flat=True)) == {linked.pk, second.pk}


def test_a_connection_that_is_busy_is_left_alone_and_all_busy_is_refused(wire, linked):
    second = another(linked.company)
    running = make_dataset(linked)
    body = told(queue(wire, linked))
    assert body["connectionId"] == str(second.pk)
    status, words = refused(queue(wire, linked))
    assert (status, str(running.pk) in words, Dataset.objects.count()) == (409, True, 2)


def test_a_connection_may_be_named(wire, linked):
    second = another(linked.company)
    assert told(queue(wire, linked, asked=f"?connectionId={second.pk}"))["connectionId"] == str(second.pk)
    assert [row.connection_id for row in Dataset.objects.all()] == [second.pk]
    words = "Datatype commerce-orders not supported by platform(s) Xero"
    assert refused(queue(wire, linked, "commerce-orders", f"?connectionId={second.pk}")) == (404, words)


@pytest.mark.parametrize("given", ["nonsense", "11111111-1111-4111-8111-111111111111"])
def test_an_unknown_connection_is_not_found(wire, linked, given):
    assert refused(queue(wire, linked, asked=f"?connectionId={given}")) == (404, f"Data connection {given} not found")


@pytest.mark.parametrize("status", ["PendingAuth", "Unlinked", "Deauthorized"])
def test_one_that_is_not_linked_cannot_be_read(wire, status):
    connection = make_connection(make_company(), status=status)
    assert refused(queue(wire, connection)) == (400, NOTHING_LINKED)
    words = f"Data connection {connection.pk} is {status}; only a Linked one can be read."
    assert refused(queue(wire, connection, asked=f"?connectionId={connection.pk}")) == (400, words)
    for path in ("data/all", "data/queue/all"):
        assert refused(wire("POST", f"/companies/{connection.company_id}/{path}")) == (400, NOTHING_LINKED)
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("path", ["data/all", "data/queue/all", "data/queue/ALL", "Data/All/"])
def test_everything_skips_what_is_being_read(wire, linked, path):
    running = make_dataset(linked, "bills", status=DatasetStatus.FETCHING)
    assert empty(wire("POST", f"/companies/{linked.company_id}/{path}")) == (204, b"")
    assert [row.pk for row in Dataset.objects.filter(data_type="bills")] == [running.pk]
    assert Dataset.objects.filter(data_type="invoices", trigger=Trigger.API).count() == 1
    assert not Dataset.objects.filter(data_type="accountTransactions").exists()  # not fetched on first link
    before = Dataset.objects.count()
    assert empty(wire("POST", f"/companies/{linked.company_id}/{path}")) == (204, b"")
    assert Dataset.objects.count() == before


# --- dataStatus


def status_of(wire, connection, key="suppliers", **headers):
    return told(wire.get(f"/companies/{connection.company_id}/dataStatus", **headers)).get(key)


def test_the_four_situations_are_told_as_the_contract_shows_them(wire, linked):
    assert status_of(wire, linked) == {"dataType": "suppliers"}
    first = make_dataset(linked, "suppliers", status=DatasetStatus.FETCH_ERROR)
    failed = {"dataType": "suppliers", "currentStatus": "FetchError", "latestSyncId": str(first.pk)}
    assert status_of(wire, linked) == failed
    good = make_dataset(linked, "suppliers", status=DatasetStatus.COMPLETE)
    at = stamp(linked.data_statuses.get().last_successful_sync_at)
    expected = {
        "dataType": "suppliers",
        "lastSuccessfulSync": at,
        "currentStatus": "Complete",
        "latestSyncId": str(good.pk),
        "latestSuccessfulSyncId": str(good.pk),
    }
    assert status_of(wire, linked) == expected
    latest = make_dataset(linked, "suppliers", status=DatasetStatus.FETCHING)
    assert status_of(wire, linked) == expected | {"currentStatus": "Fetching", "latestSyncId": str(latest.pk)}


@pytest.mark.parametrize(
    ("agent", "is_spared"),
    [
        ("codat-sdk/python 6.0.0 1.0.0 3.0.0 codat-platform", True),
        ("speakeasy-sdk/python 0.35.0 2.415.6 3.0.0 codat-common", True),
        ("speakeasy-sdk/typescript 5.0.1 2.415.6 3.0.0 @codat/platform", True),
        ("Codat-SDK/csharp 6.0.0 1.0.0 3.0.0 Codat.Platform", True),
        ("codat-sdk/go 6.0.0 1.0.0 3.0.0 github.com/codatio/client-sdk-go", True),
        ("python-httpx/0.28", False),
        ("my codat-sdk/python", False),
        ("", False),
    ],
)
def test_the_official_sdks_are_spared_types_that_were_never_read(wire, linked, agent, is_spared):
    make_dataset(linked, "bills", status=DatasetStatus.COMPLETE)
    body = told(wire.get(f"/companies/{linked.company_id}/dataStatus", User_Agent=agent))
    assert body["bills"]["currentStatus"] == "Complete"
    assert ("suppliers" in body) is not is_spared
    assert all("currentStatus" in status for status in body.values()) is is_spared


def test_types_of_the_deployments_own_are_told_too(wire, linked):
    custom = make_dataset(linked, "custom/expense-claims", status=DatasetStatus.COMPLETE)
    assert status_of(wire, linked, "custom/expense-claims")["latestSyncId"] == str(custom.pk)


def test_a_company_without_connections_has_no_types(wire):
    assert told(wire.get(f"/companies/{make_company().pk}/dataStatus")) == {}


@pytest.mark.parametrize("count", [1, 3])
def test_the_status_takes_four_queries(wire, django_assert_num_queries, count):
    company = make_company()
    for _ in range(count):
        make_dataset(make_connection(company))
    path = f"/companies/{company.pk}/dataStatus"
    wire.get(path)
    with django_assert_num_queries(4):  # key, company, connections, statuses
        told(wire.get(path))


# --- history


def history(wire, company_id, asked=""):
    return told(wire.get(f"/companies/{company_id}/data/history{asked}"))


def test_the_history_is_paged_newest_first(wire, linked):
    datasets = [make_dataset(linked, status=DatasetStatus.COMPLETE) for _ in range(3)]
    make_dataset()
    body = history(wire, linked.company_id, "?page=1&pageSize=2")
    assert [row["id"] for row in body["results"]] == [str(datasets[2].pk), str(datasets[1].pk)]
    path = f"/companies/{linked.company_id}/data/history"
    assert (body["totalResults"], body["_links"]) == (
        3,
        {
            "self": {"href": path},
            "current": {"href": f"{path}?page=1&pageSize=2"},
            "next": {"href": f"{path}?page=2&pageSize=2"},
        },
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("query=status!=Complete%26%26status!=NotSupported", ["FetchError"]),
        ("query=status=complete", ["Complete"]),
        ("query=dataType=custom/x", ["NotSupported"]),
        ("query=isErrored=false&orderBy=dataType", ["Complete"]),
        ("orderBy=dataType", ["FetchError", "NotSupported", "Complete"]),
        ("query={status=Complete || status=FetchError} %26%26 dataType~INV", ["Complete"]),
    ],
)
def test_the_history_is_filtered_and_ordered(wire, linked, asked, expected):
    make_dataset(linked, "invoices", status=DatasetStatus.COMPLETE)
    make_dataset(linked, "bills", status=DatasetStatus.FETCH_ERROR)
    make_dataset(linked, "custom/x", status=DatasetStatus.NOT_SUPPORTED)
    assert [row["status"] for row in history(wire, linked.company_id, f"?{asked}")["results"]] == expected


@pytest.mark.parametrize("property_", ["isCompleted", "progress"])
def test_what_is_worked_out_cannot_be_queried(wire, linked, property_):
    response = wire.get(f"/companies/{linked.company_id}/data/history?query={property_}=true")
    words = f"Error parsing query - Could not resolve property {property_} on PullOperation"
    assert refused(response) == (400, words)


@pytest.mark.parametrize("count", [1, 3])
def test_the_history_takes_three_queries(wire, linked, django_assert_num_queries, count):
    for _ in range(count):
        make_dataset(linked, status=DatasetStatus.COMPLETE)
    history(wire, linked.company_id)
    with django_assert_num_queries(3):  # key, company, datasets
        assert history(wire, linked.company_id)["totalResults"] == count


@pytest.mark.parametrize(
    ("members", "progress"),
    [
        ({"status": "Queued"}, 0),
        ({"status": "Fetching"}, 0),
        ({"status": "Fetching", "fetched_count": 400}, 0),
        ({"status": "Fetching", "fetched_count": 400, "source_total": 1000}, 24),
        ({"status": "Fetching", "fetched_count": 400, "expected_total": 500, "mode": "full"}, 48),
        ({"status": "Fetching", "fetched_count": 400, "expected_total": 500, "mode": "incremental"}, 0),
        ({"status": "Fetching", "fetched_count": 400, "source_total": 0}, 0),
        ({"status": "Mapping", "fetch_done": True, "page_count": 4}, 60),
        ({"status": "Validating", "fetch_done": True, "page_count": 4, "validated_pages": 2}, 67),
        ({"status": "Processing", "fetch_done": True, "page_count": 4, "validated_pages": 4, "processed_pages": 3}, 93),
        ({"status": "Complete", "fetch_done": True}, 100),
        ({"status": "FetchError", "fetched_count": 400, "source_total": 1000}, 24),
        ({"status": "Cancelled"}, 0),
    ],
)
def test_progress_counts_what_was_really_done(wire, linked, members, progress):
    dataset = make_dataset(linked, **members)
    body = told(wire.get(f"/companies/{linked.company_id}/data/history/{dataset.pk}"))
    assert (body["progress"], body["isCompleted"]) == (progress, members["status"] == "Complete")


def test_a_paused_read_says_until_when(wire, linked):
    words = "Paused until 2090-10-23T04:05:06Z. The platform asks us to wait."
    paused = make_dataset(linked, status=DatasetStatus.FETCHING, wake_at=SOON, status_description=words)
    body = told(wire.get(f"/companies/{linked.company_id}/data/history/{paused.pk}"))
    assert (body["status"], body["statusDescription"], body["errorMessage"]) == (
        "Fetching",
        "Paused until 2090-10-23T04:05:06.789Z",
        "The platform asks us to wait.",
    )


def test_a_failed_read_says_why_and_when(wire, linked):
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    failed = make_dataset(linked, status="AuthError", error_message="The token ended.", completed_at=at)
    body = told(wire.get(f"/companies/{linked.company_id}/data/history/{failed.pk}"))
    assert (body["isErrored"], body["errorMessage"], body["completed"]) == (
        True,
        "The token ended.",
        "2026-01-02T03:04:05.000000Z",
    )


@pytest.mark.parametrize("path", ["data/history/{}", "sync/{}/validation"])
def test_a_read_of_another_company_looks_like_none(wire, linked, path):
    foreign = make_dataset()
    gone = make_dataset(make_connection(linked.company, deleted_at=SOON - timedelta(days=40_000)))
    for wanted in (foreign.pk, gone.pk, uuid4(), "nonsense"):
        response = wire.get(f"/companies/{linked.company_id}/{path.format(wanted)}")
        assert refused(response) == (404, f"No pull operation was found with ID {wanted}")


def test_findings_are_told_by_severity(wire, linked):
    dataset = make_dataset(linked, status=DatasetStatus.COMPLETE)
    for severity, item in (("error", "bill-7"), ("warning", "bill-8")):
        dataset.validation_issues.create(
            stage="validate",
            severity=severity,
            rule_id="accounting-bill-030",
            item_id=item,
            message="The lines do not add up.",
            validator_name="BillValidator",
        )
    item = {
        "ruleId": "accounting-bill-030",
        "message": "The lines do not add up.",
        "validatorName": "BillValidator",
    }
    assert told(wire.get(f"/companies/{linked.company_id}/sync/{dataset.pk}/validation")) == {
        "errors": [{**item, "itemId": "bill-7"}],
        "warnings": [{**item, "itemId": "bill-8"}],
    }
