"""The files of records: some that came with the invented books, and those that somebody uploaded."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from syncengine.sandbox.books import Books, Record
from syncengine.sandbox.paper import pdf, png
from syncengine.sandbox.shelf import Shelf

WITH_FILES = frozenset(
    {
        "bill_credit_notes",
        "bills",
        "customers",
        "direct_costs",
        "direct_incomes",
        "invoices",
        "purchase_orders",
        "suppliers",
        "transfers",
    }
)
PRINTED = {"invoices": "Invoice", "purchase_orders": "Purchase order"}
MOST_FILES, MOST_BYTES = 20, 4 << 20


@dataclass(frozen=True, slots=True)
class Paper:
    id: str
    name: str
    content_type: str
    content: bytes
    added_at: datetime

    def shown(self) -> Record:
        return {
            "id": self.id,
            "file_name": self.name,
            "media_type": self.content_type,
            "bytes": len(self.content),
            "added_at": self.added_at,
            "goes_out": self.content_type == "application/pdf",
        }


class TooManyFiles(Exception):
    """The record holds as many files as it may."""


class Attached:
    """Uploaded files by (business, type, number of the record)."""

    def __init__(self) -> None:
        self._uploaded: dict[tuple[str, str, int], list[Paper]] = {}

    def papers(self, business: str, shelf: Shelf, n: int) -> list[Paper]:
        return [*_invented(shelf, n), *self._uploaded.get((business, shelf.kind.name, n), ())]

    def add(self, business: str, shelf: Shelf, n: int, name: str, content_type: str, content: bytes) -> Paper:
        """Raises: TooManyFiles."""
        own = self._uploaded.setdefault((business, shelf.kind.name, n), [])
        if len(own) >= MOST_FILES:
            raise TooManyFiles
        paper = Paper(f"fil_{n:08d}_u{len(own) + 1}", name, content_type, content, datetime.now(UTC))
        own.append(paper)
        return paper

    def clear(self) -> None:
        self._uploaded.clear()

    def dump(self) -> list[Any]:
        return [
            [*key, paper.id, paper.name, paper.content_type, b64encode(paper.content).decode(), paper.added_at]
            for key, papers in self._uploaded.items()
            for paper in papers
        ]

    def load(self, kept: list[Any]) -> None:
        for business, kind, n, key, name, content_type, content, added_at in kept:
            paper = Paper(key, name, content_type, b64decode(content), datetime.fromisoformat(added_at))
            self._uploaded.setdefault((business, kind, n), []).append(paper)


def printed(shelf: Shelf, n: int) -> Paper:
    """The document as the platform would print it."""
    record = msgspec.json.decode(shelf.record(n))
    title = f"{PRINTED[shelf.kind.name]} {record.get('number') or record['id']}"
    content = pdf(title, _printed_lines(shelf.books, record))
    return Paper("", f"{record.get('number') or record['id']}.pdf", "application/pdf", content, shelf.stamp(n))


def _printed_lines(books: Books, record: Record) -> list[str]:
    party = record.get("customer") or record.get("supplier") or {}
    money = record.get("money") or record
    lines = [books.business.legal_name, f"To: {party.get('name', '')}", f"State: {record.get('state', '')}", ""]
    for line in record.get("lines") or ():
        lines.append(f"{line.get('qty', '')} x {line.get('text', '')}: {line.get('gross', '')}")
    return [*lines, "", f"Total {money.get('currency', '')} {money.get('gross', '')}"]


def _invented(shelf: Shelf, n: int) -> list[Paper]:
    """None, one or two of every three records: a PDF, then a picture. Records that somebody created have none."""
    if shelf.kind.name not in WITH_FILES or n >= shelf.size:
        return []
    chance = shelf.books.chance(f"files/{shelf.kind.name}", n)
    day = datetime.combine(shelf.books.as_of, datetime.min.time(), UTC)
    papers = []
    for at in range(n % 3):
        kind, name = ("application/pdf", f"scan-{n + 1}.pdf") if at == 0 else ("image/png", f"photo-{n + 1}.png")
        content = pdf(f"Scan {n + 1}", [f"{shelf.kind.name} {n + 1}", shelf.books.business.name]) if at == 0 else None
        papers.append(Paper(f"fil_{n:08d}_{at + 1}", name, kind, content or png(chance), day))
    return papers
