"""How a data type is read. Standard types are planned here; a feature plugs in its own by prefix (`custom/…`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from syncengine.connectors.base import FetchPlan
from syncengine.exceptions import UnknownDataType
from syncengine.models import Dataset
from syncengine.states import ReadMode

type PlanBuilder = Callable[[Dataset], FetchPlan]

_builders: dict[str, PlanBuilder] = {}


def register(prefix: str, builder: PlanBuilder) -> None:
    """Have data types that begin with `prefix/` planned by `builder`."""
    _builders[prefix] = builder


def plan_for(dataset: Dataset) -> FetchPlan:
    """Return the plan of a dataset whose mode is decided, equal on every attempt.

    Raises: UnknownDataType when the type has a prefix that nobody registered.
    """
    prefix, slash, _ = dataset.data_type.partition("/")
    if not slash:
        return _standard_plan(dataset)
    if prefix not in _builders:
        raise UnknownDataType(dataset.data_type)
    return _builders[prefix](dataset)


def _standard_plan(dataset: Dataset) -> FetchPlan:
    used = dataset.settings_used
    integration = dataset.connection.integration
    return FetchPlan(
        platform=integration.key,
        data_type=dataset.data_type,
        mode=ReadMode(dataset.mode),
        settings={**integration.settings, **dataset.connection.settings},
        since=dataset.since,
        not_before=_moment(used.get("not_before")),
        months=used.get("months"),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
