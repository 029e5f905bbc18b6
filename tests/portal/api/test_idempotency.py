"""An Idempotency-Key: one effect, one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils.timezone import now

from portal.actions.api_keys import create_api_key
from portal.api.idempotency import KEPT_FOR
from portal.keys import header_of
from portal.models import IdempotentAnswer
from syncengine.models import Company
from tests.factories import make_company
from tests.portal.api.conftest import ALL_SCOPES, Wire

KEY = "7f7bd7a3-5b1c-4bb6-9a0e-3a4e8c1d2f90"


def test_the_same_request_again_is_answered_the_same_and_done_once(wire):
    first = wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    again = wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    assert (again.status_code, again.content, again["Content-Type"]) == (200, first.content, first["Content-Type"])
    assert ("Idempotency-Replayed" in first.headers, again["Idempotency-Replayed"]) == (False, "true")
    assert Company.objects.count() == 1


def test_a_refusal_is_kept_too(wire):
    first = wire("POST", "/companies", {"name": "("}, Idempotency_Key=KEY)
    again = wire("POST", "/companies", {"name": "("}, Idempotency_Key=KEY)
    assert (first.status_code, again.status_code, again.content) == (400, 400, first.content)


@pytest.mark.parametrize(("path", "body"), [("/companies", {"name": "Other"}), ("/companies?x=1", {"name": "Acme"})])
def test_the_key_with_another_request_is_refused(wire, path, body):
    wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    response = wire("POST", path, body, Idempotency_Key=KEY)
    assert (response.status_code, Company.objects.count()) == (422, 1)


def test_another_caller_may_use_the_same_words(wire, wire_for):
    wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    response = wire_for()("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    assert (response.status_code, Company.objects.count()) == (200, 2)


def test_while_it_runs_the_key_is_busy_and_a_killed_request_frees_it(wire):
    wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    Company.objects.all().delete()
    IdempotentAnswer.objects.update(status_code=0)
    assert wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY).status_code == 409
    IdempotentAnswer.objects.update(held_until=now() - timedelta(seconds=1))
    assert wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY).status_code == 200
    assert Company.objects.count() == 1


def test_after_ninety_minutes_it_is_forgotten(wire):
    assert timedelta(minutes=90) == KEPT_FOR
    wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
    IdempotentAnswer.objects.update(expires_at=now() - timedelta(seconds=1))
    assert wire("POST", "/companies", {"name": "Other"}, Idempotency_Key=KEY).status_code == 200
    assert Company.objects.count() == 2


def test_a_429_frees_the_key(wire, settings):
    settings.HEADRACE_API_DAILY_QUOTA = 1
    wire.get("/companies/none")
    assert wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY).status_code == 429
    settings.HEADRACE_API_DAILY_QUOTA = 1000
    assert wire("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a" * 256, "ключ", "a b", "\t"])
def test_an_unusable_key_is_refused_by_name(wire, key):
    response = wire.client.post(
        "/api/companies",
        {"name": "Acme"},
        content_type="application/json",
        headers={"Authorization": wire.authorization, "Idempotency-Key": key},
    )
    assert (response.status_code, response.json()["validation"]["errors"][0]["itemId"]) == (400, "Idempotency-Key")
    assert not Company.objects.exists()


def test_reads_and_replacements_take_no_notice_of_it(wire):
    company = make_company()
    for method in ("GET", "DELETE"):
        wire(method, f"/companies/{company.pk}", Idempotency_Key=KEY)
    assert not IdempotentAnswer.objects.exists()


def test_what_is_kept_cannot_be_read_in_the_database(wire):
    wire("POST", "/companies", {"name": "Canary and Sons"}, Idempotency_Key=KEY)
    assert b"Canary" not in bytes(IdempotentAnswer.objects.get().body)


@pytest.mark.django_db(transaction=True)
def test_fifty_callers_with_one_key_make_one_company():
    key = create_api_key(name="test", scopes=ALL_SCOPES, actor="test")

    def call(_):
        try:
            return Wire(header_of(key.secret))("POST", "/companies", {"name": "Acme"}, Idempotency_Key=KEY)
        finally:
            database.close()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(call, range(50)))
    statuses = sorted({answer.status_code for answer in answers})
    bodies = {answer.content for answer in answers if answer.status_code == 200}
    assert (Company.objects.count(), len(bodies), set(statuses) <= {200, 409}) == (1, 1, True)
