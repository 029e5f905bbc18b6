"""The address customers are sent to after linking: a template with placeholders (codat contract, section 16.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import SplitResult, quote, urlsplit

from syncengine.exceptions import Refused

RESERVED = (
    "clientId",
    "connectionId",
    "companyId",
    "integrationId",
    "sourceId",
    "platform",
    "platformName",
    "sourceType",
    "statusCode",
    "errorMessage",
    "statusText",
    "data.company.companyName",
)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_WEB = ("https", "http")
_LONGEST = 8192


def check_template(template: str, allowed: Iterable[str]) -> None:
    """Say what is wrong with a template.

    allowed:  addresses whose hosts may be gone to; a placeholder inside the host is of use only with them.
    Raises:   Refused naming `redirect_url`.
    """
    if re.search(r"[\s\x00-\x1f\x7f\\]", template):
        raise Refused("The redirect holds a space or a character that no address may hold.", field="redirect_url")
    if {"{", "}"} & set(_PLACEHOLDER.sub("", template)):
        raise Refused("A brace in the redirect stands alone.", field="redirect_url")
    for name in sorted(placeholders(template)):
        _check_name(name)
    parts = origin_parts(_PLACEHOLDER.sub("x", template))
    if parts is None or not template.lower().startswith(tuple(f"{scheme}://" for scheme in _WEB)):
        raise Refused("The redirect must begin with https:// or http:// and name a host.", field="redirect_url")
    if _host_is_dynamic(template) and not origins_of(allowed):
        raise Refused(
            "The redirect's host holds a placeholder: list the hosts it may become among the allowed addresses.",
            field="redirect_url",
        )


def placeholders(template: str) -> set[str]:
    return set(_PLACEHOLDER.findall(template))


def custom_placeholders(template: str) -> set[str]:
    """Return those that are taken from the query of the customer's own link."""
    return placeholders(template) - set(RESERVED)


def tells_outcome(template: str) -> bool:
    """Say whether whoever receives the customer learns from the address that linking failed."""
    return bool(placeholders(template) & {"statusCode", "errorMessage", "statusText"})


def fill(template: str, values: Mapping[str, str], allowed: Iterable[str]) -> str:
    """Return the address, or "" when its host is neither the template's own nor an allowed one.

    Values are percent-encoded, so none of them can end the host, the path or the query it stands in.
    """
    filled = _PLACEHOLDER.sub(lambda found: quote(values.get(found[1], ""), safe=""), template)
    parts = origin_parts(filled)
    if parts is None or len(filled) > _LONGEST:
        return ""
    own = set() if _host_is_dynamic(template) else origins_of([template])
    return filled if parts in own | origins_of(allowed) else ""


def origins_of(addresses: Iterable[str]) -> set[tuple[str, str, int]]:
    return {parts for address in addresses if (parts := origin_parts(_PLACEHOLDER.sub("x", address)))}


def origin_parts(address: str) -> tuple[str, str, int] | None:
    """Return (scheme, host, port) of a web address without user name, None for anything else."""
    try:
        split: SplitResult = urlsplit(address)
        port = split.port or {"https": 443, "http": 80}.get(split.scheme, 0)
    except ValueError:
        return None
    if split.scheme not in _WEB or not split.hostname or "@" in split.netloc or not _is_host(split.hostname):
        return None
    return split.scheme, split.hostname, port


def _is_host(host: str) -> bool:
    return ":" in host or (re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", host) is not None and ".." not in host)


def _host_is_dynamic(template: str) -> bool:
    rest = template.partition("://")[2]
    return "{" in re.split(r"[/?#]", _PLACEHOLDER.sub(lambda found: "{" * len(found[0]), rest), maxsplit=1)[0]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Refused(f"{{{name[:60]}}} in the redirect is not a placeholder's name.", field="redirect_url")
    for known in RESERVED:
        if name != known and name.lower() == known.lower():
            raise Refused(f"{{{name}}} in the redirect: write {{{known}}}; case matters.", field="redirect_url")
