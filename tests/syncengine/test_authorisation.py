"""Tokens are refreshed by one, saved before use, and never seen by anybody."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils.timezone import now

from syncengine import authorisation
from syncengine.actions.datasets import queue_dataset
from syncengine.authorisation import credentials_for, refreshed, stored_credentials
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import AuthExpired, SourceUnavailable
from syncengine.models import Connection, Dataset, Event, SourceRequest
from syncengine.secrets import seal
from syncengine.states import ConnectionStatus, DatasetStatus, Responsible
from tests.syncengine.lab import BUSINESS, Lab

pytestmark = pytest.mark.django_db
S = DatasetStatus
CALLERS = 24


@pytest.fixture
def read(lab: Lab, run_queue):
    def go(connection: Connection, data_type: str = "taxRates") -> Dataset:
        dataset = queue_dataset(connection, data_type, actor="test")
        run_queue()
        dataset.refresh_from_db()
        return dataset

    return go


def ending(connection: Connection) -> Connection:
    """The same connection with a token that ends in half a minute."""
    Connection.objects.filter(pk=connection.pk).update(credentials_expire_at=now() + timedelta(seconds=30))
    return fresh(connection)


def fresh(connection: Connection) -> Connection:
    return Connection.objects.select_related("integration").get(pk=connection.pk)


def token_requests(lab: Lab) -> int:
    return len(lab.requests("/oauth/token"))


def test_a_token_that_ends_soon_is_refreshed_and_saved_before_it_is_used(lab, read, monkeypatch):
    connection = ending(lab.connection())
    old = stored_credentials(connection)
    used, authorize = [], type(connector_for("mqjo")).authorize

    def and_look(self, credentials):
        used.append((credentials.secret, stored_credentials(fresh(connection)).secret))
        return authorize(self, credentials)

    monkeypatch.setattr(type(connector_for("mqjo")), "authorize", and_look)
    assert read(connection).status == S.COMPLETE
    assert used
    assert all(given == stored for given, stored in used)
    new = stored_credentials(fresh(connection))
    assert new.secret["access_token"] != old.secret["access_token"]
    assert new.secret["refresh_token"] != old.secret["refresh_token"]
    assert new.expires_at > now() + timedelta(minutes=20)
    assert (fresh(connection).credentials_version, fresh(connection).refresh_owner, token_requests(lab)) == (1, "", 1)


def test_a_token_that_holds_is_left_alone(lab, read):
    assert read(lab.connection()).status == S.COMPLETE
    assert token_requests(lab) == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_who_need_a_new_token_one_asks_and_all_get_it(lab):
    connection, connector = ending(lab.connection()), connector_for("mqjo")
    lab.fault("hang", type="oauth-token", seconds=0.3, times=1)
    together = Barrier(CALLERS)

    def ask(_: int) -> str:
        own = fresh(connection)
        together.wait(timeout=30)
        try:
            return credentials_for(own, connector).secret["access_token"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(CALLERS) as pool:
        tokens = list(pool.map(ask, range(CALLERS)))
    assert set(tokens) == {stored_credentials(fresh(connection)).secret["access_token"]}
    assert token_requests(lab) == 1


def test_a_grant_the_customer_took_back_ends_by_name_without_a_loop(lab, read):
    connection = ending(lab.connection())
    lab.control("DELETE", f"businesses/{BUSINESS}/grants")
    dataset = read(connection)
    assert (dataset.status, dataset.error_responsible) == (S.AUTH_ERROR, Responsible.CUSTOMER)
    assert dataset.error_message == "Sandbox no longer accepts this connection's authorisation. Link it again."
    assert dataset.upstream_words == "invalid_grant: The refresh token is unknown or was revoked."
    assert token_requests(lab) == 1
    found = fresh(connection)
    assert (found.status, found.status_reason) == (ConnectionStatus.DEAUTHORIZED, dataset.error_message)
    assert (found.status_responsible, found.upstream_words) == (Responsible.CUSTOMER, dataset.upstream_words)


@pytest.mark.parametrize("fault", ["cut", "hang"])
def test_a_lost_token_answer_ends_by_name_without_a_loop(lab, read, settings, fault):
    settings.HEADRACE_FIRST_BYTE_SECONDS = 0.3
    connection = ending(lab.connection())
    lab.fault(fault, type="oauth-token", seconds=2)
    dataset = read(connection)
    assert (dataset.status, dataset.error_responsible) == (S.FETCH_ERROR, Responsible.PLATFORM)
    assert dataset.error_message
    assert token_requests(lab) == 1
    found = fresh(connection)
    assert (found.status, found.refresh_owner, found.refresh_until) == (ConnectionStatus.LINKED, "", None)


def test_a_refused_client_is_the_operators_to_mend_and_the_customer_stays_linked(lab, read):
    connection = ending(lab.connection())
    integration = connection.integration
    integration.client = seal(integration, "client", {"client_id": "headrace", "client_secret": "mistyped"})
    integration.save()
    dataset = read(fresh(connection))
    assert (dataset.status, dataset.error_responsible) == (S.AUTH_ERROR, Responsible.OPERATOR)
    assert dataset.error_message == (
        "Sandbox does not accept our client ID and secret. Check them on the integration's page."
    )
    assert token_requests(lab) == 1
    assert fresh(connection).status == ConnectionStatus.LINKED


def test_a_token_that_ends_in_the_middle_of_a_read_is_refreshed_once_and_the_read_goes_on(lab, read):
    lab.sizes(invoices=2500)
    connection = lab.connection()
    lab.fault("unauthorized", type="invoices", skip=1, times=1)
    dataset = read(connection, "invoices")
    assert (dataset.status, dataset.created_count, token_requests(lab)) == (S.COMPLETE, 2500, 1)
    codes = dataset.source_requests.order_by("sequence").values_list("status_code", flat=True)
    assert list(codes) == [200, 401, 200, 200]


def test_a_second_refusal_is_believed(lab, read):
    connection = lab.connection()
    lab.fault("unauthorized")
    assert read(connection).status == S.AUTH_ERROR
    assert token_requests(lab) == 1
    assert fresh(connection).status == ConnectionStatus.DEAUTHORIZED


def test_a_crash_between_the_answer_and_the_commit_is_found_out_by_the_next_read(lab, read, monkeypatch):
    connection = ending(lab.connection())

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(authorisation, "_save", crash)
        with pytest.raises(KeyboardInterrupt):
            credentials_for(connection, connector_for("mqjo"))
    dataset = read(fresh(connection))
    assert dataset.status == S.AUTH_ERROR
    assert "used before" in dataset.upstream_words


def test_who_was_killed_while_refreshing_keeps_the_others_waiting_for_a_while_only(lab, read):
    connection = ending(lab.connection())
    Connection.objects.filter(pk=connection.pk).update(
        refresh_owner="dead", refresh_until=now() + timedelta(seconds=0.2)
    )
    assert read(fresh(connection)).status == S.COMPLETE
    assert fresh(connection).refresh_owner == ""


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"status": ConnectionStatus.UNLINKED, "credentials": b"", "credentials_version": 1},
        {"credentials_version": 1},
    ],
    ids=["unlinked", "linked anew"],
)
def test_a_refresh_does_not_overwrite_what_was_stored_meanwhile(lab, monkeypatch, meanwhile):
    connection = ending(lab.connection())
    connector = connector_for("mqjo")
    refresh = type(connector).refresh

    def and_others_act(self, *given, **named):
        answer = refresh(self, *given, **named)
        Connection.objects.filter(pk=connection.pk).update(**meanwhile)
        return answer

    monkeypatch.setattr(type(connector), "refresh", and_others_act)
    with pytest.raises(SourceUnavailable, match="elsewhere meanwhile"):
        refreshed(connection, connector, seen=0)
    found = fresh(connection)
    assert (bytes(found.credentials), found.credentials_version) == (
        meanwhile.get("credentials", bytes(connection.credentials)),
        1,
    )


def test_a_secret_under_a_lost_key_is_the_operators_to_mend(lab, read, settings):
    connection = lab.connection()
    settings.HEADRACE_ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    dataset = read(connection)
    assert (dataset.status, dataset.error_responsible) == (S.AUTH_ERROR, Responsible.OPERATOR)
    assert fresh(connection).status == ConnectionStatus.LINKED


def test_no_refresh_token_is_the_end(lab):
    connection = lab.connection()
    connection.credentials = seal(connection, "credentials", {"access_token": "a"})
    connection.save()
    with pytest.raises(AuthExpired, match="cannot be renewed"):
        refreshed(connection, connector_for("mqjo"), seen=0)
    assert token_requests(lab) == 0


def test_no_secret_is_ever_written_where_people_look(lab, read, queued, caplog):
    caplog.set_level(logging.DEBUG)
    connection = ending(lab.connection())
    first = stored_credentials(connection)
    dataset = queue_dataset(connection, "customers", actor="test")
    tasks = queued()
    lab.fault("error", type="customers", times=1)
    read(connection)
    lab.fault("unauthorized", type="suppliers")
    read(connection, "suppliers")
    dataset.refresh_from_db()
    assert dataset.status == S.COMPLETE
    last = stored_credentials(fresh(connection))
    secrets = {*first.secret.values(), *last.secret.values(), "headrace-sandbox"}
    assert len(secrets) == 5
    seen = [
        caplog.text,
        *map(repr, [tasks, first, last, connection.__dict__, dataset.__dict__]),
        *(repr(event) for event in Event.objects.values()),
        *(repr(request) for request in SourceRequest.objects.values()),
        *(repr(row) for row in Dataset.objects.values()),
        *(repr(row) for row in Connection.objects.values()),
    ]
    assert SourceRequest.objects.filter(status_code=401).exists()
    assert not [secret for secret in secrets for text in seen if secret in text]
