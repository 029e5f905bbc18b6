"""Records of one data type on one connection: a page of them, and one whole."""

from __future__ import annotations

import json

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from syncengine.models import Connection, Record
from syncengine.queries.keyset import KeysetPage, pack_cursor, unpack_cursor


def records_page(
    connection: Connection,
    data_type: str,
    *,
    search: str = "",
    include_deleted: bool = True,
    after: str = "",
    size: int = 50,
) -> KeysetPage[Record]:
    """Return one page of records by source id; one query.

    search:  part of a source id, or of any text inside the record, whatever its case (ASCII letters on SQLite).
    """
    matching = Record.objects.filter(connection=connection, data_type=data_type)
    if not include_deleted:
        matching = matching.filter(is_deleted=False)
    if search.strip():
        matching = _containing(matching, search.strip())
    position = unpack_cursor(after, 1) if after else None
    if position is not None:
        matching = matching.filter(source_id__gt=position[0])
    found = list(matching.order_by("source_id")[: size + 1])
    rows = tuple(found[:size])
    return KeysetPage(rows, pack_cursor(rows[-1].source_id) if len(found) > size else "")


def record_by_source_id(connection: Connection, data_type: str, source_id: str) -> Record | None:
    """Return the record, or None; one query."""
    return Record.objects.filter(connection=connection, data_type=data_type, source_id=source_id).first()


def pretty_json(content: object) -> str:
    """Return indented JSON in the record's own member order, with every character readable."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def _containing(records: QuerySet[Record], search: str) -> QuerySet[Record]:
    """Search the content as text. SQLite keeps it as written, where a character may stand escaped (`\\u00e9`)."""
    condition = Q(source_id__icontains=search)
    for form in {json.dumps(search)[1:-1], json.dumps(search, ensure_ascii=False)[1:-1]}:
        condition |= Q(content_text__icontains=form)
    return records.annotate(content_text=Cast("content", TextField())).filter(condition)
