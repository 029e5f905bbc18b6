"""Custom data types over the API (codat contract, section 11): configured, queued, read, deleted, and refused."""

from __future__ import annotations

import json

import pytest

from customdata.models import CustomDataType
from syncengine.models import Connection, Dataset, Event
from syncengine.states import DatasetStatus, Trigger
from tests.customdata.conftest import MY_EXPENSE_DATA
from tests.factories import make_company, make_connection, make_dataset, make_integration, make_record
from tests.portal.api.answers import anonymous, empty, members_at_fault, refused, told
from tests.portal.api.conftest import _own_quota, wire, wire_for

__all__ = ["_own_quota", "wire", "wire_for"]

pytestmark = pytest.mark.django_db

TYPES = "/integrations/mqjo/dataTypes/custom"
MINE = f"{TYPES}/myExpenseData"
MISSING = "11111111-1111-4111-8111-111111111111"
UNKNOWN = "No custom data type nothing is configured for Sandbox."
WRONG = {"dataSource": "expenses", "requiredData": {"a": "$.a-b"}, "keyBy": ["$.id"], "keyby": []}
SOURCE_WARNING = "The data source expenses does not begin with a slash, as in /v2/estimates."
PATH_WARNING = "A name with a hyphen must stand in quotes: $['cost-center']. (at character 4)"
UNREAD_WARNING = "keyby is not a member of a configuration (did you mean keyBy?)."


@pytest.fixture(autouse=True)
def platform(db):
    return make_integration()


def queue_path(connection, identifier="myExpenseData"):
    return f"/companies/{connection.company_id}/connections/{connection.pk}/data/queue/custom/{identifier}"


def data_path(connection, identifier="myExpenseData"):
    return f"/companies/{connection.company_id}/connections/{connection.pk}/data/custom/{identifier}"


