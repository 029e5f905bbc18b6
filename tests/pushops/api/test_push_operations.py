"""The list of writes, and one of them, over the API (codat contract, section 13.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from pushops.models import PushOperation
from syncengine.models import Connection
from syncengine.moments import stamp
from tests.factories import make_company, make_connection
from tests.portal.api.answers import anonymous, refused, told
from tests.pushops.api.conftest import ACCOUNT, MISSING

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


def make_operation(connection: Connection, minutes: int = 0, **fields: Any) -> PushOperation:
    defaults = {
        "data_type": "chartOfAccounts",
        "operation": "Create",
        "body": ACCOUNT,
        "requested_at": START + timedelta(minutes=minutes),
        "deadline_at": START + timedelta(days=1),
        "requested_by": "test",
    }
    return PushOperation.objects.create(company_id=connection.company_id, connection=connection, **defaults | fields)


@pytest.fixture
def history(db):
    """A connection with a create that waits, an update that succeeded, and an upload that failed."""
    connection = make_connection()
    done = {"status": "Success", "status_code": 200, "completed_at": START + timedelta(minutes=2)}
    failed = {"status": "Failed", "status_code": 400, "completed_at": START + timedelta(minutes=3)}
    return [
        make_operation(connection, 0, timeout_minutes=30),
        make_operation(
            connection, 1, operation="Update", record_id="a/1", result_record_id="a/1", data={"id": "a/1"}, **done
        ),
        make_operation(
            connection,
            2,
            operation="UploadAttachment",
            data_type="bills",
            record_id="b1",
            error_message="The file is too large.",
            **failed,
        ),
    ]


def listing(connection: Connection, query: str = "") -> str:
    return f"/companies/{connection.company_id}/push{query}"


def found(wire: Any, history: list[PushOperation], query: str) -> list[int]:
    rows = told(wire.get(listing(history[0].connection, f"?{query}")))["results"]
    keys = [str(one.pk) for one in history]
    return [keys.index(row["pushOperationKey"]) for row in rows]


def test_the_newest_stand_first_and_none_shows_its_record(wire, history):
    waiting, done, failed = history
    body = told(wire.get(listing(waiting.connection)))

    def shown(operation, **members):
        ends = {"completedOnUtc": stamp(operation.completed_at)} if operation.completed_at else {}
        return {
            "dataType": operation.data_type,
            "companyId": str(operation.company_id),
            "pushOperationKey": str(operation.pk),
            "dataConnectionKey": str(operation.connection_id),
            "requestedOnUtc": stamp(operation.requested_at),
            **ends,
            "status": operation.status,
            "statusCode": operation.status_code,
            "validation": {"errors": [], "warnings": []},
            **members,
        }

    accounts = {"dataType": "chartOfAccounts"}
    uploaded = {"type": "AttachmentUploaded", "recordRef": {"dataType": "bills"}}
    assert body == {
        "results": [
            shown(failed, changes=[uploaded], errorMessage="The file is too large."),
            shown(done, changes=[{"type": "Modified", "recordRef": {"id": "a/1", **accounts}}]),
            shown(
                waiting,
                changes=[{"type": "Created", "recordRef": accounts}],
                timeoutInMinutes=30,
                timeoutInSeconds=1800,
            ),
        ],
        "pageNumber": 1,
        "pageSize": 100,
        "totalResults": 3,
        "_links": {
            "self": {"href": listing(waiting.connection)},
            "current": {"href": listing(waiting.connection, "?page=1&pageSize=100")},
        },
    }
    for row in body["results"]:
        assert told(wire.get(listing(waiting.connection, f"/{row['pushOperationKey']}"))) == row


def test_it_takes_pages(wire, history):
    body = told(wire.get(listing(history[0].connection, "?page=2&pageSize=1")))
    assert (body["totalResults"], [row["status"] for row in body["results"]]) == (3, ["Success"])
    assert set(body["_links"]) == {"self", "current", "next", "previous"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("query=status%3DPending", [0]),
        ("query=status!%3Dpending", [2, 1]),
        ("query=dataType%3Dbills%7C%7Cstatus%3DSuccess", [2, 1]),
        ("query=statusCode%3E%3D400", [2]),
        ("query=timeoutInMinutes%3D30", [0]),
        ("query=errorMessage~LARGE", [2]),
        ("query=requestedOnUtc%3E2026-11-20T09:00:30Z%26%26completedOnUtc%3C2026-11-20T09:02:30Z", [1]),
        ("query=completedOnUtc!%3D2026-11-20T09:02:00Z", [2, 0]),
        ("orderBy=requestedOnUtc", [0, 1, 2]),
        ("orderBy=-completedOnUtc", [2, 1, 0]),
        ("orderBy=statusCode", [1, 0, 2]),
    ],
)
def test_it_can_be_filtered_and_ordered(wire, history, query, expected):
    assert found(wire, history, query) == expected


@pytest.mark.parametrize("name", ["pushOperationKey", "companyId", "dataConnectionKey"])
def test_it_can_be_filtered_by_ids(wire, history, name):
    waiting = history[0]
    meant = {
        "pushOperationKey": (waiting.pk, [0]),
        "companyId": (waiting.company_id, [2, 1, 0]),
        "dataConnectionKey": (waiting.connection_id, [2, 1, 0]),
    }
    key, expected = meant[name]
    assert found(wire, history, f"query={name}%3D{str(key).upper()}") == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("query=colour%3Dred", "Error parsing query - Could not resolve property colour on PushOperation"),
        ("query=validation%3Dx", "Error parsing query - Could not resolve property validation on PushOperation"),
        ("query=status", "Error parsing query - Malformed query."),
        ("query=statusCode~4", "Error parsing query - Malformed query."),
        ("orderBy=body", "Error parsing query - Could not resolve property body on PushOperation"),
    ],
)
def test_what_cannot_be_asked_is_refused(wire, history, query, words):
    assert refused(wire.get(listing(history[0].connection, f"?{query}"))) == (400, words)


def test_a_list_takes_the_same_queries_however_long_it_is(wire, history, django_assert_num_queries):
    path = listing(history[0].connection)
    wire.get(path)  # notes that the key was used
    with django_assert_num_queries(3):
        assert told(wire.get(path))["totalResults"] == 3
    for minutes in range(3, 9):
        make_operation(history[0].connection, minutes)
    with django_assert_num_queries(3):
        assert told(wire.get(path))["totalResults"] == 9


@pytest.mark.parametrize("key", [MISSING, "nonsense", "0", "%20", "x" * 300])
def test_an_operation_that_is_none_is_not_found(wire, history, key):
    status, words = refused(wire.get(listing(history[0].connection, f"/{key}")))
    assert (status, words.startswith("No push operation was found with ID ")) == (404, True)


def test_foreign_and_deleted_ones_look_like_none(wire_for, history):
    mine, waiting = make_connection(make_company("Mine")), history[0]
    gone = make_operation(make_connection(mine.company, deleted_at=now()))
    limited = wire_for("read", company_ids=[mine.company_id])

    def ask(company, rest=""):
        status, content = anonymous(limited.get(f"/companies/{company}/push{rest}"))
        for key in (company, waiting.pk, gone.pk):
            content = content.replace(str(key).encode(), b"K")
        return status, content.replace(MISSING.encode(), b"K")

    assert ask(waiting.company_id) == ask(MISSING)
    assert ask(waiting.company_id, f"/{waiting.pk}") == ask(MISSING, f"/{waiting.pk}")
    missing = ask(mine.company_id, f"/{MISSING}")
    assert missing[0] == 404
    assert ask(mine.company_id, f"/{waiting.pk}") == ask(mine.company_id, f"/{gone.pk}") == missing
    assert told(limited.get(listing(mine)))["results"] == []
    assert refused(wire_for("sync").get(listing(mine)))[0] == 403
