"""Linking: from the customer's consent to credentials we may use, and the first reads."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import now

from syncengine.actions.datasets import queue_first_reads, queue_interrupted_reads
from syncengine.actions.schedules import resume_schedule
from syncengine.actions.sync_settings import effective_settings
from syncengine.connectors.base import Connector, Credentials
from syncengine.connectors.registry import connector_for
from syncengine.events import record_event
from syncengine.exceptions import AuthExpired, ConnectorError, Refused
from syncengine.models import Company, Connection, LinkAttempt
from syncengine.outbound import Session
from syncengine.plans import scheduled
from syncengine.secrets import SecretUnreadable, seal, unseal
from syncengine.states import CONNECTION_MOVES, ConnectionStatus, Responsible
from syncengine.transitions import move

CONSENT_MINUTES = 60
APPROVAL_DAYS = 7


class LinkRefused(Refused):
    """Linking did not succeed. `connection` is the one it was for, None when the answer fits no attempt of ours."""

    def __init__(self, message: str, *, connection: Connection | None = None, upstream: str = "") -> None:
        super().__init__(message)
        self.connection = connection
        self.upstream = upstream


@dataclass(frozen=True, slots=True)
class LinkBegun:
    """Where the person goes next: to `url`, or, when that is empty, to the platform itself as `instruct` says."""

    url: str
    instruct: str
    attempt: LinkAttempt


def begin_linking(connection: Connection, *, redirect_uri: str, actor: str) -> LinkBegun:
    """Start one try at linking (again). Earlier unfinished tries of the connection stop being valid.

    Raises: LinkRefused when the platform cannot be asked, or the company's one accounting connection is another.
    """
    require_only_accounting(connection)
    connector = connector_for(connection.integration.key)
    _withdraw_unfinished(connection, connector)
    state = secrets.token_urlsafe(32)
    try:
        with Session(integration=connection.integration) as http:
            start = connector.start_link(
                settings=_settings(connection),
                client=unseal(connection.integration, "client"),
                state=state,
                redirect_uri=redirect_uri,
                http=http,
            )
    except ConnectorError as error:
        raise LinkRefused(error.headline, connection=connection, upstream=error.upstream) from error
    with transaction.atomic():
        connection.link_attempts.filter(ended_at__isnull=True).update(
            ended_at=now(), error_message="Replaced by a newer attempt.", pending=b""
        )
        attempt = LinkAttempt(
            connection=connection,
            state_hash=_hash(state),
            started_by=actor,
            instruct=start.instruct,
            expires_at=now() + (timedelta(minutes=CONSENT_MINUTES) if start.url else timedelta(days=APPROVAL_DAYS)),
        )
        attempt.pending = seal(attempt, "pending", {**start.pending, "redirect_uri": redirect_uri})
        attempt.save()
        record_event("connection.linking_started", about=connection, actor=actor)
    return LinkBegun(url=start.url, instruct=start.instruct, attempt=attempt)


def finish_linking(state: str, answer: Mapping[str, str], *, redirect_uri: str) -> Connection:
    """Turn the platform's answer into a linked connection; its first reads are queued with it.

    state:   what came back in the query; good once.
    answer:  the rest of the query (code, error, error_description …).
    Raises:  LinkRefused.
    """
    attempt = LinkAttempt.objects.select_related("connection__integration").filter(state_hash=_hash(state)).first()
    if attempt is None or attempt.connection.deleted_at:
        raise LinkRefused("This link is not one of ours, or it is too old. Start again from the company's page.")
    if not LinkAttempt.objects.filter(pk=attempt.pk, ended_at__isnull=True, expires_at__gt=now()).update(
        ended_at=now()
    ):
        raise LinkRefused("This link was used before or has expired. Start again.", connection=attempt.connection)
    return _finish(attempt, answer, redirect_uri)


def check_approval(connection: Connection, *, actor: str) -> Connection:
    """See whether the person has approved our key inside the platform, and link if so. May be asked again and again.

    Raises: LinkRefused while there is no approval.
    """
    attempt = connection.link_attempts.filter(ended_at__isnull=True).order_by("-started_at").first()
    if attempt is None or attempt.expires_at < now():
        raise LinkRefused("No approval is being waited for. Start linking again.", connection=connection)
    return _finish(attempt, {}, "")


def _finish(attempt: LinkAttempt, answer: Mapping[str, str], redirect_uri: str) -> Connection:
    connection = attempt.connection
    connector = connector_for(connection.integration.key)
    # Asked before the code is spent, and again under the lock, where two links at once meet.
    require_only_accounting(connection)
    try:
        credentials = _obtain(connector, attempt, answer, redirect_uri)
    except ConnectorError as error:
        _note_failure(attempt, error)
        raise LinkRefused(error.headline, connection=connection, upstream=error.upstream) from error
    with transaction.atomic():
        Company.objects.select_for_update().get(pk=connection.company_id)
        connection.refresh_from_db()
        if connection.deleted_at:
            raise LinkRefused("This connection was deleted meanwhile.")
        require_only_accounting(connection)
        first = connection.first_linked_at is None
        store_link(connection, credentials, actor=attempt.started_by)
        LinkAttempt.objects.filter(pk=attempt.pk).update(ended_at=now(), pending=b"", error_message="")
        if first:
            queue_first_reads(connection)
        else:
            queue_interrupted_reads(connection)
        wanted = effective_settings(connection.company)
        hours = {key: setting.sync_schedule_hours for key, setting in wanted.items()}
        resume_schedule(connection, hours | scheduled(connection))
    return connection


def _withdraw_unfinished(connection: Connection, connector: Connector) -> None:
    """Take back keys that were asked for and never approved: a platform may keep one open request for each user.

    Best effort: a platform that cannot be reached now will say so when it is asked for the next key.
    """
    if connector.platform.auth != "approved-key":
        return
    for attempt in connection.link_attempts.filter(ended_at__isnull=True).exclude(pending=b""):
        with suppress(ConnectorError, SecretUnreadable), Session(integration=connection.integration) as http:
            asked_for = {name: text for name, text in unseal(attempt, "pending").items() if name != "redirect_uri"}
            connector.unlink(
                Credentials(secret=asked_for, client=unseal(connection.integration, "client")),
                settings=_settings(connection),
                http=http,
            )


def _obtain(connector: Connector, attempt: LinkAttempt, answer: Mapping[str, str], redirect_uri: str) -> Credentials:
    pending = unseal(attempt, "pending")
    # The address the code was issued to, kept with the attempt: a code from another flow does not fit.
    issued_to = pending.pop("redirect_uri", redirect_uri)
    with Session(integration=attempt.connection.integration) as http:
        return connector.finish_link(
            settings=_settings(attempt.connection),
            client=unseal(attempt.connection.integration, "client"),
            pending=pending,
            answer=answer,
            redirect_uri=issued_to,
            http=http,
        )


def store_link(connection: Connection, credentials: Credentials, *, actor: str) -> None:
    """Keep the credentials and make the connection Linked, inside the caller's transaction."""
    linked_at, before = now(), connection.status
    kept: dict[str, Any] = {
        "credentials": seal(connection, "credentials", credentials.secret),
        "credentials_expire_at": credentials.expires_at,
        "credentials_version": connection.credentials_version + 1,
        "refresh_until": None,
        "refresh_owner": "",
        "linked_at": linked_at,
        "first_linked_at": connection.first_linked_at or linked_at,
        "last_used_at": linked_at,
        "status_reason": "",
        "upstream_words": "",
        "status_actor": actor,
        "status_responsible": Responsible.NOBODY,
        "status_changed_at": linked_at,
    }
    if connection.status == ConnectionStatus.LINKED:
        Connection.objects.filter(pk=connection.pk).update(**kept)
        connection.refresh_from_db()
    else:
        move(connection, ConnectionStatus.LINKED, CONNECTION_MOVES, **kept)
    record_event("connection.linked", about=connection, actor=actor, before=before)


