"""`custom_fields` and `raw_data` beside the records of every read of cached data (Bindbee contract, section 6).

Custom fields are evaluated over the platform's own text when a record is read, so a changed mapping shows at once. They
never stand inside the record. Raw data leaves as the platform sent it, without being decoded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from django.http import HttpRequest

from customdata.actions.raw_views import note_raw_view
from customdata.coverage import leads_somewhere
from customdata.exceptions import ExpressionRefused
from customdata.expressions import Expression, Outcome, Resolution, compile_expression
from customdata.queries.field_mappings import EffectiveField, shown_fields
from customdata.raw_records import packed_raw_of, text_of, unpacked
from customdata.resolving import NO_RECORD, Unresolved, shown
from portal.api.data_reading import Reading
from portal.api.errors import Issue, WireError
from portal.api.lookups import actor_of, principal_in
from syncengine.models import Connection
from syncengine.queries.record_pages import StoredRecord

FIELDS, RAW = "include_custom_fields", "include_raw_data"
VERBOSE = "verbose"
RIGHT = "raw_data.read"
MAX_SECONDS = 10.0  # of CPU for the custom fields of one answer
TOO_COSTLY = "The custom fields of so many records take longer than one answer may. Ask for a smaller page."

_encode = msgspec.json.Encoder(decimal_format="number").encode


class CustomFieldExtras:
    """Implements portal.api.data_extras.RecordExtras."""

    def asked(self, request: HttpRequest, given: Mapping[str, str], reading: Reading) -> Asked | None:
        fields = _word(given, FIELDS, ("true", VERBOSE))
        raw = _word(given, RAW, ("true",))
        if raw and not principal_in(request).may(RIGHT):
            raise WireError(403, f"Forbidden: this API key does not hold the right {RIGHT}.")
        if not fields and not raw:
            return None
        connection = Connection(pk=reading.connection_id, company_id=reading.company_id)
        found = shown_fields(reading.connection_id, reading.source.platform_key, reading.data_type) if fields else []
        return Asked(
            connection,
            reading.data_type,
            actor_of(request),
            [_shown_field(field) for field in found] if fields else None,
            leads_somewhere(connection, found) if found else {},
            is_verbose=fields == VERBOSE,
            with_raw=bool(raw),
        )


RECORD_EXTRAS = CustomFieldExtras()


class ShownField(NamedTuple):
    """A field that has a mapping here. expression: None when it does not compile, for which `reason` stands."""

    name: str
    scope: str
    mapping_id: str
    json_path: str
    expression: Expression | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request wants. fields: None when it wants raw data only."""

    connection: Connection
    data_type: str
    actor: str
    fields: Sequence[ShownField] | None
    leads_somewhere: Mapping[str, bool]
    is_verbose: bool
    with_raw: bool

    @property
    def state(self) -> str:
        if self.fields is None:
            return ""
        mapped = [(field.name, field.scope, field.mapping_id, field.json_path) for field in self.fields]
        return repr((mapped, sorted(self.leads_somewhere.items()), settings.HEADRACE_UNRESOLVED_FIELDS))

    def members(self, records: Sequence[StoredRecord]) -> list[bytes]:
        """Raises: WireError when the expressions take too long."""
        packed = self._packed(records)
        until = time.thread_time() + MAX_SECONDS
        found = []
        for record in records:
            if time.thread_time() > until:
                raise WireError(400, TOO_COSTLY, issues=(Issue("pageSize", TOO_COSTLY),))
            found.append(b",".join(self._of(packed.get(record.source_id))))
        return found

    def _packed(self, records: Sequence[StoredRecord]) -> dict[str, bytes]:
        if not self.with_raw and not self.fields:
            return {}
        keys = [record.source_id for record in records]
        packed = packed_raw_of(self.connection.pk, self.data_type, keys)
        if self.with_raw and packed:
            note_raw_view(self.connection, self.data_type, len(packed), actor=self.actor)
        return packed

    def _of(self, packed: bytes | None) -> list[bytes]:
        members = []
        if self.fields is not None:
            members += self._custom_fields(packed)
        if self.with_raw:
            members.append(b'"raw_data":' + (b"null" if packed is None else text_of(packed)))
        return members

    def _custom_fields(self, packed: bytes | None) -> list[bytes]:
        fields = self.fields or ()
        document = NO_RECORD if packed is None or not fields else unpacked(packed)
        found = [(field, _resolution(field, document)) for field in fields]
        values = {field.name: self._value(field, resolution) for field, resolution in found}
        members = [b'"custom_fields":' + _encode(values)]
        if self.is_verbose:
            meta = {field.name: _meta(field, resolution) for field, resolution in found}
            members.append(b'"custom_fields_meta":' + _encode(meta))
        return members

    def _value(self, field: ShownField, resolution: Resolution | None) -> Any:
        """Return the value; null when the record's own text is not kept."""
        if resolution is None:
            return None
        found_elsewhere = self.leads_somewhere.get(field.json_path, True)
        return shown(resolution, found_elsewhere, Unresolved(settings.HEADRACE_UNRESOLVED_FIELDS))


def _shown_field(found: EffectiveField) -> ShownField:
    mapping = found.mapping
    assert mapping is not None
    named = (found.field.name, found.scope or "", str(mapping.pk), mapping.json_path)
    try:
        return ShownField(*named, compile_expression(mapping.json_path))
    except ExpressionRefused as refusal:
        return ShownField(*named, None, refusal.message)


def _resolution(field: ShownField, document: Any) -> Resolution | None:
    if document is NO_RECORD:
        return None
    if field.expression is None:
        return Resolution(Outcome.INVALID, reason=field.reason)
    return field.expression.resolve(document)


def _meta(field: ShownField, resolution: Resolution | None) -> dict[str, str]:
    outcome = "not_kept" if resolution is None else str(resolution.outcome)
    meta = {"outcome": outcome, "source": field.scope, "mapping_id": field.mapping_id}
    if resolution is not None and resolution.reason:
        meta["reason"] = resolution.reason
    return meta


def _word(given: Mapping[str, str], name: str, words: Sequence[str]) -> str:
    """Return which of the words is given, "" for false. Raises: WireError."""
    text = given.get(name, "").strip().lower()
    if text in words:
        return text
    if text not in ("", "false"):
        allowed = ", ".join((*words, "false"))
        message = f"{name} is one of {allowed}."
        raise WireError(400, message, issues=(Issue(name, message),))
    return ""
