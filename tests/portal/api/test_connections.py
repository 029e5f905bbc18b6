"""Connections over the wire: made, listed, unlinked, deleted, and what went wrong with them."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.utils.timezone import now

from syncengine.actions.connections import deauthorize
from syncengine.actions.linking import LinkRefused, begin_linking, finish_linking
from syncengine.exceptions import AuthExpired
from syncengine.models import Connection, Dataset, Event
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.portal.api.answers import empty, members_at_fault, refused, told
from tests.portal.api.test_authorization import hand_over

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(db):
    make_integration()
    return make_company()


def stamp(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"


def test_a_new_connection_waits_for_consent(wire, company, settings):
    settings.HEADRACE_PORTAL_URL = "https://hub.example"
    body = told(wire("POST", f"/companies/{company.pk}/connections", {"platformKey": "mqjo"}))
    connection = Connection.objects.get()
    assert body == {
        "id": str(connection.pk),
        "integrationId": str(connection.integration_id),
        "integrationKey": "mqjo",
        "sourceId": str(connection.source_id),
        "sourceType": "Accounting",
        "platformName": "Sandbox",
        "linkUrl": body["linkUrl"],
        "status": "PendingAuth",
        "created": stamp(connection.created_at),
        "dataConnectionErrors": [],
        "connectionInfo": None,
    }
    assert body["linkUrl"].startswith("https://hub.example/s/")
    assert body["linkUrl"].endswith(f"#connection-{connection.pk}")


def test_what_a_platform_needs_to_know_may_come_at_once_or_later(wire, company):
    make_integration("tryt", name="Tryton")
    path = f"/companies/{company.pk}/connections"
    assert told(wire("POST", path, {"platformKey": "tryt"}))["connectionInfo"] is None
    given = {"base_url": "https://erp.example/", "database": "books", "user": "ana"}
    body = told(wire("POST", path, {"platformKey": "tryt", "settings": given}))
    assert body["connectionInfo"] == {"base_url": "https://erp.example", "database": "books", "user": "ana"}
    response = wire("POST", path, {"platformKey": "tryt", "settings": {"base_url": "ftp://x"}})
    assert (refused(response)[0], members_at_fault(response)) == (400, ["base_url"])


@pytest.mark.parametrize("body", [{}, {"platformKey": "zzzz"}, {"platformKey": 7}, {"platformKey": "gbol"}])
def test_an_unknown_or_switched_off_platform_is_refused(wire, company, body):
    make_integration("gbol", name="Xero", enabled=False)
    response = wire("POST", f"/companies/{company.pk}/connections", body)
    assert (refused(response)[0], members_at_fault(response)) == (400, ["platformKey"])
    assert not Connection.objects.exists()


def test_the_list_is_paged_filtered_and_ordered(wire, company):
    first, second, third = (make_connection(company, status=word) for word in ("Linked", "PendingAuth", "Linked"))
    make_connection(company, deleted_at=now())
    make_connection()

    def ids(asked):
        body = told(wire.get(f"/companies/{company.pk}/connections{asked}"))
        return body["totalResults"], [row["id"] for row in body["results"]]

    assert ids("") == (3, [str(first.pk), str(second.pk), str(third.pk)])
    assert ids("?query=status=linked&page=2&pageSize=1") == (2, [str(third.pk)])
    assert ids("?orderBy=-created") == (3, [str(third.pk), str(second.pk), str(first.pk)])
    assert ids("?query=integrationKey=gbol") == (0, [])


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_four_queries(wire, company, django_assert_num_queries, count):
    for _ in range(count):
        make_connection(company, status="Deauthorized")
    path = f"/companies/{company.pk}/connections"
    wire.get(path)
    with django_assert_num_queries(4):  # key, company, connections, their errors
        assert told(wire.get(path))["totalResults"] == count


def test_unlinking_ends_access_and_keeps_the_rest(wire, company, lab):
    connection = lab.connection(company)
    running = make_dataset(connection)
    path = f"/companies/{company.pk}/connections/{connection.pk}"
    body = told(wire("PATCH", path, {"status": "Unlinked"}))
    assert body["status"] == "Unlinked"
    assert body == told(wire.get(path))
    assert [request["path"] for request in lab.requests("revoke")] == ["/oauth/revoke"]
    assert Dataset.objects.get(pk=running.pk).status == "Cancelled"
    connection.refresh_from_db()
    assert bytes(connection.credentials) == b""


@pytest.mark.django_db(transaction=True)
def test_no_transaction_waits_for_the_platform_while_an_idempotent_request_unlinks(wire, company, monkeypatch):
    connection = make_connection(company)
    waiting = []
    monkeypatch.setattr(
        "syncengine.actions.connections.revoke_access", lambda _: waiting.append(database.in_atomic_block)
    )
    path = f"/companies/{company.pk}/connections/{connection.pk}"
    first, second = (wire("PATCH", path, {"status": "Unlinked"}, Idempotency_Key="k-1") for _ in range(2))
    assert (told(first)["status"], told(second), waiting) == ("Unlinked", told(first), [False])


@pytest.mark.parametrize("status", ["PendingAuth", "Linked", "Deauthorized", "unlinked", "Gone", None, 1])
def test_only_unlinked_can_be_asked_for(wire, company, status):
    connection = make_connection(company)
    response = wire("PATCH", f"/companies/{company.pk}/connections/{connection.pk}", {"status": status})
    assert (refused(response)[0], members_at_fault(response)) == (400, ["status"])
    connection.refresh_from_db()
    assert connection.status == "Linked"


@pytest.mark.parametrize("body", [{}, {"status": "Unlinked", "more": 1}, [], "Unlinked", None])
def test_other_bodies_do_not_unlink(wire, company, body):
    connection = make_connection(company)
    assert refused(wire("PATCH", f"/companies/{company.pk}/connections/{connection.pk}", body))[0] == 400
    connection.refresh_from_db()
    assert connection.status == "Linked"


@pytest.mark.parametrize("status", ["PendingAuth", "Unlinked", "Deauthorized"])
def test_only_a_linked_one_can_be_unlinked(wire, company, status):
    connection = make_connection(company, status=status)
    response = wire("PATCH", f"/companies/{company.pk}/connections/{connection.pk}", {"status": "Unlinked"})
    assert refused(response) == (400, f"Only a linked connection can be unlinked; this one is {status}.")


def test_a_deleted_connection_is_revoked_and_gone_and_the_answer_is_empty(wire, company, lab):
    connection = lab.connection(company)
    path = f"/companies/{company.pk}/connections/{connection.pk}"
    assert empty(wire("DELETE", path)) == (200, b"")
    assert [request["path"] for request in lab.requests("revoke")] == ["/oauth/revoke"]
    for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"status": "Unlinked"})):
        assert refused(wire(method, path, body)) == (404, f"Data connection {connection.pk} not found")
    assert told(wire.get(f"/companies/{company.pk}/connections"))["totalResults"] == 0


def test_deleting_does_not_depend_on_the_platform(wire, company, lab):
    connection = lab.connection(company)
    lab.fault("error", status=500)
    assert wire("DELETE", f"/companies/{company.pk}/connections/{connection.pk}").status_code == 200


def test_a_lost_authorisation_is_told_until_the_connection_is_linked_again(wire, company, lab):
    connection = lab.connection(company)
    path = f"/companies/{company.pk}/connections/{connection.pk}"
    deauthorize(connection, because=AuthExpired("The customer took it back.", status_code=401), actor="test")
    lost = Event.objects.get(kind="connection.deauthorized")
    error = {
        "statusCode": "401",
        "statusText": "Unauthorized",
        "errorMessage": "The customer took it back.",
        "erroredOnUtc": stamp(lost.at),
        "status": "Active",
        "resolvedOnUtc": None,
    }
    assert told(wire.get(path))["dataConnectionErrors"] == [error]
    hand_over(connection, lab)
    linked = Event.objects.get(kind="connection.linked")
    assert told(wire.get(path))["dataConnectionErrors"] == [
        {**error, "status": "Resolved", "resolvedOnUtc": stamp(linked.at)}
    ]


def test_a_refused_consent_is_told_too(wire, company, lab):
    lab.integration()
    connection = make_connection(company, status="PendingAuth")
    begun = begin_linking(connection, redirect_uri="https://hub.example/cb", actor="customer")
    state = begun.url.partition("state=")[2].partition("&")[0]
    with pytest.raises(LinkRefused):
        finish_linking(state, {"error": "access_denied"}, redirect_uri="https://hub.example/cb")
    body = told(wire.get(f"/companies/{company.pk}"))["dataConnections"][0]
    assert body["status"] == "PendingAuth"
    assert [(row["statusCode"], row["statusText"], row["status"]) for row in body["dataConnectionErrors"]] == [
        ("403", "Forbidden", "Active")
    ]


def test_the_row_tells_when_the_events_are_past_their_keeping(wire, company):
    connection = make_connection(company, status="Deauthorized", status_reason="It ended.", status_changed_at=now())
    assert told(wire.get(f"/companies/{company.pk}/connections/{connection.pk}"))["dataConnectionErrors"] == [
        {
            "statusCode": "401",
            "statusText": "Unauthorized",
            "errorMessage": "It ended.",
            "erroredOnUtc": stamp(connection.status_changed_at),
            "status": "Active",
            "resolvedOnUtc": None,
        }
    ]
