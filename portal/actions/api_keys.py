"""API keys: made, renamed, rotated, revoked; and the tokens they ask for on behalf of one company."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from portal.keys import KEY_PREFIX, TOKEN_PREFIX, hash_of, hint_of, new_secret
from portal.models import ApiKey, ApiKeySecret, CompanyAccessToken, DeploymentSettings
from portal.models.api_key import is_live
from portal.scopes import RIGHTS, SCOPES, rights_of
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.models import Company

MAX_NAME = 50
MAX_COMPANIES = 500
MAX_OVERLAP = timedelta(days=7)
USUAL_OVERLAP = timedelta(hours=24)
TOKEN_SECONDS = 86_400


class TooManyApiKeys(Refused):
    """The deployment has as many live keys as it may (409 on the wire)."""

    def __init__(self) -> None:
        super().__init__("Maximum number of API keys reached. Revoke one that is not needed any more, then try again.")


class ApiKeyExists(Refused):
    """The form that made this key was sent once more."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A key and its secret, which is known now and never again."""

    key: ApiKey
    secret: str


@transaction.atomic
def create_api_key(
    *,
    name: str = "",
    scopes: Iterable[str] = (),
    rights: Iterable[str] = (),
    company_ids: Collection[UUID] | None = None,
    expires_at: datetime | None = None,
    within: frozenset[str] | None = None,
    key_id: UUID | None = None,
    actor: str,
) -> NewSecret:
    """Make a key.

    scopes, rights:  what it may do (portal/scopes.py); at least one right must come of them, and those that a scope
                     gives already are not kept a second time.
    company_ids:     the only companies it sees, None for all.
    within:          the rights of the key that asks, which it cannot exceed; None when a person asks.
    key_id:          given by a form, so that sending it twice makes one key.
    Raises:          TooManyApiKeys, ApiKeyExists, or Refused naming the field at fault.
    """
    chosen = _known(scopes, SCOPES, "scopes")
    key = ApiKey(
        name=_checked_name(name),
        scopes=chosen,
        rights=[right for right in _known(rights, RIGHTS, "rights") if RIGHTS[right] not in chosen],
        company_ids=_checked_companies(company_ids),
        expires_at=_checked_expiry(expires_at),
        created_by=actor,
        **({"id": key_id} if key_id else {}),
    )
    _check_rights(key, within)
    DeploymentSettings.locked()  # those who create keys stand in line, so that counting is enough
    if key_id and ApiKey.objects.filter(pk=key_id).exists():
        raise ApiKeyExists("This key was created already. Its secret was shown once; rotate the key to get another.")
    if ApiKey.objects.filter(is_live(now())).count() >= settings.HEADRACE_MAX_API_KEYS:
        raise TooManyApiKeys
    key.save(force_insert=True)
    secret = _add_secret(key)
    held = {"scopes": key.scopes, "rights": key.rights, "company_ids": key.company_ids}
    record_event("api_key.created", actor=actor, key_id=str(key.pk), name=key.name, held=held)
    return NewSecret(key, secret)


@transaction.atomic
def rename_api_key(key: ApiKey, *, name: str, actor: str) -> None:
    """Raises: Refused naming `name`."""
    before, key.name = key.name, _checked_name(name)
    if key.name != before:
        key.save(update_fields=["name"])
        record_event("api_key.renamed", actor=actor, key_id=str(key.pk), before=before, after=key.name)


