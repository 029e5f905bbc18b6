"""The secrets that clients of the API carry: how they are made, recognised, stored and sent.

A secret is 256 random bits in letters and digits, between a prefix that secret scanners can look for and a checksum
that tells a typing slip from a key. So many bits cannot be guessed, and one SHA-256 of them keeps them as well as a
slow hash would; finding the row by that hash tells a timer nothing, since nobody can choose a hash's first bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import string
import zlib

KEY_PREFIX, TOKEN_PREFIX, CONNECTOR_PREFIX = _PREFIXES = "hrk_", "hrt_", "hrc_"

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_DIGITS = 43  # 62 ** 43 > 2 ** 256
_CHECK_DIGITS = 6
_LENGTH = len(KEY_PREFIX) + _RANDOM_DIGITS + _CHECK_DIGITS
_LONGEST_HEADER = 512


def new_secret(prefix: str) -> str:
    body = prefix + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
    return body + _checksum(body)


def is_well_formed(secret: str) -> bool:
    """Say whether this could be a secret of ours, without asking the database."""
    if len(secret) != _LENGTH or not secret.startswith(_PREFIXES) or not secret.isascii():
        return False
    return _checksum(secret[:-_CHECK_DIGITS]) == secret[-_CHECK_DIGITS:]


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def hint_of(secret: str) -> str:
    """Return enough to recognise it by and too little to use: "hrk_Ab3d…9xYz"."""
    return f"{secret[:8]}…{secret[-4:]}"


def header_of(secret: str) -> str:
    """Return the Authorization header's value as clients send it: the key alone, with neither name nor colon."""
    return f"Basic {base64.b64encode(secret.encode()).decode()}"


def secret_of(authorization: str) -> str:
    """Return the secret that an Authorization header carries, "" when there is none; never raises.

    `Bearer <secret>`, or `Basic` with the base64 of the secret alone. HTTP clients that insist on a name and a password
    may put it in either place: "secret:", ":secret" and "name:secret" are understood.
    """
    if len(authorization) > _LONGEST_HEADER:
        return ""
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(value, validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return ""
    name, _, password = text.partition(":")
    return password or name


def _checksum(text: str) -> str:
    number, found = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK_DIGITS):
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found
