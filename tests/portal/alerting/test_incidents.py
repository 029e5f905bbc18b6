"""Incidents: what folds into one, who must act, how it ends and comes back; each failure counts once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.utils.timezone import now

from portal.alerting.consumers import create_consumer, delete_consumer, enable_consumer, pause_consumer
from portal.alerting.incidents import HOURS_KEPT, event_happened, purge_incidents
from portal.models import Incident, IncidentMember
from syncengine import failpoints
from syncengine.actions.companies import delete_company
from syncengine.actions.connections import deauthorize, unlink_connection
from syncengine.events import record_event
from syncengine.exceptions import AuthExpired
from syncengine.models import Connection, Dataset, Event
from syncengine.run.telling import tell_events
from syncengine.states import ConnectionStatus, DatasetStatus, Responsible
from tests.factories import make_company, make_connection, make_dataset, make_integration
from tests.portal.alerting.conftest import Clock

pytestmark = pytest.mark.django_db
S = DatasetStatus
PLATFORM, CUSTOMER, OPERATOR, US = "platform", "customer", "operator", "us"


def fail(
    connection: Connection,
    data_type: str = "invoices",
    status: str = S.FETCH_ERROR,
    responsible: str = PLATFORM,
    **fields: Any,
) -> Dataset:
    """Have a read end like this, and tell."""
    given = {"error_message": "It answered 503.", "error_responsible": responsible, "completed_at": now()} | fields
    dataset = make_dataset(connection, data_type, status, **given)
    record_event("dataset.failed", about=dataset, status=status, reason=given["error_message"])
    tell_all()
    return dataset


def succeed(connection: Connection, data_type: str = "invoices") -> None:
    dataset = make_dataset(connection, data_type, S.COMPLETE)
    record_event("dataset.completed", about=dataset, data_type=data_type)
    tell_all()


def lose(connection: Connection, reason: str = "The key was revoked.") -> None:
    deauthorize(connection, because=AuthExpired(reason, upstream="invalid_grant"), actor="worker")
    tell_all()


def relink(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(status=ConnectionStatus.LINKED)
    connection.refresh_from_db()
    record_event("connection.linked", about=connection, before="Deauthorized")
    tell_all()


def tell_all() -> None:
    while tell_events():
        pass
    assert Event.objects.filter(told_at=None).count() == 0


def on(name: str, **fields: Any) -> Connection:
    return make_connection(make_company(name), **fields)


def standing(incident: Incident) -> tuple[str, int, int, int, int]:
    """State, then how many: failures, connections, companies, connections still failing."""
    incident.refresh_from_db()
    counts = incident.failure_count, incident.connection_count, incident.company_count, incident.failing_count
    return (incident.state, *counts)


def story(incident: Incident) -> list[tuple[str, list[str], int]]:
    return [(one.kind, one.names, one.count) for one in incident.entries.order_by("at", "pk")]


# --- what folds -----------------------------------------------------------------------------------------------------


def test_a_platform_that_fails_for_several_is_one_incident() -> None:
    acme, bolt = on("Acme"), on("Bolt")
    fail(acme)
    fail(acme, "bills")
    fail(bolt, status=S.RATE_LIMIT_ERROR, error_message="It asked us to wait for a day.", upstream_words="slow down")
    incident = Incident.objects.get()
    assert standing(incident) == ("Open", 3, 2, 2, 2)
    assert (incident.cause, incident.owner, incident.integration) == ("outage", PLATFORM, acme.integration)
    assert (incident.reason, incident.upstream_words) == ("It asked us to wait for a day.", "slow down")
    assert story(incident) == [("opened", ["Acme"], 1), ("spread", ["Bolt"], 1)]
    assert {member.connection_id: sorted(member.failing) for member in incident.members.all()} == {
        acme.pk: ["bills", "invoices"],
        bolt.pk: ["invoices"],
    }


def test_another_platform_is_another_incident() -> None:
    fail(on("Acme"))
    fail(on("Bolt", integration=make_integration("gbol", name="Xero")))
    assert Incident.objects.count() == 2


def test_two_connections_of_one_company_are_one_company() -> None:
    company = make_company("Acme")
    fail(make_connection(company))
    fail(make_connection(company))
    assert standing(Incident.objects.get()) == ("Open", 2, 2, 1, 2)


@pytest.mark.parametrize(
    ("status", "responsible", "cause", "owner", "is_shared"),
    [
        (S.FETCH_ERROR, PLATFORM, "outage", PLATFORM, True),
        (S.RATE_LIMIT_ERROR, PLATFORM, "outage", PLATFORM, True),
        (S.FETCH_ERROR, OPERATOR, "refused", OPERATOR, True),
        (S.FETCH_ERROR, US, "ours", US, True),
        (S.FETCH_ERROR, CUSTOMER, "permissions", CUSTOMER, False),
        (S.PERMISSIONS_ERROR, CUSTOMER, "permissions", CUSTOMER, False),
        (S.PREREQUISITE_NOT_MET, OPERATOR, "setup", OPERATOR, False),
        (S.AUTH_ERROR, OPERATOR, "setup", OPERATOR, False),
        (S.VALIDATION_ERROR, PLATFORM, "records", PLATFORM, False),
        (S.MAP_ERROR, US, "ours", US, True),
        (S.PROCESSING_ERROR, US, "ours", US, True),
        (S.INTERNAL_ERROR, US, "ours", US, True),
    ],
)
def test_cause_and_owner_follow_from_how_a_read_ended(
    status: str, responsible: str, cause: str, owner: str, is_shared: bool
) -> None:
    fail(on("Acme"), status=status, responsible=responsible)
    fail(on("Bolt"), status=status, responsible=responsible)
    found = list(Incident.objects.values_list("cause", "owner", "company_count"))
    assert found == ([(cause, owner, 2)] if is_shared else [(cause, owner, 1)] * 2)


def test_every_way_to_fail_has_a_cause_but_not_supported() -> None:
    """A status or a responsible word that is new one day must not be lost."""
    connection = on("Acme")
    for number, (status, responsible) in enumerate(product(sorted(S.values), Responsible.values)):
        if status == S.AUTH_ERROR and responsible in (CUSTOMER, ""):
            continue  # told of by connection.deauthorized
        dataset = make_dataset(connection, f"custom/t{number}", status=status, error_responsible=responsible)
        event_happened(Event(kind="dataset.failed", at=now(), dataset_id=dataset.pk, connection_id=connection.pk))
        failed = dataset.is_errored and status != S.NOT_SUPPORTED
        assert Incident.objects.count() == failed, (status, responsible)
        Incident.objects.all().delete()


def test_servers_that_customers_run_themselves_fail_each_for_itself() -> None:
    tryton = make_integration("tryt", name="Tryton")
    fail(on("Acme", integration=tryton))
    fail(on("Bolt", integration=tryton))
    assert [one.company_count for one in Incident.objects.all()] == [1, 1]


def test_consent_lost_at_one_integration(clock: Clock) -> None:
    acme, bolt, cove = on("Acme"), on("Bolt"), on("Cove")
    lose(acme)
    incident = Incident.objects.get()
    assert (incident.cause, incident.owner, incident.reason) == ("revoked", CUSTOMER, "The key was revoked.")
    fail(acme, status=S.AUTH_ERROR, responsible=CUSTOMER, error_message="401 after a refresh.")
    assert standing(incident) == ("Open", 2, 1, 1, 1)
    lose(bolt)
    assert standing(incident) == ("Open", 3, 2, 2, 2)
    assert incident.owner == OPERATOR
    clock.forward(hours=2)
    lose(cove)
    assert Incident.objects.count() == 2


def test_a_read_of_a_connection_that_was_relinked_meanwhile_opens_nothing() -> None:
    fail(on("Acme"), status=S.AUTH_ERROR, responsible=CUSTOMER)
    assert Incident.objects.count() == 0


def test_connections_that_are_gone_or_unlinked_are_not_watched() -> None:
    fail(on("Acme", deleted_at=now()))
    fail(on("Bolt", status="Unlinked"))
    assert Incident.objects.count() == 0


# --- how it ends ----------------------------------------------------------------------------------------------------


def test_it_resolves_when_every_type_that_failed_was_read_well() -> None:
    acme, bolt = on("Acme"), on("Bolt")
    fail(acme)
    fail(acme, "bills")
    fail(bolt)
    incident = Incident.objects.get()
    succeed(acme)
    assert standing(incident) == ("Open", 3, 2, 2, 2)
    succeed(acme, "items")  # it never failed
    succeed(acme, "bills")
    assert standing(incident) == ("Open", 3, 2, 2, 1)
    succeed(bolt)
    assert standing(incident) == ("Resolved", 3, 2, 2, 0)
    assert incident.resolved_by == ""
    assert story(incident) == [
        ("opened", ["Acme"], 1), ("spread", ["Bolt"], 1), ("recovered", ["Acme"], 1), ("resolved", [], 0),
    ]  # fmt: skip
    assert IncidentMember.objects.filter(recovered_at=None).count() == 0


def test_consent_is_back_with_a_new_link_and_not_with_a_read() -> None:
    acme = on("Acme")
    lose(acme)
    incident = Incident.objects.get()
    succeed(acme)  # it was under way
    assert incident.state == "Open"
    relink(acme)
    assert standing(incident) == ("Resolved", 1, 1, 1, 0)


@pytest.mark.parametrize("end", ["unlinked", "company deleted"])
def test_what_is_gone_does_not_fail_any_more(end: str) -> None:
    acme = on("Acme")
    fail(acme)
    if end == "unlinked":
        unlink_connection(acme, actor="test")
    else:
        delete_company(acme.company, actor="test")
    tell_all()
    assert standing(Incident.objects.get()) == ("Resolved", 1, 1, 1, 0)


def test_a_type_that_fails_for_another_reason_has_left_the_first() -> None:
    acme = on("Acme")
    fail(acme)
    fail(acme, status=S.MAP_ERROR, responsible=US)
    assert {one.cause: one.state for one in Incident.objects.all()} == {"outage": "Resolved", "ours": "Open"}


def test_it_opens_again_when_it_comes_back_soon(clock: Clock) -> None:
    acme, bolt = on("Acme"), on("Bolt")
    fail(acme)
    succeed(acme)
    Incident.objects.update(acknowledged_at=now(), acknowledged_by="user:ana")
    clock.forward(hours=5)
    fail(bolt)
    incident = Incident.objects.get()
    assert standing(incident) == ("Open", 2, 2, 2, 1)
    assert (incident.reopened_count, incident.acknowledged_by) == (1, "")
    fail(acme)
    assert standing(incident) == ("Open", 3, 2, 2, 2)
    succeed(acme)
    succeed(bolt)
    clock.forward(hours=7)
    fail(acme)
    assert list(Incident.objects.order_by("first_seen_at").values_list("failure_count", flat=True)) == [3, 1]


def test_consent_withdrawn_by_somebody_else_is_not_the_same_again(clock: Clock) -> None:
    acme, bolt = on("Acme"), on("Bolt")
    lose(acme)
    relink(acme)
    clock.forward(minutes=20)
    lose(bolt)
    assert Incident.objects.count() == 2
    relink(bolt)
    lose(bolt)
    assert Incident.objects.count() == 2


def test_a_platform_that_fails_days_later_is_another_incident_although_the_first_is_open(clock: Clock) -> None:
    acme, bolt = on("Acme"), on("Bolt")
    fail(acme)
    clock.forward(hours=25)
    fail(bolt)
    fail(acme)  # its own one goes on
    assert sorted(Incident.objects.values_list("failure_count", flat=True)) == [1, 2]


# --- webhook endpoints ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["recovered", "enabled", "paused", "deleted"])
def test_an_endpoint_that_fails_and_is_put_right(end: str) -> None:
    consumer = create_consumer(url="https://93.184.216.34/in", event_types=["company.created"], actor="test")
    record_event("webhook.failing", consumer_id=str(consumer.pk), url=consumer.url, reason="The endpoint answered 500.")
    tell_all()
    incident = Incident.objects.get()
    assert (incident.cause, incident.owner, incident.consumer) == ("endpoint", OPERATOR, consumer)
    assert (incident.reason, incident.failing_count) == ("The endpoint answered 500.", 1)
    record_event("webhook.disabled", consumer_id=str(consumer.pk), url=consumer.url, because="failing")
    tell_all()
    assert standing(incident) == ("Open", 2, 0, 0, 1)
    match end:
        case "recovered":
            record_event("webhook.recovered", consumer_id=str(consumer.pk), url=consumer.url)
        case "enabled":
            consumer.disabled = True
            consumer.save()
            enable_consumer(consumer, actor="test")
        case "paused":
            pause_consumer(consumer, actor="test")
        case "deleted":
            delete_consumer(consumer, actor="test")
    tell_all()
    assert standing(incident) == ("Resolved", 2, 0, 0, 0)


# --- exactly once, at one price -------------------------------------------------------------------------------------


def explode(event: Event) -> None:
    raise RuntimeError("another subscriber fails after us")


def test_an_event_that_is_told_twice_counts_once(settings: Any) -> None:
    mine = "portal.alerting.incidents.event_happened"
    settings.EVENT_SUBSCRIBERS = [mine, f"{__name__}.explode"]
    dataset = make_dataset(on("Acme"), status=S.FETCH_ERROR, error_responsible=PLATFORM)
    record_event("dataset.failed", about=dataset)
    tell_events()
    assert Incident.objects.count() == 0
    settings.EVENT_SUBSCRIBERS = [mine]
    Event.objects.update(tell_after=None)
    tell_all()
    assert standing(Incident.objects.get()) == ("Open", 1, 1, 1, 1)


def test_a_process_that_dies_before_its_commit_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each second time the teller dies with its work written and not committed; each failure counts once even so."""
    connections = [on(f"C{number}") for number in range(5)]
    for data_type in ("invoices", "bills", "items", "customers"):
        for connection in connections:
            dataset = make_dataset(connection, data_type, S.FETCH_ERROR, error_responsible=PLATFORM)
            record_event("dataset.failed", about=dataset)
    deaths = 0
    while Event.objects.filter(told_at=None).exists():
        with monkeypatch.context() as patched:
            patched.setattr(failpoints, "_ACTIONS", {"before_told": ("raise", 1)})
            patched.setattr(failpoints, "_reached", Counter())
            with pytest.raises(failpoints.FailpointReached):
                tell_events(limit=3)
        deaths += 1
        tell_events(limit=3)
    assert deaths == 7
    incident = Incident.objects.get()
    assert standing(incident) == ("Open", 20, 5, 5, 5)
    assert sum(count for _, count in incident.hourly) == 20
    assert story(incident) == [("opened", ["C0"], 1), ("spread", ["C1", "C2", "C3", "C4"], 4)]
    assert Event.objects.filter(kind="incident.opened").count() == 1


