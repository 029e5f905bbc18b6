"""Turns a platform's record into the standard model: its key, its content, its stamp, whether it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

from syncengine.connectors.base import MappedRecord, RecordRefused
from syncengine.connectors.compiled import Swift, compiled
from syncengine.connectors.convert import kind_of, moment_of
from syncengine.connectors.keys import key_reader, quick_key_reader
from syncengine.connectors.manifest_parts import Deleted, TypeManifest
from syncengine.connectors.paths import Path
from syncengine.connectors.readers import finder, object_builder, one_path
from syncengine.connectors.wire import decode_record
from syncengine.validation.model import record_shape


class Mapper:
    """Maps the decoded records of one type; pure, and raises RecordRefused only."""

    def __init__(self, found: TypeManifest, zone: str = "UTC") -> None:
        self._key = key_reader(found.key, found.data_type)
        self._quick_key = quick_key_reader(found.key)
        self._build = object_builder(found.fields)
        self._modified = modified_reader(found.modified, found.modified_as, zone)
        self._deleted = _deleted_reader(found.deleted)
        shape = record_shape(found.data_type)
        self._sets_id = "id" not in found.fields and shape is not None and "id" in shape.members
        self._found, self._zone = found, zone

    def key_of(self, raw: Any) -> str:
        if type(raw) is not dict:
            raise RecordRefused(".", f"{kind_of(raw)} came where a record was expected")
        return self._key(raw)

    def quick_key(self) -> Callable[[bytes], str] | None:
        """Return a reader of keys from a record's text, "" where `key_of` must say; None for all but plain keys."""
        return self._quick_key

    def map_text(self, text: bytes) -> MappedRecord:
        """Map a record's own JSON text. Raises: BadAnswer too, for a text that is not fit to be decoded."""
        record = self._swift(text)
        return self.map_record(decode_record(text)) if record is None else record

    @cached_property
    def _swift(self) -> Swift:
        """Compiled when it is first needed: it takes some milliseconds, and most types of most platforms never are."""
        found = None if self._found.single else compiled(self._found, sets_id=self._sets_id, zone=self._zone)
        return found or (lambda text: None)

    def map_record(self, raw: Any) -> MappedRecord:
        source_id = self.key_of(raw)
        try:
            deleted = self._deleted(raw)
            content = _content(self._build, raw, deleted)
            modified_at = self._modified(raw)
        except RecordRefused as refusal:
            raise RecordRefused(refusal.path, refusal.reason, source_id) from None
        if self._sets_id:
            content["id"] = source_id
        return MappedRecord(source_id, content, modified_at, deleted)


def _content(build: Callable[[Any], dict[str, Any]], raw: Any, deleted: bool) -> dict[str, Any]:
    """A deleted record may be a bare tombstone: what cannot be mapped of it is not missed."""
    if not deleted:
        return build(raw)
    try:
        return build(raw)
    except RecordRefused:
        return {}


def modified_reader(path: Path | None, form: str, zone: str) -> Callable[[Any], datetime | None]:
    if path is None:
        return lambda raw: None
    return one_path(path, moment_of(form, zone))


def _deleted_reader(deleted: Deleted | None) -> Callable[[Any], bool]:
    if deleted is None:
        return lambda raw: False
    find = finder(deleted.path)
    if deleted.equals:
        return lambda raw: str(find(raw)) in deleted.equals
    return lambda raw: find(raw) in (True, "true", 1)
