"""Records that a member may name: for the lists from which a form's references are chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models.fields.json import KeyTextTransform

from syncengine.models import Connection, Record

AT_MOST = 200
# The member by which people know a record.
_NAMES = {
    "bills": "reference",
    "chartOfAccounts": "name",
    "customers": "customerName",
    "invoices": "invoiceNumber",
    "items": "name",
    "journals": "name",
    "paymentMethods": "name",
    "suppliers": "supplierName",
    "taxRates": "name",
}


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Ids and names of the first records of one data type."""

    data_type: str
    choices: tuple[tuple[str, str], ...]


def suggestions(connection: Connection, data_types: Iterable[str]) -> list[Suggestions]:
    """Return what is cached of these data types; one query each."""
    return [Suggestions(key, _choices(connection, key)) for key in sorted(set(data_types)) if key in _NAMES]


def _choices(connection: Connection, data_type: str) -> tuple[tuple[str, str], ...]:
    records = Record.objects.filter(connection=connection, data_type=data_type, is_deleted=False)
    named = records.annotate(called=KeyTextTransform(_NAMES[data_type], "content")).order_by("source_id")
    return tuple((key, name or key) for key, name in named.values_list("source_id", "called")[:AT_MOST])
