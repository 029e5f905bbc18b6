"""Choosing a kept record: the newest, one that holds a text, any, or one where an expression finds nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef

from customdata.expressions import Outcome, resolve
from customdata.json_tree import holds
from customdata.models import RawRecord
from customdata.raw_records import unpacked
from syncengine.models import Connection, Record

LOOKED_THROUGH = 300
SHOWN = 20
NEWEST, RANDOM, FAILING = "newest", "random", "failing"


@dataclass(frozen=True, slots=True)
class KeptRecord:
    source_id: str
    document: Any


@dataclass(frozen=True, slots=True)
class RecordChoice:
    """The records to choose from, newest first, and the one that is open; None when there is none."""

    records: list[KeptRecord]
    opened: KeptRecord | None


def record_choice(
    connection: Connection, data_type: str, *, search: str = "", wanted: str = "", pick: str = "", json_path: str = ""
) -> RecordChoice:
    """One query; one more for a record `wanted` by its source id that is not among the newest.

    wanted:  opens that one; where it is not there, the newest opens.
    search:  only records that hold this text in a name or value.
    pick:    RANDOM or FAILING open another one than the newest; FAILING asks `json_path`.
    """
    many = bool(search) or pick in (RANDOM, FAILING)
    records = newest_records(connection, data_type, LOOKED_THROUGH if many else SHOWN)
    found = [record for record in records if holds(record.document, search)]
    opened = None
    if wanted and pick not in _PICKS:
        opened = _named(found, wanted) or (None if search else _by_source_id(connection, data_type, wanted))
    opened = opened or _PICKS.get(pick, _newest)(found, json_path)
    shown = found[:SHOWN]
    if opened is not None and opened not in shown:
        shown = [*shown[: SHOWN - 1], opened]
    return RecordChoice(shown, opened)


def newest_records(connection: Connection, data_type: str, count: int) -> list[KeptRecord]:
    record = Record.objects.filter(
        connection_id=connection.pk, data_type=data_type, source_id=OuterRef("source_id"), is_deleted=False
    )
    rows = RawRecord.objects.filter(Exists(record), connection=connection, data_type=data_type)
    newest = rows.order_by("-kept_at", "-id").values_list("source_id", "body")[:count]
    return [KeptRecord(source_id, unpacked(body)) for source_id, body in newest]


def _by_source_id(connection: Connection, data_type: str, source_id: str) -> KeptRecord | None:
    rows = RawRecord.objects.filter(connection=connection, data_type=data_type, source_id=source_id)
    body = rows.values_list("body", flat=True).first()
    return None if body is None else KeptRecord(source_id, unpacked(body))


def _newest(records: list[KeptRecord], json_path: str) -> KeptRecord | None:
    return records[0] if records else None


def _random(records: list[KeptRecord], json_path: str) -> KeptRecord | None:
    return random.choice(records) if records else None  # noqa: S311 - which record is shown is no secret


def _failing(records: list[KeptRecord], json_path: str) -> KeptRecord | None:
    """The newest on which the expression gives no value; the newest of all when there is none."""
    wrong = (one for one in records if resolve(json_path, one.document).outcome != Outcome.RESOLVED)
    return next(wrong, _newest(records, json_path))


def _named(records: list[KeptRecord], source_id: str) -> KeptRecord | None:
    return next((record for record in records if record.source_id == source_id), None)


_PICKS: dict[str, Callable[[list[KeptRecord], str], KeptRecord | None]] = {RANDOM: _random, FAILING: _failing}
