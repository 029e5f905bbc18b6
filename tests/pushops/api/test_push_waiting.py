"""A platform that takes its time: the caller is told Pending, and the write goes on."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from pushops.models import PushOperation
from syncengine.models import Connection
from tests.portal.api.answers import told
from tests.pushops.api.conftest import ACCOUNT, place
from tests.syncengine.lab import Lab

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def slow(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Connection:
    monkeypatch.setattr("pushops.api.answering.AT_ONCE", timedelta(seconds=0.2))
    lab.fault("stall", seconds=0.8, method="POST", times=1)
    return lab.connection()


def wait_for_the_end():
    for _ in range(200):
        operation = PushOperation.objects.get()
        if operation.is_ended:
            return operation
        time.sleep(0.05)
    raise AssertionError("it has not ended")


def test_it_is_pending_first_and_read_when_it_is_done(wire, slow, lab):
    answer = told(wire("POST", f"{place(slow)}/push/accounts", ACCOUNT, Idempotency_Key="k"))
    assert (answer["status"], answer["statusCode"], "completedOnUtc" in answer) == ("Pending", 202, False)
    assert answer["changes"] == [{"type": "Created", "recordRef": {"dataType": "chartOfAccounts"}}]

    operation = wait_for_the_end()
    shown = told(wire.get(f"/companies/{slow.company_id}/push/{operation.pk}"))
    assert (shown["pushOperationKey"], shown["status"], shown["statusCode"]) == (
        answer["pushOperationKey"],
        "Success",
        200,
    )
    assert shown["changes"][0]["recordRef"]["id"] == operation.result_record_id
    # The answer that was given under the key is given again, as it was.
    again = wire("POST", f"{place(slow)}/push/accounts", ACCOUNT, Idempotency_Key="k")
    assert (told(again), len(lab.control("GET", "creates"))) == (answer, 1)
