"""What the deployment says of itself, and which websites it trusts (codat contract, sections 16.1, 16.3 and 16.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import idna
from django.db import transaction

from portal.models import DeploymentSettings
from portal.redirect_template import check_template, origin_parts
from syncengine.events import record_event
from syncengine.exceptions import Refused
from syncengine.secrets import SecretUnreadable, seal, unseal

MAX_NAME = 200
MAX_URL = 2048
MAX_LISTED = 50
MAX_AUTH_HEADER = 1000


@transaction.atomic
def save_profile(
    *,
    name: str,
    redirect_url: str,
    logo_url: str = "",
    icon_url: str = "",
    white_list_urls: Iterable[str] = (),
    confirm_company_name: bool = False,
    alert_auth_header: str | None = None,
    actor: str,
) -> DeploymentSettings:
    """Replace the profile.

    redirect_url:       where customers go after linking (redirect_template.py); empty for our own page.
    white_list_urls:    addresses whose hosts the redirect may lead to beside its own.
    alert_auth_header:  kept encrypted; None leaves it as it is.
    Raises:             Refused naming the field at fault.
    """
    row = DeploymentSettings.locked()
    listed = _checked_list(white_list_urls)
    wanted: dict[str, Any] = {
        "name": _checked_name(name),
        "logo_url": _checked_url(logo_url, "logo_url"),
        "icon_url": _checked_url(icon_url, "icon_url"),
        "redirect_url": _checked_redirect(redirect_url, listed),
        "white_list_urls": listed,
        "confirm_company_name": confirm_company_name,
    }
    changed = sorted(field for field, value in wanted.items() if getattr(row, field) != value)
    before = {field: getattr(row, field) for field in changed}
    after = {field: wanted[field] for field in changed}
    if alert_auth_header is not None and not _holds_header(row, _checked_header(alert_auth_header)):
        sealed = seal(row, "alert_auth_header", {"value": alert_auth_header}) if alert_auth_header else b""
        wanted["alert_auth_header"] = sealed
        changed.append("alert_auth_header")
    for field in changed:
        setattr(row, field, wanted[field])
    if changed:
        row.save(update_fields=changed)
        record_event("profile.changed", actor=actor, fields=changed, before=before, after=after)
    return row


@transaction.atomic
def save_allowed_origins(origins: Iterable[str], *, actor: str) -> DeploymentSettings:
    """Replace the origins whose pages may read the API's answers. "*" is refused: a key never belongs on every website.

    Raises: Refused naming `allowed_origins`.
    """
    row = DeploymentSettings.locked()
    wanted = list(dict.fromkeys(checked_origin(origin) for origin in origins))
    if len(wanted) > MAX_LISTED:
        raise Refused(f"At most {MAX_LISTED} origins can be allowed.", field="allowed_origins")
    if wanted != row.allowed_origins:
        before, row.allowed_origins = row.allowed_origins, wanted
        row.save(update_fields=["allowed_origins"])
        record_event("cors.changed", actor=actor, before=before, after=wanted)
    return row


def auth_header_of(row: DeploymentSettings) -> str:
    """Return the Authorization header that alerts carry, "" when there is none.

    Raises: SecretUnreadable when no key of this deployment opens it.
    """
    return unseal(row, "alert_auth_header").get("value", "")


def _holds_header(row: DeploymentSettings, value: str) -> bool:
    try:
        return auth_header_of(row) == value
    except SecretUnreadable:
        return False


def checked_origin(text: str) -> str:
    """Return the origin as browsers send it: scheme, host in lower case, and a port where it is not the usual one.

    Raises: Refused naming `allowed_origins`.
    """
    given = text.strip().removesuffix("/")
    if given == "*":
        raise Refused("“*” would open the API to every website. Name each origin.", field="allowed_origins")
    scheme, separator, rest = given.partition("://")
    if not separator or set(rest) & set("/?#@\\"):
        raise _no_origin(text)
    try:
        host = given if given.isascii() else f"{scheme}://{_in_ascii(rest)}"
    except idna.IDNAError:
        raise _no_origin(text) from None
    parts = origin_parts(host.lower())
    if parts is None or len(host) > MAX_URL:
        raise _no_origin(text)
    return _written(*parts)


def _written(scheme: str, host: str, port: int) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == {"https": 443, "http": 80}[scheme] else f"{scheme}://{host}:{port}"


def _in_ascii(authority: str) -> str:
    host, colon, port = authority.partition(":")
    return idna.encode(host, uts46=True).decode() + colon + port


def _no_origin(text: str) -> Refused:
    return Refused(
        f"{text[:100]!r} is not an origin. Write scheme, host and perhaps a port: https://app.example.com",
        field="allowed_origins",
    )


def _checked_redirect(text: str, listed: list[str]) -> str:
    if template := text.strip():
        _check_length(template, "redirect_url")
        check_template(template, listed)
    return template


def _checked_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or not cleaned.isprintable():
        raise Refused("Enter the organisation's name.", field="name")
    if len(cleaned) > MAX_NAME:
        raise Refused(f"The name has at most {MAX_NAME} characters.", field="name")
    return cleaned


def _checked_url(text: str, field: str) -> str:
    text = text.strip()
    if not text:
        return ""
    _check_length(text, field)
    if origin_parts(text) is None or not text.isprintable() or " " in text:
        raise Refused(f"{text[:100]!r} is not an address that begins with https:// or http://.", field=field)
    return text


def _checked_list(addresses: Iterable[str]) -> list[str]:
    found = [_checked_url(address, "white_list_urls") for address in addresses]
    found = list(dict.fromkeys(address for address in found if address))
    if len(found) > MAX_LISTED:
        raise Refused(f"At most {MAX_LISTED} addresses can be allowed.", field="white_list_urls")
    return found


def _check_length(text: str, field: str) -> None:
    if len(text) > MAX_URL:
        raise Refused(f"An address has at most {MAX_URL} characters.", field=field)


def _checked_header(value: str) -> str:
    if len(value) > MAX_AUTH_HEADER or not value.isascii() or (value and not value.isprintable()):
        raise Refused(
            f"The header is one line of plain ASCII, at most {MAX_AUTH_HEADER} characters.", field="alert_auth_header"
        )
    return value