def stamped(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


# --- the steps of the contract's guide


def test_the_guides_steps_from_configuring_to_what_is_left_after_deleting(wire, lab, connection, run_queue, at_source):
    lab.sizes(expenses=3)
    assert told(wire("PUT", MINE.replace("dataTypes", "datatypes"), MY_EXPENSE_DATA)) == MY_EXPENSE_DATA
    assert told(wire.get(MINE)) == MY_EXPENSE_DATA
    assert refused(wire.get(data_path(connection))) == (409, "The data set has not been requested.")

    queued = told(wire("POST", queue_path(connection)))
    dataset = Dataset.objects.get()
    assert queued == {
        "id": str(dataset.pk),
        "companyId": str(connection.company_id),
        "connectionId": str(connection.pk),
        "dataType": "custom/myExpenseData",
        "status": "Queued",
        "statusDescription": None,
        "errorMessage": None,
        "requested": stamped(dataset.requested_at),
        "progress": 0,
        "isCompleted": False,
        "isErrored": False,
    }
    assert dataset.trigger == Trigger.API
    run_queue()

    company = f"/companies/{connection.company_id}"
    [read] = told(wire.get(f"{company}/data/history"))["results"]
    assert (read["id"], read["dataType"], read["status"]) == (queued["id"], "custom/myExpenseData", "Complete")
    status = told(wire.get(f"{company}/dataStatus"))["custom/myExpenseData"]
    assert (status["dataType"], status["currentStatus"], status["latestSuccessfulSyncId"]) == (
        "custom/myExpenseData",
        "Complete",
        queued["id"],
    )

    body = told(wire.get(f"{data_path(connection)}?page=1"))
    sources = [at_source("expenses", f"exp_{number:08d}") for number in range(3)]
    written = {record.source_id: stamped(record.modified_at) for record in connection.records.all()}
    keys = [f"{source['expenseId']}:{source['accountId']}" for source in sources]
    assert body == {
        "results": [
            {
                "id": key,
                "content": {
                    "myExpenseId": source["expenseId"],
                    "myExpenseDetails": source["expenseDetails"]["notes"],
                },
                "modifiedDate": written[key],
            }
            for key, source in zip(keys, sources, strict=True)
        ],
        "pageNumber": 1,
        "pageSize": 100,
        "totalResults": 3,
    }

    assert empty(wire("DELETE", MINE)) == (204, b"")
    gone = (404, "No custom data type myExpenseData is configured for Sandbox.")
    assert refused(wire.get(MINE)) == refused(wire("DELETE", MINE)) == gone
    assert refused(wire("POST", queue_path(connection))) == gone
    assert told(wire.get(data_path(connection))) == body


def test_a_wrong_source_is_saved_and_ends_as_a_fetch_error(wire, lab, connection, run_queue):
    told(wire("PUT", MINE, {**MY_EXPENSE_DATA, "dataSource": "/expanses"}))
    queued = told(wire("POST", queue_path(connection)))
    run_queue()
    read = told(wire.get(f"/companies/{connection.company_id}/data/history/{queued['id']}"))
    assert (read["status"], read["isErrored"], "/expanses" in read["errorMessage"]) == ("FetchError", True, True)
    assert refused(wire.get(data_path(connection))) == (409, "The data set has not been requested.")


def test_refreshing_everything_leaves_custom_types_alone(wire, lab, connection):
    told(wire("PUT", MINE, MY_EXPENSE_DATA))
    assert empty(wire("POST", f"/companies/{connection.company_id}/data/all")) == (204, b"")
    assert not Dataset.objects.filter(data_type__startswith="custom/").exists()


# --- configurations


@pytest.mark.parametrize("path", ["/integrations/MQJO/datatypes/custom/MYEXPENSEDATA", f"{MINE}/"])
def test_a_configuration_is_found_however_its_path_is_written(wire, path):
    told(wire("PUT", MINE, MY_EXPENSE_DATA))
    assert told(wire.get(path)) == MY_EXPENSE_DATA
    assert told(wire("PUT", path, {**MY_EXPENSE_DATA, "dataSource": "/timesheets"}))["dataSource"] == "/timesheets"
    assert list(CustomDataType.objects.values_list("identifier", flat=True)) == ["myExpenseData"]
    assert empty(wire("DELETE", path)) == (204, b"")


def test_what_is_optional_is_shown_where_it_was_given(wire):
    given = {"dataSource": "/a", "requiredData": {"x": "$.x"}, "keyBy": ["$.id"]}
    assert told(wire("PUT", MINE, given)) == {**given, "sourceModifiedDate": None}
    assert told(wire("PUT", MINE, {**given, "optionalData": ["x"]})) == {
        **given,
        "sourceModifiedDate": None,
        "optionalData": ["x"],
    }


def test_who_changed_it_is_on_record(wire):
    told(wire("PUT", MINE, MY_EXPENSE_DATA))
    empty(wire("DELETE", MINE))
    events = Event.objects.order_by("pk").values_list("kind", "actor")
    assert [(kind, actor[:8]) for kind, actor in events if kind.startswith("custom_data_type")] == [
        ("custom_data_type.created", "api-key:"),
        ("custom_data_type.deleted", "api-key:"),
    ]


@pytest.mark.parametrize("path", [TYPES, "/Integrations/mqjo/datatypes/custom/"])
def test_all_of_a_platform_are_listed_by_identifier(wire, path, django_assert_num_queries):
    assert told(wire.get(path))["results"] == []
    for identifier in ("c", "a", "deleted", "b"):
        told(wire("PUT", f"{TYPES}/{identifier}", MY_EXPENSE_DATA))
    make_integration("gbol", name="Xero")
    told(wire("PUT", "/integrations/gbol/dataTypes/custom/other", MY_EXPENSE_DATA))
    empty(wire("DELETE", f"{TYPES}/deleted"))
    wire.get(path)
    with django_assert_num_queries(3):  # key, integration, rows
        body = told(wire.get(path))
    href = path.rstrip("/")
    assert body == {
        "results": [{"customDataIdentifier": one, **MY_EXPENSE_DATA} for one in ("a", "b", "c")],
        "pageNumber": 1,
        "pageSize": 100,
        "totalResults": 3,
        "_links": {"self": {"href": href}, "current": {"href": f"{href}?page=1&pageSize=100"}},
    }
    found = told(wire.get(f"{path}?query=customDataIdentifier!=b&orderBy=-customDataIdentifier"))["results"]
    assert [row["customDataIdentifier"] for row in found] == ["c", "a"]


# --- warnings and refusals


def test_what_will_most_likely_fail_is_saved_with_warnings(wire):
    saved = {"dataSource": "expenses", "requiredData": {"a": "$.a-b"}, "keyBy": ["$.id"], "sourceModifiedDate": None}
    assert told(wire("PUT", MINE, WRONG)) == {
        **saved,
        "warnings": [
            {"itemId": "dataSource", "message": SOURCE_WARNING},
            {"itemId": "requiredData.a", "message": PATH_WARNING},
            {"itemId": "keyby", "message": UNREAD_WARNING},
        ],
    }
    assert told(wire.get(MINE)) == saved


def test_strict_refuses_it_and_names_every_member(wire):
    told(wire("PUT", f"{MINE}?strict=true", MY_EXPENSE_DATA))
    response = wire("PUT", f"{MINE}?strict=true", WRONG)
    assert refused(response) == (400, f"dataSource: {SOURCE_WARNING}")
    assert response.json()["validation"]["errors"] == [
        {"itemId": "dataSource", "message": SOURCE_WARNING, "validatorName": "Request"},
        {"itemId": "requiredData.a", "message": PATH_WARNING, "validatorName": "Request"},
        {"itemId": "keyby", "message": UNREAD_WARNING, "validatorName": "Request"},
    ]
    assert told(wire.get(MINE)) == MY_EXPENSE_DATA
    assert members_at_fault(wire("PUT", f"{MINE}?strict=perhaps", MY_EXPENSE_DATA)) == ["strict"]


@pytest.mark.parametrize(
    ("body", "message", "members"),
    [
        ([MY_EXPENSE_DATA], "The configuration must be a JSON object.", []),
        (None, "Error processing request - not valid. The body is not JSON: Input data was truncated", []),
        ({}, "dataSource is required.", ["dataSource"]),
        (
            {**MY_EXPENSE_DATA, "requiredData": {"a": {"b": "$.b"}}},
            "requiredData.a holds an object; nested objects and arrays are not possible here.",
            ["requiredData.a"],
        ),
        ({**MY_EXPENSE_DATA, "keyBy": []}, "keyBy needs at least one path.", ["keyBy"]),
        ({**MY_EXPENSE_DATA, "keyBy": "$.id"}, "keyBy must be an array of paths.", ["keyBy"]),
    ],
)
def test_what_is_no_configuration_is_refused_by_name_and_changes_nothing(wire, body, message, members):
    response = wire("PUT", MINE, body)
    assert (refused(response), members_at_fault(response)) == ((400, message), members)
    assert not CustomDataType.objects.exists()


@pytest.mark.parametrize("identifier", ["-a", "a b", "%C3%A4", "a" * 81, "a%0A", "a%25", "a'b", "%00"])
def test_an_identifier_with_odd_characters_is_refused_when_saved_and_not_found_when_asked_for(wire, identifier):
    linked = make_connection()
    response = wire("PUT", f"{TYPES}/{identifier}", MY_EXPENSE_DATA)
    assert refused(response)[0] == 400
    assert identifier == "%00" or members_at_fault(response) == ["customDataIdentifier"]
    expected = 400 if identifier == "%00" else 404
    for method, path in (
        ("GET", f"{TYPES}/{identifier}"),
        ("DELETE", f"{TYPES}/{identifier}"),
        ("POST", queue_path(linked, identifier)),
        ("GET", data_path(linked, identifier)),
    ):
        status, words = refused(wire(method, path))
        assert (status, "custom data type" in words) == (expected, expected == 404)
    assert not CustomDataType.objects.exists()


@pytest.mark.parametrize("identifier", ["a.b-c_d", "9", "invoices", "queue", "custom", "x%2E"])
def test_an_identifier_may_look_like_other_words_of_the_api(wire, identifier):
    linked = make_connection()
    told(wire("PUT", f"{TYPES}/{identifier}", MY_EXPENSE_DATA))
    assert refused(wire.get(data_path(linked, identifier)))[0] == 409
    assert told(wire("POST", queue_path(linked, identifier)))["status"] == "Queued"


def test_unknown_platforms_and_identifiers_are_not_found(wire):
    linked = make_connection()
    for path in ("/integrations/zzzz/dataTypes/custom", "/integrations/zzzz/dataTypes/custom/x"):
        assert refused(wire.get(path)) == (404, "No integration was found with key zzzz")
    for method, path, body in (
        ("GET", f"{TYPES}/nothing", None),
        ("DELETE", f"{TYPES}/nothing", None),
        ("POST", queue_path(linked, "nothing"), None),
        ("GET", data_path(linked, "nothing"), None),
    ):
        assert refused(wire(method, path, body)) == (404, UNKNOWN)
    unknown = wire("PUT", "/integrations/zzzz/dataTypes/custom/x", MY_EXPENSE_DATA)
    assert refused(unknown) == (404, "No integration was found with key zzzz")


# --- queueing


def test_only_connections_of_the_platform_can_be_queued(wire):
    told(wire("PUT", MINE, MY_EXPENSE_DATA))
    other = make_connection(integration=make_integration("gbol", name="Xero"))
    assert refused(wire("POST", queue_path(other))) == (
        404,
        "No custom data type myExpenseData is configured for Xero.",
    )
    unlinked = make_connection(status="Unlinked")
    words = f"Data connection {unlinked.pk} is Unlinked; only a Linked one can be read."
    assert refused(wire("POST", queue_path(unlinked))) == (400, words)
    linked = make_connection()
    assert told(wire("POST", queue_path(linked, "MYEXPENSEDATA/")))["dataType"] == "custom/myExpenseData"
    status, words = refused(wire("POST", queue_path(linked)))
    assert (status, words.split(":")[0]) == (409, "DatasetAlreadyInProgressException")
    assert Dataset.objects.count() == 1


# --- records


@pytest.fixture
def books(platform, wire):
    told(wire("PUT", MINE, MY_EXPENSE_DATA))
    connection = make_connection()
    make_dataset(connection, "custom/myExpenseData", DatasetStatus.COMPLETE)
    for number in range(5):
        make_record(connection, f"e-{number}", "custom/myExpenseData", content={"n": number}, is_deleted=number == 3)
    return connection


def test_records_are_paged_without_deleted_ones(wire, books, django_assert_num_queries):
    wire.get(data_path(books))
    with django_assert_num_queries(7):  # key, company, connection, identifier, source, ids, rows
        body = told(wire.get(f"{data_path(books)}?page=2&pageSize=2"))
    assert [(row["id"], row["content"]) for row in body.pop("results")] == [("e-2", {"n": 2}), ("e-4", {"n": 4})]
    assert body == {"pageNumber": 2, "pageSize": 2, "totalResults": 4}
    behind = told(wire.get(f"{data_path(books)}?page=9"))
    assert behind == {"results": [], "pageNumber": 9, "pageSize": 100, "totalResults": 4}


def test_how_fresh_they_are_is_told_and_the_same_is_not_sent_again(wire, books):
    response = wire.get(data_path(books))
    assert response["X-Data-As-Of"] == stamped(books.data_statuses.get().last_successful_sync_at)
    assert response["X-Data-Stale"] == "false"
    again = wire.get(data_path(books), If_None_Match=response["ETag"])
    assert empty(again) == (304, b"")
    Connection.objects.filter(pk=books.pk).update(status="Unlinked")
    response = wire.get(data_path(books))
    assert (response["X-Data-Stale"], response["X-Data-Stale-Reason"]) == ("true", "not-linked")


def test_the_stored_text_leaves_as_it_is(wire, books):
    content = {"ü": 'a"b', "list": [1.5, None, {"modifiedDate": "own"}]}
    make_record(books, 'f"1', "custom/myExpenseData", content=content)
    row = json.loads(wire.get(data_path(books)).content)["results"][-1]
    assert (row["id"], row["content"]) == ('f"1', content)


@pytest.mark.parametrize(
    ("asked", "member"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("pageSize=5001", "pageSize"),
        ("query=id=e-1", "query"),
        ("ORDERBY=id", "orderBy"),
    ],
)
def test_what_cannot_be_asked_of_records_is_refused(wire, books, asked, member):
    response = wire.get(f"{data_path(books)}?{asked}")
    assert (refused(response)[0], members_at_fault(response)) == (400, [member])


# --- who may


def test_a_key_that_is_limited_to_a_company_sees_its_own_and_configures_nothing(wire, wire_for, books):
    limited = wire_for(company_ids=[books.company_id])
    assert told(limited.get(data_path(books)))["totalResults"] == 4
    assert told(limited("POST", queue_path(books)))["status"] == "Queued"
    for method in ("GET", "PUT", "DELETE"):
        assert refused(limited(method, MINE, MY_EXPENSE_DATA))[0] == 403
    assert refused(limited.get(TYPES))[0] == 403
    assert told(wire.get(MINE)) == MY_EXPENSE_DATA


@pytest.mark.parametrize(("method", "path"), [("GET", data_path), ("POST", queue_path)])
@pytest.mark.parametrize("identifier", ["myExpenseData", "nothing"])
def test_foreign_companies_and_connections_look_like_none(wire_for, books, method, path, identifier):
    mine = make_company("Mine")
    limited = wire_for(company_ids=[mine.pk])

    def ask(who, company, connection):
        place = Connection(pk=connection, company_id=company)
        status, content = anonymous(who(method, path(place, identifier)))
        return status, content.replace(str(company).encode(), b"C").replace(str(connection).encode(), b"K")

    assert ask(limited, books.company_id, books.pk) == ask(limited, MISSING, MISSING)
    assert ask(limited, mine.pk, books.pk) == ask(limited, mine.pk, MISSING)
    assert ask(limited, mine.pk, books.pk)[0] == 404
    assert Dataset.objects.count() == 1


def test_reading_rights_do_not_configure_or_queue(wire_for, books):
    reader = wire_for("read")
    assert told(reader.get(data_path(books)))["totalResults"] == 4
    assert refused(reader("POST", queue_path(books)))[0] == 403
    assert refused(reader("PUT", MINE, MY_EXPENSE_DATA))[0] == 403
    assert told(wire_for("sync")("POST", queue_path(books)))["status"] == "Queued"
