"""Linking with credentials that somebody holds already, instead of asking for the customer's consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.connections import checked_settings
from syncengine.actions.linking import LinkRefused, require_only_accounting, store_link
from syncengine.actions.schedules import resume_schedule
from syncengine.actions.sync_settings import effective_settings
from syncengine.connectors.base import Connector, Credentials
from syncengine.connectors.platforms import Platform
from syncengine.connectors.registry import connector_for
from syncengine.exceptions import AuthExpired, ConnectorError, PermissionMissing, Refused
from syncengine.models import Company, Connection
from syncengine.outbound import Session
from syncengine.secrets import unseal

# What each way of authorising takes, the needed ones first. Every platform of a kind takes the same.
SECRETS_OF: dict[str, tuple[str, ...]] = {
    "oauth2": ("access_token", "refresh_token", "expires_in"),
    "approved-key": ("key",),
    "none": (),
}
MAX_SECRET = 16_384
MAX_LIFE = 10 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class Given:
    """What was sent, sorted: secrets and settings by our names, and how the sender spelled each."""

    secrets: Mapping[str, str]
    settings: Mapping[str, str]
    spelled: Mapping[str, str]


def authorize_connection(connection: Connection, given: Mapping[str, Any], *, actor: str) -> Connection:
    """Link with these credentials, after the platform was asked whether it accepts them. Nothing is read by that.

    given:   members by name, in any of the usual spellings (`accessToken`, `access_token`): the secrets of the
             platform's way of authorising (SECRETS_OF), and the settings a connection to it asks for.
    Raises:  Refused naming the member at fault, LinkRefused; the connection then stays as it was.
    """
    connector = connector_for(connection.integration.key)
    sorted_out = _sorted_out(connector.platform, given)
    own = _settings(connector.platform, connection, sorted_out)
    require_only_accounting(connection)
    credentials = _tried(connection, connector, _credentials(connection, sorted_out), own, sorted_out)
    with transaction.atomic():
        Company.objects.select_for_update().get(pk=connection.company_id)
        connection.refresh_from_db()
        if connection.deleted_at:
            raise LinkRefused("This connection was deleted meanwhile.")
        require_only_accounting(connection)
        connection.settings = own
        connection.save(update_fields=["settings"])
        store_link(connection, credentials, actor=actor)
        unfinished = connection.link_attempts.filter(ended_at__isnull=True)
        unfinished.update(ended_at=now(), error_message="Replaced by credentials that were handed over.", pending=b"")
        wanted = effective_settings(connection.company)
        hours = {key: setting.sync_schedule_hours for key, setting in wanted.items()}
        resume_schedule(connection, hours, at_once=False)
    return connection


def _sorted_out(platform: Platform, given: Mapping[str, Any]) -> Given:
    secrets = SECRETS_OF[platform.auth]
    takes = {_folded(name): name for name in (*secrets, *(field.name for field in platform.connection_fields))}
    found: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for member, value in given.items():
        name = takes.get(_folded(member))
        if name is None:
            known = ", ".join(takes.values()) or "nothing"
            raise Refused(f"{platform.name} does not take {member!r}. It takes: {known}.", field=member)
        if name in found:
            raise Refused(f"{name} is given twice.", field=member)
        if not isinstance(value, str):
            raise Refused(f"{member} must be text.", field=member)
        found[name], spelled[name] = value.strip(), member
    if secrets and not found.get(secrets[0]):
        raise Refused(f"{platform.name} needs {secrets[0]}.", field=spelled.get(secrets[0], _camel(secrets[0])))
    return Given(
        secrets={name: found[name] for name in secrets if found.get(name)},
        settings={name: value for name, value in found.items() if name not in secrets},
        spelled=spelled,
    )


def _settings(platform: Platform, connection: Connection, given: Given) -> dict[str, str]:
    try:
        return checked_settings(platform.connection_fields, {**connection.settings, **given.settings})
    except Refused as refusal:
        raise Refused(refusal.message, field=given.spelled.get(refusal.field, _camel(refusal.field))) from None


def _credentials(connection: Connection, given: Given) -> Credentials:
    secret = {name: text for name, text in given.secrets.items() if name != "expires_in"}
    for name, text in secret.items():
        # It becomes part of a header.
        if len(text) > MAX_SECRET or not all(33 <= ord(sign) <= 126 for sign in text):
            raise Refused(f"{given.spelled[name]} is no token.", field=given.spelled[name])
    ends = None
    if "expires_in" in given.secrets:
        text, member = given.secrets["expires_in"], given.spelled["expires_in"]
        if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= MAX_LIFE):
            raise Refused(f"{member} is a whole number of seconds.", field=member)
        ends = now() + timedelta(seconds=int(text))
    return Credentials(secret=secret, client=unseal(connection.integration, "client"), expires_at=ends)


def _tried(
    connection: Connection, connector: Connector, credentials: Credentials, own: Mapping[str, str], given: Given
) -> Credentials:
    """Return credentials the platform has just accepted: these, or what its refresh made of them."""
    settings = {**connection.integration.settings, **own}
    try:
        with Session(integration=connection.integration) as http:
            try:
                connector.check(credentials, settings=settings, http=http)
            except AuthExpired:
                if not credentials.secret.get("refresh_token"):
                    raise
                credentials = connector.refresh(credentials, settings=settings, http=http)
                connector.check(credentials, settings=settings, http=http)
    except (AuthExpired, PermissionMissing) as error:
        name = connector.platform.name
        first = next(iter(given.secrets), "")
        raise Refused(
            f"{name} does not accept these credentials. {error.upstream or error.headline}"[:500],
            field=given.spelled.get(first, ""),
        ) from error
    except ConnectorError as error:
        raise LinkRefused(error.headline, connection=connection, upstream=error.upstream) from error
    return credentials


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
