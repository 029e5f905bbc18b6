"""A platform's connector as one custom data type sees it: the same authorisation, another endpoint, rows of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from customdata.configuration import Configuration
from customdata.exceptions import ExpressionRefused
from customdata.rows import DATES, Row, RowReader, as_json, wanted_of
from customdata.shapes import Shape, shape_of
from syncengine.connectors.base import (
    Connector,
    Credentials,
    Cursor,
    FetchPlan,
    Http,
    Json,
    MappedRecord,
    Page,
    RecordRefused,
)
from syncengine.connectors.convert import kind_of
from syncengine.connectors.endpoints import Endpoint
from syncengine.connectors.platforms import Platform, TypeSupport
from syncengine.connectors.wire import decode_record
from syncengine.exceptions import ConnectorError, SourceRefused
from syncengine.states import ReadMode

_encode = msgspec.json.Encoder(decimal_format="number").encode
_SHOWN_MEMBERS = 15


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read has seen so far: it travels in the cursor, since a connector keeps nothing between two pages.

    rows:   how many rows were read that are not deleted.
    found:  the names whose path led somewhere in at least one of them.
    """

    rows: int = 0
    found: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ReadRows:
    """The rows of one page."""

    rows: list[Row]
    deleted: list[str]
    unmatched_tombstones: int = 0


class CustomConnector:
    """Implements connectors.base.Connector for reading one custom data type; all but reading is the platform's own.

    settings_used:  kept in the dataset when it begins, so that each further attempt reads by the same configuration.
    """

    def __init__(self, base: Connector, data_type: str, configuration: Configuration) -> None:
        self._base, self._configuration = base, configuration
        self.settings_used = {"custom_data_type": configuration.as_wire()}
        self.platform: Platform = replace(
            base.platform,
            types={data_type: _support(base, data_type, configuration)},
            # A changed configuration makes the next read full, and no record of before counts as read the same way.
            mapping_version=f"{base.platform.mapping_version}/{configuration.fingerprint}",
        )

    def __getattr__(self, name: str) -> Any:
        """Linking, authorisation and the rest are the platform's own connector's."""
        if name in ("quick_key", "map_text"):  # what those read is not what a row here is
            raise AttributeError(name)
        return getattr(self._base, name)

    def authorize(self, credentials: Credentials) -> Mapping[str, str]:
        return self._base.authorize(credentials)

    def origin(self, settings: Mapping[str, Json]) -> str:
        return self._base.origin(settings)

    # --- reading

    def fetch_page(self, plan: FetchPlan, cursor: Cursor | None, http: Http) -> Page:
        """Raises: ConnectorError subclasses; SourceRefused (FetchError) names the path that leads nowhere."""
        source = endpoint_of(self._base, self._configuration)
        place = cursor["source"] if cursor else None
        answer = source.ask(plan, place, http, changes=bool(self._configuration.modified_dates))
        shape = Shape(*cursor["shape"]) if cursor else self._shape(answer.body, source)
        opened = source.open(answer, shape, plan, place)
        reader = self._reader(shape, source)
        read = self._read(reader, opened.envelope.records, source)
        seen = _seen_with(Seen(cursor["rows"], frozenset(cursor["found"])) if cursor else Seen(), read.rows)
        if opened.cursor is None and plan.mode == ReadMode.FULL:
            self._require_found(seen, source)
        warnings = opened.warnings
        if read.unmatched_tombstones:
            warnings += (_unmatched(read.unmatched_tombstones),)
        return Page(
            [*(_encode(as_json(row)) for row in read.rows), *map(_tombstone, read.deleted)],
            opened.cursor and _cursor(opened.cursor, shape, seen),
            known=opened.known,
            total=None if reader.is_line_level else opened.total,
            warnings=warnings,
        )

    def key_of(self, data_type: str, raw: Json) -> str:
        """Raises: RecordRefused."""
        if raw["fault"]:
            raise RecordRefused(raw["path"], raw["fault"])
        key: str = raw["key"]
        return key

    def map_record(self, data_type: str, raw: Json) -> MappedRecord:
        """Raises: RecordRefused."""
        modified = raw["modified"]
        return MappedRecord(
            self.key_of(data_type, raw),
            raw["content"],
            datetime.fromisoformat(modified) if modified else None,
            raw["deleted"],
        )

    def _shape(self, body: bytes, source: Endpoint) -> Shape:
        try:
            return shape_of(body, self._configuration, source.name)
        except ExpressionRefused as refusal:
            raise SourceRefused(_configured_wrongly(refusal)) from refusal

    def _reader(self, shape: Shape, source: Endpoint) -> RowReader:
        try:
            return RowReader(self._configuration, shape.records_at, source.zone)
        except ExpressionRefused as refusal:
            raise SourceRefused(_configured_wrongly(refusal)) from refusal

    def _read(self, reader: RowReader, records: list[bytes], source: Endpoint) -> ReadRows:
        rows: list[Row] = []
        deleted: list[str] = []
        unmatched = 0
        decoded: Json = None
        for text in records:
            decoded = decode_record(text)
            if source.is_tombstone(decoded):
                key = reader.key_only(decoded)
                deleted += [key] if key else []
                unmatched += 0 if key else 1
            else:
                rows += reader.rows(decoded)
        if rows and all(row.fault for row in rows):
            raise SourceRefused(_no_key(rows[0], len(rows), decoded, source))
        return ReadRows(rows, deleted, unmatched)

    def _require_found(self, seen: Seen, source: Endpoint) -> None:
        """Raises: SourceRefused naming what was in none of the records: a path that is spelt wrong, most likely."""
        if not seen.rows:
            return
        configuration = self._configuration
        missing = [
            f"requiredData.{name} ({path})"
            for name, path in configuration.required_data.items()
            if name not in seen.found and name not in configuration.optional
        ]
        if configuration.modified_dates and DATES not in seen.found:
            missing.append(f"sourceModifiedDate ({', '.join(configuration.modified_dates)})")
        if missing:
            raise SourceRefused(
                f"Nothing was found in any of the {seen.rows} rows of {source.path} for {'; '.join(missing)}. "
                "Correct the path; what a platform may leave out everywhere can be named in optionalData."
            )


