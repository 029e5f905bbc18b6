"""One Idempotency-Key, one write: among many callers, and over a process that dies between asking and answering."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.utils.timezone import now

from portal.actions.api_keys import create_api_key
from portal.api.idempotency import HELD_FOR
from portal.keys import header_of
from portal.models import IdempotentAnswer
from pushops.models import PushOperation
from tests.portal.api.answers import members_at_fault, refused, told
from tests.portal.api.conftest import ALL_SCOPES
from tests.pushops.api.conftest import ACCOUNT, place, sent

KEY = "7f7bd7a3-5b1c-4bb6-9a0e-3a4e8c1d2f90"
OTHER = {**ACCOUNT, "name": "Other"}


@pytest.mark.django_db
def test_the_same_write_again_is_answered_the_same_and_done_once(push, lab):
    first = push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY)
    again = push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY)
    assert (told(first)["status"], again.content, again["Idempotency-Replayed"]) == ("Success", first.content, "true")
    assert refused(push("POST", "accounts", OTHER, Idempotency_Key=KEY))[0] == 422
    assert (PushOperation.objects.count(), len(lab.control("GET", "creates"))) == (1, 1)


@pytest.mark.django_db
def test_a_refused_write_is_answered_the_same_too(push, lab):
    answers = [push("POST", "items/x", ACCOUNT, Idempotency_Key=KEY) for _ in range(2)]
    assert [one.status_code for one in answers] == [405, 405]
    first, again = (push("POST", "taxRates", ACCOUNT, Idempotency_Key=f"{KEY}b") for _ in range(2))
    assert (first.status_code, again.content) == (404, first.content)
    assert sent(lab) == []


@pytest.mark.django_db
@pytest.mark.parametrize("after", ["begun", "done"])
def test_after_a_kill_the_key_goes_on_with_what_was_begun(push, lab, monkeypatch, after):
    """The process dies when the operation is written down, or when the platform has done it and nobody was told."""
    from pushops.api import answering

    real = answering.push_now

    def dying(operation, within):
        if after == "done":
            real(operation, within=within)
        raise SystemExit

    monkeypatch.setattr(answering, "push_now", dying)
    with pytest.raises(SystemExit):
        push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY)
    monkeypatch.setattr(answering, "push_now", real)
    assert refused(push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY))[0] == 409

    IdempotentAnswer.objects.update(held_until=now() - timedelta(seconds=1))
    answer = told(push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY))
    operation = PushOperation.objects.get()
    assert (answer["pushOperationKey"], answer["status"]) == (str(operation.pk), "Success")
    assert len(lab.control("GET", "creates")) == 1
    assert refused(push("POST", "accounts", OTHER, Idempotency_Key=KEY))[0] == 422


@pytest.mark.django_db
def test_of_two_that_run_at_once_after_all_the_second_begins_nothing(push, lab, monkeypatch):
    """The first is only slow, not dead: its key was given to another, and then it goes on."""
    from pushops.api import answering

    real, answers = answering.begun, []

    def slow(request):
        monkeypatch.setattr(answering, "begun", real)
        found = real(request)
        IdempotentAnswer.objects.update(held_until=now() - timedelta(seconds=1))
        answers.append(push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY))
        return found

    monkeypatch.setattr(answering, "begun", slow)
    late = push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY)
    assert (refused(late)[0], told(answers[0])["status"]) == (409, "Success")
    assert (PushOperation.objects.count(), len(lab.control("GET", "creates"))) == (1, 1)
    assert push("POST", "accounts", ACCOUNT, Idempotency_Key=KEY).content == answers[0].content


def test_a_killed_request_frees_its_key_later_than_any_answer_takes():
    from pushops.api.answering import AT_ONCE

    assert AT_ONCE * 10 < HELD_FOR


HOSTILE = [
    "", " ", "\t", "a b", "a" * 256, "ключ", "\u00e9", "a\x7f", "a\x00b", "a\nb", "a\r\nX-Evil: 1", "\u2028",
]  # fmt: skip
STRANGE = ["'OR/**/1=1--", "../../etc/passwd", "${jndi:ldap://x}", "<script>", "{}", "null", "%00", "a" * 255]


@pytest.mark.django_db
def test_a_key_that_is_none_is_refused_by_name_and_nothing_is_sent(wire, linked, lab):
    for key in HOSTILE:
        response = wire.client.post(
            f"/api{place(linked)}/push/accounts",
            ACCOUNT,
            content_type="application/json",
            headers={"Authorization": wire.authorization, "Idempotency-Key": key},
        )
        assert (refused(response)[0], members_at_fault(response)) == (400, ["Idempotency-Key"]), repr(key)
    assert (sent(lab), PushOperation.objects.count()) == ([], 0)


@pytest.mark.django_db
def test_a_strange_key_is_a_key(push, lab):
    for key in STRANGE:
        assert len({push("POST", "accounts", ACCOUNT, Idempotency_Key=key).content for _ in range(2)}) == 1
    assert [len(lab.control("GET", "creates")), PushOperation.objects.count()] == [len(STRANGE)] * 2


@pytest.mark.django_db(transaction=True)
def test_fifty_callers_of_the_running_server_with_one_key_make_one_write(lab, live_server):
    connection = lab.connection()
    key = create_api_key(name="test", scopes=ALL_SCOPES, actor="test")
    sent_with = {
        "Authorization": header_of(key.secret),
        "Idempotency-Key": KEY,
        "Content-Type": "application/json",
    }
    url = f"{live_server.url}/api{place(connection)}/push/accounts"

    def call(_):
        asked = urllib.request.Request(url, json.dumps(ACCOUNT).encode(), sent_with, method="POST")
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, b""

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(call, range(50)))
    good = {body for status, body in answers if status == 200}
    assert {status for status, _ in answers} <= {200, 409}
    assert (len(good), PushOperation.objects.count(), len(lab.control("GET", "creates"))) == (1, 1, 1)
