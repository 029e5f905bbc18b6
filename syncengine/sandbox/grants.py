"""Codes and tokens of the OAuth2 flow (RFC 6749, 7009, 7636), as a careful platform issues them.

A token names its grant, carries a serial and is sealed with a key; only the grant is stored. Refreshing raises the
serial, so an old refresh token gives itself away, and then the whole grant ends.
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

import msgspec

from syncengine.sandbox.files import StateFile
from syncengine.sandbox.options import Options

WRITE_SCOPE = "books.write"


class GrantRefused(Exception):
    """What the token endpoint answers instead of tokens: an error code of RFC 6749 and plain words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Grant(msgspec.Struct):
    """One consent to one business's books.

    serial:       of the newest refresh token.
    used_at:      when tokens were last given out, in seconds since 1970.
    cut_serial:   access tokens up to this serial have ended before their time.
    """

    id: str
    business: str
    serial: int = 0
    cut_serial: int = -1
    is_revoked: bool = False
    used_at: float = 0.0
    scope: str = ""  # what was consented to; "" is everything

    @property
    def may_write(self) -> bool:
        return not self.scope or WRITE_SCOPE in self.scope.split()


@dataclass(frozen=True, slots=True)
class Code:
    business: str
    redirect_uri: str
    challenge: str
    expires_at: float
    scope: str = ""


class Grants:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._lock = Lock()
        self._file = StateFile(options.state, "grants.json")
        kept = self._file.load()
        self._key: str = kept.get("key") or secrets.token_hex(32)
        self._grants = msgspec.convert(kept.get("grants", {}), dict[str, Grant])
        self._codes: dict[str, Code] = {}
        self._redeemed: dict[str, str] = {}

    def new_code(self, business: str, redirect_uri: str, challenge: str, scope: str = "") -> str:
        code = secrets.token_urlsafe(24)
        expires_at = time.time() + self._options.code_seconds
        with self._lock:
            self._codes = {text: own for text, own in self._codes.items() if own.expires_at > time.time()}
            self._codes[code] = Code(business, redirect_uri, challenge, expires_at, scope)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Turn a code into tokens, once; a second try ends the grant. Raises: GrantRefused."""
        with self._lock:
            if code in self._redeemed:
                self._revoke(self._redeemed[code])
                raise GrantRefused("invalid_grant", "The code was used before; its grant has been revoked.")
            own = self._codes.pop(code, None)
            if own is None or own.expires_at <= time.time():
                raise GrantRefused("invalid_grant", "The code is unknown or has expired.")
            _check_code(own, redirect_uri, verifier)
            grant = self._open(own.business, own.scope)
            self._redeemed[code] = grant.id
            return self._tokens(grant)

    def refresh(self, token: str) -> dict[str, Any]:
        """Rotate. An old refresh token ends the whole grant. Raises: GrantRefused."""
        with self._lock:
            grant, serial = self._unseal(token, "sbr")
            if grant is None or grant.is_revoked or time.time() - grant.used_at > self._options.idle_days * 86400:
                raise GrantRefused("invalid_grant", "The refresh token is unknown or was revoked.")
            if serial != grant.serial:
                self._revoke(grant.id)
                raise GrantRefused("invalid_grant", "The refresh token was used before; its grant has been revoked.")
            grant.serial += 1
            grant.used_at = time.time()
            self._save()
            return self._tokens(grant)

    def mint(self, business: str) -> dict[str, Any]:
        """Tokens without a consent, for tests."""
        with self._lock:
            return self._tokens(self._open(business))

    def grant_for(self, access_token: str) -> Grant | None:
        """The living grant behind an access token, or None."""
        with self._lock:
            head, _, expiry = access_token.rpartition("~")
            grant, serial = self._unseal(head, "sba", expiry)
            if grant is None or grant.is_revoked or serial <= grant.cut_serial:
                return None
            return grant if int(expiry) > time.time() * 1000 else None

    def revoke(self, token: str) -> None:
        """End the grant of an access or refresh token; silent for an unknown one."""
        with self._lock:
            head, _, expiry = token.rpartition("~")
            for grant, _ in (self._unseal(token, "sbr"), self._unseal(head, "sba", expiry)):
                if grant is not None:
                    self._revoke(grant.id)

    def revoke_business(self, business: str) -> None:
        with self._lock:
            for grant in self._grants.values():
                grant.is_revoked |= grant.business == business
            self._save()

    def expire_business(self, business: str) -> None:
        """End the access tokens given out so far; refreshing goes on."""
        with self._lock:
            for grant in self._grants.values():
                if grant.business == business:
                    grant.cut_serial = grant.serial
            self._save()

    def _open(self, business: str, scope: str = "") -> Grant:
        grant = Grant(secrets.token_hex(8), business, used_at=time.time(), scope=scope)
        self._grants[grant.id] = grant
        self._save()
        return grant

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        expiry = str(int((time.time() + self._options.access_seconds) * 1000))
        return {
            "access_token": f"{self._sealed('sba', grant, expiry)}~{expiry}",
            "token_type": "Bearer",
            "expires_in": int(self._options.access_seconds),
            "refresh_token": self._sealed("sbr", grant),
            "scope": "books.read",
            "business_id": grant.business,
        }

    def _sealed(self, kind: str, grant: Grant, expiry: str = "") -> str:
        return f"{kind}.{grant.id}.{grant.serial}.{self._seal(kind, grant.id, str(grant.serial), expiry)}"

    def _seal(self, *parts: str) -> str:
        return hmac.new(self._key.encode(), "|".join(parts).encode(), sha256).hexdigest()

    def _unseal(self, token: str, kind: str, expiry: str = "") -> tuple[Grant | None, int]:
        parts = token.split(".")
        if len(parts) != 4 or parts[0] != kind or not token.isascii():
            return None, 0
        if not hmac.compare_digest(parts[3], self._seal(kind, parts[1], parts[2], expiry)):
            return None, 0
        return self._grants.get(parts[1]), int(parts[2])

    def _revoke(self, grant_id: str) -> None:
        self._grants[grant_id].is_revoked = True
        self._save()

    def _save(self) -> None:
        self._file.save({"key": self._key, "grants": msgspec.to_builtins(self._grants)})


def _check_code(code: Code, redirect_uri: str, verifier: str) -> None:
    if redirect_uri != code.redirect_uri:
        raise GrantRefused("invalid_grant", "The redirect_uri is not the one the code was asked for with.")
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode() if verifier else ""
    if challenge != code.challenge:
        raise GrantRefused("invalid_grant", "The code_verifier does not fit the code_challenge.")
