"""Mapping: the platform's records become records of the standard model, each page while the next one is fetched.

What comes of it is judged in the Mapping stage, when the whole is there.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Protocol, runtime_checkable

import msgspec

from syncengine.connectors.base import Connector, MappedRecord, RecordRefused
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import BadAnswer, MappingFailed
from syncengine.models import Dataset, Record, ValidationIssue
from syncengine.plans import keeps_raw, raw_keeper
from syncengine.run.lease import Hold
from syncengine.run.records import raw_hashes
from syncengine.run.staging import Finding, Issue, MappedPage, Row
from syncengine.run.thresholds import too_many
from syncengine.states import ReadMode, Stage
from syncengine.validation import validate_record

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode_quickly = msgspec.json.Decoder().decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUL = b"\\u0000"
MAX_SOURCE_ID = 512
RAW_SAMPLES = 20  # records of a full read whose own text is kept in any case
SHOWN_ISSUES = 1000  # kept of one dataset; the counters count them all


@runtime_checkable
class ReadsKeysQuickly(Protocol):
    """A connector that can tell a record's key without decoding all of the record."""

    def quick_key(self, data_type: str) -> Callable[[bytes], str] | None:
        """Return a function from a record's text to its key, or to "" when that needs a closer look."""
        ...


@runtime_checkable
class MapsTexts(Protocol):
    """A connector that maps a record faster from its text than from the decoded value."""

    def map_text(self, data_type: str) -> Callable[[bytes], MappedRecord]:
        """Return what `map_record` of the decoded text would give. That raises RecordRefused, BadAnswer."""
        ...


def judge_mapping(hold: Hold) -> None:
    """Say whether enough of what was fetched could be mapped.

    Raises: MappingFailed when more records than the allowed share could not.
    """
    dataset = hold.dataset
    if too_many(dataset.invalid_count, dataset.fetched_count):
        raise _failure(dataset)


