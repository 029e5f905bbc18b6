"""All platforms by key: one connector for each manifest, and those written in Python."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from django.utils.module_loading import import_string

from syncengine.connectors.base import Connector
from syncengine.connectors.manifest import load_manifest
from syncengine.connectors.platforms import Platform
from syncengine.connectors.reading import did_you_mean
from syncengine.connectors.rest import RestConnector
from syncengine.exceptions import ManifestError, Refused

MANIFESTS = Path(__file__).with_name("manifests")
PYTHON_CONNECTORS = {"tryt": "syncengine.connectors.tryton.connector.TrytonConnector"}


class UnknownPlatform(Refused):
    def __init__(self, platform_key: str) -> None:
        hint = did_you_mean(platform_key, _connectors())
        super().__init__(f"{platform_key!r} is not a platform we can read{hint}.", field="platform_key")
        self.platform_key = platform_key


def connector_for(platform_key: str) -> Connector:
    """Raises: UnknownPlatform."""
    try:
        return _connectors()[platform_key]
    except KeyError:
        raise UnknownPlatform(platform_key) from None


def platforms() -> Mapping[str, Platform]:
    """Return every platform of the catalogue by key, in the order of their names.

    Raises: ManifestError, the first time it is asked for, when a manifest does not hold.
    """
    found = {key: connector.platform for key, connector in _connectors().items()}
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: item[1].name.lower())))


@cache
def _connectors() -> Mapping[str, Connector]:
    connectors = read_manifests(MANIFESTS)
    for key, dotted in PYTHON_CONNECTORS.items():
        if key in connectors:
            raise ManifestError(f"{key}.toml", "key", f"{key!r} is the key of a connector written in Python")
        connectors[key] = import_string(dotted)()
    return MappingProxyType(connectors)


def read_manifests(folder: Path) -> dict[str, Connector]:
    """Return a connector for each manifest in the folder, by key. Raises: ManifestError."""
    return {path.stem: RestConnector(load_manifest(path)) for path in sorted(folder.glob("*.toml"))}