@transaction.atomic
def rotate_api_key(
    key: ApiKey, *, overlap: timedelta = USUAL_OVERLAP, replaces: UUID | None = None, actor: str
) -> NewSecret:
    """Give the key a new secret. The one in use works until the overlap ends; one that was on its way out ends now.

    overlap:   0 to 7 days.
    replaces:  the secret that was in use when the form was shown: rotated meanwhile, it is refused.
    Raises:    Refused naming `overlap`, or because the key is not live.
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise Refused("The old secret may go on for 0 hours to 7 days.", field="overlap")
    key = _live(key)
    current = key.secrets.get(ends_at__isnull=True)
    if replaces is not None and current.pk != replaces:
        raise Refused("This key was rotated meanwhile. The new secret was shown to whoever did it.")
    moment = now()
    key.secrets.exclude(pk=current.pk).delete()
    if overlap:
        current.ends_at = moment + overlap
        current.save(update_fields=["ends_at"])
    else:
        current.delete()
    secret = _add_secret(key)
    record_event(
        "api_key.rotated", actor=actor, key_id=str(key.pk), name=key.name, overlap_seconds=int(overlap.total_seconds())
    )
    return NewSecret(key, secret)


@transaction.atomic
def revoke_api_key(key: ApiKey, *, actor: str) -> None:
    """End the key and every token it asked for, at once and for good. Any key may be revoked: the last one, and itself.

    Raises: Refused when it has ended already.
    """
    key = _live(key)
    key.revoked_at, key.revoked_by = now(), actor
    key.save(update_fields=["revoked_at", "revoked_by"])
    CompanyAccessToken.objects.filter(issued_by=key).delete()
    record_event("api_key.revoked", actor=actor, key_id=str(key.pk), name=key.name)


@transaction.atomic
def issue_access_token(company: Company, *, issued_by: UUID, actor: str) -> str:
    """Return a token that reads and links this company for TOKEN_SECONDS, or until the key that asked for it ends."""
    moment = now()
    CompanyAccessToken.objects.filter(expires_at__lte=moment).delete()
    token = new_secret(TOKEN_PREFIX)
    CompanyAccessToken.objects.create(
        hash=hash_of(token),
        company=company,
        issued_by_id=issued_by,
        expires_at=moment + timedelta(seconds=TOKEN_SECONDS),
    )
    record_event("access_token.issued", about=company, actor=actor)
    return token


def _live(key: ApiKey) -> ApiKey:
    """Return the key's row as it stands, held until the transaction ends."""
    current = ApiKey.objects.select_for_update().get(pk=key.pk)
    if not current.is_live:
        raise Refused("This key is revoked." if current.revoked_at else "This key has expired.")
    return current


def _add_secret(key: ApiKey) -> str:
    secret = new_secret(KEY_PREFIX)
    ApiKeySecret.objects.create(key=key, hash=hash_of(secret), hint=hint_of(secret))
    return secret


def _checked_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if len(cleaned) > MAX_NAME:
        raise Refused(f"Max string length ({MAX_NAME}) for `name` reached.", field="name")
    if not cleaned.isprintable():
        raise Refused("A name holds no control characters.", field="name")
    return cleaned


def _known(words: Iterable[str], table: Collection[str], field: str) -> list[str]:
    """Return the words in the table's order, each once."""
    given = set(words)
    if unknown := given - set(table):
        raise Refused(f"{sorted(unknown)[0]!r} is not among: {', '.join(table)}.", field=field)
    return [word for word in table if word in given]


def _checked_companies(company_ids: Collection[UUID] | None) -> list[str] | None:
    if company_ids is None:
        return None
    wanted = set(company_ids)
    if not wanted or len(wanted) > MAX_COMPANIES:
        raise Refused(f"A limited key names 1 to {MAX_COMPANIES} companies.", field="company_ids")
    found = set(Company.objects.filter(pk__in=wanted, deleted_at__isnull=True).values_list("pk", flat=True))
    if missing := wanted - found:
        raise Refused(f"No company was found with ID {min(missing)}", field="company_ids")
    return sorted(str(one) for one in wanted)


def _checked_expiry(expires_at: datetime | None) -> datetime | None:
    if expires_at is not None and expires_at <= now():
        raise Refused("The expiry must be in the future.", field="expires_at")
    return expires_at


def _check_rights(key: ApiKey, within: frozenset[str] | None) -> None:
    asked = rights_of(key.scopes, key.rights)
    if not asked:
        raise Refused("Choose at least one scope or right.", field="scopes")
    if not key.held_rights:
        raise Refused("A key that is limited to companies cannot hold these rights.", field="scopes")
    if within is not None and (beyond := key.held_rights - within):
        raise Refused(f"A key cannot give what it does not hold itself: {min(beyond)}.", field="scopes")