class Mapping:
    """Maps the pages of one dataset as they come in, while the next one is on its way."""

    def __init__(self, dataset: Dataset, connector: Connector, data_type: str) -> None:
        self._dataset, self._connector, self._data_type = dataset, connector, data_type
        self._version = connector.platform.mapping_version.encode()
        self._stores_some = Record.objects.filter(
            connection_id=dataset.connection_id, data_type=dataset.data_type
        ).exists()
        self._keeps_raw = keeps_raw(connector)
        first = dataset.mode == ReadMode.FULL and dataset.page_count == 0
        self._samples_raw = first and raw_keeper() is not None
        self._quick_key = connector.quick_key(data_type) if isinstance(connector, ReadsKeysQuickly) else None
        self._map_text = connector.map_text(data_type) if isinstance(connector, MapsTexts) else self._decode_and_map

    def page(self, records: Sequence[bytes], known: Sequence[str]) -> tuple[MappedPage, list[Issue]]:
        """Return the records in the standard model, and those that could not be mapped."""
        mapped = MappedPage([], list(known), findings=[])
        issues: list[Issue] = []
        version = self._version
        hashes = [blake2b(version + raw, digest_size=16).digest() for raw in records]
        same = self._unchanged(records, hashes) if self._stores_some else {}
        mapped.same = array("q", [same[raw_hash] for raw_hash in hashes if raw_hash in same]).tobytes()
        for raw, raw_hash in zip(records, hashes, strict=True):
            if raw_hash not in same:
                self._map(raw, raw_hash, mapped, issues)
        if self._samples_raw and mapped.rows:
            self._keep_samples(mapped)
        return mapped, issues

    def _keep_samples(self, mapped: MappedPage) -> None:
        """Leave the platform's text with the last records of the first page that has any, unless it is kept of all."""
        self._samples_raw = False
        if not self._keeps_raw:
            for row in mapped.rows[:-RAW_SAMPLES]:
                row.raw = b""

    def _unchanged(self, records: Sequence[bytes], hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return the ids, by hash of the platform's text, of records that are stored as this very text made them."""
        keys: dict[str, bytes] = {}
        for raw, raw_hash in zip(records, hashes, strict=True):
            key = self._key_of(raw)
            if key:
                keys[key] = raw_hash
        return {
            raw_hash: pk
            for key, pk, raw_hash in raw_hashes(self._dataset.connection_id, self._dataset.data_type, list(keys))
            if raw_hash == keys[key]
        }

    def _key_of(self, raw: bytes) -> str:
        """Return the record's key, "" when it cannot be read at once; the mapping then says why."""
        if self._quick_key is not None:
            key = self._quick_key(raw)
            if key:
                return key
        with suppress(RecordRefused, msgspec.DecodeError, RecursionError):
            return self._connector.key_of(self._data_type, _decode_quickly(raw))
        return ""

    def _map(self, raw: bytes, raw_hash: bytes, mapped: MappedPage, issues: list[Issue]) -> None:
        try:
            record = self._map_text(raw)
        except RecordRefused as refusal:
            issues.append(Issue(refusal.source_id, refusal.path, refusal.reason))
            if refusal.source_id:
                # It exists, so it is not deleted; what we have of it stays as it is.
                mapped.known.append(refusal.source_id)
        except BadAnswer as error:
            issues.append(Issue("", "", error.headline))
        else:
            row = row_of(record, raw_hash)
            if self._keeps_raw or self._samples_raw:
                row.raw = raw
            mapped.rows.append(row)
            found = _findings(record, self._data_type)
            if found:
                mapped.findings += found

    def _decode_and_map(self, raw: bytes) -> MappedRecord:
        return self._connector.map_record(self._data_type, decode_record(raw))


def _findings(record: MappedRecord, data_type: str) -> list[Finding]:
    """Check a record while it is at hand: to decode it again in the next stage would cost as much as mapping it."""
    key = record.source_id
    if not 0 < len(key) <= MAX_SOURCE_ID:
        reason = f"A key has 1 to {MAX_SOURCE_ID} characters; this one has {len(key)}."
        return [Finding(key, ValidationIssue.ERROR, "record-key", "id", reason, "Record")]
    if record.is_deleted:
        return []
    issues = validate_record(data_type, record.content)
    return [
        Finding(key, issue.severity, issue.rule_id, issue.path, issue.message, issue.validator_name) for issue in issues
    ]


def row_of(record: MappedRecord, raw_hash: bytes) -> Row:
    content = _encode(record.content)
    if _NUL in content:
        content = content.replace(_NUL, b"\\ufffd")
    moved_us = None if record.source_modified_at is None else _microseconds(record.source_modified_at)
    content_hash = blake2b(content + b"|%d" % (moved_us or 0), digest_size=16).digest()
    return Row(record.source_id, content.decode(), content_hash, raw_hash, moved_us, record.is_deleted)


def _microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970, exactly; a float of seconds loses the last one now and then."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def write_issues(dataset: Dataset, issues: list[Issue]) -> None:
    if not issues:
        return
    room = SHOWN_ISSUES - dataset.invalid_count
    ValidationIssue.objects.bulk_create(
        ValidationIssue(
            dataset=dataset,
            stage=Stage.MAP,
            severity=ValidationIssue.ERROR,
            rule_id="mapping",
            item_id=issue.item_id[:512],
            path=issue.path[:300],
            message=issue.message,
            validator_name="Mapping",
        )
        for issue in issues[: max(room, 0)]
    )


def _failure(dataset: Dataset) -> MappingFailed:
    first = ValidationIssue.objects.filter(dataset=dataset, stage=Stage.MAP).order_by("pk").first()
    example = f" For example, record {first.item_id or '(no key)'}: {first.path}: {first.message}" if first else ""
    return MappingFailed(
        f"{dataset.invalid_count} of {dataset.fetched_count} records could not be turned into the standard model."
        f"{example}"
    )
