"""The Processing stage: staged rows become stored records, page by page, and what the source no longer has is marked.

Each page is one transaction together with the count of pages done, so a page is stored once however often workers die.
Everything that a dataset changes can be put back until it is Complete: new records carry its id, others leave a
RecordChange with what stood there before. What a push wrote meanwhile is neither overwritten by what was read before
it, nor taken for deleted, nor put back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.models import JSONField, Q, TextField, Value
from django.db.models.functions import Cast
from django.utils.timezone import now

from syncengine.connectors.wire import exact_number
from syncengine.exceptions import ProcessingFailed
from syncengine.models import Dataset, DataStatus, Record, RecordChange
from syncengine.plans import raw_keeper
from syncengine.processes import stopping
from syncengine.run import records
from syncengine.run.lease import Hold, Stopping
from syncengine.run.overtaken import despite_pushes, not_pushed, overtaken
from syncengine.run.staging import FEW_PAGES, Row, drop_page, mapped_page, seen_ids, write_seen
from syncengine.states import ReadMode

SWEEP = 2000

_NULL = msgspec.Raw(b"null")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode = msgspec.json.Decoder(float_hook=exact_number).decode


def process_pages(hold: Hold) -> None:
    """Store every page that is not stored yet, then mark what a complete listing no longer holds.

    Raises: ProcessingFailed when the database refuses the data.
    """
    try:
        for number in range(hold.dataset.processed_pages, hold.dataset.page_count):
            despite_pushes(hold, lambda number=number: _process_page(hold, number))  # type: ignore[misc]
            hold.look()
            if stopping():
                raise Stopping
        if _lists_all(hold.dataset):
            _mark_missing(hold)
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError as error:
        raise ProcessingFailed(
            "The database refused to store these records. Nothing of this read was kept.", upstream=str(error)
        ) from error


def _process_page(hold: Hold, number: int) -> None:
    dataset = hold.dataset
    page = mapped_page(dataset, number)
    rows = list({row.source_id: row for row in page.rows}.values())  # the same key twice: the last one holds
    moment = now()
    stored = records.stored_among(
        dataset.connection_id, dataset.data_type, [*(row.source_id for row in rows), *page.known]
    )
    older = overtaken(dataset, rows, stored, page.asked_us)
    rows = [row for row in rows if row.source_id not in older]
    new = [row for row in rows if row.source_id not in stored and not row.is_deleted]
    gone, changed, same = _sort(rows, stored)
    # Looked up before the transaction: nobody but this dataset's holder writes these records, save pushes, and these
    # make `storing` fail.
    old = records.before([pk for pk, _ in changed] + gone)
    restored = sum(1 for pk, _ in changed if old[pk].is_deleted)
    with hold.storing(
        processed_pages=number + 1,
        processed_count=dataset.processed_count + len(page.rows) + len(page.known) + len(page.same_ids),
        created_count=dataset.created_count + len(new) + restored,
        changed_count=dataset.changed_count + len(changed) - restored,
        unchanged_count=dataset.unchanged_count + len(same) + len(older) + len(page.known) + len(page.same_ids),
        deleted_count=dataset.deleted_count + len(gone),
    ):
        _note_changes(dataset, changed, gone, old)
        records.insert(dataset.connection_id, dataset.data_type, new, dataset_id=dataset.pk, modified_at=moment)
        records.update(changed, dataset_id=dataset.pk, modified_at=moment)
        records.remember_raw(same)
        _keep_raw(dataset, new, changed, same)
        _mark_deleted(dataset, gone, moment)
        if _lists_all(dataset):
            write_seen(dataset, number, chain(page.same_ids, (found.id for found in stored.values())))
        if dataset.page_count > FEW_PAGES:
            drop_page(dataset, number)


def _keep_raw(
    dataset: Dataset, new: Sequence[Row], changed: Sequence[tuple[int, Row]], same: Sequence[tuple[int, Row]]
) -> None:
    """Hand the platform's own texts on, where the mapping left any."""
    keeper = raw_keeper()
    if keeper is None:
        return
    fresh = [(row.source_id, row.raw) for row in chain(new, (row for _, row in changed)) if row.raw]
    known = [(row.source_id, row.raw) for _, row in same if row.raw]
    if fresh or known:
        keeper.keep(dataset, fresh, known)


def _lists_all(dataset: Dataset) -> bool:
    """Whether this read tells of every record there is, so that those it does not hold are gone."""
    return dataset.mode == ReadMode.FULL or dataset.lists_known


def _sort(
    rows: Iterable[Row], stored: Mapping[str, records.Stored]
) -> tuple[list[int], list[tuple[int, Row]], list[tuple[int, Row]]]:
    """Return the ids of records that are gone, and (id, row) of those that changed and of those that did not."""
    gone: list[int] = []
    changed: list[tuple[int, Row]] = []
    same: list[tuple[int, Row]] = []
    for row in rows:
        found = stored.get(row.source_id)
        if found is None:
            continue
        if row.is_deleted:
            if not found.is_deleted:
                gone.append(found.id)
        elif found.is_deleted or found.content_hash != row.content_hash:
            changed.append((found.id, row))
        else:
            same.append((found.id, row))
    return gone, changed, same


