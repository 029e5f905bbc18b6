"""The list of companies: search, filters, worst state, platforms and last sync, in a constant number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from syncengine.models import Company, Connection
from syncengine.queries.keyset import pack_cursor, unpack_cursor
from syncengine.states import ConnectionStatus

NO_CONNECTIONS = "NoConnections"
# Worst first: a company shows the first of these that any of its connections is in.
STATES_BY_URGENCY: tuple[str, ...] = (
    ConnectionStatus.DEAUTHORIZED,
    ConnectionStatus.PENDING_AUTH,
    ConnectionStatus.UNLINKED,
    ConnectionStatus.LINKED,
)
COUNT_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class PlatformPill:
    """A platform of a company: how many connections to it, and the worst state among them."""

    key: str
    name: str
    state: str
    connection_count: int


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company as the list shows it. `state` is a ConnectionStatus or NO_CONNECTIONS."""

    company: Company
    state: str
    platforms: tuple[PlatformPill, ...]
    last_sync_at: datetime | None


@dataclass(frozen=True, slots=True)
class CompaniesPage:
    """One page, by name.

    after:        cursor of the next page, "" on the last.
    total_count:  how many match, at most COUNT_LIMIT; `has_more_than_counted` says that there are more.
    """

    rows: tuple[CompanyRow, ...]
    after: str
    total_count: int
    has_more_than_counted: bool


def companies_page(
    base: QuerySet[Company],
    *,
    search: str = "",
    state: str = "",
    platform: str = "",
    after: str | None = None,
    size: int = 50,
) -> CompaniesPage:
    """Return the companies of `base` that match, by name and id, three queries whatever their number.

    search:    part of a name, a company's or connection's whole id, part of a platform's name.
    state:     worst state, a ConnectionStatus or NO_CONNECTIONS; an unknown word matches nothing.
    platform:  key of an integration.
    """
    matching = _matching(base.filter(deleted_at=None), search.strip(), state, platform)
    counted = matching.order_by()[: COUNT_LIMIT + 1].count()
    found = list(_behind(matching, after or "").order_by("name", "id")[: size + 1])
    shown = found[:size]
    return CompaniesPage(
        rows=tuple(_rows(shown)),
        after=pack_cursor(shown[-1].name, str(shown[-1].pk)) if len(found) > size else "",
        total_count=min(counted, COUNT_LIMIT),
        has_more_than_counted=counted > COUNT_LIMIT,
    )


def worst_state(states: Iterable[str]) -> str:
    """Return the most urgent of the connection states, NO_CONNECTIONS when there is none."""
    present = set(states)
    return next((state for state in STATES_BY_URGENCY if state in present), NO_CONNECTIONS)


def _matching(base: QuerySet[Company], search: str, state: str, platform: str) -> QuerySet[Company]:
    if search:
        base = base.filter(_search_condition(search))
    if platform:
        base = base.filter(Exists(_connections().filter(company=OuterRef("pk"), integration__key=platform)))
    if state:
        base = _in_state(base, state)
    return base


def _connections() -> QuerySet[Connection]:
    return Connection.objects.filter(deleted_at=None)


def _search_condition(search: str) -> Q:
    on_platform = _connections().filter(integration__name__icontains=search)
    condition = Q(name__icontains=search) | Q(pk__in=on_platform.values("company_id"))
    wanted = _uuid(search)
    if wanted is not None:
        condition |= Q(pk=wanted) | Q(pk__in=_connections().filter(pk=wanted).values("company_id"))
    return condition


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _in_state(base: QuerySet[Company], state: str) -> QuerySet[Company]:
    own = _connections().filter(company=OuterRef("pk"))
    if state == NO_CONNECTIONS:
        return base.filter(~Exists(own))
    if state not in STATES_BY_URGENCY:
        return base.none()
    worse = STATES_BY_URGENCY[: STATES_BY_URGENCY.index(state)]
    base = base.filter(Exists(own.filter(status=state)))
    return base.filter(~Exists(own.filter(status__in=worse))) if worse else base


def _behind(matching: QuerySet[Company], after: str) -> QuerySet[Company]:
    parts = unpack_cursor(after, 2) if after else None
    last_id = _uuid(parts[1]) if parts else None
    if parts is None or last_id is None:
        return matching
    return matching.filter(Q(name__gte=parts[0]) & (Q(name__gt=parts[0]) | Q(pk__gt=last_id)))


def _rows(companies: Sequence[Company]) -> Iterable[CompanyRow]:
    by_company: dict[UUID, list[Connection]] = defaultdict(list)
    connections = (
        _connections().filter(company__in=companies).select_related("integration").order_by("created_at", "id")
    )
    for connection in connections:
        by_company[connection.company_id].append(connection)
    for company in companies:
        own = by_company[company.pk]
        yield CompanyRow(
            company=company,
            state=worst_state(connection.status for connection in own),
            platforms=_pills(own),
            last_sync_at=max((c.last_sync_at for c in own if c.last_sync_at), default=None),
        )


def _pills(connections: Iterable[Connection]) -> tuple[PlatformPill, ...]:
    by_platform: dict[str, list[Connection]] = defaultdict(list)
    for connection in connections:
        by_platform[connection.integration.key].append(connection)
    return tuple(
        PlatformPill(key, own[0].integration.name, worst_state(c.status for c in own), len(own))
        for key, own in by_platform.items()
    )
