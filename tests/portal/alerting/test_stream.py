"""The event stream: each event is told once, whole or not at all, in order, whatever fails."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from portal.models.webhook import WebhookMessage
from syncengine.actions.companies import create_company, delete_company, rename_company
from syncengine.events import record_event
from syncengine.models import Event
from syncengine.run.sweeping import purge
from syncengine.run.telling import tell_events
from syncengine.states import DatasetStatus, Trigger
from tests.factories import make_company, make_connection, make_dataset

pytestmark = pytest.mark.django_db
told: list[str] = []


def note(event: Event) -> None:
    told.append(f"{event.kind} {event.data.get('name', '')}".strip())


def fail_at_acme(event: Event) -> None:
    note(event)
    make_company(f"made by {event.kind}")
    if event.data.get("name") == "Acme":
        raise ValueError("a fault of ours")


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    told.clear()


@pytest.fixture
def subscribers(settings):
    def subscribe(*names: str) -> None:
        settings.EVENT_SUBSCRIBERS = [f"{__name__}.{name}" for name in names]

    return subscribe


def test_events_are_told_once_in_their_order(subscribers) -> None:
    subscribers("note")
    company = create_company(name="Acme", actor="test")
    rename_company(company, name="Bolt", actor="test")
    delete_company(company, actor="test")
    assert tell_events() == 3
    assert tell_events() == 0
    assert told == ["company.created Acme", "company.renamed", "company.deleted Bolt"]
    assert Event.objects.filter(told_at=None).count() == 0


def test_a_change_that_is_rolled_back_is_never_told(subscribers) -> None:
    subscribers("note")
    with transaction.atomic():
        create_company(name="Acme", actor="test")
        transaction.set_rollback(True)
    assert (tell_events(), told) == (0, [])


def test_a_subscriber_that_fails_holds_up_nothing_else_and_leaves_nothing(subscribers) -> None:
    subscribers("fail_at_acme")
    create_company(name="Acme", actor="test")
    create_company(name="Bolt", actor="test")
    tell_events()
    assert told == ["company.created Acme", "company.created Bolt"]
    waiting = Event.objects.get(told_at=None)
    assert (waiting.data["name"], waiting.tell_failures) == ("Acme", 1)
    assert timedelta(seconds=5) < waiting.tell_after - now() < timedelta(seconds=15)
    from syncengine.models import Company

    assert Company.objects.filter(name__startswith="made by").count() == 1
    assert tell_events() == 0  # not before its time
    subscribers("note")
    Event.objects.update(tell_after=now())
    assert tell_events() == 1
    assert told[-1] == "company.created Acme"


def test_with_nobody_to_tell_events_are_history_at_once(settings) -> None:
    settings.EVENT_SUBSCRIBERS = []
    create_company(name="Acme", actor="test")
    assert Event.objects.filter(told_at=None).count() == 0


def test_old_events_are_purged(subscribers, settings) -> None:
    subscribers("note")
    create_company(name="Acme", actor="test")
    tell_events()
    Event.objects.update(at=now() - timedelta(days=settings.HEADRACE_HISTORY_DAYS + 1))
    purge()
    assert Event.objects.count() == 0


def first_reads(*statuses: str) -> list[str]:
    connection = make_connection()
    for number, status in enumerate(statuses):
        dataset = make_dataset(connection, f"type-{number}", status, trigger=Trigger.FIRST_LINK)
        if status not in ("Queued", "Fetching"):
            record_event("dataset.completed" if status == "Complete" else "dataset.failed", about=dataset)
    tell_events()
    tell_events()
    return [kind for kind in told if kind == "connection.first_read_completed"]


@pytest.mark.parametrize(
    ("statuses", "count"),
    [
        (["Complete"], 1),
        (["Complete", "FetchError", "Complete"], 1),
        (["FetchError", "MapError"], 0),
        (["Complete", "Fetching"], 0),
        (["Queued"], 0),
    ],
)
def test_the_first_reads_of_a_connection_are_done_once(subscribers, statuses, count) -> None:
    subscribers("note")
    assert len(first_reads(*statuses)) == count


def test_a_later_read_is_not_a_first_one(subscribers) -> None:
    subscribers("note")
    dataset = make_dataset(make_connection(), status=DatasetStatus.COMPLETE)
    record_event("dataset.completed", about=dataset)
    tell_events()
    assert told == ["dataset.completed"]


def test_telling_without_anybody_who_listens_costs_no_query_for_each_step(django_assert_num_queries) -> None:
    dataset = make_dataset()
    for _ in range(10):
        record_event("dataset.moved", about=dataset, before="Queued", after="Fetching")
    # Is anything untold, the lock of PostgreSQL, the savepoints, the events, one mark for all of them.
    with django_assert_num_queries(6 + 2 * 10, exact=False):
        tell_events()
    assert WebhookMessage.objects.count() == 0


def test_an_event_of_what_was_purged_is_told_all_the_same(subscribers) -> None:
    record_event("dataset.completed", about=None, data_type="invoices")
    Event.objects.update(company_id=uuid.uuid4(), connection_id=uuid.uuid4(), dataset_id=uuid.uuid4())
    assert tell_events() == 1
    assert Event.objects.filter(told_at=None).count() == 0
