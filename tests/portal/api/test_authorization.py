"""Linking with credentials that the caller holds: tried at the platform, nothing read, every wrong member named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from syncengine.actions.authorising import authorize_connection
from syncengine.actions.sync_settings import save_sync_settings
from syncengine.authorisation import stored_credentials
from syncengine.models import Connection, Dataset, DataStatus, LinkAttempt
from tests.factories import make_company, make_connection, make_integration
from tests.portal.api.answers import members_at_fault, refused, told
from tests.syncengine.lab import BUSINESS, Lab

pytestmark = pytest.mark.django_db


def grant(lab: Lab) -> dict[str, str]:
    made = lab.control("POST", f"businesses/{BUSINESS}/grants")
    return {"access_token": made["access_token"], "refresh_token": made["refresh_token"]}


def hand_over(connection: Connection, lab: Lab) -> None:
    authorize_connection(connection, grant(lab), actor="test")


def put(wire, connection, body):
    return wire("PUT", f"/companies/{connection.company_id}/connections/{connection.pk}/authorization", body)


@pytest.fixture
def waiting(lab):
    lab.integration()
    return make_connection(make_company(), status="PendingAuth")


@pytest.mark.parametrize("status", ["PendingAuth", "Unlinked", "Deauthorized", "Linked"])
def test_credentials_link_a_connection_and_no_read_starts(wire, lab, run_queue, queued, status):
    lab.integration()
    connection = make_connection(make_company(), status=status)
    held = grant(lab)
    given = {"accessToken": held["access_token"], "refresh_token": held["refresh_token"], "expiresIn": "1800"}
    body = told(put(wire, connection, given))
    connection.refresh_from_db()
    assert (body["status"], body["id"]) == ("Linked", str(connection.pk))
    assert stored_credentials(connection).secret == held
    assert timedelta(minutes=29) < connection.credentials_expire_at - now() < timedelta(minutes=31)
    assert (Dataset.objects.count(), queued()) == (0, [])
    assert [request["path"] for request in lab.requests()] == ["/api/v1/company"]
    assert wire("POST", f"/companies/{connection.company_id}/data/queue/company").status_code == 200
    run_queue()
    assert Dataset.objects.get().status == "Complete"


def test_a_schedule_waits_for_its_first_period(wire, waiting, lab):
    save_sync_settings(None, {"invoices": {"sync_schedule_hours": 24}}, actor="test")
    told(put(wire, waiting, grant(lab)))
    due = DataStatus.objects.get(data_type="invoices").next_sync_at
    assert timedelta(hours=23) < due - now() <= timedelta(hours=24)


def test_an_access_token_that_has_ended_is_renewed(wire, waiting, lab):
    held = grant(lab)
    told(put(wire, waiting, {**held, "access_token": "ended"}))
    waiting.refresh_from_db()
    kept = stored_credentials(waiting).secret
    assert kept["access_token"] not in ("ended", held["access_token"])
    assert waiting.credentials_expire_at is not None


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, "accessToken"),
        ({"accessToken": ""}, "accessToken"),
        ({"accessToken": "wrong"}, "accessToken"),
        ({"access_token": "wrong"}, "access_token"),
        ({"accessToken": "two words"}, "accessToken"),
        ({"accessToken": "a" * 16_385}, "accessToken"),
        ({"accessToken": "ключ"}, "accessToken"),
        ({"accessToken": "a", "businessId": "b"}, "businessId"),
        ({"accessToken": "a", "access_token": "b"}, "access_token"),
        ({"accessToken": "a", "expiresIn": "soon"}, "expiresIn"),
        ({"accessToken": "a", "expiresIn": "9" * 11}, "expiresIn"),
        ({"accessToken": 5}, "accessToken"),
        ({"accessToken": None}, "accessToken"),
        ({"accessToken": {"deep": "x"}}, "accessToken"),
    ],
)
def test_the_member_at_fault_is_named_and_the_connection_stays(wire, waiting, body, member):
    before = Connection.objects.filter(pk=waiting.pk).values().get()
    response = put(wire, waiting, body)
    assert (refused(response)[0], members_at_fault(response)) == (400, [member])
    assert Connection.objects.filter(pk=waiting.pk).values().get() == before


@pytest.mark.parametrize("body", [[], "text", 5, None, ["accessToken"]])
def test_a_body_that_is_no_object_is_refused(wire, waiting, body):
    assert refused(put(wire, waiting, body))[0] == 400


def test_a_platform_that_cannot_be_reached_says_so(wire, waiting, settings, lab):
    settings.HEADRACE_OUTBOUND_ALLOW = []
    words = "This address cannot be called: it does not lead to the public internet."
    assert refused(put(wire, waiting, grant(lab))) == (400, words)
    waiting.refresh_from_db()
    assert waiting.status == "PendingAuth"


def test_a_second_accounting_connection_is_refused(wire, waiting, lab):
    make_connection(waiting.company)
    assert refused(put(wire, waiting, grant(lab)))[0] == 400


def test_settings_that_the_platform_asks_for_come_with_the_credentials(wire):
    make_integration("tryt", name="Tryton")
    connection = make_connection(make_company(), integration=make_integration("tryt"), status="PendingAuth")
    response = put(wire, connection, {"key": "k"})
    assert (refused(response)[0], members_at_fault(response)) == (400, ["baseUrl"])
    response = put(wire, connection, {"key": "k", "baseUrl": "nowhere"})
    assert (refused(response)[0], members_at_fault(response)) == (400, ["baseUrl"])
    response = put(wire, connection, {"accessToken": "k"})
    assert refused(response) == (
        400,
        "Tryton does not take 'accessToken'. It takes: key, base_url, database, user, company.",
    )


def test_a_try_that_was_waiting_for_consent_ends(wire, waiting, lab):
    LinkAttempt.objects.create(connection=waiting, state_hash="x", expires_at=now() + timedelta(hours=1))
    told(put(wire, waiting, grant(lab)))
    assert LinkAttempt.objects.get().ended_at is not None
