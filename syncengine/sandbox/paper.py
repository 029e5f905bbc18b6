"""Small files made here: a PDF of some lines of text, and a PNG of stripes. The same input gives the same bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

_PER_PAGE = 48
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pdf(title: str, lines: Sequence[str]) -> bytes:
    """A4 pages in Helvetica (PDF 1.4): catalogue, page tree, font, information, then each page and its content."""
    pages = [lines[at : at + _PER_PAGE] for at in range(0, len(lines), _PER_PAGE)] or [()]
    numbers = range(5, 5 + 2 * len(pages), 2)
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title " + _literal(title) + b" /Producer (Sandbox) >>",
    ]
    for number, page in zip(numbers, pages, strict=True):
        content = _content(title, page)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _document(objects)


def _content(title: str, lines: Sequence[str]) -> bytes:
    shown = b"\n".join(_literal(line) + b" Tj T*" for line in lines)
    return b"BT /F1 16 Tf 56 780 Td " + _literal(title) + b" Tj ET\nBT /F1 10 Tf 14 TL 56 750 Td\n" + shown + b"\nET"


def _literal(text: str) -> bytes:
    raw = text.encode("cp1252", "replace")
    for sign in (b"\\", b"(", b")"):
        raw = raw.replace(sign, b"\\" + sign)
    return b"(" + raw.replace(b"\r", b" ").replace(b"\n", b" ") + b")"


def _document(objects: Sequence[bytes]) -> bytes:
    """Objects in order, the table of where each begins, and the trailer that finds the table."""
    body = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % place for place in places)
    body += b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(body)


def png(chance: int, width: int = 96, height: int = 48) -> bytes:
    """Stripes in colours that follow from `chance`."""
    colours = [(chance >> (24 * at)).to_bytes(32, "big")[-3:] for at in range(3)]
    rows = b"".join(b"\0" + colours[y * 3 // height] * width for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
