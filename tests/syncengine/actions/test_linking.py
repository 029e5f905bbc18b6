"""From a person's consent at the platform to a linked connection, and back."""

from __future__ import annotations

import http.client
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit
from urllib.parse import urlencode as form_of

import pytest
from django.utils.timezone import now

from syncengine.actions import connections as connection_actions
from syncengine.actions import linking
from syncengine.actions.companies import delete_company
from syncengine.actions.connections import create_connection, delete_connection, unlink_connection
from syncengine.actions.datasets import queue_dataset
from syncengine.actions.linking import LinkRefused, begin_linking, check_approval, finish_linking
from syncengine.actions.sync_settings import effective_settings, save_sync_settings
from syncengine.authorisation import stored_credentials
from syncengine.connectors.base import Credentials, LinkStart
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import AuthExpired, NotLinked, Refused, SourceUnavailable
from syncengine.models import Company, Connection, Dataset, DataStatus, Event, Integration, LinkAttempt, Record
from syncengine.run.sweeping import purge
from syncengine.states import ConnectionStatus, DatasetStatus, Responsible, Trigger
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.syncengine.lab import BUSINESS, Lab

pytestmark = pytest.mark.django_db
BACK = "http://127.0.0.1:8000/linked"


@pytest.fixture
def pending(lab: Lab) -> Connection:
    lab.integration()
    return create_connection(make_company(), "mqjo", actor="user:7")


def consent(url: str, decision: str = "allow", business: str = BUSINESS) -> dict[str, str]:
    """Decide on the platform's own page, and return the query that the person is sent back with."""
    page = urlsplit(url)
    form = {**dict(parse_qsl(page.query)), "business": business, "decision": decision}
    platform = http.client.HTTPConnection(page.netloc, timeout=10)
    platform.request("POST", page.path, form_of(form), {"Content-Type": "application/x-www-form-urlencoded"})
    answer = platform.getresponse()
    answer.read()
    platform.close()
    assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, BACK)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def begin(connection: Connection) -> str:
    return begin_linking(connection, redirect_uri=BACK, actor="user:7").url


def finish(answer: dict[str, str]) -> Connection:
    return finish_linking(answer["state"], answer, redirect_uri=BACK)


def link(connection: Connection) -> Connection:
    return finish(consent(begin(connection)))


def kinds(connection: Connection) -> list[str]:
    return list(Event.objects.filter(connection_id=connection.pk).order_by("id").values_list("kind", flat=True))


def test_a_consent_links_the_connection_and_starts_its_first_reads(pending, run_queue):
    connection = link(pending)
    assert (connection.status, connection.status_actor) == (ConnectionStatus.LINKED, "user:7")
    assert connection.first_linked_at == connection.linked_at is not None
    assert set(stored_credentials(connection).secret) == {"access_token", "refresh_token"}
    assert bytes(LinkAttempt.objects.get().pending) == b""
    supported = connector_for("mqjo").platform.types
    wanted = [
        key
        for key, setting in effective_settings(connection.company).items()
        if setting.fetch_on_first_link and key in supported
    ]
    assert list(Dataset.objects.order_by("pk").values_list("data_type", flat=True)) == wanted
    assert set(Dataset.objects.values_list("trigger", flat=True)) == {Trigger.FIRST_LINK}
    assert kinds(connection)[:3] == ["connection.created", "connection.linking_started", "connection.linked"]
    run_queue()
    assert set(Dataset.objects.values_list("status", flat=True)) == {DatasetStatus.COMPLETE}


def test_a_state_is_good_once(pending):
    answer = consent(begin(pending))
    finish(answer)
    with pytest.raises(LinkRefused, match="used before or has expired") as refusal:
        finish(answer)
    assert refusal.value.connection == pending


@pytest.mark.parametrize("state", ["", "made-up"])
def test_a_missing_or_foreign_state_is_refused(pending, state):
    answer = consent(begin(pending))
    with pytest.raises(LinkRefused, match="not one of ours") as refusal:
        finish({**answer, "state": state})
    assert refusal.value.connection is None
    assert finish(answer).status == ConnectionStatus.LINKED


