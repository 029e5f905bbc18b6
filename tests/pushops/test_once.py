"""At most once: whatever becomes of worker, network and platform, nothing is done twice, and every end is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils.timezone import now

from pushops.actions.handling import settle
from pushops.actions.pushing import edit_and_retry, push_now
from pushops.exceptions import OperationEnded
from pushops.models import PushOperation
from pushops.run import carrying
from pushops.run.attending import attend
from pushops.run.carrying import carry_out
from pushops.run.lease import claim
from pushops.states import Attention, Phase, PushStatus
from syncengine.connectors.changes import Operation, WriteSupport
from syncengine.exceptions import LeaseLost
from syncengine.models import Connection, Event
from syncengine.states import ConnectionStatus
from tests.pushops.pushes import (
    CUSTOMER,
    again,
    ask,
    attempts,
    cached,
    past_deadline,
    raised,
    skip_waiting,
    state_of,
    statuses,
    writes,
)

pytestmark = pytest.mark.django_db
SOON = timedelta(seconds=5)


@pytest.fixture
def supports(monkeypatch) -> Any:
    """Make the platform support writes so, whatever its manifest says."""

    def so(**able: bool) -> None:
        monkeypatch.setattr(carrying, "support_for", lambda *_: WriteSupport(Operation.CREATE, **able))

    return so


def worked(operation: PushOperation, times: int = 1) -> PushOperation:
    for _ in range(times):
        skip_waiting(operation)
        carry_out(operation.pk)
    return again(operation)


@pytest.mark.parametrize("fault", ["reset-after", "error-after"])
def test_a_create_whose_answer_was_lost_is_found_by_its_marker(lab, connection, fault):
    lab.fault(fault, times=1)
    operation = ask(connection)
    carry_out(operation.pk)
    operation = again(operation)
    assert (operation.status, operation.phase, attempts(operation)) == ("Pending", Phase.SENDING, ["Unknown"])
    assert "Whether the platform did it is not known." in operation.wait_reason
    operation = worked(operation)
    assert (operation.status, attempts(operation)) == (PushStatus.SUCCESS, ["Unknown", "Found"])
    assert [write["id"] for write in writes(lab)] == [operation.result_record_id]
    assert cached(connection, operation.result_record_id).content["customerName"] == "Quay Books"
    assert statuses(operation) == ["Pending", "Success"]


def test_a_create_that_never_arrived_is_sent_again_with_its_key(lab, connection):
    lab.fault("reset-before", times=1)
    operation = ask(connection)
    carry_out(operation.pk)
    operation = worked(operation)
    assert (operation.status, attempts(operation)) == (PushStatus.SUCCESS, ["Unknown", "NotFound", "Succeeded"])
    assert len(writes(lab)) == 1
    assert writes(lab)[0]["idempotency_key"] == writes(lab)[0]["client_ref"] == operation.marker


def test_an_update_whose_answer_was_lost_is_answered_again_by_its_key(lab, connection):
    key = push_now(ask(connection), within=SOON).result_record_id
    lab.fault("reset-after", times=1)
    body = CUSTOMER | {"customerName": "Quay Prints"}
    operation = ask(connection, body, operation=Operation.UPDATE, record_id=key)
    carry_out(operation.pk)
    operation = worked(operation)
    assert (operation.status, attempts(operation)) == (PushStatus.SUCCESS, ["Unknown", "Succeeded"])
    assert operation.attempts.last().message == "The platform knew this write already."
    assert [write["operation"] for write in writes(lab)] == ["create", "update"]


def test_without_key_or_search_it_is_never_sent_again_and_a_person_settles_it(lab, connection, supports):
    supports()
    lab.fault("reset-after", times=1)
    operation = ask(connection)
    carry_out(operation.pk)
    operation = worked(operation, times=3)
    assert (operation.status, operation.phase, operation.needs_attention) == (
        PushStatus.PENDING,
        Phase.SENT,
        Attention.OUTCOME_UNKNOWN,
    )
    assert (len(writes(lab)), attempts(operation)) == (1, ["Unknown"])
    done = settle(operation, PushStatus.SUCCESS, writes(lab)[0]["id"], actor="user:1")
    assert (done.status, done.status_code, done.phase, done.needs_attention) == ("Success", 200, Phase.SETTLED, "")
    assert (done.result_record_id, done.look_at) == (writes(lab)[0]["id"], None)
    assert attempts(done) == ["Unknown", "Settled"]
    assert done.attempts.last().message == f"user:1 settled it as Success, record {done.result_record_id}."
    assert statuses(done) == ["Pending", "Success"]
    assert raised(done) == [("push.needs_attention", "OutcomeUnknown"), ("push.attention_over", "OutcomeUnknown")]
    with pytest.raises(OperationEnded):
        settle(done, PushStatus.FAILED, actor="user:1")


def test_an_unknown_outcome_ends_at_its_deadline_and_keeps_its_attention(lab, connection, supports):
    supports()
    lab.fault("error-after", times=1)
    operation = ask(connection, timeout_minutes=1)
    carry_out(operation.pk)
    past_deadline(operation)
    attend()
    operation = again(operation)
    assert (operation.status, operation.status_code, operation.needs_attention) == ("TimedOut", 408, "OutcomeUnknown")
    with pytest.raises(OperationEnded, match="Settle that first"):
        edit_and_retry(operation, CUSTOMER, actor="user:1")
    settled = settle(operation, PushStatus.FAILED, actor="user:1")
    assert (settled.status, settled.needs_attention, settled.phase) == ("TimedOut", "", Phase.SETTLED)
    assert raised(settled) == [("push.needs_attention", "OutcomeUnknown"), ("push.attention_over", "OutcomeUnknown")]
    assert edit_and_retry(settled, CUSTOMER, actor="user:1").retry_of_id == operation.pk


def test_a_key_that_is_too_old_is_not_trusted(lab, connection, supports, settings):
    supports(idempotent=True)
    lab.fault("reset-before", times=1)
    operation = ask(connection)
    carry_out(operation.pk)
    PushOperation.objects.update(sent_at=now() - timedelta(seconds=settings.HEADRACE_PUSH_KEY_SECONDS + 1))
    operation = worked(operation)
    assert (operation.phase, operation.needs_attention, writes(lab)) == (Phase.SENT, Attention.OUTCOME_UNKNOWN, [])


def test_nothing_found_proves_nothing_while_the_request_may_still_be_at_work(lab, connection, supports, settings):
    supports(searchable=True)
    lab.fault("reset-before", times=1)
    operation = ask(connection)
    carry_out(operation.pk)
    operation = worked(operation)
    assert (operation.status, operation.phase, attempts(operation)) == ("Pending", "Sending", ["Unknown", "NotFound"])
    PushOperation.objects.update(last_sent_at=now() - timedelta(seconds=settings.HEADRACE_PUSH_SETTLE_SECONDS + 1))
    operation = worked(operation)
    assert (operation.status, len(writes(lab))) == (PushStatus.SUCCESS, 1)


def test_a_late_success_is_recorded_and_raised_and_the_status_stays(lab, connection):
    lab.fault("reset-after", times=1)
    operation = ask(connection, timeout_minutes=1)
    carry_out(operation.pk)
    past_deadline(operation)
    attend()
    assert (again(operation).status, again(operation).needs_attention) == ("TimedOut", "OutcomeUnknown")
    operation = worked(operation)
    assert (operation.status, operation.status_code, operation.phase) == (PushStatus.TIMED_OUT, 408, Phase.SETTLED)
    assert (operation.needs_attention, operation.result_record_id) == (Attention.LATE_SUCCESS, writes(lab)[0]["id"])
    assert attempts(operation) == ["Unknown", "LateSuccess"]
    assert cached(connection, operation.result_record_id).content["customerName"] == "Quay Books"
    assert statuses(operation) == ["Pending", "TimedOut"]
    assert settle(operation, PushStatus.SUCCESS, actor="user:1").needs_attention == ""
    assert raised(operation) == [
        ("push.needs_attention", "OutcomeUnknown"),
        ("push.needs_attention", "LateSuccess"),
        ("push.attention_over", "LateSuccess"),
    ]


def test_what_timed_out_is_not_sent_again(lab, connection, supports, settings):
    supports(searchable=True, idempotent=True)
    settings.HEADRACE_PUSH_SETTLE_SECONDS = 0
    lab.fault("reset-before", times=1)
    operation = ask(connection, timeout_minutes=1)
    carry_out(operation.pk)
    past_deadline(operation)
    attend()
    operation = worked(operation)
    assert (operation.status, operation.phase, operation.needs_attention) == ("TimedOut", Phase.SETTLED, "")
    assert (writes(lab), attempts(operation)) == ([], ["Unknown", "NotFound"])


def test_a_worker_that_lost_its_hold_still_says_what_the_answer_was(lab, connection, supports, monkeypatch):
    """It waited longer than its lease; another gave the operation up as unknown; then the answer came after all."""
    supports()
    operation = ask(connection)
    send = carrying.Sender.push

    def meanwhile(self):
        receipt = send(self)
        skip_waiting(operation)
        monkeypatch.setattr(carrying.Sender, "push", send)
        carry_out(operation.pk, owner="another")
        assert again(operation).needs_attention == Attention.OUTCOME_UNKNOWN
        return receipt

    monkeypatch.setattr(carrying.Sender, "push", meanwhile)
    carry_out(operation.pk, owner="slow")
    operation = again(operation)
    assert (operation.status, operation.needs_attention, operation.phase) == ("Success", "", Phase.SETTLED)
    assert list(operation.attempts.order_by("number").values_list("worker", "outcome")) == [
        ("slow", "Succeeded"),
        ("another", "Unknown"),
    ]
    assert len(writes(lab)) == 1


def test_an_answer_after_an_operator_settled_it_as_failed_is_raised(lab, connection, supports, monkeypatch):
    supports()
    operation = ask(connection)
    send = carrying.Sender.push

    def meanwhile(self):
        receipt = send(self)
        skip_waiting(operation)
        monkeypatch.setattr(carrying.Sender, "push", send)
        carry_out(operation.pk, owner="another")
        settle(again(operation), PushStatus.FAILED, actor="user:1")
        return receipt

    monkeypatch.setattr(carrying.Sender, "push", meanwhile)
    carry_out(operation.pk, owner="slow")
    operation = again(operation)
    assert (operation.status, operation.needs_attention) == (PushStatus.FAILED, Attention.LATE_SUCCESS)
    assert statuses(operation) == ["Pending", "Failed"]


def test_a_fault_of_ours_after_the_answer_leaves_it_to_a_person(lab, connection, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr("pushops.run.outcomes.store_records", broken)
    operation = ask(connection)
    with pytest.raises(RuntimeError):
        carry_out(operation.pk)
    operation = again(operation)
    assert (operation.status, operation.phase, operation.needs_attention) == ("Pending", "Sent", "OutcomeUnknown")
    assert operation.error_message.startswith("Something went wrong inside Headrace: RuntimeError. It was logged.")


def test_only_one_can_hold_it(lab, connection):
    operation = ask(connection)
    first = claim(operation.pk, "first")
    assert claim(operation.pk, "second") is None
    skip_waiting(operation)
    second = claim(operation.pk, "second")
    assert (again(operation).lost_count, second.fence) == (1, first.fence + 1)
    with pytest.raises(LeaseLost), transaction.atomic():
        first.begin_attempt(sends=True)
    assert (again(operation).phase, attempts(operation)) == (Phase.WAITING, [])


def test_an_operation_that_kills_its_workers_ends(lab, connection, settings):
    settings.HEADRACE_MAX_LOST_WORKERS = 2
    operation = ask(connection)
    for _ in range(3):
        skip_waiting(operation)
        assert claim(operation.pk, "victim")
    operation = worked(operation)
    assert (operation.status, writes(lab)) == (PushStatus.FAILED, [])
    assert operation.error_message == "Worker lost: 3 workers died while they held this operation."


def test_a_connection_that_lost_its_link_meanwhile_is_not_written_to(lab, connection):
    operation = ask(connection)
    Connection.objects.update(status=ConnectionStatus.UNLINKED)
    operation = worked(operation)
    assert (operation.status, operation.status_code, writes(lab)) == (PushStatus.FAILED, 409, [])
    assert operation.error_message == (
        "The connection is Unlinked, so nothing can be written over it. Link it again, then try again."
    )


def test_a_token_that_ended_is_refreshed_once_and_a_refused_one_deauthorises(lab, connection):
    lab.fault("unauthorized", times=1, type="customers")
    operation = push_now(ask(connection), within=SOON)
    assert (operation.status, len(lab.requests("/oauth/token"))) == (PushStatus.SUCCESS, 1)
    lab.fault("unauthorized", type="customers")
    lab.fault("invalid-grant", type="oauth-token")
    operation = push_now(ask(connection), within=SOON)
    assert (operation.status, operation.status_code) == (PushStatus.FAILED, 401)
    assert again(operation).connection.status == ConnectionStatus.DEAUTHORIZED
    assert Event.objects.filter(kind="connection.deauthorized").count() == 1
    assert state_of(connection).record_count == 1