def _note_failure(attempt: LinkAttempt, error: ConnectorError) -> None:
    waiting = isinstance(error, AuthExpired) and bool(attempt.instruct)
    with transaction.atomic():
        LinkAttempt.objects.filter(pk=attempt.pk).update(
            error_message=error.headline,
            upstream_words=error.upstream,
            ended_at=None if waiting else now(),
            **({} if waiting else {"pending": b""}),
        )
        if not waiting:
            record_event(
                "connection.linking_failed",
                about=attempt.connection,
                actor=attempt.started_by,
                reason=error.headline,
                status_code=error.status_code,
            )


def require_only_accounting(connection: Connection) -> None:
    """Raises: LinkRefused when the company reads its accounts over another connection already."""
    if connection.integration.source_type != "Accounting":
        return
    other = (
        Connection.objects.filter(
            company_id=connection.company_id,
            status=ConnectionStatus.LINKED,
            deleted_at__isnull=True,
            integration__source_type="Accounting",
        )
        .exclude(pk=connection.pk)
        .select_related("integration")
        .first()
    )
    if other is not None:
        raise LinkRefused(
            f"This company already reads its accounts from {other.integration.name}. Unlink that connection first.",
            connection=connection,
        )


def _settings(connection: Connection) -> dict[str, str]:
    return {**connection.integration.settings, **connection.settings}


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