def test_an_expired_state_is_refused(pending):
    answer = consent(begin(pending))
    LinkAttempt.objects.update(expires_at=now() - timedelta(seconds=1))
    with pytest.raises(LinkRefused, match="has expired"):
        finish(answer)
    assert Connection.objects.get().status == ConnectionStatus.PENDING_AUTH


def test_a_newer_attempt_ends_the_older_one(pending):
    older, newer = consent(begin(pending)), consent(begin(pending))
    with pytest.raises(LinkRefused):
        finish(older)
    assert finish(newer).status == ConnectionStatus.LINKED


def test_a_denied_consent_leaves_the_connection_pending_and_says_why(pending):
    answer = consent(begin(pending), "deny")
    with pytest.raises(LinkRefused, match="Consent was not given at Sandbox") as refusal:
        finish(answer)
    assert (refusal.value.connection, refusal.value.upstream) == (pending, "access_denied")
    pending.refresh_from_db()
    assert (pending.status, bytes(pending.credentials)) == (ConnectionStatus.PENDING_AUTH, b"")
    attempt = LinkAttempt.objects.get()
    assert (attempt.error_message, attempt.upstream_words) == ("Consent was not given at Sandbox.", "access_denied")
    assert attempt.ended_at is not None
    assert kinds(pending)[-1] == "connection.linking_failed"
    assert Dataset.objects.count() == 0


def test_a_code_the_platform_refuses_links_nothing(pending):
    with pytest.raises(LinkRefused) as refusal:
        finish({**consent(begin(pending)), "code": "another"})
    assert refusal.value.upstream == "invalid_grant: The code is unknown or has expired."
    assert Connection.objects.get().status == ConnectionStatus.PENDING_AUTH


def test_a_relink_queues_what_the_lost_authorisation_interrupted(lab, pending, run_queue):
    connection = link(pending)
    run_queue()
    lab.control("DELETE", f"businesses/{BUSINESS}/grants")
    for data_type in ("bills", "taxRates"):
        queue_dataset(connection, data_type, actor="test")
    run_queue()
    connection.refresh_from_db()
    assert connection.status == ConnectionStatus.DEAUTHORIZED
    last = Dataset.objects.latest("pk").pk
    again = link(connection)
    assert (again.status, again.status_reason, again.status_responsible) == (ConnectionStatus.LINKED, "", "")
    assert set(Dataset.objects.filter(pk__gt=last).values_list("data_type", flat=True)) == {"bills", "taxRates"}
    run_queue()
    assert set(Dataset.objects.filter(pk__gt=last).values_list("status", flat=True)) == {DatasetStatus.COMPLETE}


def test_a_company_has_one_accounting_connection(pending):
    other = create_connection(pending.company, "mqjo", actor="user:7")
    answer = consent(begin(other))
    link(pending)
    words = "This company already reads its accounts from Sandbox. Unlink that connection first."
    with pytest.raises(LinkRefused, match=words):
        begin(other)
    with pytest.raises(LinkRefused, match=words):
        finish(answer)
    other.refresh_from_db()
    assert (other.status, bytes(other.credentials)) == (ConnectionStatus.PENDING_AUTH, b"")


def test_unlinking_takes_the_grant_back_and_stops_every_read(lab, pending, queued, run_queue):
    connection = link(pending)
    token = stored_credentials(connection).secret["access_token"]
    assert ask_company(lab, token) == 200
    paused = Dataset.objects.get(data_type="bills")
    Dataset.objects.filter(pk=paused.pk).update(status=DatasetStatus.FETCHING, wake_at=now() + timedelta(hours=1))
    unlink_connection(connection, actor="user:7")
    assert ask_company(lab, token) == 401
    connection.refresh_from_db()
    assert (connection.status, bytes(connection.credentials)) == (ConnectionStatus.UNLINKED, b"")
    run_queue()
    assert set(Dataset.objects.values_list("status", flat=True)) == {DatasetStatus.CANCELLED}
    with pytest.raises(NotLinked):
        queue_dataset(connection, "bills", actor="test")
    with pytest.raises(Refused, match="Only a linked connection"):
        unlink_connection(connection, actor="user:7")


