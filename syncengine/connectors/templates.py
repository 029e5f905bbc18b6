"""`{setting}` in the addresses, headers and parameters of a manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from syncengine.exceptions import PrerequisiteMissing, SourceRefused

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def placeholders(text: str) -> list[str]:
    """Return the names in braces.

    Raises: ValueError for a brace that belongs to no name.
    """
    if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        raise ValueError(f"{text!r} holds a brace that belongs to no setting's name")
    return _PLACEHOLDER.findall(text)


def fill_text(text: str, settings: Mapping[str, Any]) -> str:
    """Return the text with each setting as it stands (headers, parameters).

    Raises: PrerequisiteMissing for an empty setting.
    """
    return _PLACEHOLDER.sub(lambda match: _setting(settings, match[1]), text)


def fill_path(text: str, settings: Mapping[str, Any]) -> str:
    """Return the path with each setting percent-encoded, so that none can add a step or a parameter."""
    return _PLACEHOLDER.sub(lambda match: quote(_setting(settings, match[1]), safe=""), text)


def fill_url(text: str, settings: Mapping[str, Any]) -> str:
    """Return an address: a setting at its very start stands as it is, all others are percent-encoded.

    Raises: PrerequisiteMissing when a setting is empty or what results is no plain http(s) address.
    """
    head = _PLACEHOLDER.match(text)
    start = _setting(settings, head[1]).rstrip("/") if head else ""
    url = start + fill_path(text[head.end() :] if head else text, settings)
    if not _is_plain(url):
        raise PrerequisiteMissing(f"The address {url[:200]} is not one that can be asked; check the settings.")
    return url


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain_host = bool(parts.hostname) and parts.username is None and parts.password is None
    signs = any(sign.isspace() or ord(sign) < 33 or sign in '\\"<>^`|' for sign in url)
    return parts.scheme in ("http", "https") and plain_host and port_fits and not signs and not parts.fragment


def _setting(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name)
    text = "" if value is None else str(value).strip()
    if not text:
        raise PrerequisiteMissing(f"The setting {name} is not filled in.")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise PrerequisiteMissing(f"The setting {name} holds a control character.")
    return text


def require_step(text: str, what: str) -> str:
    """Return an id that may stand as one step of a path: `..` in its place would lead elsewhere.

    Raises: SourceRefused, as the platform would answer for an id it does not know.
    """
    if text.strip(". ") == "" or len(text) > 512 or any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        refusal = SourceRefused(f"The platform does not know this {what}.", status_code=404)
        refusal.sent = False
        raise refusal
    return text
