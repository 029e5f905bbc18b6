"""Supplemental data: extra members on records of standard types, as the wire configures them (codat contract, 12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from customdata.exceptions import ConfigurationWarning
from syncengine.connectors.paths import Path, parse_path, value_at
from syncengine.exceptions import Refused

type Json = Any

CONFIG = "supplementalDataConfig"
# The data types that may have it.
DATA_TYPES = (
    "bills", "chartOfAccounts", "company", "creditNotes", "customers", "invoices", "items", "journalEntries",
    "suppliers", "taxRates", "commerce-companyInfo", "commerce-customers", "commerce-disputes", "commerce-locations",
    "commerce-orders", "commerce-paymentMethods", "commerce-payments", "commerce-productCategories",
    "commerce-products", "commerce-taxComponents", "commerce-transactions",
)  # fmt: skip
MAX_OBJECTS, MAX_MEMBERS, MAX_NAME, MAX_TEXT = 20, 100, 200, 2000
_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class SupplementalObject:
    """One named object. pull: our name → the platform's member, steps parted by dots. push: the same when writing."""

    name: str
    data_source: str
    pull: Mapping[str, str]
    push: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SupplementalConfiguration:
    objects: tuple[SupplementalObject, ...] = ()

    def as_wire(self) -> dict[str, Json]:
        """Return the value of `supplementalDataConfig`."""
        wire: dict[str, Json] = {}
        for found in self.objects:
            members = {"dataSource": found.data_source, "pullData": dict(found.pull), "pushData": dict(found.push)}
            wire[found.name] = {name: value for name, value in members.items() if value}
        return wire

    @property
    def fingerprint(self) -> str:
        """A short word that changes with what is read; what is only written has no part in it."""
        pulled = [(found.name, found.data_source, dict(found.pull)) for found in self.objects]
        return blake2b(_encode(pulled), digest_size=6).hexdigest()

    @property
    def pulls(self) -> bool:
        return any(found.pull for found in self.objects)


class Supplement:
    """Finds the configured members in a platform's record.

    endpoint:  the one that the type's records come from. An object with another data source finds nothing there.
    """

    def __init__(self, configuration: SupplementalConfiguration, endpoint: str) -> None:
        self._objects = [
            (found.name, [(name, path_or_none(text)) for name, text in found.pull.items()], reads(found, endpoint))
            for found in configuration.objects
            if found.pull
        ]

    def of(self, raw: Json) -> dict[str, Json]:
        """Return the member `supplementalData`. What is missing is null."""
        return {
            "content": {
                name: {member: value_at(raw, path) if is_here and path else None for member, path in members}
                for name, members, is_here in self._objects
            }
        }


def reads(found: SupplementalObject, endpoint: str) -> bool:
    """Whether an object's data source is where the type's records come from: they share the last step of the path."""
    return not endpoint or _last_step(found.data_source) == _last_step(endpoint)


def path_or_none(text: str) -> Path | None:
    try:
        return parse_path(text) or None
    except ValueError:
        return None


def read_supplemental(body: Json) -> SupplementalConfiguration:
    """Return the configuration in a request's body; the vendor's examples leave out `supplementalDataConfig`.

    Raises: Refused naming the member at fault.
    """
    if not isinstance(body, Mapping):
        raise Refused("The configuration must be a JSON object.")
    given = body.get(CONFIG) if CONFIG in body else body
    if not isinstance(given, Mapping):
        raise Refused(f"{CONFIG} must be an object of named objects.", field=CONFIG)
    if len(given) > MAX_OBJECTS:
        raise Refused(f"{CONFIG} may hold {MAX_OBJECTS} objects at most.", field=CONFIG)
    return SupplementalConfiguration(tuple(_object(name, value) for name, value in given.items()))


def warnings_of(configuration: SupplementalConfiguration, endpoint: str) -> Iterator[ConfigurationWarning]:
    """Yield what will be null in every record."""
    for found in configuration.objects:
        place = f"{CONFIG}.{found.name}"
        if found.pull and not reads(found, endpoint):
            words = f"{found.data_source} is not where these records come from ({endpoint}): its values will be null."
            yield ConfigurationWarning(f"{place}.dataSource", words)
        for name, text in found.pull.items():
            if path_or_none(text) is None:
                words = f"{text} is no member; write Name or Path.With.Dots."
                yield ConfigurationWarning(f"{place}.pullData.{name}", words)


def _object(name: str, value: Json) -> SupplementalObject:
    place = f"{CONFIG}.{_name(name, CONFIG)}"
    if not isinstance(value, Mapping):
        raise Refused(f"{place} must be an object with dataSource and pullData.", field=place)
    source = value.get("dataSource")
    if not isinstance(source, str) or not source.strip():
        raise Refused(f"{place}.dataSource must be the platform's endpoint, as a text.", field=f"{place}.dataSource")
    return SupplementalObject(
        name,
        _storable(source, f"{place}.dataSource"),
        _members(value.get("pullData"), f"{place}.pullData"),
        _members(value.get("pushData"), f"{place}.pushData"),
    )


def _members(given: Json, place: str) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Refused(f"{place} must be an object of names and the platform's members.", field=place)
    if len(given) > MAX_MEMBERS:
        raise Refused(f"{place} may hold {MAX_MEMBERS} names at most.", field=place)
    return {_name(name, place): _text(text, f"{place}.{name}") for name, text in given.items()}


def _name(name: str, place: str) -> str:
    if not name.strip() or len(name) > MAX_NAME:
        raise Refused(f"A name in {place} has 1 to {MAX_NAME} characters.", field=place)
    return _storable(name, place)


def _text(text: Json, place: str) -> str:
    if not isinstance(text, str):
        raise Refused(f"{place} must be the name of the platform's member, as a text.", field=place)
    return _storable(text, place)


def _storable(text: str, place: str) -> str:
    if len(text) > MAX_TEXT:
        raise Refused(f"{place} may have {MAX_TEXT} characters at most.", field=place)
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise Refused(f"{place} holds a character that no database keeps.", field=place)
    return text


def _last_step(source: str) -> str:
    return source.partition("?")[0].rstrip("/").rpartition("/")[2].lower()
