"""Reading an answer's body: unpacked while it arrives, never more than the cap, never past the clock."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from io import BytesIO

from syncengine.exceptions import BadAnswer, SourceUnavailable

NOT_UNPACKABLE = "The platform's answer cannot be unpacked."
CUT_OFF = "The connection was cut before the platform's answer was complete."


class Unpacker:
    """Turns packed chunks into plain ones, at most `room` + 1 bytes at a time, so a bomb cannot go off.

    coding: "gzip", "x-gzip" or "deflate" (with or without the zlib wrapper; both are found in the wild).
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._inflate = zlib.decompressobj(31) if coding != "deflate" else None

    def feed(self, data: bytes, room: int) -> bytes:
        parts = []
        while data and room >= 0:
            if self._inflate is None:
                self._inflate = zlib.decompressobj(15 if _has_zlib_header(data) else -15)
            try:
                part = self._inflate.decompress(data, room + 1)
            except zlib.error:
                raise BadAnswer(NOT_UNPACKABLE) from None
            parts.append(part)
            room -= len(part)
            data = self._next_member() if self._inflate.eof else b""
        return b"".join(parts)

    def finish(self) -> None:
        """Raise SourceUnavailable when the packed stream stopped before its end."""
        if self._inflate is not None and not self._inflate.eof:
            raise SourceUnavailable(CUT_OFF)

    def _next_member(self) -> bytes:
        assert self._inflate is not None
        rest = self._inflate.unused_data
        if rest and self._coding != "deflate":
            self._inflate = zlib.decompressobj(31)
            return rest
        return b""


class Body:
    """Collects one answer's body up to `limit` bytes, packed and unpacked alike.

    received: how many bytes came over the wire so far.
    """

    def __init__(self, content_encoding: str, limit: int) -> None:
        coding = content_encoding.strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BadAnswer(f"The platform packs its answer as {coding[:40]}, which was not asked for.")
        self._unpacker = None if coding in ("", "identity") else Unpacker(coding)
        self._limit = limit
        self._buffer = BytesIO()
        self._size = 0
        self.received = 0

    def read(self, chunks: Iterable[bytes], after_chunk: Callable[[], None]) -> bytes:
        """Return the whole body. Raises BadAnswer when it is too large or not packed as it says."""
        for chunk in chunks:
            self._add(chunk)
            if self.received > self._limit or self._size > self._limit:
                raise BadAnswer(too_large(self._limit))
            after_chunk()
        if self._unpacker is not None and self.received:
            self._unpacker.finish()
        return self._buffer.getvalue()

    def read_start(self, chunks: Iterable[bytes], after_chunk: Callable[[], None]) -> bytes:
        """Return what there is up to the limit, for an excerpt: a body too large or broken is cut, not refused."""
        try:
            return self.read(chunks, after_chunk)
        except (BadAnswer, SourceUnavailable):
            return self._buffer.getvalue()[: self._limit]

    @property
    def so_far(self) -> bytes:
        """What was unpacked before the body broke off."""
        return self._buffer.getvalue()[: self._limit]

    def _add(self, chunk: bytes) -> None:
        self.received += len(chunk)
        plain = chunk if self._unpacker is None else self._unpacker.feed(chunk, self._limit - self._size)
        self._size += len(plain)
        self._buffer.write(plain)


def too_large(limit: int) -> str:
    size = f"{limit // 1_048_576} MiB" if limit >= 1_048_576 else f"{limit:,} bytes"
    return f"The platform's answer is larger than {size}."


def _has_zlib_header(data: bytes) -> bool:
    # RFC 1950: method 8 in the low half of the first byte, and the first two bytes are a multiple of 31.
    return data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] << 8 | data[1]) % 31 == 0)
