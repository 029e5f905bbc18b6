"""Datasets of offline platforms wait, unclaimed and at no cost, until a connector is there."""

from __future__ import annotations

from typing import Any

from syncengine.actions.offline import UNTIL_WOKEN
from syncengine.models import Dataset
from syncengine.queries.offline import connector_is_missing
from syncengine.states import ConnectionStatus, DatasetStatus

_ASKS_PLATFORM = frozenset({DatasetStatus.INITIAL, DatasetStatus.QUEUED, DatasetStatus.FETCHING})


def must_wait(dataset: Dataset) -> bool:
    """Put a dataset aside if it would ask a platform whose connector is missing; say whether it was.

    It keeps its status. The connector's next sign of life wakes it, also one that came this very moment.
    """
    if dataset.status not in _ASKS_PLATFORM or dataset.fetch_done or dataset.cancel_requested_at:
        return False
    if dataset.connection.status != ConnectionStatus.LINKED:
        return False
    words = connector_is_missing(dataset.connection)
    if words:
        unchanged = Dataset.objects.filter(pk=dataset.pk, fence=dataset.fence, lease_until=dataset.lease_until)
        unchanged.update(**put_aside(words))
    return bool(words)


def put_aside(words: str) -> dict[str, Any]:
    """Return the columns of a dataset that waits for a connector."""
    return {"enqueued_at": UNTIL_WOKEN, "status_description": words[:300], "wake_at": None}
