"""Financial statements over periods of whole months, put together from the monthly reports that were read.

Only whole periods are given: one of which a month is missing is left out, never half summed. Without `startMonth` the
last period ends with the most recent month that was read and the others lie before it; with it, the first period begins
there and the others follow. Either way the newest stands first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

type Report = dict[str, Any]

BALANCE_SHEET = "balanceSheet"

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2})(?:[T ].*)?)?")


class Piece(NamedTuple):
    """One stored report and the months it covers, counted from year 0; a snapshot covers the month of its date."""

    first: int
    last: int
    report: Report


class Asked(NamedTuple):
    """`periods` of `months` each; `start` is a month counted from year 0."""

    months: int
    periods: int
    start: int | None = None


def month_of(text: str) -> int | None:
    """Return the month of a date as the wire writes one ("2026-03", "2026-03-31", "2026-03-31T00:00:00Z"), or None."""
    found = _DAY.fullmatch(text.strip())
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3] or 1))
    except ValueError:
        return None
    return day.year * 12 + day.month - 1


def statement_bytes(content: bytes, data_type: str, asked: Asked) -> bytes:
    """Return the stored statement with its reports as asked for, and the months that can be asked for."""
    statement = _decode(content)
    snapshots = data_type == BALANCE_SHEET
    pieces = _pieces(statement.get("reports") or (), snapshots)
    statement["reports"] = _reports(pieces, asked, snapshots) if pieces else []
    for name in ("mostRecentAvailableMonth", "earliestAvailableMonth"):
        statement.pop(name, None)
    if pieces:
        statement["mostRecentAvailableMonth"] = _first_day(max(piece.last for piece in pieces))
        statement["earliestAvailableMonth"] = _first_day(min(piece.first for piece in pieces))
    return _encode(statement)


def _pieces(reports: Iterable[Report], snapshots: bool) -> list[Piece]:
    found = []
    for report in reports:
        first = month_of(str(report.get("date" if snapshots else "fromDate") or ""))
        last = first if snapshots else month_of(str(report.get("toDate") or ""))
        if first is not None and last is not None and first <= last:
            found.append(Piece(first, last, report))
    return found


def _reports(pieces: Sequence[Piece], asked: Asked, snapshots: bool) -> list[Report]:
    made = []
    for first, last in _periods(pieces, asked):
        report = _snapshot(pieces, last) if snapshots else _sum(_tiles(pieces, first, last))
        if report is not None:
            made.append(report)
    return made


def _periods(pieces: Sequence[Piece], asked: Asked) -> list[tuple[int, int]]:
    """Return the first and last month of each period that lies within what was read, the newest first."""
    newest, oldest = max(piece.last for piece in pieces), min(piece.first for piece in pieces)
    length = asked.months
    end = newest if asked.start is None else asked.start + length * asked.periods - 1
    found = []
    skipped = max(0, -(-(end - newest) // length))
    for number in range(skipped, asked.periods):
        last = end - number * length
        if last < oldest:
            break
        found.append((last - length + 1, last))
    return found


def _snapshot(pieces: Iterable[Piece], month: int) -> Report | None:
    """Return the month's last snapshot."""
    taken = [piece.report for piece in pieces if piece.last == month]
    return max(taken, key=lambda report: str(report["date"]), default=None)


def _tiles(pieces: Iterable[Piece], first: int, last: int) -> list[Report]:
    """Return reports that cover these months without gap or overlap, oldest first; [] when there are none such."""
    starting: dict[int, Piece] = {}
    for piece in sorted(pieces, key=lambda piece: -piece.last):
        starting[piece.first] = piece  # the shortest of those that start together
    tiles, month = [], first
    while month <= last:
        tile = starting.get(month)
        if tile is None or tile.last > last:
            return []
        tiles.append(tile.report)
        month = tile.last + 1
    return tiles


def _sum(reports: Sequence[Report]) -> Report | None:
    if len(reports) < 2:
        return reports[0] if reports else None
    newest_first = reports[::-1]
    total = {name: _added([report.get(name) for report in newest_first]) for name in _names(newest_first)}
    total["fromDate"], total["toDate"] = reports[0]["fromDate"], reports[-1]["toDate"]
    return total


def _added(values: Sequence[Any]) -> Any:
    """Return the sum of figures, the merger of lines, and of anything else the newest."""
    present = [value for value in values if value is not None]
    if not present:
        return None
    if isinstance(present[0], dict):
        return _merged(present)
    if all(isinstance(value, int | Decimal) and not isinstance(value, bool) for value in present):
        return sum(present)
    return present[0]


def _merged(lines: Sequence[Mapping[str, Any]]) -> Report:
    """Merge lines of the same name; those below them are matched by account, or by name where there is none."""
    total: Report = {name: _added([line.get(name) for line in lines]) for name in _names(lines) if name != "items"}
    if any("items" in line for line in lines):
        alike: dict[tuple[Any, Any], list[Mapping[str, Any]]] = {}
        for line in lines:
            for item in line.get("items") or ():
                account = item.get("accountId") or None
                alike.setdefault((account, None if account else item.get("name")), []).append(item)
        total["items"] = [_merged(items) for items in alike.values()]
    return total


def _names(members: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for member in members for name in member))


def _first_day(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}-01T00:00:00"
