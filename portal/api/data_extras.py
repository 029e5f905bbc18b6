"""Members that a feature sets beside a record's own when a client asks for them, and only then.

A feature hangs a `RecordExtras` into `portal.registers`. Without one of its parameters nothing is looked up, and stored
JSON leaves as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.http import HttpRequest
from django.utils.module_loading import import_string

from portal.api.data_reading import Reading
from portal.registers import record_extras
from syncengine.queries.record_pages import StoredRecord


class AskedExtras(Protocol):
    """What one request wants beside its records.

    state:  moves whenever the members of a record that did not change would be others.
    """

    state: str

    def members(self, records: Sequence[StoredRecord]) -> list[bytes]:
        """Return for each record its further members, encoded, without braces; a constant number of queries."""
        ...


class RecordExtras(Protocol):
    def asked(self, request: HttpRequest, given: Mapping[str, str], reading: Reading) -> AskedExtras | None:
        """Return what is wanted, None for nothing.

        given:   the query's parameters, their names in lower case.
        Raises:  WireError.
        """
        ...


class Extras:
    """What all features together set beside the records of one answer."""

    def __init__(self, asked: Sequence[AskedExtras]) -> None:
        self._asked = asked
        self.state = tuple(one.state for one in asked)

    def members(self, records: Sequence[StoredRecord]) -> list[bytes]:
        """Return what `data_splicing.records_bytes` takes as `extras`: () when nothing is wanted."""
        if not self._asked or not records:
            return []
        found = [one.members(records) for one in self._asked]
        return [b",".join(filter(None, parts)) for parts in zip(*found, strict=True)]


def extras_asked(request: HttpRequest, reading: Reading) -> Extras:
    """Raises: WireError for a parameter that cannot be read, or without the right it needs."""
    given = {name.lower(): value for name, value in request.GET.dict().items()}
    features = [import_string(dotted) for dotted in record_extras()] if given else []
    found = [feature.asked(request, given, reading) for feature in features]
    return Extras([one for one in found if one is not None])
