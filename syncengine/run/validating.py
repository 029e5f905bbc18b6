"""The Validating stage: mapped records are checked for what must hold in the standard model."""

from __future__ import annotations

from syncengine.exceptions import ValidationFailed
from syncengine.models import Dataset, ValidationIssue
from syncengine.run.lease import Hold
from syncengine.run.mapping import SHOWN_ISSUES
from syncengine.run.staging import Finding, MappedPage, judged_pages, mapped_page, replace_mapped
from syncengine.run.thresholds import too_many
from syncengine.states import Stage


def validate_pages(hold: Hold) -> None:
    """Judge what the checks found, page by page; records with an error are left out and reported.

    Raises: ValidationFailed when more records than the allowed share have errors.
    """
    dataset = hold.dataset
    for number, row_count, findings in judged_pages(dataset, dataset.validated_pages):
        done = {"validated_pages": number + 1, "validated_count": dataset.validated_count + row_count}
        if findings:
            _judge(hold, number, findings, done)
        else:
            hold.note(**done)
        hold.keep()
    if too_many(dataset.invalid_count, dataset.fetched_count):
        raise _failure(dataset)


def _judge(hold: Hold, number: int, findings: list[Finding], done: dict[str, int]) -> None:
    dataset = hold.dataset
    bad = {finding.source_id for finding in findings if finding.severity == ValidationIssue.ERROR}
    warnings = sum(1 for finding in findings if finding.severity == ValidationIssue.WARNING)
    with hold.writing(
        invalid_count=dataset.invalid_count + len(bad), warning_count=dataset.warning_count + warnings, **done
    ):
        if bad:
            replace_mapped(dataset, number, _without(mapped_page(dataset, number), bad))
        _write_issues(dataset, findings)


def _without(page: MappedPage, bad: set[str]) -> MappedPage:
    # A bad record exists all the same: it is not deleted, and what we have of it stays.
    rows = [row for row in page.rows if row.source_id not in bad]
    return MappedPage(rows, [*page.known, *sorted(bad)], page.same, asked_us=page.asked_us)


def _write_issues(dataset: Dataset, findings: list[Finding]) -> None:
    room = max(SHOWN_ISSUES - dataset.invalid_count - dataset.warning_count, 0)
    ValidationIssue.objects.bulk_create(
        ValidationIssue(
            dataset=dataset,
            stage=Stage.VALIDATE,
            severity=finding.severity,
            rule_id=finding.rule_id,
            item_id=finding.source_id[:512],
            path=finding.path[:300],
            message=finding.message,
            validator_name=finding.validator_name,
        )
        for finding in findings[:room]
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
