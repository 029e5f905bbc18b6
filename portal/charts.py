"""Charts as plain SVG, drawn by the server: figures in, rectangles out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

HEIGHT = 24.0
STEP, GAP = 4.0, 1.0
_FAINT = 0.75  # what a bar of nothing is drawn with, so that the line of time shows


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the chart's own units; `title` says in words what it shows."""

    x: float
    y: float
    width: float
    height: float
    title: str
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """label:  the whole in one sentence, for who does not see it."""

    bars: tuple[Bar, ...]
    width: float
    height: float
    label: str


def bar_chart(figures: Sequence[tuple[str, int]], label: str) -> Chart:
    """Draw one bar for each (words, count), the highest over the whole height."""
    most = max((count for _, count in figures), default=0) or 1
    bars = tuple(_bar(place, words, count, most) for place, (words, count) in enumerate(figures))
    return Chart(bars, max(len(bars) * STEP - GAP, STEP), HEIGHT, label)


def hours_chart(counts: Mapping[int, int], *, last: int, hours: int, zone: tzinfo, noun: str) -> Chart:
    """Draw a bar for each of the `hours` that end with hour `last`, both counted from 1970 as the counts' keys are."""
    figures = [(_hour(hour, zone), counts.get(hour, 0)) for hour in range(last - hours + 1, last + 1)]
    total = sum(count for _, count in figures)
    words = [(f"{count:,} {noun}{'' if count == 1 else 's'}, {at}", count) for at, count in figures]
    return bar_chart(words, f"{total:,} {noun}{'' if total == 1 else 's'} in {hours} hours")


def days_chart(counts: Mapping[int, int], *, last: int, days: int, noun: str) -> Chart:
    """Draw a bar for each of the `days` that end with day `last`, counted from 1970 in UTC."""
    figures = [(_day(day), counts.get(day, 0)) for day in range(last - days + 1, last + 1)]
    total = sum(count for _, count in figures)
    words = [(f"{count:,} {noun}{'' if count == 1 else 's'}, {at}", count) for at, count in figures]
    return bar_chart(words, f"{total:,} {noun}{'' if total == 1 else 's'} in {days} days")


def hour_of(at: datetime) -> int:
    return int(at.timestamp()) // 3600


def day_of(at: datetime) -> int:
    return int(at.timestamp()) // 86_400


def _bar(place: int, words: str, count: int, most: int) -> Bar:
    height = max(round(count / most * HEIGHT, 2), 2.0) if count else _FAINT
    return Bar(place * STEP, round(HEIGHT - height, 2), STEP - GAP, height, words, not count)


def _hour(hour: int, zone: tzinfo) -> str:
    local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone)
    return f"{local.day} {local:%b %H:%M} {local.tzname()}"


def _day(day: int) -> str:
    at = datetime.fromtimestamp(day * 86_400, UTC)
    return f"{at.day} {at:%b} UTC"