def endpoint_of(base: Connector, configuration: Configuration) -> Endpoint:
    """Raises: NotSupported, SourceRefused."""
    return base.endpoint(configuration.data_source, wanted_of(configuration))


def _support(base: Connector, data_type: str, configuration: Configuration) -> TypeSupport:
    """Line by line everything is read each time: of a changed record no platform tells which lines it lost."""
    incremental = False
    if configuration.modified_dates:
        try:
            incremental = endpoint_of(base, configuration).asks_for_changes
            incremental = incremental and not RowReader(configuration).is_line_level
        except (ConnectorError, ExpressionRefused):
            incremental = False  # reading says why
    return TypeSupport(data_type, endpoint=configuration.data_source, incremental=incremental)


def _seen_with(seen: Seen, rows: list[Row]) -> Seen:
    return Seen(seen.rows + len(rows), seen.found.union(*(row.found for row in rows)))


def _cursor(place: Mapping[str, Json], shape: Shape, seen: Seen) -> dict[str, Json]:
    return {"source": place, "shape": [shape.kind, shape.member], "rows": seen.rows, "found": sorted(seen.found)}


def _tombstone(key: str) -> bytes:
    return _encode(as_json(Row(key, {}, None), deleted=True))


def _unmatched(count: int) -> str:
    return f"{count} deleted records came without what their key is made of; the next full read marks them deleted."


def _configured_wrongly(refusal: ExpressionRefused) -> str:
    return f"The configuration cannot be used. {refusal.message}"


def _no_key(row: Row, count: int, record: Json, source: Endpoint) -> str:
    where = f"{row.fault_path} gives none of the {count} rows of {source.path} a key. {row.fault}"
    if not isinstance(record, dict):
        return f"{where} A record there is {kind_of(record)}."
    members = ", ".join(sorted(record)[:_SHOWN_MEMBERS]) or "none"
    return f"{where} A record's members there are: {members}."
