"""Financial statements: what each figure must be, given the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from syncengine.validation.checks import Content, Finding
from syncengine.validation.issues import ERROR, WARNING
from syncengine.validation.money import Amount, amount, near, or_zero, rows, total

MAX_TREE = 100


def net_assets(content: Content) -> Sequence[Finding]:
    """Assets less liabilities give net assets (010), and equity is the same figure (011)."""
    findings: list[Finding] = []
    for index, report in enumerate(rows(content, "reports")):
        net, assets, debts = amount(report, "netAssets"), _value(report, "assets"), _value(report, "liabilities")
        equity, at = _value(report, "equity"), f"reports.{index}.netAssets"
        if net is not None and assets is not None and debts is not None and not near(net, assets - debts):
            message = f"Net assets are {net}, but assets {assets} less liabilities {debts} are {assets - debts}."
            findings.append((ERROR, 10, at, message))
        if net is not None and equity is not None and not near(net, equity):
            findings.append((WARNING, 11, at, f"Net assets are {net}, but equity is {equity}."))
    return findings


def profits(content: Content) -> Sequence[Finding]:
    """Gross, operating and net profit follow from what stands above them (010, 011, 012)."""
    findings: list[Finding] = []
    for index, report in enumerate(rows(content, "reports")):
        for number, member, wanted in _profit_rules(report):
            given = amount(report, member)
            if given is not None and not near(given, wanted):
                message = f"{member} is {given}, but the figures above it give {wanted}."
                findings.append((ERROR, number, f"reports.{index}.{member}", message))
    return findings


def _profit_rules(report: Mapping[str, Any]) -> Iterator[tuple[int, str, Amount]]:
    gross, operating = amount(report, "grossProfit"), amount(report, "netOperatingProfit")
    yield 10, "grossProfit", or_zero(_value(report, "income")) - or_zero(_value(report, "costOfSales"))
    if gross is not None:
        yield 11, "netOperatingProfit", gross - or_zero(_value(report, "expenses"))
    if operating is not None:
        yield 12, "netProfit", operating + or_zero(amount(report, "netOtherIncome"))


def trees(*members: str) -> Any:
    """Return a check that each line with lines below it is their sum (015)."""

    def check(content: Content) -> Sequence[Finding]:
        findings: list[Finding] = []
        for index, report in enumerate(rows(content, "reports")):
            for member in members:
                if isinstance(report.get(member), dict):
                    findings += _tree(report[member], f"reports.{index}.{member}", 0)
        return findings

    return check


def _tree(line: Mapping[str, Any], path: str, depth: int) -> Iterator[Finding]:
    items = rows(line, "items")
    value, added = amount(line, "value"), total(items, "value")
    if value is not None and added is not None and not near(value, added, len(items)):
        yield WARNING, 15, f"{path}.value", f"The line says {value}, but the lines below it add up to {added}."
    if depth < MAX_TREE:
        for index, item in enumerate(items):
            yield from _tree(item, f"{path}.items.{index}", depth + 1)


def _value(report: Mapping[str, Any], member: str) -> Amount | None:
    line = report.get(member)
    return amount(line, "value") if isinstance(line, dict) else None