def test_unlinking_goes_on_when_the_platform_is_away(lab, pending, settings):
    connection = link(pending)
    settings.HEADRACE_OUTBOUND_ALLOW = []
    unlink_connection(connection, actor="user:7")
    assert Connection.objects.get().status == ConnectionStatus.UNLINKED


def test_a_deleted_connection_is_gone_with_its_secrets_and_later_its_rows(pending, run_queue, settings):
    connection = link(pending)
    run_queue()
    waiting = begin(connection)
    delete_connection(connection, actor="user:7")
    connection.refresh_from_db()
    assert (connection.deleted_at is not None, bytes(connection.credentials)) == (True, b"")
    assert [bytes(attempt.pending) for attempt in connection.link_attempts.all()] == [b"", b""]
    with pytest.raises(LinkRefused, match="not one of ours"):
        finish(consent(waiting))
    with pytest.raises(NotLinked):
        queue_dataset(connection, "bills", actor="test")
    purge()
    assert Connection.objects.count() == 1
    Connection.objects.update(deleted_at=now() - timedelta(days=settings.HEADRACE_PURGE_DAYS, seconds=1))
    for _ in range(3):
        purge()
    assert (Connection.objects.count(), Record.objects.count(), Dataset.objects.count()) == (0, 0, 0)
    assert Company.objects.count() == 1


def test_a_deleted_company_takes_all_below_it_along(pending, run_queue, settings):
    connection = link(pending)
    running = Dataset.objects.get(data_type="bills")
    delete_company(connection.company, actor="user:7")
    connection.refresh_from_db()
    running.refresh_from_db()
    assert (connection.deleted_at is not None, bytes(connection.credentials)) == (True, b"")
    assert running.status == DatasetStatus.CANCELLED
    run_queue()
    assert Record.objects.count() == 0
    long_ago = now() - timedelta(days=settings.HEADRACE_PURGE_DAYS, seconds=1)
    Connection.objects.update(deleted_at=long_ago)
    Company.objects.update(deleted_at=long_ago)
    for _ in range(3):
        purge()
    assert (Company.objects.count(), Connection.objects.count(), Dataset.objects.count()) == (0, 0, 0)


def test_purging_spares_what_is_still_shown():
    dataset = make_dataset(status=DatasetStatus.COMPLETE)
    long_ago = now() - timedelta(days=1000)
    Dataset.objects.update(completed_at=long_ago)
    DataStatus.objects.update(latest_successful_dataset=dataset)
    old = make_dataset(dataset.connection, data_type="bills", status=DatasetStatus.FETCH_ERROR, completed_at=long_ago)
    DataStatus.objects.filter(data_type="bills").update(latest_dataset=None)
    purge()
    assert list(Dataset.objects.all()) == [dataset]
    assert not Dataset.objects.filter(pk=old.pk).exists()


class TestApprovedKeys:
    """Platforms where a person approves a key that we asked for."""

    @pytest.fixture
    def keys(self, monkeypatch: pytest.MonkeyPatch) -> Keys:
        keys = Keys()
        for module in (linking, connection_actions):
            monkeypatch.setattr(module, "connector_for", lambda key: keys)
        return keys

    def test_a_key_is_waited_for_until_it_is_approved(self, keys):
        connection = keys.connection()
        begin(connection)
        for _ in range(2):
            with pytest.raises(LinkRefused, match="not approved yet"):
                check_approval(connection, actor="user:7")
        assert LinkAttempt.objects.get().ended_at is None
        keys.approved = True
        linked = check_approval(connection, actor="user:7")
        assert (linked.status, stored_credentials(linked).secret) == (ConnectionStatus.LINKED, {"key": "key-1"})
        with pytest.raises(LinkRefused, match="No approval is being waited for"):
            check_approval(connection, actor="user:7")

    def test_a_new_try_takes_back_the_key_of_an_unfinished_one(self, keys):
        connection = keys.connection()
        begin(connection)
        assert keys.withdrawn == []
        begin(connection)
        assert keys.withdrawn == [{"key": "key-1"}]
        keys.approved = True
        assert stored_credentials(check_approval(connection, actor="user:7")).secret == {"key": "key-2"}
        begin(connection)
        assert keys.withdrawn == [{"key": "key-1"}]

    def test_a_platform_that_cannot_take_it_back_does_not_stop_the_new_try(self, keys):
        connection = keys.connection()
        begin(connection)
        keys.away = True
        begin(connection)
        assert [attempt.ended_at is None for attempt in LinkAttempt.objects.order_by("started_at")] == [False, True]


