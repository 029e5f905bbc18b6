"""Who a secret belongs to, what that bearer may do, and which rows it sees."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils.timezone import now

from portal.actions.api_keys import create_api_key, issue_access_token, revoke_api_key, rotate_api_key
from portal.api.principals import (
    Principal,
    api_keys_for,
    authenticate,
    companies_for,
    connections_for,
    datasets_for,
    principal_of,
)
from portal.keys import KEY_PREFIX, header_of, new_secret
from portal.models import ApiKey, ApiKeySecret
from portal.scopes import DEPLOYMENT_WIDE, RIGHTS, SCOPES, TOKEN_RIGHTS, rights_of
from tests.factories import make_company, make_connection, make_dataset

pytestmark = pytest.mark.django_db


def make_key(**fields: Any) -> Any:
    return create_api_key(**{"name": "tests", "scopes": ["read"], "actor": "test", **fields})


def bearer(made: Any) -> Principal:
    found = authenticate(made.secret)
    assert found is not None
    return found


def test_every_right_stands_in_one_scope_and_every_scope_holds_some() -> None:
    assert set(RIGHTS.values()) == set(SCOPES)
    assert rights_of(SCOPES) == set(RIGHTS)
    assert rights_of(["read"]) == {
        "companies.read",
        "connections.read",
        "data.read",
        "history.read",
        "integrations.read",
        "sync_settings.read",
        "push.read",
    }
    assert (rights_of(["sync"]), rights_of(["push"])) == ({"data.refresh", "sync_settings.edit"}, {"push.create"})


def test_a_limited_key_holds_nothing_that_reaches_past_its_companies() -> None:
    assert rights_of(["admin"], is_limited=True) == {
        "companies.edit",
        "companies.delete",
        "connections.create",
        "connections.authorize",
        "connections.unlink",
        "connections.delete",
        "access_tokens.create",
        "custom_fields.read",
        "field_mappings.edit",
        "raw_data.read",
        "rules.read",
        "rules.edit",
    }
    assert rights_of([], sorted(DEPLOYMENT_WIDE), is_limited=True) == frozenset()


def test_a_word_of_a_former_release_opens_nothing() -> None:
    assert rights_of(["everything"], ["root"]) == frozenset()


def test_the_bearer_of_a_key() -> None:
    company = make_company()
    made = make_key(scopes=["read"], rights=["data.refresh"], company_ids=[company.pk])
    assert bearer(made) == Principal(
        key_id=str(made.key.pk),
        actor=f"api-key:{made.key.pk}",
        name="tests",
        scopes=frozenset({"read"}),
        rights=rights_of(["read"]) | {"data.refresh"},
        company_ids=frozenset({company.pk}),
    )
    assert principal_of(header_of(made.secret)) == bearer(made)
    assert principal_of(f"Bearer {made.secret}") == bearer(made)


def test_may_knows_its_words() -> None:
    principal = bearer(make_key())
    assert (principal.may("data.read"), principal.may("data.refresh")) == (True, False)
    with pytest.raises(KeyError):
        principal.may("data.raed")


def test_one_query_for_a_key_and_none_for_what_cannot_be_one(django_assert_num_queries: Any) -> None:
    made = make_key()
    ApiKey.objects.update(last_used_at=now())
    with django_assert_num_queries(1):
        assert authenticate(made.secret) is not None
    with django_assert_num_queries(1):
        assert authenticate(new_secret(KEY_PREFIX)) is None
    with django_assert_num_queries(0):
        assert authenticate(made.secret[:-1] + ("0" if made.secret[-1] != "0" else "1")) is None
        assert authenticate("") is None
        assert principal_of("Basic " + "x" * 10_000) is None


def test_the_lookup_uses_the_index() -> None:
    plan = ApiKeySecret.objects.filter(hash="x").explain()
    assert "index" in plan.lower() or connection.vendor == "postgresql"  # an empty table is scanned there


# --- ends, at once ---


def test_a_revoked_key_is_refused_from_the_next_request_on() -> None:
    made = make_key()
    assert authenticate(made.secret) is not None
    revoke_api_key(made.key, actor="test")
    assert authenticate(made.secret) is None


def test_an_expired_key_is_refused_to_the_second() -> None:
    ends = datetime.fromisoformat("2030-01-01T00:00:00Z")
    with time_machine.travel(ends - timedelta(days=1), tick=False) as clock:
        made = make_key(expires_at=ends)
        clock.move_to(ends - timedelta(seconds=1))
        assert authenticate(made.secret) is not None
        clock.move_to(ends)
        assert authenticate(made.secret) is None


def test_both_secrets_work_until_the_overlap_ends() -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        first = make_key()
        second = rotate_api_key(first.key, overlap=timedelta(hours=2), actor="test")
        assert bearer(first) == bearer(second)
        clock.shift(timedelta(hours=2) - timedelta(seconds=1))
        assert authenticate(first.secret) is not None
        clock.shift(timedelta(seconds=1))
        assert authenticate(first.secret) is None
        assert authenticate(second.secret) is not None


def test_no_third_secret() -> None:
    first = make_key()
    second = rotate_api_key(first.key, actor="test")
    third = rotate_api_key(first.key, actor="test")
    assert [authenticate(made.secret) is not None for made in (first, second, third)] == [False, True, True]
    assert first.key.secrets.count() == 2


def test_rotating_without_overlap_ends_the_old_secret_at_once() -> None:
    first = make_key()
    second = rotate_api_key(first.key, overlap=timedelta(0), actor="test")
    assert (authenticate(first.secret), bearer(second).key_id) == (None, str(first.key.pk))


# --- access tokens ---


def test_a_token_reads_and_links_one_company_for_a_day() -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        made, mine, other = make_key(), make_company("Mine"), make_company("Other")
        token = issue_access_token(mine, issued_by=made.key.pk, actor="test")
        found = authenticate(token)
        assert found is not None
        assert (found.rights, found.company_ids) == (TOKEN_RIGHTS, frozenset({mine.pk}))
        assert found.key_id != str(made.key.pk)
        assert list(companies_for(found)) == [mine]
        assert not companies_for(found).filter(pk=other.pk).exists()
        clock.shift(timedelta(seconds=86_399))
        assert authenticate(token) is not None
        clock.shift(timedelta(seconds=1))
        assert authenticate(token) is None


def test_a_token_ends_with_its_key() -> None:
    made = make_key()
    token = issue_access_token(make_company(), issued_by=made.key.pk, actor="test")
    revoke_api_key(made.key, actor="test")
    assert authenticate(token) is None
    short = make_key(expires_at=now() + timedelta(hours=1))
    token = issue_access_token(make_company(), issued_by=short.key.pk, actor="test")
    assert authenticate(token) is not None
    with time_machine.travel(now() + timedelta(hours=2)):
        assert authenticate(token) is None


def test_a_token_takes_one_query(django_assert_num_queries: Any) -> None:
    token = issue_access_token(make_company(), issued_by=make_key().key.pk, actor="test")
    with django_assert_num_queries(1):
        assert authenticate(token) is not None


# --- rows ---


def test_rows_of_a_limited_key() -> None:
    mine, foreign = make_dataset(), make_dataset(make_connection(make_company("Foreign")))
    gone = make_dataset(make_connection(make_company("Gone", deleted_at=now())))
    ids = [mine.company_id, foreign.company_id, gone.company_id, uuid4()]
    for limit, seen in ((None, [mine, foreign]), ([mine.company_id], [mine])):
        principal = bearer(make_key(company_ids=limit))
        assert set(companies_for(principal)) == {one.company for one in seen}
        assert set(connections_for(principal)) == {one.connection for one in seen}
        assert set(datasets_for(principal)) == set(seen)
    answers = [list(companies_for(principal).filter(pk=one)) for one in ids]
    assert answers == [[mine.connection.company], [], [], []]


def test_a_key_whose_companies_are_gone_sees_nothing() -> None:
    company = make_company()
    made, key = make_key(company_ids=[company.pk]), company.pk
    make_company("Another")
    company.delete()
    assert bearer(made).company_ids == frozenset({key})
    assert list(companies_for(bearer(made))) == []


def test_keys_that_a_key_may_manage() -> None:
    full, reader = make_key(scopes=SCOPES), make_key(scopes=["read"])
    manager = make_key(scopes=["read"], rights=["api_keys.read", "api_keys.edit"])
    limited = make_key(scopes=SCOPES, company_ids=[make_company().pk])
    ended = make_key(scopes=["read"])
    revoke_api_key(ended.key, actor="test")
    assert api_keys_for(bearer(full)) == [full.key, reader.key, manager.key, limited.key]
    assert api_keys_for(bearer(manager)) == [reader.key, manager.key]
    assert api_keys_for(bearer(limited)) == []


# --- last use ---


def test_use_is_noted_once_a_minute(django_assert_num_queries: Any) -> None:
    made = make_key()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as clock:
        authenticate(made.secret)
        first = now()
        assert ApiKey.objects.get().last_used_at == first
        clock.shift(timedelta(seconds=59))
        with django_assert_num_queries(1):
            authenticate(made.secret)
        assert ApiKey.objects.get().last_used_at == first
        clock.shift(timedelta(seconds=1))
        authenticate(made.secret)
        assert ApiKey.objects.get().last_used_at == first + timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_a_request_does_not_wait_for_whoever_writes() -> None:
    made = make_key()
    held, done = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            ApiKey.objects.filter(pk=made.key.pk).update(name="being renamed")
            held.set()
            done.wait(20)
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    held.wait(10)
    began = datetime.now()  # noqa: DTZ005
    assert authenticate(made.secret) is not None
    took = (datetime.now() - began).total_seconds()  # noqa: DTZ005
    done.set()
    writer.join()
    assert took < 1
    assert ApiKey.objects.get().last_used_at is None
    assert authenticate(made.secret) is not None
    assert ApiKey.objects.get().last_used_at is not None
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA busy_timeout").fetchone() == (20_000,)
