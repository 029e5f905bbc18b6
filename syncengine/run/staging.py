"""Pages between the platform and the store: how they are packed, written once, read back in order, dropped."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from syncengine.models import Dataset, StagedPage
from syncengine.states import Stage


class RawPage(msgspec.Struct, array_like=True):
    """What the platform sent: each record's own JSON text, and keys it only named."""

    records: list[bytes]
    known: list[str]


class Row(msgspec.Struct, array_like=True):
    """One record in the standard model, ready to be stored.

    content:             canonical JSON text; b"" when nothing needs to be stored (the record is as we have it).
    source_modified_us:  microseconds since 1970 UTC, or None.
    """

    source_id: str
    content: bytes
    content_hash: bytes
    raw_hash: bytes
    source_modified_us: int | None
    is_deleted: bool


class MappedPage(msgspec.Struct, array_like=True):
    """rows: to be stored. known: keys that exist at the source and stay as we have them."""

    rows: list[Row]
    known: list[str]


class Issue(NamedTuple):
    """What was wrong with one record of a page."""

    item_id: str
    path: str
    message: str


_encode = msgspec.msgpack.Encoder().encode
_raw = msgspec.msgpack.Decoder(RawPage)
_mapped = msgspec.msgpack.Decoder(MappedPage)


def write_page(dataset: Dataset, stage: Stage, number: int, page: RawPage | MappedPage) -> None:
    StagedPage.objects.create(dataset=dataset, stage=stage, number=number, body=_encode(page))


def write_seen(dataset: Dataset, number: int, record_ids: Sequence[int]) -> None:
    """Note which records a page touched or found as they were (8 bytes each)."""
    StagedPage.objects.create(
        dataset=dataset, stage=Stage.PROCESS, number=number, body=array("q", record_ids).tobytes()
    )


def raw_page(dataset: Dataset, number: int) -> RawPage:
    return _raw.decode(_body(dataset, Stage.FETCH, number))


def mapped_page(dataset: Dataset, number: int) -> MappedPage:
    return _mapped.decode(_body(dataset, Stage.MAP, number))


def replace_mapped(dataset: Dataset, number: int, page: MappedPage) -> None:
    drop_page(dataset, Stage.MAP, number)
    write_page(dataset, Stage.MAP, number, page)


def seen_ids(dataset: Dataset) -> array[int]:
    """Return the ids of all records that this dataset's pages touched, sorted: 8 bytes a record in memory."""
    ids = array("q")
    pages = StagedPage.objects.filter(dataset=dataset, stage=Stage.PROCESS).order_by("number")
    for body in pages.values_list("body", flat=True).iterator(chunk_size=50):
        ids.frombytes(bytes(body))
    return array("q", sorted(ids))


def drop_page(dataset: Dataset, stage: Stage, number: int) -> None:
    StagedPage.objects.filter(dataset=dataset, stage=stage, number=number).delete()


def drop_pages(dataset_id: UUID) -> None:
    """Drop whatever is staged for a dataset that has ended, a few pages at a time."""
    pages = StagedPage.objects.filter(dataset_id=dataset_id)
    while ids := list(pages.values_list("pk", flat=True)[:20]):
        StagedPage.objects.filter(pk__in=ids).delete()


def _body(dataset: Dataset, stage: Stage, number: int) -> bytes:
    return bytes(StagedPage.objects.values_list("body", flat=True).get(dataset=dataset, stage=stage, number=number))
