"""Trying a configuration on a live connection: one page is read, shown and thrown away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customdata.checks import warnings_of
from customdata.configuration import Configuration, read_configuration
from customdata.connector import endpoint_of
from customdata.exceptions import ConfigurationWarning, ExpressionRefused
from customdata.expressions import value_kind
from customdata.rows import Row, RowReader
from customdata.shapes import Shape, shape_of
from syncengine.authorisation import open_session, with_credentials
from syncengine.connectors.base import Connector, Credentials, FetchPlan, HttpAnswer
from syncengine.connectors.endpoints import Endpoint, Opened
from syncengine.connectors.registry import connector_for
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import ConnectorError, NotLinked
from syncengine.models import Connection
from syncengine.outbound import Exchange
from syncengine.states import ConnectionStatus, ReadMode

type Json = Any

SHOWN_RECORDS, SHOWN_ROWS, SHOWN_KEYS = 3, 20, 5


@dataclass(frozen=True, slots=True)
class Column:
    """What one name of requiredData comes to over the rows tried.

    kinds:  how many values there are of each kind (string, number, boolean, object, array, null).
    """

    name: str
    path: str
    found_count: int
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """What happened; nothing of it is kept.

    exchange:       the request and its answer as the request log would show them, without secrets; None when nothing
                    was sent.
    shape:          where in the answer the records stand.
    records:        the platform's first records, decoded.
    missing:        paths, with their member's name, that led nowhere in any row.
    repeated_keys:  some keys that several rows have.
    keyless_count:  rows without a key; the reason is the first one's.
    error:          a sentence when it could not be read; `upstream` holds the platform's own words.
    """

    warnings: tuple[ConfigurationWarning, ...]
    exchange: Exchange | None = None
    shape: Shape | None = None
    records: tuple[Json, ...] = ()
    record_count: int = 0
    total: int | None = None
    has_more: bool = False
    rows: tuple[Row, ...] = ()
    row_count: int = 0
    columns: tuple[Column, ...] = ()
    dated_count: int = 0
    missing: tuple[str, ...] = ()
    repeated_keys: tuple[str, ...] = ()
    keyless_count: int = 0
    keyless_reason: str = ""
    error: str = ""
    upstream: str = ""

    @property
    def keys_are_unique(self) -> bool:
        return not self.repeated_keys and not self.keyless_count


@dataclass(slots=True)
class _Log:
    exchanges: list[Exchange] = field(default_factory=list)

    def progressed(self) -> None:
        pass

    def answered(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


def try_custom_data_type(connection: Connection, body: Mapping[str, Any]) -> Trial:
    """Read the first page by a configuration that need not be saved. Nothing is stored but a token that was renewed.

    Raises: Refused naming the member at fault, NotLinked. What the platform refuses stands in the trial.
    """
    configuration = read_configuration(body)
    if connection.status != ConnectionStatus.LINKED or connection.deleted_at:
        raise NotLinked(connection)
    warnings, log = tuple(warnings_of(configuration, connection.integration.key, body)), _Log()
    try:
        return _tried(connection, configuration, warnings, log)
    except ConnectorError as error:
        return Trial(warnings, _last(log), error=error.headline, upstream=error.upstream)
    except ExpressionRefused as refusal:
        return Trial(warnings, _last(log), error=refusal.message)


def _tried(
    connection: Connection, configuration: Configuration, warnings: tuple[ConfigurationWarning, ...], log: _Log
) -> Trial:
    connector = connector_for(connection.integration.key)
    source = endpoint_of(connector, configuration)
    settings = {**connection.integration.settings, **connection.settings}
    plan = FetchPlan(platform=connector.platform.key, data_type="custom", mode=ReadMode.FULL, settings=settings)
    answer = _asked(connection, connector, source, plan, log)
    shape = shape_of(answer.body, configuration, source.name)
    opened = source.open(answer, shape, plan, None)
    reader = RowReader(configuration, shape.records_at, source.zone)
    return _judged(configuration, warnings, log, shape, opened, reader)


def _asked(connection: Connection, connector: Connector, source: Endpoint, plan: FetchPlan, log: _Log) -> HttpAnswer:
    def once(credentials: Credentials) -> HttpAnswer:
        with open_session(connection, connector, credentials, plan.settings, observer=log) as http:
            return source.ask(plan, None, http, changes=False)

    return with_credentials(connection, connector, once)


def _judged(
    configuration: Configuration,
    warnings: tuple[ConfigurationWarning, ...],
    log: _Log,
    shape: Shape,
    opened: Opened,
    reader: RowReader,
) -> Trial:
    texts = opened.envelope.records
    rows = [row for text in texts for row in reader.rows(decode_record(text))]
    keyless = [row for row in rows if row.fault]
    dated = sum(1 for row in rows if row.modified_at)
    columns = tuple(_column(name, path, rows) for name, path in configuration.required_data.items())
    return Trial(
        warnings,
        _last(log),
        shape,
        tuple(decode_record(text) for text in texts[:SHOWN_RECORDS]),
        len(texts),
        opened.total,
        opened.cursor is not None,
        tuple(rows[:SHOWN_ROWS]),
        len(rows),
        columns,
        dated,
        _missing(configuration, columns, dated, len(rows)),
        _repeated(rows),
        len(keyless),
        f"{keyless[0].fault_path}: {keyless[0].fault}" if keyless else "",
    )


def _column(name: str, path: str, rows: Sequence[Row]) -> Column:
    there = [row for row in rows if name in row.found]
    return Column(name, path, len(there), Counter(value_kind(row.content[name]) for row in there))


def _missing(configuration: Configuration, columns: Sequence[Column], dated: int, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    found = [f"requiredData.{column.name} ({column.path})" for column in columns if not column.found_count]
    if configuration.modified_dates and not dated:
        found.append(f"sourceModifiedDate ({', '.join(configuration.modified_dates)})")
    return tuple(found)


def _repeated(rows: Sequence[Row]) -> tuple[str, ...]:
    counted = Counter(row.key for row in rows if row.key)
    return tuple(key for key, count in counted.most_common(SHOWN_KEYS) if count > 1)


def _last(log: _Log) -> Exchange | None:
    return log.exchanges[-1] if log.exchanges else None
