"""How a data type is read. Standard types are planned here; a feature plugs in its own by prefix (`custom/…`)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from syncengine.connectors.base import Connector, FetchPlan
from syncengine.datatypes import data_type_for
from syncengine.exceptions import UnknownDataType
from syncengine.models import Connection, Dataset
from syncengine.states import ReadMode

type PlanBuilder = Callable[[Dataset], FetchPlan]
type ConnectorMaker = Callable[[Dataset, Connector], Connector]
type KeyFinder = Callable[[Connection, str], str]


class Habits(Protocol):
    """When a feature's data types are read without anybody asking for it."""

    def at_first(self, connection: Connection) -> Sequence[str]:
        """Return the types that are read when the connection is linked, and when all of it is refreshed."""
        ...

    def hours(self, connection: Connection) -> Mapping[str, int]:
        """Return how often types are read, in hours, by type; one that is not named is never."""
        ...


@dataclass(frozen=True, slots=True)
class _Feature:
    plan: PlanBuilder
    connector: ConnectorMaker
    key: KeyFinder
    habits: Habits | None


_features: dict[str, _Feature] = {}
KEEPS_RAW = "keeps_raw"  # noted in a dataset's settings_used when it began so


class RawKeeper(Protocol):
    """A feature that keeps the platform's own text of records. Pairs are (source id, text)."""

    def wants(self, connection: Connection, data_type: str) -> bool:
        """Whether it wants every record of the type; of all types it is given a few as samples."""
        ...

    def keep(self, dataset: Dataset, changed: Sequence[tuple[str, bytes]], same: Sequence[tuple[str, bytes]]) -> None:
        """Store texts, in the transaction that stores the records: of new and changed ones, and of unchanged ones."""
        ...

    def undo(self, dataset: Dataset) -> None:
        """Forget the texts of new and changed records that this dataset stored: they are put back as they were."""
        ...


_raw_keepers: list[RawKeeper] = []
_wrappers: list[ConnectorMaker] = []
_purges: list[Callable[[], None]] = []


@runtime_checkable
class KeepsSettings(Protocol):
    """A connector that was made for one dataset: what it was made of is kept there when the dataset begins."""

    settings_used: Mapping[str, Any]


def register(
    prefix: str,
    builder: PlanBuilder,
    *,
    connector: ConnectorMaker = lambda _, base: base,
    key: KeyFinder = lambda _, data_type: data_type,
    habits: Habits | None = None,
) -> None:
    """Have data types that begin with `prefix/` planned by `builder`.

    connector:  makes the connector that reads a dataset out of the platform's own. Raises ConnectorError subclasses.
    key:        returns the data type as it is stored, when a read over a connection is asked for. Raises Refused.
    """
    _features[prefix] = _Feature(builder, connector, key, habits)


def read_at_first(connection: Connection) -> list[str]:
    """Return the features' types that are read when the connection is linked."""
    return [key for habits in _habits() for key in habits.at_first(connection)]


def scheduled(connection: Connection) -> dict[str, int]:
    """Return how often the features' types are read over the connection, in hours, by type."""
    return {key: hours for habits in _habits() for key, hours in habits.hours(connection).items()}


def _habits() -> list[Habits]:
    return [feature.habits for feature in _features.values() if feature.habits is not None]


def register_raw_keeper(keeper: RawKeeper) -> None:
    _raw_keepers[:] = [keeper]


def register_wrapper(wrap: ConnectorMaker) -> None:
    """Have a feature make of a standard type's connector another one, or return it as it is."""
    if wrap not in _wrappers:
        _wrappers.append(wrap)


def register_purge(purge: Callable[[], None]) -> None:
    """Have a feature remove, a piece at a time and each minute, what is past its keeping."""
    if purge not in _purges:
        _purges.append(purge)


def purges() -> tuple[Callable[[], None], ...]:
    return tuple(_purges)


def raw_keeper() -> RawKeeper | None:
    return _raw_keepers[0] if _raw_keepers else None


def keeps_raw(connector: Connector) -> bool:
    """Whether every record's own text is kept of what this connector reads."""
    return isinstance(connector, KeepsSettings) and bool(connector.settings_used.get(KEEPS_RAW))


def key_for(connection: Connection, data_type: str) -> str:
    """Return the data type as datasets and records hold it, however it was written.

    Raises: UnknownDataType, and Refused subclasses of the feature that the prefix belongs to.
    """
    feature = _feature(data_type)
    return data_type_for(data_type).key if feature is None else feature.key(connection, data_type)


def connector_of(dataset: Dataset, base: Connector) -> Connector:
    """Return what reads this dataset: the platform's connector, or what a feature makes of it."""
    feature = _feature(dataset.data_type)
    if feature is not None:
        return feature.connector(dataset, base)
    keeper = raw_keeper()
    begun = bool(dataset.mode)  # then it goes on as it began
    wanted = dataset.settings_used.get(KEEPS_RAW) if begun else keeper and keeper.wants(*_read_of(dataset))
    connector = _keeping_raw(base) if wanted else base
    for wrap in _wrappers:
        connector = wrap(dataset, connector)
    return connector


def _read_of(dataset: Dataset) -> tuple[Connection, str]:
    return dataset.connection, dataset.data_type


def _keeping_raw(base: Connector) -> Connector:
    """Return the connector under another mapping version, so that records stored without their text are read again."""
    keeping: Any = copy.copy(base)
    keeping.platform = replace(base.platform, mapping_version=f"{base.platform.mapping_version}+raw")
    keeping.settings_used = {KEEPS_RAW: True}
    connector: Connector = keeping
    return connector


def plan_for(dataset: Dataset) -> FetchPlan:
    """Return the plan of a dataset whose mode is decided, equal on every attempt.

    Raises: UnknownDataType when the type has a prefix that nobody registered.
    """
    feature = _feature(dataset.data_type)
    return _standard_plan(dataset) if feature is None else feature.plan(dataset)


def _feature(data_type: str) -> _Feature | None:
    """Return the feature that a prefix belongs to, None for a standard type. Raises: UnknownDataType."""
    prefix, slash, _ = data_type.partition("/")
    if not slash:
        return None
    if prefix not in _features:
        raise UnknownDataType(data_type)
    return _features[prefix]


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
