"""The Validating stage: mapped records are checked for what must hold in the standard model."""

from __future__ import annotations

from collections.abc import Iterable

from syncengine.connectors.wire import decode_record
from syncengine.exceptions import ValidationFailed
from syncengine.models import Dataset, ValidationIssue
from syncengine.run.lease import Hold
from syncengine.run.mapping import SHOWN_ISSUES
from syncengine.run.staging import MappedPage, Row, mapped_page, replace_mapped
from syncengine.run.thresholds import too_many
from syncengine.states import Stage
from syncengine.validation import Issue, validate_record

MAX_SOURCE_ID = 512


def validate_pages(hold: Hold, data_type: str) -> None:
    """Check every mapped page that is not checked yet; records with an error are left out and reported.

    Raises: ValidationFailed when more records than the allowed share have errors.
    """
    dataset = hold.dataset
    for number in range(dataset.validated_pages, dataset.page_count):
        page = mapped_page(dataset, number)
        issues = [(row, issue) for row in page.rows for issue in _issues_of(row, data_type)]
        bad = {row.source_id for row, issue in issues if issue.severity == ValidationIssue.ERROR}
        with hold.writing(
            validated_pages=number + 1,
            validated_count=dataset.validated_count + len(page.rows),
            invalid_count=dataset.invalid_count + len(bad),
            warning_count=dataset.warning_count + sum(1 for _, issue in issues if issue.severity != "error"),
        ):
            if bad:
                replace_mapped(dataset, number, _without(page, bad))
            _write_issues(dataset, issues)
        hold.look()
    if too_many(dataset.invalid_count, dataset.fetched_count):
        raise _failure(dataset)


def _issues_of(row: Row, data_type: str) -> Iterable[Issue]:
    if row.is_deleted:
        return ()
    if not row.source_id or len(row.source_id) > MAX_SOURCE_ID:
        return (Issue("error", "record-key", "id", f"A key has 1 to {MAX_SOURCE_ID} characters.", "Record"),)
    return validate_record(data_type, decode_record(row.content))


def _without(page: MappedPage, bad: set[str]) -> MappedPage:
    # A bad record exists all the same: it is not deleted, and what we have of it stays.
    return MappedPage([row for row in page.rows if row.source_id not in bad], [*page.known, *sorted(bad)])


def _write_issues(dataset: Dataset, issues: list[tuple[Row, Issue]]) -> None:
    room = max(SHOWN_ISSUES - dataset.invalid_count - dataset.warning_count, 0)
    ValidationIssue.objects.bulk_create(
        ValidationIssue(
            dataset=dataset,
            stage=Stage.VALIDATE,
            severity=issue.severity,
            rule_id=issue.rule_id,
            item_id=row.source_id[:512],
            path=issue.path[:300],
            message=issue.message,
            validator_name=issue.validator_name,
        )
        for row, issue in issues[:room]
    )


def _failure(dataset: Dataset) -> ValidationFailed:
    first = (
        ValidationIssue.objects.filter(dataset=dataset, severity=ValidationIssue.ERROR, stage=Stage.VALIDATE)
        .order_by("pk")
        .first()
    )
    example = f" For example, {first.item_id}: {first.message}" if first else ""
    return ValidationFailed(
        f"{dataset.invalid_count} of {dataset.fetched_count} records contradict themselves, so none was stored."
        f"{example}"
    )
