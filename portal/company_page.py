"""What a company's page shows: its connections as cards, and the grid of its data types with a version to poll by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.timezone import now

from portal.links import customer_url
from syncengine.connectors.registry import platforms
from syncengine.models import Company, Connection, LinkAttempt
from syncengine.queries.companies import worst_state
from syncengine.queries.data_status import GridRow, company_grid, grid_version
from syncengine.queries.keepalive import LapseWarning, lapse_warnings
from syncengine.states import ConnectionStatus


@dataclass(frozen=True, slots=True)
class Card:
    """One connection of the company.

    refusal:   the last try at linking, when it failed and nothing better happened since.
    approval:  the try that waits for a person's approval inside the platform.
    lapse:     a warning that nothing will use the authorisation in time.
    """

    connection: Connection
    auth: str
    link_url: str
    refusal: LinkAttempt | None
    approval: LinkAttempt | None
    lapse: LapseWarning | None

    @property
    def lapse_is_past(self) -> bool:
        return self.lapse is not None and self.lapse.lapses_at < now()

    @property
    def can_unlink(self) -> bool:
        return self.connection.status in (ConnectionStatus.LINKED, ConnectionStatus.DEAUTHORIZED)


@dataclass(frozen=True, slots=True)
class Section:
    """The part of the grid that belongs to one connection."""

    connection: Connection
    rows: Sequence[GridRow]


def cards_of(company: Company) -> list[Card]:
    """Return the company's connections, oldest first; three queries."""
    connections = list(
        company.connections.filter(deleted_at__isnull=True).select_related("integration").order_by("created_at", "id")
    )
    attempts = _latest_attempts(connections)
    lapses = {warning.connection.pk: warning for warning in lapse_warnings(company)}
    url = customer_url(company)
    return [
        _card(connection, url, attempts.get(connection.pk), lapses.get(connection.pk)) for connection in connections
    ]


def cards_context(company: Company, *, seen: str | None = None) -> dict[str, Any]:
    """Return the cards and what sums them up.

    seen:  the version of the cards that the browser shows, None when it shows none yet.
    """
    cards = cards_of(company)
    version = cards_version(cards)
    synced = [card.connection.last_sync_at for card in cards if card.connection.last_sync_at]
    return {
        "company": company,
        "cards": cards,
        "cards_version": version,
        "cards_changed": seen not in (None, version),
        "state": worst_state(card.connection.status for card in cards),
        "last_sync_at": max(synced, default=None),
        "can_refresh": any(card.connection.status == ConnectionStatus.LINKED for card in cards),
    }


def grid_context(company: Company) -> dict[str, Any]:
    """Return what the polled part of the page needs: the grid, whether something moves, and its version."""
    # The version is read first: what changes in between is then shown twice rather than never.
    version = grid_version(company)
    rows = company_grid(company)
    active = sum(row.is_active for row in rows)
    return {
        "grid": _sections(rows),
        "grid_version": version,
        "moving": active > 0,
        "announcement": _announcement(rows, active),
    }


def cards_version(cards: Sequence[Card]) -> str:
    """Return a short token that changes when a card would look different."""
    shown = [(card.connection.pk, card.connection.status, card.connection.last_sync_at) for card in cards]
    return hashlib.blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def _latest_attempts(connections: Sequence[Connection]) -> dict[Any, LinkAttempt]:
    attempts = LinkAttempt.objects.filter(connection__in=connections).order_by("started_at", "id")
    return {attempt.connection_id: attempt for attempt in attempts.defer("pending")}


def _card(connection: Connection, url: str, attempt: LinkAttempt | None, lapse: LapseWarning | None) -> Card:
    unsettled = attempt if connection.status != ConnectionStatus.LINKED else None
    platform = platforms().get(connection.integration.key)
    return Card(
        connection=connection,
        auth=platform.auth if platform else "",
        link_url=f"{url}#connection-{connection.pk}",
        refusal=unsettled if unsettled and unsettled.ended_at and unsettled.error_message else None,
        approval=unsettled if unsettled and not unsettled.ended_at and unsettled.instruct else None,
        lapse=lapse,
    )


def _sections(rows: Sequence[GridRow]) -> list[Section]:
    by_connection: dict[Any, list[GridRow]] = {}
    for row in rows:
        # A connection that was never linked has nothing to show and nothing to start.
        if row.connection.first_linked_at is None and row.dataset is None:
            continue
        by_connection.setdefault(row.connection.pk, []).append(row)
    return [Section(own[0].connection, own) for own in by_connection.values()]


def _announcement(rows: Sequence[GridRow], active: int) -> str:
    if active:
        return f"{active} data {'type is' if active == 1 else 'types are'} being read."
    failed = sum(row.is_errored for row in rows)
    return f"No read is running. {failed} failed." if failed else "No read is running."
