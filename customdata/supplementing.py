"""How records come by their supplemental data: what is plugged into the engine's socket (`syncengine.plans`).

The platform's connector reads as ever. Behind the standard model's members each record gets `supplementalData`, so
that it is stored, compared and sent out like any other member. The configuration is part of the mapping's version:
another one makes the next read full, and no record counts as read the same way before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from msgspec import structs

from customdata.queries.supplemental_data import supplemental_configuration
from customdata.supplemental import CONFIG, DATA_TYPES, Supplement, SupplementalConfiguration, read_supplemental
from syncengine import plans
from syncengine.connectors.base import Connector, MappedRecord
from syncengine.connectors.platforms import Platform
from syncengine.connectors.wire import decode_record
from syncengine.models import Dataset

type Json = Any

USED = "supplemental_data"


def register() -> None:
    plans.register_wrapper(supplemented)


def supplemented(dataset: Dataset, base: Connector) -> Connector:
    """Return a connector that adds what is configured, or the same one when nothing is.

    A dataset goes on by the configuration it began with.
    """
    if dataset.data_type not in DATA_TYPES:
        return base
    if dataset.mode:
        configuration = read_supplemental({CONFIG: dataset.settings_used.get(USED, {})})
    else:
        configuration = supplemental_configuration(dataset.connection.integration_id, dataset.data_type)
    return Supplemented(base, dataset.data_type, configuration) if configuration.pulls else base


class Supplemented:
    """Implements connectors.base.Connector; all but mapping is the platform's own.

    settings_used:  kept in the dataset when it begins.
    """

    def __init__(self, base: Connector, data_type: str, configuration: SupplementalConfiguration) -> None:
        self._base = base
        support = base.platform.types.get(data_type)
        self._supplement = Supplement(configuration, support.endpoint if support else "")
        self.settings_used = {**getattr(base, "settings_used", {}), USED: configuration.as_wire()}
        self.platform: Platform = replace(
            base.platform, mapping_version=f"{base.platform.mapping_version}+{configuration.fingerprint}"
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    def map_record(self, data_type: str, raw: Json) -> MappedRecord:
        """Raises: RecordRefused."""
        record = self._base.map_record(data_type, raw)
        if record.is_deleted:
            return record
        content = {**record.content, "supplementalData": self._supplement.of(raw)}
        return structs.replace(record, content=content)

    def map_text(self, data_type: str) -> Callable[[bytes], MappedRecord]:
        """The configured members may be any, so a record is decoded whole."""
        return lambda text: self.map_record(data_type, decode_record(text))
