"""Pages of Tryton's standard types: ids walked upwards, and after a read of changes swept.

Tryton keeps no trace of a deleted row; whatever the sweep does not name is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from syncengine.connectors.base import Cursor, FetchPlan, Json, MappedRecord, Page, RecordRefused, Written
from syncengine.connectors.tryton import mapping
from syncengine.connectors.tryton.places import company_of
from syncengine.connectors.tryton.protocol import (
    Domain,
    Row,
    Server,
    any_state,
    as_json,
    changed_since,
    rows,
    rows_by,
)
from syncengine.connectors.tryton.sources import DATES, SOURCES, Source, merge_children
from syncengine.connectors.tryton.values import decimal_of
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import NotSupported
from syncengine.states import ReadMode

SWEEP_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Position:
    """Where a read stands.

    since:  changes from then on are still wanted; None when every record is.
    """

    company: int
    sweeping: bool
    after: int
    since: datetime | None

    @classmethod
    def from_cursor(cls, cursor: Cursor) -> Self:
        since = cursor["since"]
        return cls(
            int(cursor["company"]),
            bool(cursor["sweeping"]),
            int(cursor["after"]),
            datetime.fromisoformat(since) if since else None,
        )

    def as_cursor(self) -> dict[str, Json]:
        since = self.since.isoformat() if self.since else None
        return {"company": self.company, "sweeping": self.sweeping, "after": self.after, "since": since}


def read_page(plan: FetchPlan, cursor: Cursor | None, server: Server) -> Page:
    """Raises: ConnectorError subclasses."""
    source = SOURCES.get(plan.data_type)
    if source is None:
        raise NotSupported(f"Tryton is not read for {plan.data_type}.")
    position = Position.from_cursor(cursor) if cursor else _start(source, plan, server)
    return (_swept_page if position.sweeping else _records_page)(source, plan, position, server)


def one_record(data_type: str, number: int, server: Server, company: int) -> tuple[Written, Row] | None:
    """Read one record as a page would bring it."""
    source = SOURCES[data_type]
    domain: Domain = [["id", "=", number], *source.base_domain(None), *any_state(source.has_active)]
    if source.by_company:
        domain.append(["company", "=", company])
    found = _completed(source, server, rows(server, source.model, (*source.fields, *DATES), domain=domain, limit=1))
    if not found:
        return None
    text, _ = as_json(found[0])
    try:
        record: MappedRecord | None = mapping.map_record(data_type, decode_record(text))
    except RecordRefused:
        record = None
    return Written(str(number), text, record), found[0]


def _completed(source: Source, server: Server, records: list[Row]) -> list[Row]:
    """Merge in what belongs to the records, in place."""
    for children in source.children:
        merge_children(server, children, records)
    if source.finish is not None and records:
        source.finish(server, records)
    return records


def _start(source: Source, plan: FetchPlan, server: Server) -> Position:
    company = company_of(plan.settings, server)
    since = plan.since if plan.mode == ReadMode.INCREMENTAL else None
    position = Position(company, sweeping=False, after=0, since=since)
    if since is None or not source.whole_if:
        return position
    everywhere = server.in_company(company, every_state=True)
    for model in source.whole_if:
        if rows(everywhere, model, ("id",), domain=changed_since(since), limit=1):
            return replace(position, since=None)
    return position if source.touched_by else replace(position, sweeping=True)


def _records_page(source: Source, plan: FetchPlan, position: Position, server: Server) -> Page:
    limit = min(plan.page_size or source.page_size, source.page_size)
    here = server.in_company(position.company)
    fields, domain = (*source.fields, *DATES), _domain(source, plan, position)
    if position.since is None:
        listed = found = rows(here, source.model, fields, domain=[*domain, *any_state(source.has_active)], limit=limit)
    else:
        everywhere = server.in_company(position.company, every_state=True)
        touched = _changes(source, position.since)
        listed = rows(everywhere, source.model, ("id",), domain=[*domain, touched], limit=limit)
        ids = [row["id"] for row in listed]
        found = rows_by(here, source.model, fields, "id", ids, has_active=source.has_active)
    records = [row for row in found if _wanted(source, row, "total_amount")]
    texts = [as_json(record) for record in _completed(source, here, records)]
    return Page(
        records=tuple(text for text, _ in texts),
        cursor=_next(plan, position, listed, limit),
        warnings=tuple(
            f"Characters that cannot be stored were taken out of record {record['id']}."
            for record, (_, mended) in zip(records, texts, strict=True)
            if mended
        ),
    )


def _domain(source: Source, plan: FetchPlan, position: Position) -> Domain:
    wanted: Domain = [["id", ">", position.after], *source.base_domain(plan.not_before)]
    if source.single:
        wanted.append(["id", "=", position.company])
    if source.by_company:
        wanted.append(["company", "=", position.company])
    return wanted


def _changes(source: Source, since: datetime) -> Domain:
    """Return the clause of rows that changed, themselves or in what belongs to them."""
    clauses = changed_since(since)
    for relation in source.touched_by:
        inner = [changed_since(since)]
        if relation.through:
            inner = [[relation.through, "where", inner]]
        clauses.append([relation.field, "where", inner])
    return clauses


def _next(plan: FetchPlan, position: Position, found: Sequence[Row], limit: int) -> Cursor | None:
    if len(found) >= limit:
        return replace(position, after=found[-1]["id"]).as_cursor()
    if plan.mode == ReadMode.INCREMENTAL and plan.since is not None and not position.sweeping:
        return replace(position, sweeping=True, after=0).as_cursor()
    return None


def _swept_page(source: Source, plan: FetchPlan, position: Position, server: Server) -> Page:
    """Name the ids that exist, without the records."""
    server = server.in_company(position.company)
    fields = ("id", "total_amount_cache") if source.sign else ("id",)
    domain = [*_domain(source, plan, position), *any_state(source.has_active)]
    found = rows(server, source.model, fields, domain=domain, limit=SWEEP_PAGE)
    kept = [row for row in found if _wanted(source, row, "total_amount_cache")]
    if source.sign:
        # Drafts hold no stored total; theirs is computed, which is slow, so it is asked for them alone.
        drafts = [row["id"] for row in found if row["total_amount_cache"] is None]
        computed = rows_by(server, source.model, ("total_amount",), "id", drafts)
        kept += [row for row in computed if _wanted(source, row, "total_amount")]
    return Page(
        records=(), known=tuple(str(row["id"]) for row in kept), cursor=_next(plan, position, found, SWEEP_PAGE)
    )


def _wanted(source: Source, row: Row, total: str) -> bool:
    if not source.sign:
        return True
    if row[total] is None:
        return False
    return (decimal_of(row, total) < 0) == (source.sign < 0)
