"""The courier: a process of every worker cluster that tells events and delivers messages.

It is no task of the queue, where a message would wait behind reads that take an hour, and where endpoints that never
answer would take the workers from them. Its one main thread does all that touches the database; the requests are made
by threads that do nothing else.

**Lanes.** Every endpoint is a lane. One that answers well and soon may have LANE_LIMIT requests under way; one that is
unknown, fails or is slow has one or a small share of one half of the threads. So dead endpoints, however many, leave
half of the threads to the others, and a backlog of one is looked at after what is due for the rest.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, SimpleQueue

from django import db
from django.conf import settings
from django.utils.timezone import now

from portal.alerting.channels import Done
from portal.alerting.delivery import Flight, due_lanes, purge_messages, renew, settle, take
from portal.alerting.incidents import purge_incidents
from portal.alerting.periodic import look_into_rules, purge_alerts
from syncengine.cluster_roles import OUTAGE
from syncengine.outbound.posting import Receipt
from syncengine.processes import stopping
from syncengine.run.lease import worker_name
from syncengine.run.telling import tell_events

log = logging.getLogger(__name__)

LANE_LIMIT = 4
SLOW_SECONDS = 2.0  # an endpoint that takes longer is no fast one, whatever it answers
PURGE_SECONDS = 60.0
OUTAGE_SECONDS = 1.0
GRACE_SECONDS = 0.005  # a moment for more answers to come in, so that they are written down together


def run_courier() -> None:
    """Tell and deliver until told to stop; what is under way then is finished first."""
    Courier().run()


@dataclass
class Lane:
    """What this process knows of one receiver. Begun anew with each process, and learned within one answer."""

    is_good: bool = False
    is_known: bool = False
    asked_again_at: float = 0.0
    under_way: dict[str, float] = field(default_factory=dict)  # message id: since when (monotonic)

    def learn(self, one: Done) -> None:
        self.under_way.pop(one.message.pk, None)
        self.is_known = True
        self.is_good = one.receipt.is_success and one.receipt.duration_ms < SLOW_SECONDS * 1000

    def is_trusted(self, moment: float) -> bool:
        return self.is_good and all(moment - since < SLOW_SECONDS for since in self.under_way.values())


class Courier:
    """threads:  requests under way at the same time, over all endpoints."""

    def __init__(self, *, threads: int | None = None) -> None:
        self.owner = f"{worker_name()}:{os.urandom(4).hex()}"
        self.threads = threads or settings.HEADRACE_WEBHOOK_CONCURRENCY
        self.lanes: dict[str, Lane] = {}
        self.flights: dict[str, Flight] = {}
        self.ended: SimpleQueue[Done] = SimpleQueue()
        self.unwritten: list[Done] = []  # kept until they are committed, however long the database is away
        self.pool = ThreadPoolExecutor(self.threads, thread_name_prefix="courier")
        self._renewed = self._purged = self._looked = time.monotonic()

    def run(self) -> None:
        while not stopping():
            self._outlive_outages(self.work)
            self.wait(settings.HEADRACE_WEBHOOK_POLL_SECONDS)
        while self.flights or self.unwritten:
            self.wait(0.1)
            self._outlive_outages(self.finish)
        self.pool.shutdown(wait=False, cancel_futures=True)

    def work(self) -> int:
        """Do all there is to do at this moment, and return how much that was."""
        told = tell_events()
        finished = self.finish()
        self._keep_leases()
        self._look_into_rules()
        self._purge()
        return told + finished + self.start()

    def deliver_all(self) -> None:
        """Work until nothing is due, nothing under way, and no rate limit waited for."""
        while any([self._waits(), self.work(), self.flights]):  # all three, and in this order
            self.wait(0.02)

    def _waits(self) -> bool:
        moment = time.monotonic()
        return any(lane.asked_again_at > moment for lane in self.lanes.values())

    def wait(self, seconds: float) -> None:
        """Wait for the next answer, at most so long."""
        with suppress(Empty):
            self.unwritten.append(self.ended.get(timeout=seconds))
            time.sleep(GRACE_SECONDS)

    # --- what ended

    def finish(self) -> int:
        """Write down every answer that came in."""
        with suppress(Empty):
            while True:
                self.unwritten.append(self.ended.get_nowait())
        if not self.unwritten:
            return 0
        settle(self.unwritten)
        written, self.unwritten = self.unwritten, []
        for one in written:
            self.flights.pop(one.message.pk, None)
            self._lane(one.message.lane).learn(one)
        return len(written)

    # --- what begins

    def start(self) -> int:
        """Begin what is due, as far as its lane has room: the best lanes first, so that no bad one is in their way."""
        moment = time.monotonic()
        full = [name for name, lane in self.lanes.items() if not self._room(lane, 1, moment)]
        waiting = due_lanes(full) if len(self.flights) < self.threads else []
        doubtful = sum(not self._lane(name).is_trusted(moment) for name in waiting)
        ranked = sorted(waiting, key=lambda name: self._rank(self._lane(name), moment))
        taken = take(self._divide(ranked, doubtful, moment), self.owner)
        for name, seconds in taken.waits.items():
            self._lane(name).asked_again_at = time.monotonic() + seconds
        for flight in taken.flights:
            self._lane(flight.message.lane).under_way[flight.message.pk] = time.monotonic()
            self.flights[flight.message.pk] = flight
            self.pool.submit(self._fly, flight)
        self._forget_idle_lanes()
        return len(taken.flights)

    def _divide(self, lanes: list[str], doubtful: int, moment: float) -> dict[str, int]:
        """Return how many requests each lane may begin, none of them 0; the first are served first."""
        free = self.threads - len(self.flights)
        for_doubtful = max(self.threads // 2, 1) - self._doubtful_under_way(moment)
        room: dict[str, int] = {}
        for name in lanes:
            lane = self._lane(name)
            left = free if lane.is_trusted(moment) else min(free, for_doubtful)
            count = min(left, self._room(lane, doubtful, moment))
            if count > 0:
                room[name] = count
                free -= count
                for_doubtful -= 0 if lane.is_trusted(moment) else count
        return room

    def _room(self, lane: Lane, doubtful: int, moment: float) -> int:
        """Return how many more requests this lane may begin, were it alone; `doubtful` ones share half the threads."""
        if moment < lane.asked_again_at:
            return 0
        if lane.is_trusted(moment):
            limit = LANE_LIMIT
        else:
            limit = max(min(LANE_LIMIT, self.threads // 2 // max(doubtful, 1)), 1) if lane.is_known else 1
        return max(limit - len(lane.under_way), 0)

    def _doubtful_under_way(self, moment: float) -> int:
        return sum(len(lane.under_way) for lane in self.lanes.values() if not lane.is_trusted(moment))

    def _rank(self, lane: Lane, moment: float) -> int:
        return 0 if lane.is_trusted(moment) else 2 if lane.is_known else 1

    def _lane(self, name: str) -> Lane:
        return self.lanes.setdefault(name, Lane())

    def _forget_idle_lanes(self) -> None:
        if len(self.lanes) > 5000:
            self.lanes = {name: lane for name, lane in self.lanes.items() if lane.under_way}

    # --- in a thread of its own

    def _fly(self, flight: Flight) -> None:
        """Send one message. Nothing here touches the database, and nothing that goes wrong is lost."""
        began, sent_at = time.monotonic(), datetime.now(UTC)
        try:
            receipt = flight.ready.send()
        except Exception as error:
            log.exception("Sending %s failed on our side", flight.message.pk)
            spent = round((time.monotonic() - began) * 1000)
            receipt = Receipt(sent_at, spent, error=f"Sending failed on our side ({type(error).__name__}).")
        self.ended.put(Done(flight.message, receipt, now()))

    # --- housekeeping

    def _keep_leases(self) -> None:
        if self.flights and time.monotonic() - self._renewed > settings.HEADRACE_LEASE_SECONDS / 4:
            self._renewed = time.monotonic()
            renew(list(self.flights.values()), self.owner)

    def _look_into_rules(self) -> None:
        if time.monotonic() - self._looked > settings.HEADRACE_RULES_SECONDS / 4:
            self._looked = time.monotonic()
            look_into_rules()

    def _purge(self) -> None:
        if time.monotonic() - self._purged > PURGE_SECONDS:
            self._purged = time.monotonic()
            purge_messages()
            purge_alerts()
            purge_incidents()

    def _outlive_outages(self, do: Callable[[], int]) -> None:
        """Run one pass; a database or queue that is away is waited for, and a fault of ours does not end the rest."""
        db.close_old_connections()
        try:
            do()
        except OUTAGE as error:
            log.error("The courier could not reach the database or the queue (%s); trying again.", error)
            time.sleep(OUTAGE_SECONDS)
        except Exception:
            log.exception("The courier's pass failed")
            time.sleep(OUTAGE_SECONDS)
