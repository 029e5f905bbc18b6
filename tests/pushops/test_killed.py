"""A worker that dies or hangs anywhere around the platform's call leads to one write, told once, in the cache."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from pushops.models import PushOperation
from pushops.run.attending import attend
from pushops.states import Phase, PushStatus
from syncengine.connectors.changes import Operation
from syncengine.sandbox.books import record_id
from tests.pushops.pushes import CUSTOMER, again, ask, attempts, cached, skip_waiting, state_of, statuses, writes
from tests.syncengine.lab import Lab
from tests.syncengine.run.processes import Worker, start_process, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PLACES = ("before_send", "after_send", "before_record", "before_end")
IN_TRANSACTION = ("before_end",)
each_place = pytest.mark.parametrize("place", PLACES)


@each_place
@pytest.mark.parametrize("operation", [Operation.CREATE, Operation.UPDATE])
def test_a_worker_killed_there_leads_to_one_write(lab, run_queue, tmp_path, place, operation):
    push = waiting(lab, operation)
    take_the_task_away()
    assert start(push, lab, tmp_path, place, "crash").end() == -signal.SIGKILL
    assert (again(push).status, again(push).phase) == (PushStatus.PENDING, Phase.SENDING)
    go_on(push, run_queue)
    assert_done_once(lab, push, operation)


@each_place
def test_a_worker_that_hung_there_changes_nothing_afterwards(lab, run_queue, tmp_path, place):
    push = waiting(lab, Operation.CREATE)
    take_the_task_away()
    worker = start(push, lab, tmp_path, place, "hang")
    wait_for((tmp_path / "mark").exists)
    if place in IN_TRANSACTION:
        # Its open transaction keeps all others out; whoever watches the workers must end it.
        worker.signal(signal.SIGKILL)
        worker.end()
    go_on(push, run_queue)
    assert_done_once(lab, push, Operation.CREATE)
    if place not in IN_TRANSACTION:
        (tmp_path / "mark").unlink()
        assert worker.end() == 0
        assert_done_once(lab, push, Operation.CREATE)


def waiting(lab: Lab, operation: Operation) -> PushOperation:
    which = {} if operation == Operation.CREATE else {"record_id": record_id("cus", 1)}
    return ask(lab.connection(), CUSTOMER, operation=operation, **which)


def start(push: PushOperation, lab: Lab, directory: Path, place: str, action: str) -> Worker:
    """Start a process that carries it out, and is disturbed there."""
    environment = {
        "HEADRACE_FAILPOINTS": f"{place}={action}",
        "HEADRACE_FAILPOINT_MARK": str(directory / "mark"),
    }
    own_settings = {"HEADRACE_OUTBOUND_ALLOW": [lab.place], "HEADRACE_PREFETCH": False}
    return start_process("pushops.run.carrying.carry_out", str(push.pk), own_settings, environment)


def go_on(push: PushOperation, run_queue: Any) -> None:
    """What the keeper does by itself once the lease has run out."""
    skip_waiting(push)
    assert attend() == 1
    run_queue()


def assert_done_once(lab: Lab, push: PushOperation, operation: Operation) -> None:
    done = again(push)
    word = {Operation.CREATE: "create", Operation.UPDATE: "update"}[operation]
    assert (done.status, done.needs_attention, done.error_message) == (PushStatus.SUCCESS, "", "")
    assert [write["operation"] for write in writes(lab)] == [word]
    assert done.result_record_id == writes(lab)[0]["id"]
    assert cached(done.connection, done.result_record_id).content["customerName"] == "Quay Books"
    assert state_of(done.connection).records_version == 1
    assert statuses(done) == ["Pending", "Success"]
    assert (done.lease_owner, done.lease_until, done.look_at) == ("", None, None)
    assert attempts(done)[-1] in ("Succeeded", "Found")


def take_the_task_away() -> None:
    """Nobody is woken for the operation but by the keeper."""
    from django_q.brokers import get_broker

    get_broker().purge_queue()
