"""Addresses and headers of one platform, filled in from the settings of a connection."""

from __future__ import annotations

from collections.abc import Mapping

from syncengine.connectors.base import Json
from syncengine.connectors.manifest import Manifest
from syncengine.connectors.manifest_files import FILE, RECORD
from syncengine.connectors.templates import fill_path, fill_text, fill_url, require_step

type Filled = dict[str, Json]


class Places:
    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def filled(self, settings: Mapping[str, Json], client: Mapping[str, str] | None = None) -> Filled:
        """Return all settings by name; an empty one counts as not given, so that its default stands."""
        given = {**(client or {}), **settings}
        return {**self._manifest.defaults, **{name: value for name, value in given.items() if value not in (None, "")}}

    def base_url(self, filled: Mapping[str, Json]) -> str:
        return fill_url(self._manifest.base_url, filled).rstrip("/")

    def url(self, endpoint: str, filled: Mapping[str, Json]) -> str:
        return self.base_url(filled) + fill_path(endpoint, filled)

    def headers(self, filled: Mapping[str, Json]) -> dict[str, str]:
        own = {name: fill_text(text, filled) for name, text in self._manifest.headers.items()}
        return {"Accept": "application/json", **own}

    def of_record(
        self, path: str, settings: Mapping[str, Json], record_id: str, attachment_id: str = ""
    ) -> tuple[str, dict[str, str]]:
        """Return the address of something that belongs to a record, and the headers to ask for it with.

        Raises: SourceRefused with status 404 for an id that cannot be one.
        """
        filled = self.filled(settings)
        if f"{{{RECORD}}}" in path:
            filled[RECORD] = require_step(record_id, "record")
        if f"{{{FILE}}}" in path:
            filled[FILE] = require_step(attachment_id, "attachment")
        return self.url(path, filled), self.headers(filled)
