"""The context of a dataset's page: what stands above its tabs, and what the open tab shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from portal.dataset_page import asked_by, is_paused, is_slow, progress, segments, took_seconds, version_of
from portal.history_filters import TRIGGER_WORDS
from portal.htmx import wants_fragment
from syncengine.models import Dataset
from syncengine.queries import datasets as queries
from syncengine.queries.data_status import label_of
from syncengine.queries.record_changes import CHANGE_KINDS, change_counts, changes_page
from syncengine.queries.records import pretty_json
from syncengine.states import DatasetStatus, Responsible

S = DatasetStatus
TABS: dict[str, str] = {
    "changes": "Changes",
    "validation": "Validation",
    "requests": "Requests",
    "attempts": "Attempts",
    "settings": "Settings used",
}
# What a failed read says when its own words are missing.
HEADLINES: dict[str, str] = {
    S.FETCH_ERROR: "The platform could not be read.",
    S.MAP_ERROR: "The platform's records could not be turned into the standard model.",
    S.VALIDATION_ERROR: "Too many of the records do not hold together.",
    S.PROCESSING_ERROR: "The records could not be stored.",
    S.INTERNAL_ERROR: "Headrace failed while it read this.",
    S.AUTH_ERROR: "The platform no longer accepts the customer's authorisation.",
    S.RATE_LIMIT_ERROR: "The platform asked to wait for longer than a read may wait.",
    S.PERMISSIONS_ERROR: "The platform refuses to show this data to the authorised user.",
    S.PREREQUISITE_NOT_MET: "Something else must be read or set up first.",
    S.NOT_SUPPORTED: "The platform does not offer this data.",
}
# What the person named by the chip can do about it.
ADVICE: dict[str, str] = {
    Responsible.CUSTOMER: "Ask the customer to authorise the connection again, then retry.",
    Responsible.OPERATOR: "Change what is named here, then retry.",
    Responsible.PLATFORM: "Nothing to change here. Retry later; the next scheduled read tries again by itself.",
    Responsible.US: "This is a fault of Headrace. Keep the dataset's id for whoever looks into it; a retry may help.",
    Responsible.NOBODY: "Nothing needs to be done.",
}
# Where who must act does not yet say what to do.
ADVICE_BY_STATUS: dict[str, str] = {
    S.PERMISSIONS_ERROR: "Ask the customer to allow their user to see this at the platform, or to authorise the "
    "connection as somebody who may; then retry.",
}


_PAUSED_UNTIL = re.compile(r"^Paused until \S+?Z\.?\s*")


def live_version(dataset: Dataset) -> str:
    """Return the token of everything above the tabs; a pause that ended counts as a change."""
    return version_of([dataset], is_paused(dataset))


def detail_context(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    """Return what the page needs: at most eleven queries, whatever the dataset holds."""
    timings = queries.stage_timings(dataset)
    took = took_seconds(dataset)
    usual = queries.usual_seconds(dataset)
    return {
        "is_swap": wants_fragment(request),
        "dataset": dataset,
        "company": dataset.company,
        "label": label_of(dataset.data_type),
        "trigger": TRIGGER_WORDS.get(dataset.trigger, dataset.trigger),
        "asked_by": asked_by(dataset),
        "version": live_version(dataset),
        "segments": segments(dataset, timings),
        "progress": progress(dataset),
        "is_paused": is_paused(dataset),
        "pause_reason": _pause_reason(dataset.status_description),
        "took": took,
        "usual": usual,
        "is_slow": is_slow(took, usual),
        "rate": _rate(dataset, took),
        "failure": _failure(dataset) if dataset.is_errored else None,
        "neighbours": queries.neighbours(dataset),
        **_tab(request, dataset),
    }


@dataclass(frozen=True, slots=True)
class Failure:
    """The explained error: in one sentence, who acts, what they do, and the evidence."""

    headline: str
    advice: str
    attempt_count: int
    request: Any
    likeness: queries.Likeness


def _failure(dataset: Dataset) -> Failure:
    return Failure(
        headline=dataset.error_message or HEADLINES[S(dataset.status)],
        advice=ADVICE_BY_STATUS.get(dataset.status) or ADVICE.get(dataset.error_responsible, ""),
        attempt_count=dataset.fence,
        request=queries.last_refused_request(dataset),
        likeness=queries.similar_failures(dataset),
    )


def _pause_reason(description: str) -> str:
    """Return why a read waits, without the time, which the page shows in the reader's own zone."""
    reason = _PAUSED_UNTIL.sub("", description).strip()
    return reason if not reason or reason.endswith((".", "!", "?")) else f"{reason}."


def _rate(dataset: Dataset, took: float | None) -> float | None:
    """Records a second while fetching, once there is enough to tell."""
    if dataset.status != S.FETCHING or not took or took < 1 or not dataset.fetched_count:
        return None
    return dataset.fetched_count / took


def _tab(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    chosen = request.GET.get("tab", "")
    tab = chosen if chosen in TABS else _first_tab(dataset)
    after = request.GET.get("after", "")
    return {"tab": tab, "tabs": list(TABS.items()), **_CONTENTS[tab](request, dataset, after)}


def _first_tab(dataset: Dataset) -> str:
    if dataset.status in (S.VALIDATION_ERROR, S.MAP_ERROR):
        return "validation"
    return "requests" if dataset.is_errored else "changes"


def _changes(request: HttpRequest, dataset: Dataset, after: str) -> dict[str, Any]:
    counts = change_counts(dataset)
    wanted = request.GET.get("kind", "")
    first = next((kind for kind in ("changed", "deleted", "restored", "created") if counts[kind]), CHANGE_KINDS[0])
    kind = wanted if wanted in CHANGE_KINDS else first
    page = changes_page(dataset, kind, after=after)
    return {"change_counts": counts, "kind": kind, "changes": page.rows, "next_after": page.after}


def _validation(request: HttpRequest, dataset: Dataset, after: str) -> dict[str, Any]:
    rule = request.GET.get("rule", "")
    if rule:
        page = queries.issues_of_rule(dataset, rule.replace("\0", ""), after=after)
        return {"rule": rule, "issues": page.rows, "next_after": page.after}
    return {"groups": queries.issue_groups(dataset)}


def _requests(request: HttpRequest, dataset: Dataset, after: str) -> dict[str, Any]:
    page = queries.requests_page(dataset, after=after)
    return {"requests": page.rows, "next_after": page.after}


def _attempts(request: HttpRequest, dataset: Dataset, after: str) -> dict[str, Any]:
    return {"attempts": queries.attempts(dataset), "now": timezone.now()}


def _settings(request: HttpRequest, dataset: Dataset, after: str) -> dict[str, Any]:
    return {"settings_json": pretty_json(dataset.settings_used)}


_CONTENTS: dict[str, Callable[[HttpRequest, Dataset, str], dict[str, Any]]] = {
    "changes": _changes,
    "validation": _validation,
    "requests": _requests,
    "attempts": _attempts,
    "settings": _settings,
}
