"""What was read before a push of ours was answered, and would put an older state over a newer one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from syncengine.models import Dataset, Record
from syncengine.run.lease import Hold, Overtaken
from syncengine.run.records import Stored, moved_at
from syncengine.run.staging import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def despite_pushes[Answer](hold: Hold, store: Callable[[], Answer]) -> Answer:
    """Store something, and look everything up again when a push was stored in between."""
    while True:
        try:
            return store()
        except Overtaken:
            hold.dataset.refresh_from_db(fields=["push_count"])


def overtaken(dataset: Dataset, rows: Iterable[Row], stored: Mapping[str, Stored], asked_us: int) -> frozenset[str]:
    """Return the keys of those rows that are older than what a push left in the record.

    The platform's own stamps say so where there are two that differ. Where they do not, what the platform was asked for
    before the push was answered counts as older. A deletion moves no stamp that we could know.
    """
    if not dataset.push_count:
        return frozenset()
    rows = [row for row in rows if row.source_id in stored]
    asked_at = _EPOCH + timedelta(microseconds=asked_us)
    pushed = _pushed(dataset, [stored[row.source_id].id for row in rows])
    return frozenset(
        row.source_id
        for row in rows
        if (found := pushed.get(stored[row.source_id].id)) is not None and _is_older(row, *found, asked_at)
    )


def not_pushed(dataset: Dataset, ids: Sequence[int]) -> list[int]:
    """Return the ids without those of records that a push wrote after this dataset was asked for."""
    pushed = _pushed(dataset, ids) if dataset.push_count else {}
    return [pk for pk in ids if pk not in pushed]


type _State = tuple[datetime, datetime | None, bool]  # pushed at, the platform's stamp, deleted


def _pushed(dataset: Dataset, ids: Sequence[int]) -> dict[int, _State]:
    if not ids:
        return {}
    found = Record.objects.filter(pk__in=ids, pushed_at__gte=dataset.requested_at)
    columns = found.values_list("pk", "pushed_at", "source_modified_at", "is_deleted")
    return {pk: (at, moved, gone) for pk, at, moved, gone in columns if at is not None}


def _is_older(row: Row, pushed_at: datetime, known: datetime | None, gone: bool, asked_at: datetime) -> bool:
    moved = moved_at(row)
    if not gone and moved is not None and known is not None and moved != known:
        return moved < known
    return asked_at <= pushed_at
