"""The configuration of a custom data type, as the wire writes it: read, refused by name, written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from syncengine.exceptions import Refused

type Json = Any

MAX_SOURCE = 2000
MAX_NAMES = 200
MAX_NAME = 200
MAX_PATHS = 20
MEMBERS = ("dataSource", "requiredData", "keyBy", "sourceModifiedDate", "optionalData")
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is read and what is kept of it (codat contract, section 11).

    data_source:     the platform's endpoint with its whole route, perhaps with a query.
    required_data:   our name → JSONPath, in the order given.
    key_by:          JSONPaths whose values make a record's key together.
    modified_dates:  JSONPaths of dates, the latest of which is a record's; () when the platform tells none.
    optional:        names of required_data that a platform may leave out of all records (ours: `optionalData`).
    """

    data_source: str
    required_data: Mapping[str, str]
    key_by: tuple[str, ...]
    modified_dates: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def as_wire(self) -> dict[str, Json]:
        wire: dict[str, Json] = {
            "dataSource": self.data_source,
            "requiredData": dict(self.required_data),
            "keyBy": list(self.key_by),
            "sourceModifiedDate": list(self.modified_dates) or None,
        }
        return {**wire, "optionalData": list(self.optional)} if self.optional else wire

    @property
    def fingerprint(self) -> str:
        """A short word that changes with anything that changes what is read."""
        return blake2b(_encode(self.as_wire()), digest_size=6).hexdigest()


def read_configuration(body: Json) -> Configuration:
    """Return the configuration in a request's body. Paths are not looked into here.

    Raises: Refused naming the member at fault.
    """
    if not isinstance(body, Mapping):
        raise Refused("The configuration must be a JSON object.")
    source, required = _data_source(body), _required_data(body)
    return Configuration(
        data_source=source,
        required_data=required,
        key_by=_paths(body, "keyBy", required=True),
        modified_dates=_paths(body, "sourceModifiedDate", required=False),
        optional=_optional(body, required),
    )


def _data_source(body: Mapping[str, Json]) -> str:
    source = body.get("dataSource")
    if source is None or source == "":
        raise Refused("dataSource is required.", field="dataSource")
    if not isinstance(source, str):
        raise Refused("dataSource must be one text: a custom data type has one data source.", field="dataSource")
    if not source.strip():
        raise Refused("dataSource is required.", field="dataSource")
    if len(source) > MAX_SOURCE:
        raise Refused(f"dataSource may have {MAX_SOURCE} characters at most.", field="dataSource")
    return _storable(source, "dataSource")


def _required_data(body: Mapping[str, Json]) -> dict[str, str]:
    given = body.get("requiredData")
    if given is None:
        raise Refused("requiredData is required.", field="requiredData")
    if not isinstance(given, Mapping):
        raise Refused("requiredData must be an object of names and paths.", field="requiredData")
    if len(given) > MAX_NAMES:
        raise Refused(f"requiredData may hold {MAX_NAMES} names at most.", field="requiredData")
    return {_name(name): _path(path, f"requiredData.{name}") for name, path in given.items()}


def _name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME:
        raise Refused(f"A name in requiredData has 1 to {MAX_NAME} characters.", field="requiredData")
    return _storable(name, "requiredData")


def _path(path: Json, field: str) -> str:
    if isinstance(path, Mapping | list):
        kind = "an object" if isinstance(path, Mapping) else "an array"
        raise Refused(f"{field} holds {kind}; nested objects and arrays are not possible here.", field=field)
    if not isinstance(path, str):
        raise Refused(f"{field} must be a path, as a text.", field=field)
    if len(path) > MAX_SOURCE:
        raise Refused(f"{field} may have {MAX_SOURCE} characters at most.", field=field)
    return _storable(path, field)


def _paths(body: Mapping[str, Json], member: str, *, required: bool) -> tuple[str, ...]:
    given = body.get(member)
    if given is None or given == []:
        if required:
            raise Refused(f"{member} needs at least one path.", field=member)
        return ()
    if not isinstance(given, list):
        raise Refused(f"{member} must be an array of paths.", field=member)
    if len(given) > MAX_PATHS:
        raise Refused(f"{member} may hold {MAX_PATHS} paths at most.", field=member)
    return tuple(_path(path, f"{member}[{place}]") for place, path in enumerate(given))


def _optional(body: Mapping[str, Json], required: Mapping[str, str]) -> tuple[str, ...]:
    given = body.get("optionalData")
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise Refused("optionalData must be an array of names out of requiredData.", field="optionalData")
    for name in given:
        if name not in required:
            raise Refused(f"optionalData names {name[:MAX_NAME]}, which requiredData does not.", field="optionalData")
    return tuple(dict.fromkeys(given))


def _storable(text: str, field: str) -> str:
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise Refused(f"{field} holds a character that no database keeps.", field=field)
    return text