class Keys:
    """A platform that hands out keys in order."""

    platform = SimpleNamespace(auth="approved-key", types={}, key="tryt")

    def __init__(self) -> None:
        self.approved, self.away = False, False
        self.given = 0
        self.withdrawn: list[dict[str, str]] = []

    def connection(self) -> Connection:
        return make_connection(
            integration=make_integration("tryt", name="Tryton"), status=ConnectionStatus.PENDING_AUTH
        )

    def start_link(self, **_: object) -> LinkStart:
        self.given += 1
        return LinkStart(url="", pending={"key": f"key-{self.given}"}, instruct="Approve it.")

    def finish_link(self, *, pending: dict[str, str], **_: object) -> Credentials:
        if not self.approved:
            raise AuthExpired("The key is not approved yet.")
        return Credentials(secret=pending)

    def unlink(self, credentials: Credentials, **_: object) -> None:
        if self.away:
            raise SourceUnavailable("Away.")
        self.withdrawn.append(dict(credentials.secret))


def test_after_linking_what_is_scheduled_and_was_not_read_is_due(pending):
    wanted = {"sync_schedule_hours": 24}
    save_sync_settings(None, {"bills": {**wanted, "fetch_on_first_link": False}, "items": wanted}, actor="test")
    connection = link(pending)
    due = dict(DataStatus.objects.filter(next_sync_at__isnull=False).values_list("data_type", "next_sync_at"))
    assert set(due) == {"bills", "items"}
    assert due["bills"] <= now()
    assert due["items"] > now() + timedelta(hours=23)
    assert not Dataset.objects.filter(connection=connection, data_type="bills").exists()


def test_after_a_relink_the_schedule_goes_on_from_the_last_sync(pending, run_queue):
    save_sync_settings(None, {"bills": {"sync_schedule_hours": 24}}, actor="test")
    connection = link(pending)
    run_queue()
    unlink_connection(connection, actor="user:7")
    status = DataStatus.objects.get(connection=connection, data_type="bills")
    assert status.next_sync_at is None
    link(connection)
    status.refresh_from_db()
    assert status.next_sync_at == status.last_sync_at + timedelta(hours=24)


def test_a_switched_off_integration_takes_no_new_connection(lab):
    lab.integration()
    Integration.objects.update(enabled=False)
    with pytest.raises(Refused, match="switched off") as refusal:
        create_connection(make_company(), "mqjo", actor="user:7")
    assert refusal.value.field == "platform_key"


def test_a_refusal_of_the_customer_is_shown_as_theirs(lab, pending, run_queue):
    connection = link(pending)
    lab.control("DELETE", f"businesses/{BUSINESS}/grants")
    run_queue()
    connection.refresh_from_db()
    assert connection.status_responsible == Responsible.CUSTOMER
    assert kinds(connection).count("connection.deauthorized") == 1


def ask_company(lab: Lab, token: str) -> int:
    platform = http.client.HTTPConnection(lab.place, timeout=10)
    platform.request("GET", "/api/v1/company", headers={"Authorization": f"Bearer {token}"})
    answer = platform.getresponse()
    answer.read()
    platform.close()
    return answer.status
