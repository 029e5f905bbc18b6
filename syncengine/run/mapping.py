"""The Mapping stage: the platform's records become records of the standard model, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b

import msgspec

from syncengine.connectors.base import Connector, FetchPlan, Json, MappedRecord, RecordRefused
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import BadAnswer, MappingFailed
from syncengine.models import Dataset, Record, ValidationIssue
from syncengine.run.lease import Hold
from syncengine.run.staging import Issue, MappedPage, RawPage, Row, drop_page, raw_page, write_page
from syncengine.run.thresholds import too_many
from syncengine.states import Stage

_encode = msgspec.json.Encoder(decimal_format="number").encode
_EPOCH_US = 1_000_000
_NUL = b"\\u0000"
SHOWN_ISSUES = 1000  # kept of one dataset; the counters count them all


def map_pages(hold: Hold, connector: Connector, plan: FetchPlan) -> None:
    """Map every staged page that is not mapped yet.

    Raises: MappingFailed when more records than the allowed share cannot be mapped.
    """
    dataset = hold.dataset
    version = connector.platform.mapping_version.encode()
    known_before = Record.objects.filter(connection_id=dataset.connection_id, data_type=dataset.data_type).exists()
    for number in range(dataset.mapped_pages, dataset.page_count):
        raw = raw_page(dataset, number)
        mapped, issues = _map_page(raw, connector, plan.data_type, version, dataset if known_before else None)
        with hold.writing(
            mapped_pages=number + 1,
            mapped_count=dataset.mapped_count + len(mapped.rows),
            invalid_count=dataset.invalid_count + len(issues),
        ):
            drop_page(dataset, Stage.FETCH, number)
            write_page(dataset, Stage.MAP, number, mapped)
            _write_issues(dataset, issues)
        hold.look()
    if too_many(dataset.invalid_count, dataset.fetched_count):
        raise _failure(dataset)


def _map_page(
    page: RawPage, connector: Connector, data_type: str, version: bytes, dataset: Dataset | None
) -> tuple[MappedPage, list[Issue]]:
    decoded, issues = _decode(page)
    same = _unchanged(dataset, decoded, connector, data_type) if dataset is not None else frozenset()
    rows: list[Row] = []
    known = list(page.known)
    for raw, record in decoded:
        raw_hash = blake2b(version + raw, digest_size=16).digest()
        try:
            if same and (key := connector.key_of(data_type, record), raw_hash) in same:
                known.append(key)
                continue
            rows.append(_row(connector.map_record(data_type, record), raw_hash))
        except RecordRefused as refusal:
            issues.append(Issue(refusal.source_id, refusal.path, refusal.reason))
            if refusal.source_id:
                # It exists, so it is not deleted; what we have of it stays as it is.
                known.append(refusal.source_id)
    return MappedPage(rows, known), issues


def _decode(page: RawPage) -> tuple[list[tuple[bytes, Json]], list[Issue]]:
    decoded, issues = [], []
    for raw in page.records:
        try:
            decoded.append((raw, decode_record(raw)))
        except BadAnswer as error:
            issues.append(Issue("", "", error.headline))
    return decoded, issues


def _unchanged(
    dataset: Dataset, decoded: Iterable[tuple[bytes, Json]], connector: Connector, data_type: str
) -> frozenset[tuple[str, bytes]]:
    """Return (key, hash of the platform's text) of what is stored under the keys of this page and not deleted."""
    keys = []
    for _, record in decoded:
        with suppress(RecordRefused):
            keys.append(connector.key_of(data_type, record))
    stored = Record.objects.filter(
        connection_id=dataset.connection_id, data_type=dataset.data_type, source_id__in=keys, is_deleted=False
    ).exclude(raw_hash=None)
    return frozenset((key, bytes(raw_hash or b"")) for key, raw_hash in stored.values_list("source_id", "raw_hash"))


def _row(record: MappedRecord, raw_hash: bytes) -> Row:
    content = _encode(record.content)
    if _NUL in content:
        content = content.replace(_NUL, b"\\ufffd")
    stamp = record.source_modified_at
    moved_us = None if stamp is None else int(stamp.timestamp() * _EPOCH_US)
    content_hash = blake2b(content + b"|%d" % (moved_us or 0), digest_size=16).digest()
    return Row(record.source_id, content, content_hash, raw_hash, moved_us, record.is_deleted)


def _write_issues(dataset: Dataset, issues: list[Issue]) -> None:
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