def _note_changes(
    dataset: Dataset, changed: Sequence[tuple[int, Row]], gone: Sequence[int], old: Mapping[int, records.Before]
) -> None:
    if not changed and not gone:
        return
    keys = dict(Record.objects.filter(pk__in=gone).values_list("pk", "source_id")) if gone else {}
    noted = [
        records.Change(
            pk,
            row.source_id,
            RecordChange.RESTORED if old[pk].is_deleted else RecordChange.CHANGED,
            _differences(old[pk], row),
            _kept(old[pk]),
        )
        for pk, row in changed
    ]
    noted += [records.Change(pk, keys[pk], RecordChange.DELETED, [], _kept(old[pk])) for pk in gone]
    records.note_changes(noted, dataset_id=dataset.pk)


def _differences(old: records.Before, new: Row) -> list[str]:
    stamp = ["sourceModifiedDate"] if old.source_modified_at != records.moved_at(new) else []
    return changed_fields(old.content, new.content) + stamp


def changed_fields(before: str, after: str) -> list[str]:
    """Return the names of the members that differ, in alphabetical order.

    Their texts are compared first: most are equal, and to decode two whole records takes many times as long.
    """
    old, new = _members(before), _members(after)
    suspects = [name for name, text in new.items() if old.get(name) != text]
    suspects += [name for name in old if name not in new]
    return sorted(name for name in suspects if _decode(old.get(name, _NULL)) != _decode(new.get(name, _NULL)))


def _kept(old: records.Before) -> dict[str, Any]:
    return {
        "content": old.content,
        "content_hash": old.content_hash.hex(),
        "modified_at": old.modified_at.isoformat(),
        "source_modified_at": old.source_modified_at and old.source_modified_at.isoformat(),
        "is_deleted": old.is_deleted,
        "last_dataset_id": old.last_dataset_id and str(old.last_dataset_id),
    }


def _mark_deleted(dataset: Dataset, ids: Sequence[int], moment: datetime) -> None:
    if ids:
        Record.objects.filter(pk__in=ids).update(
            is_deleted=True, modified_at=moment, last_dataset_id=dataset.pk, raw_hash=None
        )


def _mark_missing(hold: Hold) -> None:
    """Mark records that a complete listing did not hold; goes on after the last key looked at."""
    dataset = hold.dataset
    seen = seen_ids(dataset)
    listed = (
        Record.objects.filter(connection_id=dataset.connection_id, data_type=dataset.data_type, is_deleted=False)
        .filter(~Q(first_dataset_id=dataset.pk) | Q(first_dataset_id__isnull=True))
        .order_by("source_id")
    )

    def mark_some() -> bool:
        some = list(listed.filter(source_id__gt=dataset.sweep_cursor).values_list("pk", "source_id")[:SWEEP])
        if not some:
            return False
        missing = [pk for pk, _ in some if not _holds(seen, pk)]
        missing = not_pushed(dataset, missing)
        old = records.before(missing)
        with hold.storing(sweep_cursor=some[-1][1], deleted_count=dataset.deleted_count + len(missing)):
            _note_changes(dataset, [], missing, old)
            _mark_deleted(dataset, missing, now())
        return True

    while despite_pushes(hold, mark_some):
        hold.look()


def _holds(ids: Sequence[int], wanted: int) -> bool:
    place = bisect_left(ids, wanted)
    return place < len(ids) and ids[place] == wanted


def undo(hold: Hold) -> None:
    """Put back everything this dataset has stored, a piece at a time; safe to repeat."""
    dataset = hold.dataset
    while despite_pushes(hold, lambda: _put_back_some(hold)):
        pass
    while despite_pushes(hold, lambda: _remove_some(hold)):
        pass
    keeper = raw_keeper()
    with hold.writing(
        created_count=0, changed_count=0, deleted_count=0, unchanged_count=0, processed_count=0, processed_pages=0
    ):
        if keeper is not None:
            keeper.undo(dataset)
        if dataset.push_count:
            _count_anew(dataset)


def _put_back_some(hold: Hold) -> bool:
    some = list(RecordChange.objects.filter(dataset=hold.dataset).order_by("pk")[:500])
    if some:
        with hold.storing():
            for change in some:
                Record.objects.filter(pk=change.record_id).update(**_restored(change.before))
            RecordChange.objects.filter(pk__in=[change.pk for change in some]).delete()
    return bool(some)


def _remove_some(hold: Hold) -> bool:
    dataset = hold.dataset
    created = Record.objects.filter(
        connection_id=dataset.connection_id, data_type=dataset.data_type, first_dataset_id=dataset.pk
    )
    ids = list(created.values_list("pk", flat=True)[:SWEEP])
    if ids:
        with hold.storing():
            Record.objects.filter(pk__in=ids).delete()
    return bool(ids)


def _count_anew(dataset: Dataset) -> None:
    """Count the records: a push counted what it found, which may have been this dataset's, and that is gone now."""
    place = {"connection_id": dataset.connection_id, "data_type": dataset.data_type}
    count = Record.objects.filter(**place, is_deleted=False).count()
    DataStatus.objects.filter(**place).update(record_count=count)


def _restored(before: Mapping[str, Any]) -> dict[str, Any]:
    moved, last = before["source_modified_at"], before["last_dataset_id"]
    return {
        # To the byte: decoded, a long decimal would lose digits.
        "content": Cast(Value(before["content"], TextField()), JSONField()),
        "content_hash": bytes.fromhex(before["content_hash"]),
        "raw_hash": None,
        "modified_at": datetime.fromisoformat(before["modified_at"]),
        "source_modified_at": datetime.fromisoformat(moved) if moved else None,
        "is_deleted": before["is_deleted"],
        "last_dataset_id": last,
    }
