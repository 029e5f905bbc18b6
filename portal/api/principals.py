"""Who asks the API, what they may do, and which rows they see.

Nothing is kept between two requests: each one asks the database, so that a revoked, expired or rotated key is refused
by every process from the next request on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from portal.keys import TOKEN_PREFIX, hash_of, is_well_formed, secret_of
from portal.models import ApiKey, ApiKeySecret, CompanyAccessToken
from portal.models.api_key import is_live
from portal.scopes import RIGHTS, TOKEN_RIGHTS, rights_of
from syncengine.models import Company, Connection, Dataset
from syncengine.queries.prepared import Prepared

NOTED_EVERY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a key or of a company access token.

    key_id:       what quotas and idempotency keys are counted by.
    actor:        how the engine names who acts, e.g. "api-key:0198c0de-…".
    company_ids:  the only companies it sees, None for all.
    expires_at:   when it ends by itself, None for never; a key that it makes should not outlive it.
    """

    key_id: str
    actor: str
    name: str = ""
    scopes: frozenset[str] = field(default_factory=frozenset)
    rights: frozenset[str] = field(default_factory=frozenset)
    company_ids: frozenset[UUID] | None = None
    expires_at: datetime | None = None

    def may(self, right: str) -> bool:
        """Return whether it holds the right.

        Raises: KeyError for a right that scopes.RIGHTS does not name, so that a typing slip never passes unseen.
        """
        RIGHTS[right]
        return right in self.rights

    def sees(self, company_id: UUID) -> bool:
        """Return whether it may see this company, if there is one."""
        return self.company_ids is None or company_id in self.company_ids


def principal_of(authorization: str) -> Principal | None:
    """Return who sent this Authorization header, or None; never raises over what the header holds."""
    return authenticate(secret_of(authorization))


def authenticate(secret: str) -> Principal | None:
    """Return the bearer of this secret, None when it is no live one. One query, none for what cannot be a secret.

    When its last use was noted over a minute ago, one more statement notes it, unless that would have to wait.
    """
    if not is_well_formed(secret):
        return None
    return _by_token(secret) if secret.startswith(TOKEN_PREFIX) else _by_key(secret)


def companies_for(principal: Principal) -> QuerySet[Company]:
    """Return the companies it sees; foreign and deleted ones never."""
    return Company.objects.filter(_seen(principal, "pk"), deleted_at__isnull=True)


def connections_for(principal: Principal) -> QuerySet[Connection]:
    return Connection.objects.filter(
        _seen(principal, "company"), deleted_at__isnull=True, company__deleted_at__isnull=True
    )


def datasets_for(principal: Principal) -> QuerySet[Dataset]:
    return Dataset.objects.filter(
        _seen(principal, "company"), connection__deleted_at__isnull=True, company__deleted_at__isnull=True
    )


def api_keys_for(principal: Principal) -> list[ApiKey]:
    """Return the live keys that can do nothing this one cannot, oldest first: the only ones it may list or revoke."""
    live = ApiKey.objects.filter(is_live(now())).order_by("created_at")
    return [key for key in live if principal.company_ids is None and key.held_rights <= principal.rights]


def _seen(principal: Principal, column: str) -> Q:
    return Q() if principal.company_ids is None else Q(**{f"{column}__in": principal.company_ids})


def _by_key(secret: str) -> Principal | None:
    moment = now()
    found = _live_key(moment, hash_of(secret))
    if not found:
        return None
    pk, name, scopes, rights, company_ids, expires_at, last_used_at = found[0]
    _note_use(pk, last_used_at, moment)
    return Principal(
        key_id=str(pk),
        actor=f"api-key:{pk}",
        name=name,
        scopes=frozenset(scopes),
        rights=rights_of(scopes, rights, is_limited=company_ids is not None),
        company_ids=frozenset(UUID(one) for one in company_ids) if company_ids is not None else None,
        expires_at=expires_at,
    )


def _keys_with(moment: datetime, secret_hash: str) -> QuerySet[ApiKeySecret, Any]:
    unended = Q(ends_at__isnull=True) | Q(ends_at__gt=moment)
    members = ("id", "name", "scopes", "rights", "company_ids", "expires_at", "last_used_at")
    found = ApiKeySecret.objects.filter(unended, is_live(moment, "key__"), hash=secret_hash)
    return found.values_list(*(f"key__{name}" for name in members))


# Asked with every request.
_live_key = Prepared(
    _keys_with, (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)), ("one", "another")
)


def _by_token(secret: str) -> Principal | None:
    moment = now()
    found = CompanyAccessToken.objects.filter(
        is_live(moment, "issued_by__"), hash=hash_of(secret), expires_at__gt=moment
    )
    token = found.first()
    if token is None:
        return None
    # Not the key's own id: what was answered to the key under an idempotency key is not for its tokens.
    name = f"access-token:{token.pk}"
    return Principal(
        name,
        name,
        rights=TOKEN_RIGHTS,
        company_ids=frozenset({token.company_id}),
        expires_at=token.expires_at,
    )


def _note_use(pk: UUID, last_used_at: datetime | None, moment: datetime) -> None:
    """Write down that the key was used, once a minute over all processes, and rather not at all than wait."""
    long_ago = moment - NOTED_EVERY
    if last_used_at is not None and last_used_at > long_ago:
        return
    unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lte=long_ago)
    free = ApiKey.objects.filter(unnoted, pk=pk).select_for_update(skip_locked=True)
    try:
        with _never_waiting(), transaction.atomic():
            ApiKey.objects.filter(pk__in=free.values("pk")).update(last_used_at=moment)
    except OperationalError:
        return  # SQLite: somebody is writing just now. The next request tries again.


@contextmanager
def _never_waiting() -> Iterator[None]:
    """On SQLite, fail at once when the database is being written to; PostgreSQL skips the locked row by itself."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(before)}")
