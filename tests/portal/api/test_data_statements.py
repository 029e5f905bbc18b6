"""Financial statements over periods of whole months, from the monthly reports that were read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from portal.api.data_periods import Asked, month_of, statement_bytes
from syncengine.actions.datasets import queue_dataset
from syncengine.run.runner import run_dataset
from syncengine.states import DatasetStatus
from tests.factories import make_connection, make_dataset, make_record

MODIFIED = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _line(name, value, items=(), **more):
    return {**more, "name": name, "value": value, "items": list(items)}


def _profit(month, value, *, extra=()):
    leaf = [_line("Sales", value, accountId="acc-1"), *extra]
    total = value + sum(item["value"] for item in extra)
    return {
        "fromDate": f"2026-{month:02d}-01T00:00:00",
        "toDate": f"2026-{month:02d}-{DAYS[month - 1]}T00:00:00",
        "income": _line("Income", total, leaf),
        "grossProfit": total,
        "netOperatingProfit": total,
        "netOtherIncome": 0,
        "netProfit": total,
    }


def _statement(reports, **members):
    return json.dumps({"currency": "GBP", "reportBasis": "Accrual", "reports": reports, **members}).encode()


def _answered(content, asked, data_type="profitAndLoss"):
    return json.loads(statement_bytes(content, data_type, asked))


def _spans(answered):
    return [(report["fromDate"][:7], report["toDate"][:10], report["netProfit"]) for report in answered["reports"]]


YEAR = _statement([_profit(month, month * 10) for month in range(12, 0, -1)])


@pytest.mark.parametrize(
    ("asked", "spans"),
    [
        (Asked(1, 2), [("2026-12", "2026-12-31", 120), ("2026-11", "2026-11-30", 110)]),
        (Asked(3, 2), [("2026-10", "2026-12-31", 330), ("2026-07", "2026-09-30", 240)]),
        (Asked(12, 1), [("2026-01", "2026-12-31", 780)]),
        (Asked(12, 5), [("2026-01", "2026-12-31", 780)]),
        (Asked(5, 9), [("2026-08", "2026-12-31", 500), ("2026-03", "2026-07-31", 250)]),
        (Asked(13, 1), []),
        (Asked(1, 2, month_of("2026-02")), [("2026-03", "2026-03-31", 30), ("2026-02", "2026-02-28", 20)]),
        (Asked(6, 2, month_of("2026-01")), [("2026-07", "2026-12-31", 570), ("2026-01", "2026-06-30", 210)]),
        (Asked(6, 3, month_of("2025-07")), [("2026-07", "2026-12-31", 570), ("2026-01", "2026-06-30", 210)]),
        (Asked(6, 1200, month_of("2026-07")), [("2026-07", "2026-12-31", 570)]),
        (Asked(1, 1, month_of("2027-01")), []),
        (Asked(1, 1, month_of("2025-12")), []),
    ],
)
def test_periods_are_whole_and_the_newest_stands_first(asked, spans):
    answered = _answered(YEAR, asked)
    assert _spans(answered) == spans
    assert (answered["earliestAvailableMonth"], answered["mostRecentAvailableMonth"]) == (
        "2026-01-01T00:00:00",
        "2026-12-01T00:00:00",
    )


def test_a_period_of_which_a_month_is_missing_is_left_out():
    gap = _statement([_profit(month, 1) for month in (1, 2, 3, 5, 6)])
    assert _spans(_answered(gap, Asked(2, 3))) == [("2026-05", "2026-06-30", 2), ("2026-01", "2026-02-28", 2)]
    assert _spans(_answered(gap, Asked(3, 2))) == [("2026-01", "2026-03-31", 3)]


def test_reports_of_several_months_are_whole_or_nothing():
    quarter = {**_profit(3, 90), "fromDate": "2026-01-01T00:00:00"}
    mixed = _statement([_profit(4, 10), quarter])
    assert _spans(_answered(mixed, Asked(1, 4))) == [("2026-04", "2026-04-30", 10)]
    assert _spans(_answered(mixed, Asked(4, 1))) == [("2026-01", "2026-04-30", 100)]


def test_one_month_is_the_report_as_it_was_read():
    assert _answered(YEAR, Asked(1, 1))["reports"] == [_profit(12, 120)]


def test_lines_are_added_by_account_and_by_name_where_there_is_none():
    other, renamed = _line("Other", 1.10), _line("Sales abroad", 5, accountId="acc-2")
    content = _statement(
        [
            _profit(2, 0.2, extra=[other, renamed]),
            _profit(1, 0.1, extra=[_line("Other", 2.20), {**renamed, "name": "X"}]),
        ]
    )
    [report] = _answered(content, Asked(2, 1))["reports"]
    assert report["income"] == _line(
        "Income",
        13.6,
        [_line("Sales", 0.3, accountId="acc-1"), _line("Other", 3.3), _line("Sales abroad", 10, accountId="acc-2")],
    )
    assert (report["netProfit"], list(report)[:2]) == (13.6, ["fromDate", "toDate"])


def test_figures_are_added_exactly():
    text = _statement([_profit(2, 1), _profit(1, 1)]).replace(b'"netProfit": 1', b'"netProfit": 100000000000000000.01')
    assert b'"netProfit":200000000000000000.02' in statement_bytes(text, "profitAndLoss", Asked(2, 1))


def test_a_balance_sheet_is_taken_at_the_end_of_each_period():
    def snapshot(day, value):
        return {"date": f"{day}T00:00:00", "netAssets": value, "assets": _line("Assets", value)}

    months = [snapshot(f"2026-{month:02d}-{DAYS[month - 1]}", month) for month in range(1, 7)]
    content = _statement([*months, snapshot("2026-07-10", 7), snapshot("2026-07-20", 8)])

    def taken(asked):
        reports = _answered(content, asked, "balanceSheet")["reports"]
        return [(report["date"][:10], report["netAssets"]) for report in reports]

    expected = {
        Asked(1, 2): [("2026-07-20", 8), ("2026-06-30", 6)],
        Asked(3, 3): [("2026-07-20", 8), ("2026-04-30", 4), ("2026-01-31", 1)],
        Asked(2, 2, month_of("2026-01")): [("2026-04-30", 4), ("2026-02-28", 2)],
        Asked(3, 2, month_of("2025-12")): [("2026-05-31", 5), ("2026-02-28", 2)],
    }
    assert {asked: taken(asked) for asked in expected} == expected


@pytest.mark.parametrize("reports", [[], [{}], [{"fromDate": "soon", "toDate": None}], [{"fromDate": "2026-02-01"}]])
def test_reports_without_dates_give_no_periods(reports):
    assert _answered(_statement(reports, mostRecentAvailableMonth="2026-01-01"), Asked(1, 1)) == {
        "currency": "GBP",
        "reportBasis": "Accrual",
        "reports": [],
    }


@pytest.mark.parametrize(
    "text", ["2026-03", "2026-03-31", "2026-03-01T00:00:00", "2026-03-01T00:00:00Z", "2026-03-01 00:00:00 +0000 UTC"]
)
def test_a_month_is_read_in_every_form_of_the_wire(text):
    assert month_of(text) == 2026 * 12 + 2


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-02-30", "03-2026", "2026-W10", "0000-01", "x2026-03", "２０２６-03"]
)
def test_what_is_no_month_is_none(text):
    assert month_of(text) is None


# --- over the wire --------------------------------------------------------------------------------------------------


@pytest.fixture
def read(db):
    connection = make_connection()
    for data_type in ("profitAndLoss", "balanceSheet", "cashFlowStatement"):
        make_dataset(connection, data_type, DatasetStatus.COMPLETE)
        make_record(connection, "report", data_type, content=json.loads(YEAR), modified_at=MODIFIED)
    return f"/companies/{connection.company_id}/data/financials"


@pytest.mark.parametrize(
    ("asked", "member"),
    [
        ("", "periodLength"),
        ("periodLength=1", "periodsToCompare"),
        ("periodsToCompare=1", "periodLength"),
        ("periodLength=0&periodsToCompare=1", "periodLength"),
        ("periodLength=1&periodsToCompare=-1", "periodsToCompare"),
        ("periodLength=1.5&periodsToCompare=1", "periodLength"),
        ("periodLength=1201&periodsToCompare=1", "periodLength"),
        ("periodLength=x&periodsToCompare=1", "periodLength"),
        ("periodLength=1&periodsToCompare=1&startMonth=never", "startMonth"),
        ("periodLength=1&periodsToCompare=1&startMonth=", "startMonth"),
    ],
)
@pytest.mark.parametrize("statement", ["profitAndLoss", "balanceSheet", "cashFlowStatement"])
def test_a_wrong_period_is_refused_by_name(wire, read, asked, member, statement):
    response = wire.get(f"{read}/{statement}?{asked}")
    found = [issue["itemId"] for issue in response.json()["validation"]["errors"]]
    assert (response.status_code, member in found) == (400, True)


def test_a_statement_is_served_in_any_case(wire, read):
    response = wire.get(f"{read}/PROFITANDLOSS/?periodLength=6&periodsToCompare=1&startMonth=2026-01-01T00:00:00")
    body = response.json()
    assert (response.status_code, _spans(body)) == (200, [("2026-01", "2026-06-30", 210)])
    assert sorted(body) == sorted(
        ["currency", "reportBasis", "reports", "mostRecentAvailableMonth", "earliestAvailableMonth"]
    )
    assert response["X-Data-Stale"] == "false"


def test_a_cash_flow_statement_says_when_it_was_stored(wire, read):
    body = wire.get(f"{read}/cashFlowStatement?periodLength=1&periodsToCompare=1").json()
    assert (body["modifiedDate"], body["metadata"]) == ("2026-11-20T09:15:00.000000Z", {"isDeleted": False})


def test_each_span_has_its_own_tag(wire, read):
    asked = [f"{read}/profitAndLoss?periodLength={length}&periodsToCompare=1" for length in (1, 2)]
    tags = [wire.get(path)["ETag"] for path in asked]
    assert tags[0] != tags[1]
    assert wire.get(asked[0], If_None_Match=tags[0]).status_code == 304


@pytest.mark.django_db(transaction=True)
def test_statements_of_a_real_platform(wire, lab):
    connection = lab.connection()
    for data_type in ("chartOfAccounts", "profitAndLoss", "balanceSheet"):
        dataset = queue_dataset(connection, data_type, actor="test")
        run_dataset(dataset.pk)
        dataset.refresh_from_db()
        assert dataset.status == DatasetStatus.COMPLETE, dataset.error_message
    place = f"/companies/{connection.company_id}/data/financials"
    months = wire.get(f"{place}/profitAndLoss?periodLength=1&periodsToCompare=12").json()["reports"]
    [year] = wire.get(f"{place}/profitAndLoss?periodLength=12&periodsToCompare=1").json()["reports"]
    assert (len(months), year["fromDate"], year["toDate"]) == (12, months[-1]["fromDate"], months[0]["toDate"])
    for member in ("grossProfit", "netOperatingProfit", "netOtherIncome", "netProfit"):
        assert year[member] == pytest.approx(sum(month[member] for month in months))
    assert year["income"]["value"] == pytest.approx(sum(item["value"] for item in year["income"]["items"]))
    assert [item["name"] for item in year["income"]["items"]] == [item["name"] for item in months[0]["income"]["items"]]
    quarters = wire.get(f"{place}/balanceSheet?periodLength=3&periodsToCompare=4").json()["reports"]
    monthly = wire.get(f"{place}/balanceSheet?periodLength=1&periodsToCompare=12").json()["reports"]
    assert quarters == monthly[::3]
