"""The door for connectors: who gets in, what they see, and what is refused there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from django.test import Client
from django.utils.timezone import now
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from portal.actions.api_keys import create_api_key
from portal.actions.connector_keys import make_connector_key, revoke_connector_keys
from portal.api import connector_door
from portal.keys import CONNECTOR_PREFIX, new_secret
from syncengine import connector_process
from syncengine.actions.offline import set_offline
from syncengine.models import ConnectorKey, ConnectorProcess, Event, Integration, RelayedRequest
from syncengine.outbound.frames import Question, encode_question
from syncengine.secrets import seal_bytes, unseal_bytes
from tests.factories import make_integration

pytestmark = pytest.mark.django_db
RUN = "0b9e6c1e-5a53-4a52-9d0e-5a7a6d3a9a11"
FRAME = b'{"status": 200, "headers": [["content-type", "text/plain"]]}\nhello'
TOKEN = "a-token-of-the-platform"


@pytest.fixture
def integration() -> Integration:
    found = make_integration("mqjo")
    set_offline(found, True, actor="test")
    return found


@pytest.fixture
def key(integration: Integration) -> str:
    return make_connector_key(integration, actor="test")


def ask(key: str, what: str, body: object = None, **headers: str):
    content = body if isinstance(body, bytes) else msgspec.json.encode({"run": RUN} if body is None else body)
    given = {"Authorization": f"Bearer {key}", **headers}
    return Client().post(f"/connector/{what}", content, content_type="application/json", headers=given)


def lay_down(integration: Integration, **fields: object) -> RelayedRequest:
    row = RelayedRequest(integration=integration, ends_at=now() + timedelta(minutes=1), **fields)
    question = Question(
        "POST", "http://erp.local:8069/x", [("authorization", f"Bearer {TOKEN}")], b"\0body", 10, 30, 120, 1000
    )
    row.question = seal_bytes(row, "question", encode_question(question))
    row.save(force_insert=True)
    return row


def taken(integration: Integration, key: str) -> RelayedRequest:
    row = lay_down(integration)
    assert [one["id"] for one in ask(key, "take").json()["requests"]] == [str(row.pk)]
    return row


# --- keys


@pytest.mark.parametrize("what", ["wait", "take", "leave", f"answers/{RUN}/{RUN}", "nowhere"])
def test_no_place_opens_without_a_key(integration, key, what):
    for wrong in ("", "x", new_secret(CONNECTOR_PREFIX), key[:-1] + ("a" if key[-1] != "a" else "b")):
        refusal = ask(wrong, what)
        assert (refusal.status_code, refusal.json()) == (401, {"error": "This key opens nothing here."})
        assert refusal["WWW-Authenticate"] == 'Bearer realm="connector"'
    assert ConnectorProcess.objects.count() == 0


def test_an_api_key_opens_nothing_and_a_connector_key_no_api(key):
    api_key = create_api_key(name="k", scopes=["admin"], actor="test").secret
    assert ask(api_key, "wait").status_code == 401
    assert Client().get("/api/companies", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_rotated_key_works_on_for_a_day_and_a_revoked_one_not_at_all(integration, key):
    new = make_connector_key(integration, actor="test")
    assert [ask(one, "wait").status_code for one in (key, new)] == [200, 200]
    ConnectorKey.objects.filter(ends_at__isnull=False).update(ends_at=now())
    assert [ask(one, "wait").status_code for one in (key, new)] == [401, 200]
    revoke_connector_keys(integration, actor="test")
    assert ask(new, "wait").status_code == 401
    assert ConnectorKey.objects.count() == 0
    kinds = list(Event.objects.filter(kind__startswith="connector_key").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["connector_key.created", "connector_key.rotated", "connector_key.revoked"]


def test_rotating_twice_ends_the_key_before_the_last(integration, key):
    second = make_connector_key(integration, actor="test")
    third = make_connector_key(integration, actor="test")
    assert [ask(one, "wait").status_code for one in (key, second, third)] == [401, 200, 200]


def test_the_key_of_an_integration_that_is_no_longer_offline_is_refused(integration, key):
    set_offline(integration, False, actor="test")
    refusal = ask(key, "wait")
    assert (refusal.status_code, refusal.json()["error"]) == (
        403,
        "This integration is not marked as offline, so it needs no connector.",
    )


def test_only_hashes_of_keys_are_stored(key):
    [row] = ConnectorKey.objects.values()
    assert key not in str(row)
    assert row["hint"] == f"{key[:8]}…{key[-4:]}"


# --- what is seen


def test_a_request_is_announced_taken_once_answered_once(integration, key):
    assert ask(key, "wait").json() == {"waiting": False, "ask_again_seconds": 1.0}
    row = lay_down(integration)
    assert ask(key, "wait").json() == {"waiting": True}
    assert ask(key, "take").json() == {
        "requests": [
            {
                "id": str(row.pk),
                "method": "POST",
                "url": "http://erp.local:8069/x",
                "headers": [["authorization", f"Bearer {TOKEN}"]],
                "body": "AGJvZHk=",
                "connect_seconds": 10.0,
                "first_byte_seconds": 30.0,
                "whole_seconds": 120.0,
                "max_bytes": 1000,
            }
        ]
    }
    assert ask(key, "take").json() == {"requests": []}
    assert ask(key, f"answers/{RUN}/{row.pk}", FRAME).status_code == 204
    replay = ask(key, f"answers/{RUN}/{row.pk}", b'{"status": 500}\nother')
    assert (replay.status_code, replay.json()["error"]) == (409, "Nobody waits for this answer any more.")
    row.refresh_from_db()
    assert unseal_bytes(row, "answer") == FRAME
    stored = bytes(row.question) + bytes(row.answer)
    assert TOKEN.encode() not in stored
    assert b"hello" not in stored


def test_another_integrations_key_sees_and_answers_nothing(integration, key):
    other = make_integration("gbol")
    set_offline(other, True, actor="test")
    other_key = make_connector_key(other, actor="test")
    row = lay_down(integration)
    assert ask(other_key, "wait").json()["waiting"] is False
    assert ask(other_key, "take").json() == {"requests": []}
    assert [one["id"] for one in ask(key, "take").json()["requests"]] == [str(row.pk)]
    assert ask(other_key, f"answers/{RUN}/{row.pk}", FRAME).status_code == 409
    row.refresh_from_db()
    assert (row.answered_at, bytes(row.answer)) == (None, b"")


def test_another_run_of_the_same_key_cannot_answer(integration, key):
    row = taken(integration, key)
    assert ask(key, f"answers/{uuid4()}/{row.pk}", FRAME).status_code == 409
    assert ask(key, f"answers/{RUN}/{row.pk}", FRAME).status_code == 204


def test_a_late_answer_and_one_nobody_asked_for_are_refused(integration, key):
    row = taken(integration, key)
    RelayedRequest.objects.filter(pk=row.pk).update(ends_at=now())
    for request_id in (row.pk, uuid4()):
        assert ask(key, f"answers/{RUN}/{request_id}", FRAME).status_code == 409
    untaken = lay_down(integration)
    assert ask(key, f"answers/{RUN}/{untaken.pk}", FRAME).status_code == 409


def test_an_answer_that_is_too_large_or_none_is_refused_and_may_be_mended(integration, key, settings):
    settings.HEADRACE_CONNECTOR_MAX_BYTES = 100
    row = taken(integration, key)
    place = f"answers/{RUN}/{row.pk}"
    refusal = ask(key, place, FRAME + b"x" * 300_000)
    assert (refusal.status_code, refusal.json()["error"]) == (
        413,
        "The body must be no longer than 262,244 bytes.",
    )
    for frame in (b"", b"no head", b"[]\n", b'{"status": 200, "x": 1}\n', b'{"status": 99}\n', b"\xff\n", b'{"st\n'):
        assert ask(key, place, frame).status_code == 400
    assert ask(key, place, b'{"failure": "too_large"}\n').status_code == 204


@given(st.binary(max_size=300))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
def test_whatever_is_sent_is_answered_in_json(integration, key, content):
    for what in ("wait", "take", "leave", f"answers/{RUN}/{RUN}"):
        response = ask(key, what, content)
        assert response.status_code in (400, 409)
        assert response.json()["error"]


@pytest.mark.parametrize(
    "body",
    [{}, {"run": "x"}, {"run": RUN, "count": 0}, {"run": RUN, "count": 65}, {"run": RUN, "machine": "m" * 301}, []],
)
def test_a_question_that_does_not_hold_is_refused_by_name(key, body):
    refusal = ask(key, "take", body)
    assert refusal.status_code == 400
    assert refusal.json()["error"].startswith("This question does not hold: ")


def test_wrong_places_and_methods_are_named(key):
    assert ask(key, "nowhere").status_code == 404
    assert ask(key, f"answers/{RUN}/x").status_code == 404
    wrong = Client().get("/connector/wait", headers={"Authorization": f"Bearer {key}"})
    assert (wrong.status_code, wrong["Allow"]) == (405, "POST")


def test_a_key_may_ask_so_often_and_no_more(key, settings):
    settings.HEADRACE_CONNECTOR_PER_MINUTE = 3
    codes = [ask(key, "wait").status_code for _ in range(8)]
    assert 429 in codes  # the minute may change in between
    refused = ask(key, "wait")
    if refused.status_code == 429:
        assert 1 <= int(refused["Retry-After"]) <= 60


# --- who is there


def test_a_process_is_shown_with_what_it_says_of_itself_until_it_leaves(integration, key):
    told = {"run": RUN, "machine": "erp-host", "version": "1.0", "platforms": ["http://erp.local:8069"]}
    ask(key, "wait", told)
    [process] = ConnectorProcess.objects.all()
    assert (str(process.run), process.machine, process.version, process.platforms, process.left_at) == (
        RUN,
        "erp-host",
        "1.0",
        ["http://erp.local:8069"],
        None,
    )
    assert ask(key, "leave").status_code == 204
    process.refresh_from_db()
    assert process.left_at is not None


def test_a_sign_of_life_is_written_every_few_seconds_only(key, django_assert_num_queries):
    ask(key, "wait")
    with django_assert_num_queries(3):  # key, process, is there work
        ask(key, "wait")


def test_of_endless_runs_the_last_twenty_are_kept(key):
    for _ in range(25):
        ask(key, "wait", {"run": str(uuid4())})
    assert ConnectorProcess.objects.count() == 20


def test_a_held_question_ends_empty_and_one_without_a_place_at_once(key, settings):
    settings.HEADRACE_CONNECTOR_HOLD_SECONDS = 0.05
    held = {"run": RUN, "hold": True}
    assert ask(key, "wait", held).json() == {"waiting": False, "ask_again_seconds": 0}
    places = connector_door._holds()
    assert places.acquire(blocking=False)
    try:
        assert ask(key, "wait", held).json() == {"waiting": False, "ask_again_seconds": 1.0}
    finally:
        places.release()


def test_the_connector_itself_is_given_to_anybody():
    response = Client().get(f"/connector/{connector_door.PROGRAM}")
    assert response.status_code == 200
    assert response.content == Path(connector_process.__file__).read_bytes()
