"""API keys are made, renamed, rotated and revoked; what is refused changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.utils.timezone import now

from portal.actions.api_keys import (
    ApiKeyExists,
    NewSecret,
    TooManyApiKeys,
    create_api_key,
    issue_access_token,
    rename_api_key,
    revoke_api_key,
    rotate_api_key,
)
from portal.api.principals import authenticate
from portal.keys import hash_of, hint_of
from portal.models import ApiKey, ApiKeySecret, CompanyAccessToken
from portal.scopes import SCOPES, rights_of
from syncengine.exceptions import Refused
from syncengine.models import Event
from tests.factories import make_company

TEXT = "Maximum number of API keys reached. Revoke one that is not needed any more, then try again."


def make_key(**fields: Any) -> NewSecret:
    return create_api_key(**{"name": "tests", "scopes": ["read"], "actor": "test", **fields})


def refusal_of(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    return refused.value.field, refused.value.message


@pytest.mark.django_db
def test_a_key_is_stored_by_its_hash_with_its_event() -> None:
    made = make_key(name=" invoice \t finance ", scopes=["sync", "read", "read"])
    key = ApiKey.objects.get()
    assert (key.name, key.scopes, key.rights, key.company_ids, key.created_by) == (
        "invoice finance",
        ["read", "sync"],
        [],
        None,
        "test",
    )
    secret = ApiKeySecret.objects.get()
    assert (secret.key, secret.hash, secret.hint, secret.ends_at) == (
        key,
        hash_of(made.secret),
        hint_of(made.secret),
        None,
    )
    event = Event.objects.get()
    assert (event.kind, event.actor, event.data) == (
        "api_key.created",
        "test",
        {
            "key_id": str(key.pk),
            "name": "invoice finance",
            "held": {"scopes": ["read", "sync"], "rights": [], "company_ids": None},
        },
    )


@pytest.mark.django_db
def test_a_right_that_a_scope_gives_is_not_kept_twice() -> None:
    key = make_key(scopes=["read"], rights=["data.read", "push.create", "api_keys.edit"]).key
    assert (key.scopes, key.rights) == (["read"], ["push.create", "api_keys.edit"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "at", "text"),
    [
        ({"name": "x" * 51}, "name", "Max string length (50) for `name` reached."),
        ({"name": "a\0b"}, "name", "A name holds no control characters."),
        ({"name": "a\u202eb"}, "name", "A name holds no control characters."),
        ({"scopes": []}, "scopes", "Choose at least one scope or right."),
        ({"scopes": ["root"]}, "scopes", "'root' is not among: read, sync, push, admin."),
        ({"company_ids": []}, "company_ids", "A limited key names 1 to 500 companies."),
        ({"expires_at": "now"}, "expires_at", "The expiry must be in the future."),
        ({"within": frozenset({"api_keys.edit"})}, "scopes", None),
    ],
)
def test_bad_input_is_refused_by_field_and_changes_nothing(fields: dict[str, Any], at: str, text: str | None) -> None:
    if fields.get("expires_at") == "now":
        fields = {"expires_at": now()}
    field, message = refusal_of(make_key, **fields)
    assert (field, message) == (at, text or "A key cannot give what it does not hold itself: companies.read.")
    assert (ApiKey.objects.count(), ApiKeySecret.objects.count(), Event.objects.count()) == (0, 0, 0)


@pytest.mark.django_db
def test_fifty_characters_and_an_empty_name_are_names() -> None:
    assert [make_key(name=name).key.name for name in ("x" * 50, "")] == ["x" * 50, ""]


@pytest.mark.django_db
def test_foreign_missing_and_deleted_companies_are_refused_alike() -> None:
    deleted, missing = make_company(deleted_at=now()).pk, uuid4()
    for wrong in (deleted, missing):
        assert refusal_of(make_key, company_ids=[make_company().pk, wrong]) == (
            "company_ids",
            f"No company was found with ID {wrong}",
        )


@pytest.mark.django_db
def test_a_limited_key_with_deployment_rights_alone_is_refused() -> None:
    field, _ = refusal_of(make_key, scopes=[], rights=["profile.edit"], company_ids=[make_company().pk])
    assert field == "scopes"


@pytest.mark.django_db
def test_a_key_gives_what_it_holds_itself_and_no_more() -> None:
    held = rights_of(["read"]) | {"api_keys.edit"}
    assert make_key(scopes=["read"], within=held).key.scopes == ["read"]
    assert refusal_of(make_key, scopes=["read", "push"], within=held)[0] == "scopes"


@pytest.mark.django_db
def test_the_eleventh_key_is_refused_and_ended_ones_make_room() -> None:
    keys = [make_key(name=str(number)).key for number in range(10)]
    with pytest.raises(TooManyApiKeys) as refused:
        make_key()
    assert refused.value.message == TEXT
    assert ApiKey.objects.count() == 10
    revoke_api_key(keys[0], actor="test")
    make_key()
    ApiKey.objects.filter(pk=keys[1].pk).update(expires_at=now())
    make_key()
    with pytest.raises(TooManyApiKeys):
        make_key()


@pytest.mark.django_db
def test_the_limit_is_a_setting(settings: Any) -> None:
    settings.HEADRACE_MAX_API_KEYS = 1
    make_key()
    with pytest.raises(TooManyApiKeys):
        make_key()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_fifty_callers_want_the_tenth_key_and_one_gets_it() -> None:
    for number in range(9):
        make_key(name=str(number))
    for _ in range(5):
        barrier = Barrier(50)
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: _try(barrier), range(50)))  # noqa: B023
        winners = [answer for answer in answers if isinstance(answer, NewSecret)]
        assert [type(answer) for answer in answers if answer not in winners] == [TooManyApiKeys] * 49
        assert len(winners) == 1
        assert (ApiKey.objects.filter(revoked_at=None).count(), authenticate(winners[0].secret) is not None) == (
            10,
            True,
        )
        revoke_api_key(winners[0].key, actor="test")


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(300)
def test_fifty_who_rotate_from_the_same_page_rotate_once() -> None:
    made = make_key()
    shown = made.key.secrets.get().pk
    barrier = Barrier(50)

    def rotate(_: int) -> NewSecret | Refused:
        barrier.wait(30)
        try:
            return rotate_api_key(made.key, replaces=shown, actor="test")
        except Refused as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(rotate, range(50)))
    winners = [answer for answer in answers if isinstance(answer, NewSecret)]
    assert (len(winners), made.key.secrets.count()) == (1, 2)
    assert [authenticate(one.secret) is not None for one in (made, *winners)] == [True, True]


def _try(barrier: Barrier) -> NewSecret | Refused:
    barrier.wait(30)
    try:
        return make_key()
    except Refused as refusal:
        return refusal
    finally:
        connections.close_all()


@pytest.mark.django_db
def test_one_form_makes_one_key() -> None:
    key_id = uuid4()
    make_key(key_id=key_id)
    with pytest.raises(ApiKeyExists):
        make_key(key_id=key_id)
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db
def test_renaming() -> None:
    key = make_key().key
    rename_api_key(key, name="tests", actor="test")
    rename_api_key(key, name="better", actor="ana")
    assert [(event.kind, event.actor, event.data) for event in Event.objects.order_by("at")[1:]] == [
        ("api_key.renamed", "ana", {"key_id": str(key.pk), "before": "tests", "after": "better"})
    ]
    assert refusal_of(rename_api_key, key, name="x" * 51, actor="test")[0] == "name"
    assert ApiKey.objects.get().name == "better"


@pytest.mark.django_db
@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_overlaps_outside_seven_days_are_refused(overlap: timedelta) -> None:
    made = make_key()
    assert refusal_of(rotate_api_key, made.key, overlap=overlap, actor="test")[0] == "overlap"
    assert made.key.secrets.count() == 1


@pytest.mark.django_db
def test_rotating_tells_and_keeps_everything_else() -> None:
    made = make_key(scopes=SCOPES)
    again = rotate_api_key(made.key, overlap=timedelta(days=7), actor="ana")
    event = Event.objects.get(kind="api_key.rotated")
    assert (event.actor, event.data) == (
        "ana",
        {"key_id": str(made.key.pk), "name": "tests", "overlap_seconds": 604_800},
    )
    assert authenticate(made.secret) == authenticate(again.secret)


@pytest.mark.django_db
def test_what_has_ended_is_neither_rotated_nor_revoked_again() -> None:
    revoked, expired = make_key().key, make_key().key
    revoke_api_key(revoked, actor="ana")
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=now())
    for key, text in ((revoked, "This key is revoked."), (expired, "This key has expired.")):
        assert refusal_of(rotate_api_key, key, actor="test") == ("", text)
        assert refusal_of(revoke_api_key, key, actor="test") == ("", text)
    revoked.refresh_from_db()
    assert revoked.revoked_by == "ana"


@pytest.mark.django_db
def test_the_last_key_may_be_revoked() -> None:
    revoke_api_key(make_key().key, actor="test")
    assert ApiKey.objects.filter(revoked_at=None).count() == 0


@pytest.mark.django_db
def test_expired_tokens_are_purged_when_the_next_is_asked_for() -> None:
    key, company = make_key().key, make_company()
    old = issue_access_token(company, issued_by=key.pk, actor="test")
    CompanyAccessToken.objects.update(expires_at=now())
    new = issue_access_token(company, issued_by=key.pk, actor="test")
    assert [token.hash for token in CompanyAccessToken.objects.all()] == [hash_of(new)]
    assert authenticate(old) is None
