"""Pages between the platform and the store: how they are packed, written once, read back in order, dropped."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple
from uuid import UUID

import msgspec

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from django.db.models import BinaryField
from django.db.models.functions import Substr

from syncengine.models import Dataset, StagedPage
from syncengine.states import Stage


class Row(msgspec.Struct, array_like=True, gc=False):
    """One record in the standard model, ready to be stored.

    content:             canonical JSON text.
    source_modified_us:  microseconds since 1970 UTC, or None.
    raw:                 the platform's own text where it is kept, else nothing.
    """

    source_id: str
    content: str
    content_hash: bytes
    raw_hash: bytes
    source_modified_us: int | None
    is_deleted: bool
    raw: bytes = b""


class Finding(msgspec.Struct, array_like=True, gc=False):
    """What validation found in one mapped record: found while the record was at hand, judged in the next stage."""

    source_id: str
    severity: str
    rule_id: str
    path: str
    message: str
    validator_name: str


class MappedPage(msgspec.Struct, array_like=True):
    """A page of the platform's records, mapped.

    rows:      to be stored.
    known:     keys that exist at the source and stay as we have them.
    same:      ids of stored records, 8 bytes each, that the source holds exactly as we have them.
    findings:  see Finding.
    asked_us:  microseconds since 1970 UTC when the platform was asked for the page: it may be as old as that.
    """

    rows: list[Row]
    known: list[str]
    same: bytes = b""
    findings: list[Finding] = []
    asked_us: int = 0

    @property
    def same_ids(self) -> array[int]:
        return array("q", self.same)


class Issue(NamedTuple):
    """What was wrong with one record of a page, so that it could not be mapped."""

    item_id: str
    path: str
    message: str


_encode = msgspec.msgpack.Encoder().encode
_mapped = msgspec.msgpack.Decoder(MappedPage)
_judged = msgspec.msgpack.Decoder(tuple[int, list[Finding]])
_PIECE = 20
FEW_PAGES = 20  # of a dataset; so many are dropped together when it ends, of more each as soon as it is stored
_HEAD_BYTES = 2048  # of a page; nearly always they hold all that was found in it
_HEAD = Substr("body", 1, _HEAD_BYTES, output_field=BinaryField())
_LENGTH = Struct("<I")
_PACKING = 1  # a tenth of the size for a hundredth of the time a page takes


def write_page(dataset: Dataset, number: int, page: MappedPage) -> None:
    # What is judged in the next stage stands in front, unpacked, so that it needs not the whole.
    judged = _encode((len(page.rows), page.findings))
    body = _LENGTH.pack(len(judged)) + judged + zstd.compress(_encode(page), _PACKING)
    StagedPage.objects.create(dataset=dataset, stage=Stage.MAP, number=number, body=body)


def write_seen(dataset: Dataset, number: int, record_ids: Iterable[int]) -> None:
    """Note which records a page touched or found as they were (8 bytes each)."""
    StagedPage.objects.create(
        dataset=dataset, stage=Stage.PROCESS, number=number, body=array("q", record_ids).tobytes()
    )


def mapped_page(dataset: Dataset, number: int) -> MappedPage:
    body = _body(dataset, number)
    start = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    return _mapped.decode(zstd.decompress(body[start:]))


def judged_pages(dataset: Dataset, start: int) -> Iterator[tuple[int, int, list[Finding]]]:
    """Yield (number, how many rows it has to be stored, what validation found in them) of each page from `start` on."""
    pages = StagedPage.objects.filter(dataset=dataset, stage=Stage.MAP)
    while start < dataset.page_count:
        some = pages.filter(number__range=(start, start + _PIECE - 1)).annotate(head=_HEAD)
        for number, head in some.order_by("number").values_list("number", "head"):
            head = memoryview(head)
            length = _LENGTH.unpack_from(head)[0]
            body = head if _LENGTH.size + length <= len(head) else _body(dataset, number)
            yield number, *_judged.decode(body[_LENGTH.size : _LENGTH.size + length])
        start += _PIECE


def _body(dataset: Dataset, number: int) -> memoryview:
    pages = StagedPage.objects.values_list("body", flat=True)
    return memoryview(pages.get(dataset=dataset, stage=Stage.MAP, number=number))


def replace_mapped(dataset: Dataset, number: int, page: MappedPage) -> None:
    drop_page(dataset, number)
    write_page(dataset, number, page)


def seen_ids(dataset: Dataset) -> array[int]:
    """Return the ids of all records that this dataset's pages touched, sorted: 8 bytes a record in memory."""
    ids = array("q")
    pages = StagedPage.objects.filter(dataset=dataset, stage=Stage.PROCESS).order_by("number")
    for body in pages.values_list("body", flat=True).iterator(chunk_size=50):
        ids.frombytes(bytes(body))
    return array("q", sorted(ids))


def drop_page(dataset: Dataset, number: int) -> None:
    StagedPage.objects.filter(dataset=dataset, stage=Stage.MAP, number=number).delete()


def drop_few_pages(dataset_id: UUID) -> None:
    StagedPage.objects.filter(dataset_id=dataset_id).delete()


def drop_pages(dataset_id: UUID) -> None:
    """Drop whatever is staged for a dataset that has ended, a few pages at a time."""
    pages = StagedPage.objects.filter(dataset_id=dataset_id)
    some = _PIECE
    while some == _PIECE:
        ids = list(pages.values_list("pk", flat=True)[:_PIECE])
        some = len(ids)
        if ids:
            StagedPage.objects.filter(pk__in=ids).delete()
