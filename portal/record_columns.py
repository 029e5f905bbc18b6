"""Which members of a record its table shows, and how a cell reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncengine.models import Record

_DOCUMENT = ("issueDate", "dueDate", "totalAmount", "amountDue", "currency", "status")
# The members an operator looks for first. Those that no record of the page has are left out.
COLUMNS: dict[str, tuple[str, ...]] = {
    "bankAccounts": ("accountName", "accountNumber", "accountType", "balance", "currency", "institution"),
    "billCreditNotes": (
        "billCreditNoteNumber",
        "supplierRef.supplierName",
        "issueDate",
        "totalAmount",
        "currency",
        "status",
    ),
    "billPayments": ("date", "supplierRef.supplierName", "totalAmount", "currency", "reference", "note"),
    "bills": ("reference", "supplierRef.supplierName", *_DOCUMENT),
    "chartOfAccounts": ("nominalCode", "name", "type", "fullyQualifiedName", "currentBalance", "currency", "status"),
    "company": (
        "companyName",
        "companyLegalName",
        "baseCurrency",
        "registrationNumber",
        "taxNumber",
        "financialYearStartDate",
    ),
    "creditNotes": ("creditNoteNumber", "customerRef.companyName", "issueDate", "totalAmount", "currency", "status"),
    "customers": ("customerName", "contactName", "emailAddress", "phone", "defaultCurrency", "status"),
    "invoices": ("invoiceNumber", "customerRef.companyName", *_DOCUMENT),
    "items": ("code", "name", "type", "itemStatus", "invoiceItem.unitPrice", "billItem.unitPrice"),
    "journalEntries": ("postedOn", "description", "journalRef.name", "recordRef.dataType", "updatedOn"),
    "payments": ("date", "customerRef.companyName", "totalAmount", "currency", "reference", "note"),
    "suppliers": ("supplierName", "contactName", "emailAddress", "phone", "defaultCurrency", "status"),
    "taxRates": ("code", "name", "effectiveTaxRate", "totalTaxRate", "status"),
}
FALLBACK_COUNT = 6
CELL_LENGTH = 80
_MIDNIGHT = re.compile(r"^(\d{4}-\d\d-\d\d)T00:00:00(?:\.0+)?(?:Z|\+00:00)?$")


@dataclass(frozen=True, slots=True)
class Cell:
    column: str
    text: str
    is_number: bool

    @property
    def is_short(self) -> bool:
        """True for what looks odd when it is broken over two lines: dates, codes, amounts."""
        return len(self.text) <= 12


@dataclass(frozen=True, slots=True)
class RecordRow:
    record: Record
    cells: tuple[Cell, ...]


def columns_for(data_type: str, contents: Iterable[Any]) -> tuple[str, ...]:
    """Return the paths of the members to show: the type's own ones, else the first scalar members that occur."""
    objects = [content for content in contents if isinstance(content, dict)]
    wanted = COLUMNS.get(data_type, ())
    present = tuple(path for path in wanted if any(_at(content, path) is not None for content in objects))
    return present or _first_scalars(objects)


def record_rows(records: Sequence[Record], columns: Sequence[str]) -> list[RecordRow]:
    return [RecordRow(record, tuple(_cell(record.content, path) for path in columns)) for record in records]


def heading(path: str) -> str:
    """Return e.g. "Invoice number" for invoiceNumber, "Customer" for customerRef.companyName."""
    first = path.partition(".")[0] if path.endswith(("Ref.companyName", "Ref.supplierName")) else path
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", first.removesuffix("Ref").replace(".", " ")).lower()
    return words[:1].upper() + words[1:]


def _first_scalars(contents: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for content in contents:
        for name, value in content.items():
            if name != "id" and value is not None and not isinstance(value, dict | list):
                found.setdefault(name)
            if len(found) == FALLBACK_COUNT:
                return tuple(found)
    return tuple(found)


def _cell(content: Any, path: str) -> Cell:
    value = _at(content, path)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(heading(path), _text(value), is_number)


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    midnight = _MIDNIGHT.match(text)
    text = midnight[1] if midnight else text
    return text if len(text) <= CELL_LENGTH else f"{text[: CELL_LENGTH - 1]}…"


def _at(content: Any, path: str) -> Any:
    """Walk to a member: names with a dot in them are taken whole first, as the fallback columns name them."""
    if isinstance(content, dict) and path in content:
        return content[path]
    for name in path.split("."):
        content = content.get(name) if isinstance(content, dict) else None
    return content
