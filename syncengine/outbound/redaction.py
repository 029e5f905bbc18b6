"""What may be shown of a request and its answer: addresses, headers and excerpts without their secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote_plus

HIDDEN = "***"
EXCERPT_CHARACTERS = 2000

_WORDS = "token|secret|key|passw|pwd|passphrase|signature|authorization|cookie|credential|assertion|verifier"
_SECRET_NAME = re.compile(_WORDS, re.IGNORECASE)
# Secrets as query parameters, harmless (and telling) as members of an answer.
_SECRET_PARAMETERS = frozenset({"code", "sig", "auth", "jwt", "state", "session", "sid", "nonce", "pin", "otp"})
_ADDRESS_HEADERS = frozenset({"location", "content-location", "link", "refresh", "referer", "origin"})

_USERINFO = re.compile(r"(?<=//)[^/\s?#@\"'<>]*@")
# Names are bounded: without that, a hostile text of one long word would take its length squared.
_PAIR = re.compile(r"([\w.\-\[\]%+$]{1,300})=([^&;\s\"'<>#]*)")
_JSON_MEMBER = re.compile(
    rf'("[^"\\\n]{{0,300}}(?:{_WORDS})[^"\\\n]{{0,300}}"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,\}}\]"\[{{]+)',
    re.IGNORECASE | re.DOTALL,
)
_XML_ELEMENT = re.compile(rf"(<([\w:.-]{{0,300}}(?:{_WORDS})[\w:.-]{{0,300}})(?:\s[^<>]*)?>)[^<]*", re.IGNORECASE)
_SCHEME_AND_KEY = re.compile(r"\b(Bearer|Basic|Digest|Token)\s+[\w.~+/=:-]{8,}", re.IGNORECASE)
_UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
_BINARY = ("image/", "audio/", "video/", "font/", "application/octet-stream", "application/pdf", "application/zip")


def is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def redact_headers(headers: Iterable[tuple[str, str]], secrets: Sequence[str] = ()) -> dict[str, str]:
    """Return headers fit to be shown: lower-case names, repeats joined by a comma, secret values hidden."""
    shown: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        text = HIDDEN if is_secret_name(name) else _shown_value(name, value, secrets)
        shown[name] = f"{shown[name]}, {text}" if name in shown else text
    return shown


def redact_url(url: str, secrets: Sequence[str] = ()) -> str:
    """Return a URL without userinfo and secret query values. Takes anything, also what is no URL at all."""
    url = _hide(_UNSHOWABLE.sub(" ", url[:4000]), secrets)
    return _PAIR.sub(_shown_parameter, _USERINFO.sub("", url))


def redact_text(text: str, secrets: Sequence[str] = ()) -> str:
    """Hide in a platform's own words what is named like a secret, and `secrets` wherever they are echoed."""
    text = _hide(text, secrets)
    text = _JSON_MEMBER.sub(rf'\1"{HIDDEN}"', text)
    text = _XML_ELEMENT.sub(rf"\1{HIDDEN}", text)
    text = _SCHEME_AND_KEY.sub(rf"\1 {HIDDEN}", text)
    return _PAIR.sub(_shown_pair, _USERINFO.sub("", text))


def excerpt_of(body: bytes, content_type: str, secrets: Sequence[str] = ()) -> str:
    """Return the first 2,000 characters of a refusal, or "" when it is not text."""
    if content_type.lower().startswith(_BINARY) or b"\0" in body[:512]:
        return ""
    # Redacted before it is cut, or the cut might take away what tells a secret from text.
    text = _UNSHOWABLE.sub(" ", body[: 8 * EXCERPT_CHARACTERS].decode("utf-8", "replace"))
    return redact_text(text, secrets)[:EXCERPT_CHARACTERS].strip()


def _hide(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _shown_value(name: str, value: str, secrets: Sequence[str]) -> str:
    if name in _ADDRESS_HEADERS:
        return redact_url(value, secrets)
    return _hide(_SCHEME_AND_KEY.sub(rf"\1 {HIDDEN}", value[:2000]), secrets)


def _shown_parameter(match: re.Match[str]) -> str:
    name = unquote_plus(match[1])
    if is_secret_name(name) or name.lower() in _SECRET_PARAMETERS:
        return f"{match[1]}={HIDDEN}"
    return match[0]


def _shown_pair(match: re.Match[str]) -> str:
    return f"{match[1]}={HIDDEN}" if is_secret_name(unquote_plus(match[1])) else match[0]
