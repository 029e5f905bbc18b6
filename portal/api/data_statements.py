"""Financial statements (codat contract, section 6), over the periods that are asked for (data_periods)."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Schema
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from portal.api.data_described import STATEMENT
from portal.api.data_extras import extras_asked
from portal.api.data_paths import Statement, statement_for
from portal.api.data_periods import Asked, month_of, statement_bytes
from portal.api.data_reading import answer, only_record, reading_of
from portal.api.data_splicing import record_bytes, with_members
from portal.api.schema import CompanyId, ConnectionId, WireRouter

router = WireRouter(tag="Data")

MOST_MONTHS = 1200

# Statements that carry no `modifiedDate` (codat contract, section 6).
_BARE = frozenset({"balanceSheet", "profitAndLoss"})


def _month(text: str) -> str:
    if month_of(text) is None:
        raise ValueError("is no month: write it as 2026-03-01, 2026-03 or 2026-03-01T00:00:00Z.")
    return text


class Periods(Schema):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    period_length: int = Field(ge=1, le=MOST_MONTHS, description="Months in a period.")
    periods_to_compare: int = Field(ge=1, le=MOST_MONTHS, description="How many periods.")
    start_month: Annotated[str, AfterValidator(_month)] | None = Field(
        None,
        description="The month that the first period begins with. Without it, the last period ends with the most "
        "recent month that was read.",
    )


@router.operation("GET", "/companies/{company_id}/data/financials/{statement}", "data.read", openapi_extra=STATEMENT)
def get_statement(
    request: HttpRequest, company_id: CompanyId, statement: Statement, periods: Query[Periods]
) -> HttpResponse:
    """Get a financial statement over whole periods, the newest first. Periods of which a month is missing are left out;
    the months there are stand in `earliestAvailableMonth` and `mostRecentAvailableMonth`.
    """
    return _statement(request, company_id, None, statement, periods)


@router.operation(
    "GET",
    "/companies/{company_id}/connections/{connection_id}/data/financials/{statement}",
    "data.read",
    openapi_extra=STATEMENT,
)
def get_connection_statement(
    request: HttpRequest,
    company_id: CompanyId,
    connection_id: ConnectionId,
    statement: Statement,
    periods: Query[Periods],
) -> HttpResponse:
    """Get a financial statement of one connection over whole periods, the newest first."""
    return _statement(request, company_id, connection_id, statement, periods)


def _statement(
    request: HttpRequest, company_id: str, connection_id: str | None, statement: str, periods: Periods
) -> HttpResponse:
    data_type = statement_for(statement).key
    start = None if periods.start_month is None else month_of(periods.start_month)
    asked = Asked(periods.period_length, periods.periods_to_compare, start)
    reading = reading_of(request, company_id, connection_id, data_type)
    extras = extras_asked(request, reading)

    def made() -> bytes:
        record = only_record(reading)
        content = statement_bytes(record.content, data_type, asked)
        members = extras.members([record])
        if data_type in _BARE:
            return with_members(content, *members) if members else content
        return record_bytes(record._replace(content=content), *members)

    return answer(request, reading, made, state=extras.state)
