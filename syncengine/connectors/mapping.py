"""Turns a platform's record into the standard model: its key, its content, its stamp, whether it is deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from syncengine.connectors.base import MappedRecord, RecordRefused
from syncengine.connectors.convert import MOMENTS, iso_moment, kind_of
from syncengine.connectors.manifest_parts import Deleted, TypeManifest
from syncengine.connectors.paths import Path, path_text
from syncengine.connectors.readers import finder, object_builder, one_path
from syncengine.validation.model import record_shape

MAX_KEY = 512


class Mapper:
    """Maps the decoded records of one type; pure, and raises RecordRefused only."""

    def __init__(self, found: TypeManifest, zone: str = "UTC") -> None:
        self._key = _key_reader(found.key, found.data_type)
        self._quick_key = _quick_key_reader(found.key)
        self._build = object_builder(found.fields)
        self._modified = _modified_reader(found.modified, found.modified_as, zone)
        self._deleted = _deleted_reader(found.deleted)
        shape = record_shape(found.data_type)
        self._sets_id = "id" not in found.fields and shape is not None and "id" in shape.members

    def key_of(self, raw: Any) -> str:
        if type(raw) is not dict:
            raise RecordRefused(".", f"{kind_of(raw)} came where a record was expected")
        return self._key(raw)

    def quick_key(self) -> Callable[[bytes], str] | None:
        """Return a reader of keys from a record's text, "" where `key_of` must say; None for all but plain keys."""
        return self._quick_key

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


def _key_reader(paths: Sequence[Path], data_type: str) -> Callable[[Any], str]:
    """Return the reader of a record's key; several members are joined by colons, colons inside them escaped."""
    if not paths:
        return lambda raw: data_type
    parts = [(finder(path), path_text(path)) for path in paths]

    def read(raw: Any) -> str:
        texts = [_key_text(find(raw), text) for find, text in parts]
        if len(texts) == 1:
            key = texts[0]
        else:
            key = ":".join(text.replace("\\", "\\\\").replace(":", "\\:") for text in texts)
        if len(key) > MAX_KEY:
            raise RecordRefused(parts[0][1], f"the key has {len(key)} characters; {MAX_KEY} is the most we keep")
        return key

    return read


def _quick_key_reader(paths: Sequence[Path]) -> Callable[[bytes], str] | None:
    """One member that is a text: the decoder skips over all the others, which takes a fifth of the time."""
    if len(paths) != 1 or len(paths[0]) != 1 or not isinstance(paths[0][0], str):
        return None
    only = msgspec.defstruct("Key", [("key", str)], rename={"key": paths[0][0]})
    decode = msgspec.json.Decoder(only).decode

    def read(text: bytes) -> str:
        try:
            key: str = decode(text).key  # type: ignore[attr-defined]
        except (msgspec.DecodeError, RecursionError):
            return ""
        return key if len(key) <= MAX_KEY else ""

    return read


def _key_text(value: Any, path: str) -> str:
    if type(value) is str and value:
        return value
    if type(value) is int:
        return str(value)
    given = "nothing" if value is None or value == "" else kind_of(value)
    raise RecordRefused(path, f"{given} came where the record's key was expected")


def _modified_reader(path: Path | None, form: str, zone: str) -> Callable[[Any], datetime | None]:
    if path is None:
        return lambda raw: None
    moment = MOMENTS.get(form) or (lambda value: iso_moment(value, zone))
    return one_path(path, moment, None, False)


def _deleted_reader(deleted: Deleted | None) -> Callable[[Any], bool]:
    if deleted is None:
        return lambda raw: False
    find = finder(deleted.path)
    if deleted.equals:
        return lambda raw: str(find(raw)) in deleted.equals
    return lambda raw: find(raw) in (True, "true", 1)
