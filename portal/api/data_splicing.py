"""Records as bytes: the stored JSON goes out as it is, with the members that are columns set behind its own.

Nothing is decoded: numbers, texts and the order of members are those of the store. Only a record whose own content
already has one of these members is taken apart, to its first level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from syncengine.queries.record_pages import StoredRecord

_SHORT = 16
_BRACE = ord("}")

MEMBERS = ("modifiedDate", "sourceModifiedDate", "metadata")

_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def record_bytes(record: StoredRecord, extra: bytes = b"") -> bytes:
    """Return the record as the wire shows it.

    extra:  more members, already encoded, without braces: b'"customFields":{…}'.
    """
    [spliced] = records_bytes([record], [extra])
    return spliced


def records_bytes(records: Sequence[StoredRecord], extras: Sequence[bytes] = ()) -> list[bytes]:
    """Return each record as the wire shows it.

    extras:  for each record more members, as `record_bytes` takes them; () for none at all.
    """
    tails = _tails(records)
    if extras:
        tails = (extra + b"," + tail if extra else tail for extra, tail in zip(extras, tails, strict=True))
    return [_spliced(record.content, tail) for record, tail in zip(records, tails, strict=True)]


def with_members(content: bytes, extra: bytes) -> bytes:
    """Return an object that is no record with more members, as `record_bytes` takes them; b"" for none."""
    return _spliced(content, extra + b"}") if extra else content


def _spliced(content: bytes, tail: bytes) -> bytes:
    # Every name that could clash ends in one of these two; a nested one only costs the closer look. Searched from
    # behind: that way of the standard library's is several times as fast as the other.
    if content.rfind(b'odifiedDate"') >= 0 or content.rfind(b'"metadata"') >= 0:
        content = _without_members(content)
    if len(content) < _SHORT or content[-1] != _BRACE:
        own = content.strip()[:-1]
        return own + (tail if own.rstrip() == b"{" else b"," + tail)
    return b"%b,%b" % (content[:-1], tail)


def _tails(records: Sequence[StoredRecord]) -> Iterator[bytes]:
    """Return what stands behind each record's own members."""
    for _, _, modified_at, moved_at, is_deleted in records:
        moved = f'"sourceModifiedDate":"{moved_at}",' if moved_at else ""
        deleted = "true" if is_deleted else "false"
        yield f'"modifiedDate":"{modified_at}",{moved}"metadata":{{"isDeleted":{deleted}}}}}'.encode()


def _without_members(content: bytes) -> bytes:
    kept = _members_of(content)
    for name in MEMBERS:
        kept.pop(name, None)
    return _encode(kept)