def test_each_change_of_an_incident_is_an_event() -> None:
    acme = on("Acme")
    fail(acme)
    succeed(acme)
    fail(acme)
    kinds = Event.objects.filter(kind__startswith="incident.").order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["incident.opened", "incident.resolved", "incident.reopened"]


@pytest.mark.parametrize("size", [2, 30])
def test_a_failure_costs_the_same_in_an_incident_of_any_size(size: int, django_assert_num_queries: Any) -> None:
    for number in range(size):
        fail(on(f"C{number}"))
    joins, again = on("Joins"), Connection.objects.order_by("created_at").first()
    event = _failed(joins)
    with django_assert_num_queries(9):
        event_happened(event)
    event = _failed(again)
    with django_assert_num_queries(4):
        event_happened(event)


def _failed(connection: Connection) -> Event:
    dataset = make_dataset(connection, "bills", status=S.FETCH_ERROR, error_responsible=PLATFORM)
    return record_event("dataset.failed", about=dataset)


def test_a_read_that_goes_well_costs_one_query_and_a_step_none(django_assert_num_queries: Any) -> None:
    dataset = make_dataset(on("Acme"), status=S.COMPLETE)
    completed, moved = (record_event(f"dataset.{kind}", about=dataset) for kind in ("completed", "moved"))
    with django_assert_num_queries(1):
        event_happened(completed)
    with django_assert_num_queries(0):
        event_happened(moved)


