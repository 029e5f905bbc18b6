"""Whatever happens in whatever order, what an incident says of itself is what happened."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.alerting.incidents import event_happened
from portal.models import Incident, IncidentMember
from syncengine.actions.integrations import install_integrations
from syncengine.events import record_event
from syncengine.models import Company, Connection, Integration
from tests.factories import make_company, make_connection, make_dataset

pytestmark = pytest.mark.django_db
TYPES = ("bills", "invoices")
ENDS = (
    ("FetchError", "platform"),
    ("RateLimitError", "platform"),
    ("FetchError", "operator"),
    ("PermissionsError", "customer"),
    ("MapError", "us"),
    ("InternalError", "us"),
    ("Complete", ""),
    ("NotSupported", ""),
)
READS = st.tuples(st.just("read"), st.integers(0, 3), st.sampled_from(TYPES), st.sampled_from(ENDS))
STATES = st.tuples(st.sampled_from(("lost", "linked")), st.integers(0, 3), st.just(""), st.just(("", "")))
HISTORIES = st.lists(st.tuples(st.integers(0, 400), st.one_of(READS, READS, STATES)), min_size=1, max_size=16)


class World:
    """Four connections of three companies on two platforms, and what is known of each by plain means."""

    def __init__(self) -> None:
        install_integrations()
        sandbox, xero = (Integration.objects.get(key=key) for key in ("mqjo", "gbol"))
        acme, bolt, cove = (make_company(name) for name in ("Acme", "Bolt", "Cove"))
        places = ((acme, sandbox), (acme, xero), (bolt, sandbox), (cove, sandbox))
        self.connections = [make_connection(company, integration=one) for company, one in places]
        self.failing: dict[tuple[int, str], str] = {}  # what fails now, by connection and type
        self.lost: set[int] = set()
        self.failures: Counter[str] = Counter()

    def happen(self, minutes: int, what: tuple[str, int, str, tuple[str, str]], clock: Any) -> None:
        clock.shift(timedelta(minutes=minutes))
        kind, place, data_type, (status, responsible) = what
        connection = self.connections[place]
        if kind == "read":
            self._read(place, connection, data_type, status, responsible)
        elif kind == "lost" and place not in self.lost:
            self._move(connection, "Deauthorized", "connection.deauthorized")
            self.lost.add(place)
            self.failures["revoked"] += 1
        elif kind == "linked" and place in self.lost:
            self._move(connection, "Linked", "connection.linked")
            self.lost.discard(place)

    def _read(self, place: int, connection: Connection, data_type: str, status: str, responsible: str) -> None:
        dataset = make_dataset(connection, data_type, status, error_responsible=responsible)
        kind = "dataset.completed" if status == "Complete" else "dataset.failed"
        event_happened(record_event(kind, about=dataset, data_type=data_type))
        self.failing.pop((place, data_type), None)
        if status not in ("Complete", "NotSupported"):
            self.failing[place, data_type] = str(dataset.pk)
            self.failures["reads"] += 1

    def _move(self, connection: Connection, status: str, kind: str) -> None:
        Connection.objects.filter(pk=connection.pk).update(status=status)
        event_happened(record_event(kind, about=connection))

    def told(self) -> dict[tuple[int, str], str]:
        """Return what the open incidents say fails."""
        places = {connection.pk: place for place, connection in enumerate(self.connections)}
        failing = IncidentMember.objects.filter(recovered_at=None, incident__resolved_at=None)
        return {(places[one.connection_id], key): dataset for one in failing for key, dataset in one.failing.items()}


@given(history=HISTORIES)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_incidents_say_what_happened(time_machine: Any, history: list[Any]) -> None:
    time_machine.move_to("2026-11-22T12:00:00Z", tick=False)
    Incident.objects.all().delete()
    Company.objects.all().delete()
    world = World()
    for minutes, what in history:
        world.happen(minutes, what, time_machine)
    assert world.told() == world.failing
    lost = IncidentMember.objects.filter(recovered_at=None, incident__cause="revoked")
    assert {one.connection_id for one in lost} == {world.connections[place].pk for place in world.lost}
    total = 0
    for incident in Incident.objects.all():
        members = list(incident.members.all())
        assert incident.failing_count == sum(one.recovered_at is None for one in members)
        assert (incident.resolved_at is None) == (incident.failing_count > 0)
        assert incident.connection_count == len(members)
        assert incident.company_count == len({one.company_id for one in members})
        assert incident.failure_count == sum(one.failure_count for one in members)
        assert incident.first_seen_at <= incident.last_seen_at <= now()
        total += incident.failure_count
    assert total == world.failures.total()