def test_many_companies_within_the_hour_are_one_line_with_a_few_names() -> None:
    for number in range(9):
        fail(on(f"C{number}"))
    assert story(Incident.objects.get()) == [("opened", ["C0"], 1), ("spread", ["C1", "C2", "C3", "C4", "C5"], 8)]


def test_the_trend_keeps_a_week(clock: Clock) -> None:
    acme = on("Acme")
    fail(acme)
    fail(acme)
    clock.forward(hours=2)
    fail(acme)
    incident = Incident.objects.get()
    (first, two), (last, one) = incident.hourly
    assert (last - first, two, one) == (2, 2, 1)
    clock.forward(hours=HOURS_KEPT)
    fail(acme)
    incident.refresh_from_db()
    assert incident.hourly == [[last + HOURS_KEPT, 1]]


def test_old_ones_are_purged_once_they_are_resolved(settings: Any) -> None:
    acme, bolt = on("Acme"), on("Bolt", integration=make_integration("gbol", name="Xero"))
    fail(acme)
    fail(bolt)
    succeed(acme)
    old = now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS + 1)
    Incident.objects.update(last_seen_at=old, first_seen_at=old)
    Incident.objects.filter(resolved_at__isnull=False).update(resolved_at=old)
    purge_incidents()
    assert [one.state for one in Incident.objects.all()] == ["Open"]
